"""Telemetry → observations → batches keyed by graph node.

Reading order is flow order::

    recordings  which files a command was given                      (shell: looks at the disk)
    lines       bytes → lines; decompresses, cuts what is too long    (pure: chunks in, lines out)
    sorting     any order → event-time order, spilling above a bound  (shell: temporary files)
    files       files → observations in event-time order, or rejected (shell: reads files)
    route       observation → graph node                              (pure)
    batching    observations → batches small enough to publish        (pure)
    replay      all of it → topics                                    (shell: Kafka)

Law: every line ends as an observation, as a rejected record, or is blank, and is counted; what
comes out does not depend on the order of lines or files, nor on how much fits into memory.
"""
