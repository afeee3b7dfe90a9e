"""Symptoms of one application × its graph × time → incidents with a cause.

Law: pure. What is kept is a set of symptoms by id with their highest revision; an incident is a
function of the symptoms in its reach and the graph. So any order, any batching and a restart
anywhere give the same incidents.

Reading order: ``evidence`` (trouble at a node), ``amounts`` (how much of an effect a cause can
account for), ``likelihood`` (how likely did *i* set off *j*), ``overtime`` (the same over graphs
that change), ``parents`` (all those rates), ``forest`` (where everything comes from), ``hidden``
(faults that nobody saw), ``explain`` (the groups of a component), ``changes`` (what was changed
before), ``outlook`` (what is absent, what may be next), ``counterfactual`` (the symptom that
decides), ``verdict``, ``tree``, ``reasons``, ``titles`` and ``narrate`` (the record), ``lifecycle``
(revisions), ``application`` (the facts), ``partition`` (rows and marks).
"""
