"""Symptoms of one application × its graph × time → incidents with a cause.

Law: pure. What is kept is a set of symptoms by id with their highest revision; an incident is a
function of the symptoms in its reach and the graph. So any order, any batching and a restart
anywhere give the same incidents.

Reading order: ``evidence`` (a symptom, and what it implicates), ``likelihood`` (how likely did *i*
set off *j*), ``parents`` (whose effect is each), ``chain`` (where the probability comes to rest),
``explain`` (the groups of a component), ``tree`` and ``narrate`` (the record), ``lifecycle``
(revisions), ``application`` (the facts), ``partition`` (rows and marks).
"""
