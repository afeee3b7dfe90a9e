"""Symptoms of one application × its graph × time → incidents with a cause.

Law: pure. What is kept is a set of symptoms by id with their highest revision; an incident is a
function of the symptoms in its reach, the graph, and what was learned up to two days before. So any
order, any batching and a restart anywhere give the same incidents.

Reading order: ``evidence`` (trouble at a node), ``amounts`` (how much of an effect a cause can
account for), ``likelihood`` (how likely did *i* set off *j*), ``overtime`` (the same over graphs
that change), ``ways`` and ``pairs`` (the same of one and all others at once), ``learned``,
``background`` and ``clocks`` (what earlier incidents teach), ``direct`` and ``parents`` (all those
rates), ``forest`` (where everything comes from), ``hidden`` (faults that nobody saw), ``grouping``
and ``explain`` (the groups of a ``component``), ``changes`` and ``rollouts`` (what was changed
before, and whether that brought it), ``outlook`` (what is absent, what may be next),
``calibration`` (what a share is worth), ``counterfactual`` (the symptom that decides), ``verdict``,
``tree``, ``reasons``, ``titles`` and ``narrate`` (the record), ``storm`` (when news waits),
``lifecycle`` (revisions), ``application`` (the facts), ``aging``, ``partition`` (rows and marks).
"""
