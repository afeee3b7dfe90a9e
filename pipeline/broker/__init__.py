"""The broker: which topics there are, that they are as we need them, and how we publish.

Reading order::

    topics     the table of topics                              (pure)
    clients    kafka-python clients from settings               (shell)
    ensure     creates what is missing, checks what is there    (shell)
    producer   what ingest publishes, acknowledged              (shell)
    graphs     topologies, for whoever reads along              (shell)
    tail       a topic from its beginning to its end            (shell)
    marks      how far the sources of a topic have come         (shell)
    revisions  the incidents topic, folded                      (pure)
    letters    rejected records, whole, and back into the flow  (shell)
    progress   how far each consumer group has come             (shell)
    ledger     what accounting is made of                       (shell)

Law: nothing is published that is not acknowledged or told as failed; nothing else names a topic.
"""
