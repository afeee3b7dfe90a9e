"""Incidents in Kibana: a data view, searches and a dashboard, as files and on a server.

Reading order::

    shapes     saved objects as Kibana's import takes them       (pure)
    columns    what a Lens panel counts, by what                 (pure)
    incidents  our searches, panels and dashboard                (pure)
    answers    what Kibana answers, as lines for people          (pure)
    importing  saved objects → a Kibana, over its HTTP API

The same objects lie in ``deploy/kibana/aftershock.ndjson`` for those who import by hand.
"""
