"""JupyterHub as Open Data Hub deploys it: hub, proxy, database, culler, OAuth, users' servers.

``deployment.Deployment`` holds the parts; every part is a program of a container or a user.

Reading order: ``scene`` and ``wording`` (what all share, and how versions print), ``database``,
``loop``, ``hub`` (what the process has), ``process`` (how it lives), ``handlers`` (what it
answers), ``servers``, ``kubespawner`` and ``reflector`` (users' pods), ``proxy``, ``oauth``,
``client`` (how others reach the hub), ``notebook`` and ``people`` (who uses it), ``culler``,
``neighbour`` and ``strangers`` (noise), ``scrapes``, ``harm`` (who was hurt).
"""
