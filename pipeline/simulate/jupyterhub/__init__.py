"""JupyterHub as Open Data Hub deploys it: hub, proxy, database, culler, OAuth, users' servers.

``deployment.Deployment`` holds the parts; every part is a program of a container or a user.
"""
