"""What happened and what it means: recorded or live telemetry → symptoms → incidents.

Reading order is flow order::

    ingest     files, pods, watches → batches of observations, keyed by graph node
    detect     observations of ONE node → symptoms of that node            (pure)
    correlate  symptoms × topology × time → incidents with a cause         (pure)
    worker     the shells that run these between Kafka topics
    store      incidents at rest

Law of the package: the core (``records``, ``detect``, ``correlate``) takes data and event time
and returns data. It does no I/O, reads no clock and knows nothing of asyncio; an import linter
proves it.
"""
