"""The interventions, each with the labels of what it does.

``scenario`` (what one is), ``platform`` with ``machines``, and ``application`` (where the mechanism
lies that is laid hands on), ``spans`` and ``bustle`` (how long, and among whom), ``catalogue`` (all
of them).
"""
