"""Telemetry → observations → batches keyed by graph node.

Reading order is flow order::

    shapes      what a file is, by its beginning                      (pure)
    recordings  which files a command was given                       (shell: looks at the disk)
    lines       bytes → lines; decompresses, cuts what is too long    (pure: chunks in, lines out)
    archive     a tar archive → its files                             (pure: chunks in, chunks out)
    jsonstream, yamlstream  lists of any size → objects, one by one   (pure)
    cluster     event objects, stamped lines → observations           (pure)
    pods        whose a log is: pod objects, paths, file names        (pure)
    labels      whose a metric sample is                              (pure)
    loglines    lines of a container's log → records with a time      (pure)
    logfeed     the lines of one log of a dump → buckets              (pure)
    dumps       what is attached to bug reports → observations        (pure: chunks in)
    buckets     each line in one bucket, counted                      (pure)
    found       what was recognised, in words                         (pure)
    sorting     any order → event-time order, spilling above a bound  (shell: temporary files)
    files       files → observations in event-time order, or rejected (shell: reads files)
    route       observation → graph node                              (pure)
    batching    observations → batches small enough to publish        (pure)
    replay      all of it → topics                                    (shell: Kafka)

Law: every line ends in just one bucket (``buckets.LINES``), and is counted; what comes out does not
depend on the order of lines or files, nor on how much fits into memory.
"""
