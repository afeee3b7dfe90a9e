"""configurable-http-proxy: a child of the hub in the same container, with a table of routes."""

from collections.abc import Callable

from pipeline.simulate.cluster.model import MIB, Runtime
from pipeline.simulate.jupyterhub.http import Answer, HttpError
from pipeline.simulate.jupyterhub.scene import PROXY, Scene, print_to
from pipeline.simulate.kernel import Steps

_COLOURS = {"info": 32, "warn": 33, "error": 31, "debug": 34}
PORT = 8081


class Proxy:
    """The process and its routes; both are gone when it dies."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.routes: dict[str, str] = {}
        """Path (``/user/alice``) to target (``http://10.131.3.205:8080``)."""
        self.running = False
        self.memory_bytes = 90.0 * MIB
        self.exit_code: int | None = None
        self._runtime: Runtime | None = None
        self.error_page: Callable[[int, str], Steps] | None = None
        """How it asks the hub for a page that tells of an error."""

    def say(self, text: str, level: str = "info") -> None:
        """Print: the time of day only, and colours."""
        time = self._scene.kernel.time.isoformat(" ", "milliseconds")[11:23]
        colour = f"\x1b[{_COLOURS[level]}m{level}\x1b[39m"
        print_to(self._runtime, f"{time} [ConfigProxy] {colour}: {text}")

    # ── its life ─────────────────────────────────────────────────────────────────────────────

    def adopt(self, runtime: Runtime) -> None:
        """Run already, when time begins."""
        self._runtime, self.running = runtime, True
        self.routes["/"] = self._hub(runtime)

    def start(self, runtime: Runtime) -> Steps:
        """Start, without any route but the hub's."""
        self._runtime = runtime
        yield self._scene.kernel.wait(0.9 * runtime.slowness())
        self.running, self.exit_code = True, None
        self.memory_bytes = 60.0 * MIB
        self.routes.clear()
        self.say("Proxying http://*:8080 to (no default)")
        self.say("Proxy API at http://127.0.0.1:8082/api/routes")
        yield self._scene.kernel.wait(0.15)
        self.say("200 GET /api/routes")
        self.add("/", self._hub(runtime))

    def _hub(self, runtime: Runtime) -> str:
        return f"http://{runtime.ip}:{PORT}"

    def die(self, code: int = 1, told: str = "") -> None:
        """End, with or without a word; all routes are lost."""
        if not self.running:
            return
        if told.startswith("FATAL"):
            print_to(self._runtime, told)  # the engine's own word, past the logger
        elif told:
            self.say(told, "error")
        self.running, self.exit_code = False, code
        self.routes.clear()
        self._scene.hit(PROXY)

    def end(self) -> None:
        """End with the container."""
        self.running, self._runtime = False, None
        self.routes.clear()

    # ── its API, which only the hub asks ─────────────────────────────────────────────────────

    def listed(self) -> dict[str, str]:
        """Return the routes.

        Raises:
            HttpError: it does not run.
        """
        self._answer()
        self.say("200 GET /api/routes")
        return dict(self.routes)

    def add(self, path: str, target: str) -> None:
        """Add a route.

        Raises:
            HttpError: it does not run.
        """
        self._answer()
        self.routes[path] = target
        self.say(f"Adding route {path} -> {target}")
        self.say(f"Route added {path} -> {target}")
        self.say(f"201 POST /api/routes{path}")

    def remove(self, path: str) -> None:
        """Remove a route.

        Raises:
            HttpError: it does not run.
        """
        self._answer()
        self.routes.pop(path, None)
        self.say(f"Removing route {path}")
        self.say(f"204 DELETE /api/routes{path}")

    def _answer(self) -> None:
        if not self.running:
            raise HttpError("refused")

    # ── its traffic ──────────────────────────────────────────────────────────────────────────

    def failed(self, path: str, trouble: HttpError, target: str) -> Steps:
        """Answer for a server that does not: 503, with a page that the hub is asked for."""
        host = target.removeprefix("http://")
        why = {
            "refused": f"connect ECONNREFUSED {host}",
            "unreachable": f"connect EHOSTUNREACH {host}",
            "timeout": f"connect ETIMEDOUT {host}",
            "reset": "socket hang up",
        }[trouble.kind]
        self.say(f"503 GET {path} {why}", "error")
        if self.error_page is not None:
            try:
                yield from self.error_page(503, path)
            except HttpError:
                told = f"Failed to get custom error page: Error: connect ECONNREFUSED {PORT}"
                self.say(told, "error")
        return Answer(503)
