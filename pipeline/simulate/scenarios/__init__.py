"""The interventions, each with the labels of what it does.

``scenario`` (what one is), ``platform`` and ``application`` (where the mechanism lies that is laid
hands on), ``catalogue`` (all of them).
"""
