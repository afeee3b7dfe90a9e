"""The broker: which topics there are, that they are as we need them, and how we publish.

Reading order::

    topics    the table of topics                       (pure)
    clients   kafka-python clients from settings        (shell)
    ensure    creates what is missing, checks what is   (shell)
    producer  what ingest publishes, acknowledged       (shell)
    tail      a topic from its beginning to its end     (shell)
    progress  how far each consumer group has come      (shell)

Law: nothing is published that is not acknowledged or told as failed; nothing else names a topic.
"""
