"""Kubernetes and OpenShift: API server, scheduler, kubelets, volumes, registry, network, scrapes.

``cluster.Cluster`` holds the parts; ``model`` says what objects are, ``api`` how it is asked.
"""
