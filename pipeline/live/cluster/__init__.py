"""The cluster's API over HTTP.

Reading order::

    api      get, list, watch, follow a log; who we are (shell: aiohttp, kubernetes)
    tap      a log's stream, read less often and in larger pieces
    access   may we, before anything is read
    watch    list, then watch, for ever: nothing lost or doubled
    lease    one of several processes does what only one may do

Law: an answer that says no is a ``Refused``, a server that is away a ``BrokenWorld``; nothing else
comes out.
"""
