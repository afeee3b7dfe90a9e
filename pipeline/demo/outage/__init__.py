"""The recording "the hub's database goes away": one hour of a JupyterHub on OpenShift.

A small model, not a script: every actor acts at its own timers, with jitter, and what it writes
follows from whether the database answers just then. Thirty-five minutes in the database dies; it
is back four minutes later. The same seed gives the same bytes. It holds ONE scenario, for the
demo; it knows nothing of what Aftershock makes of it.

Reading order::

    world     pods, times, the outage, and the recorder that takes down what happens
    database  what the database's pod and its probes show
    hub       requests to the hub and what a dead database makes of them
    users     user servers: activity reports, browser tabs, token checks
    ordinary  what happens every day: routes, scrapes, a first login, culling, a noisy neighbour
    metrics   what is scraped each minute
"""
