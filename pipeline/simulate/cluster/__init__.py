"""Kubernetes and OpenShift: API server, scheduler, kubelets, volumes, registry, network, scrapes.

Reading order: ``model`` (what objects are) and ``api`` (how the API is asked), ``cluster`` (all of
it, for those outside); then ``site`` (what mechanisms share), ``pod`` and ``container`` (state),
``kubelet`` with ``volumes``, ``sandbox``, ``pulling`` and ``probes`` (from bound to gone),
``scheduler``, ``server`` with ``watch`` and ``requests``, ``controllers``, ``nodes`` and
``eviction`` (machines that are lost or short of something), ``prometheus`` and ``exporters``
(metrics), ``platform`` and ``operators`` (the cluster's own pods, and its word on itself).
"""
