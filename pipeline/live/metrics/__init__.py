"""PromQL over HTTP → samples of metrics, each once, with the time of its own scrape.

Reading order is the way of a sample::

    queries      what to ask for: a file of queries, shipped or a site's own
    windows      which stretch of time to ask for next                       (pure)
    prometheus   the question over HTTP, its answer or a refusal             (shell: aiohttp)
    answer       the bytes of an answer → series                             (pure)
    samples      series → observations: cleaned, merged, each once           (pure)
    poller       all of it, query by query, for ever                         (shell: asyncio)
    metrics_api  CPU and memory where there is no Prometheus                 (shell, pure core)
    reading      the one or the other, by one process at a time              (shell)
"""
