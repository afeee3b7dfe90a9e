"""A cluster's telemetry as it happens → observation topics: the role ``ingest``.

Reading order is the way of a line::

    api        the cluster's API over HTTP: get, list, watch, logs        (shell: aiohttp)
    tap        a log's stream, read less often and in larger pieces       (shell: asyncio)
    watch      list, then watch, again and again, nothing lost or doubled (shell)
    pods       pod objects → which logs to follow, where pods run         (pure)
    cursor     how far a log has been published; what came twice          (pure)
    slots      how many streams there are at once                         (shell)
    follow     the log of one container, through restarts and rotations   (shell)
    fleet      pods → a follower for each container                       (shell)
    events     event objects → occurrences, each once                     (pure)
    metrics    PromQL over HTTP → samples                                 (shell around a pure core)
    shards     who follows which pod; leases for what only one may do
    outbox     observations → batches → Kafka; bounded, never in disorder (shell: kafka-python)
    positions  what has been published, remembered in a topic             (shell: kafka-python)
    at_work    all of it wired
    role       from nothing to an ingest process at work: may we, is it our turn

Law: what a source gave is published at least once and recognised when it comes again; what is lost
all the same is told as a gap. Nothing is remembered as published before the broker has it.
"""
