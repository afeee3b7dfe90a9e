"""The roles as processes: Faust workers for detect and correlate, the index loop, health, `run`.

Law: shells. Here are the broker, the clock, threads and signals, and no decision about nodes,
symptoms or incidents: those are the pure cores', which these modules feed and whose outputs they
publish before they remember the state behind them.
"""
