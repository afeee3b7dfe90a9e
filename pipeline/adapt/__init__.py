"""What other collectors have put on topics → our observation topics: the role ``adapt``.

Reading order is the way of a record::

    decoded      what a decoder gives: observations, and what it left out  (pure)
    reading      bytes → JSON, times, names; what the formats share        (pure)
    containers   logs of containers, however collectors tell of them       (pure)
    labels       labels that anybody may have written                      (pure)
    fluentbit, vector, viaq, ecs, kubernetes_events, prometheus, otlp, otlp_metrics
                 one format each: bytes → decoded                          (pure)
    formats      the formats by name; which one a record has, by its shape (pure)
    alertmanager the body of a webhook → events                            (pure)
    intake       records → batches keyed by node, rejected records, counts (pure)
    reach        how far event time has come on foreign topics             (pure)
    webhook      where Alertmanager posts its alerts                       (shell: HTTP)
    role         all of it wired                                           (shell: kafka-python)

Law: no bytes whatever make a decoder fail in any way but one (:class:`decoded.Undecodable`), and
what a record held is published, left out for a named reason, or rejected; each is counted.
"""
