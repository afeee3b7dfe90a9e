"""Observations → batches → Kafka, bounded and in order; and what of it has been published.

Reading order::

    outbox        what sources put in; batches, marks, gaps, positions out     (shell)
    waiting       the queue, packed, in ``pages`` of its own memory            (pure)
    losses        back-pressure, and gaps for what did not fit                 (pure)
    carrier       parcels under way in kafka-python, and again where it fails  (shell)
    acknowledged  which positions may be remembered by now                     (pure)
    positions     what was published, read back at the next start              (shell, pure core)
    stats         the numbers of it

Law: one order for each partition, marks behind what they promise, and nothing is remembered before
the broker has acknowledged it.
"""
