"""The idle culler: every ten minutes it stops servers that nobody has used for long."""

import simpy

from pipeline.simulate.cluster.model import MIB, Runtime
from pipeline.simulate.jupyterhub.client import Client
from pipeline.simulate.jupyterhub.http import HttpError, Request
from pipeline.simulate.jupyterhub.hub import Hub
from pipeline.simulate.jupyterhub.notebook import Notebook
from pipeline.simulate.jupyterhub.scene import CULLER, Scene, print_to, quoted, tornado_line
from pipeline.simulate.kernel import Steps

EVERY_S = 600.0
NAME = "jupyterhub-idle-culler"
_ERROR = 400
_ACCEPTED = 202


class Culler:
    """The process in its own pod."""

    def __init__(
        self, scene: Scene, hub: Hub, client: Client, notebooks: dict[str, Notebook]
    ) -> None:
        self._scene, self._hub, self._client, self._notebooks = scene, hub, client, notebooks
        self._kernel = scene.kernel
        self._chance = scene.kernel.chance("culler")
        self._runtime: Runtime | None = None
        self.timeout_s: float = self._chance.choice((3600.0, 86_400.0, 259_200.0))
        """Knob. How long a server may be idle."""
        self.every_s = EVERY_S

    def program(self, runtime: Runtime) -> Steps:
        """Run until told to stop."""
        self._runtime = runtime
        runtime.memory_bytes, runtime.cpu_cores = 38 * MIB, 0.002
        try:
            yield self._kernel.wait(self._chance.uniform(0.1, 1.0) * min(EVERY_S, self.every_s))
            while True:
                yield from self._round(runtime)
                yield self._kernel.wait(self.every_s)
        except simpy.Interrupt:
            return 0
        finally:
            self._runtime = None

    def _round(self, runtime: Runtime) -> Steps:
        request = Request("users", "GET", "/hub/api/users", user=NAME, ip=runtime.ip)
        try:
            answer = yield from self._client.call(request)
        except HttpError as trouble:
            self._failed(_WHY[trouble.kind])
            return
        if answer.status >= _ERROR:
            words = "Forbidden" if answer.status == 403 else "Internal Server Error"  # noqa: PLR2004
            why = f"tornado.httpclient.HTTPClientError: HTTP {answer.status}: {words}"
            self._failed(why)
            return
        for name, server in tuple(self._hub.servers.items()):
            idle = self._kernel.now - self._notebooks[name].active_s
            if server.ip is not None and server.pending is None and idle > self.timeout_s:
                yield from self._cull(name, idle, runtime.ip)

    def _cull(self, name: str, idle_s: float, ip: str) -> Steps:
        self._say("I", "__init__:236", f"Culling server {name} (inactive for {_span(idle_s)})")
        uri = f"/hub/api/users/{quoted(name)}/server"
        request = Request("stop", "DELETE", uri, user=NAME, ip=ip, target=name)
        try:
            answer = yield from self._client.call(request)
        except HttpError as trouble:
            why = _WHY[trouble.kind]
            self._scene.hit(CULLER)
            told = f"Error processing {name}\nTraceback (most recent call last):\n{why}"
            self._say("E", "__init__:391", told)
            return
        if answer.status == _ACCEPTED:
            self._say("W", "__init__:287", f"Server {name} is slow to stop")

    def _failed(self, why: str) -> None:
        self._scene.hit(CULLER)
        site = self._scene.wording.site
        self._say(
            "E",
            "ioloop:761",
            "Exception in callback functools.partial(<function cull_idle at 0x7f31c2>)\n"
            "Traceback (most recent call last):\n"
            f'  File "{site}/jupyterhub_idle_culler/__init__.py", line 392, in cull_idle\n'
            f"    resp = await fetch(req)\n{why}",
        )

    def _say(self, level: str, place: str, text: str) -> None:
        print_to(self._runtime, tornado_line(self._kernel, level, place, text))


_WHY = {
    "timeout": "tornado.httpclient.HTTPError: HTTP 599: Operation timed out after 20000 "
    "milliseconds with 0 bytes received",
    "refused": "ConnectionRefusedError: [Errno 111] Connection refused",
    "unreachable": "OSError: [Errno 113] No route to host",
    "reset": "tornado.httpclient.HTTPError: HTTP 599: Stream closed",
}


def _span(seconds: float) -> str:
    """Return a duration as the culler prints it: ``3 days, 0:04:11``, ``1:02:03``."""
    days, rest = divmod(int(seconds), 86_400)
    told = f"{rest // 3600}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return told if not days else f"{days} day{'s' if days > 1 else ''}, {told}"
