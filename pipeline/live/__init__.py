"""A cluster's telemetry as it happens → observation topics: the role ``ingest``.

Reading order is the way of a line::

    cluster      the cluster's API over HTTP: get, list, watch, logs, leases   (shell: aiohttp)
    logs         pods → followers; the log of a container → observations       (shell, pure core)
    events       event objects → occurrences, each once                        (pure)
    event_reading  watches of events, by one process at a time                 (shell)
    metrics      PromQL over HTTP → samples                                    (shell, pure core)
    seen         counts what goes by, for Prometheus                           (pure)
    outbox       observations → batches → Kafka; what has been published       (shell: kafka-python)
    placements   where pods run, brought up to date                            (shell, pure core)
    shards       who follows which pod                                         (pure)
    ticker       each second: how far time has come, what is remembered        (shell)
    at_work      all of it wired
    role         from nothing to a process at work: may we, is it our turn

Law: what a source gave is published at least once and recognised when it comes again; what is lost
all the same is told as a gap. Nothing is remembered as published before the broker has it.
"""
