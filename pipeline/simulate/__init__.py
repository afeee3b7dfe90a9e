"""A simulator of JupyterHub on OpenShift: mechanisms in, recorded observations and labels out.

Law: it simulates mechanisms, never symptoms. A fault is an intervention on a mechanism (a process
stops answering, a volume fills, the API server takes eight seconds); what is seen follows from the
mechanisms, in the wordings of the real programs. It knows nothing of signatures, detectors or
correlation (an import contract), so that it cannot merely agree with them. The same scenario,
seed and settings give the same bytes: every actor draws from a random stream of its own.

Reading order: ``kernel`` (time and chance), ``recorder`` (what is taken down), ``disturb`` (what
goes wrong with the taking down), ``cluster/`` (Kubernetes), ``jupyterhub/`` (the application and
its users), ``scenarios/`` (the interventions and their labels), ``run``.
"""
