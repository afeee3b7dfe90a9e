"""Programs of strangers that ask every address on the Internet for what has holes in it."""

from pipeline.simulate.jupyterhub.client import Client
from pipeline.simulate.jupyterhub.http import Request
from pipeline.simulate.jupyterhub.scene import Scene
from pipeline.simulate.kernel import Steps

_EVERY_S = 1200.0
"""Mean time between two visits, at a noise of 1."""
_WANTED = (
    "/wp-login.php",
    "/.env",
    "/robots.txt",
    "/favicon.png",
    "/actuator/health",
    "/.git/config",
    "/phpmyadmin/index.php",
    "/api/v1/pods",
    "/solr/admin/info/system?wt=json",
    "/boaform/admin/formLogin",
    "/xmlrpc.php",
    "/owa/auth/logon.aspx",
)


def visits(scene: Scene, client: Client, noise: float) -> Steps:
    """Come again and again, each time for some paths that are not there; they end in a 404."""
    chance = scene.kernel.chance("strangers")
    while True:
        yield scene.kernel.wait(chance.expovariate(noise / _EVERY_S))
        ip = f"::ffff:10.{chance.randrange(128, 132)}.{chance.randrange(4)}.1"  # the router's
        for path in chance.sample(_WANTED, chance.randrange(2, 9)):
            uri = f"/hub{path}"
            yield from client.browse(Request("stray", "GET", uri, ip=ip))
            yield scene.kernel.wait(chance.uniform(0.2, 3))
