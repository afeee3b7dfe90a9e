"""A user's Jupyter server: kernels that use memory, files on a volume, reports to the hub.

It reports activity each 300 s (a tenth more or less), and tries again for a minute when that
fails. It has tokens checked by the hub and remembers the answer for 300 s, so that each user
feels a dead hub at a time of their own.
"""

import simpy

from pipeline.simulate.cluster.model import MIB, Runtime, Stop
from pipeline.simulate.jupyterhub.client import Client
from pipeline.simulate.jupyterhub.http import HttpError, Request
from pipeline.simulate.jupyterhub.scene import Scene, about, jupyter_line, print_to, quoted
from pipeline.simulate.jupyterhub.tracebacks import frame
from pipeline.simulate.jupyterhub.user import User
from pipeline.simulate.kernel import Steps, periods

ACTIVITY_S = 300.0
TOKEN_CACHE_S = 300.0
RETRY_S = 60.0
HUB_TRIES = 5
MOST_KERNELS, MOST_KERNEL_MIB = 3, 450.0
"""Without a fault, memory suffices: some 1.5 GiB of 2."""
HUB_URL = "http://jupyterhub:8081/hub/api"
_STATUS_OK = 400
_SERVER_ERROR = 500
_WORDS = {
    403: "Forbidden",
    404: "Not Found",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class Notebook:
    """The server's program and what is asked of it."""

    def __init__(self, scene: Scene, user: User, client: Client) -> None:
        self._scene, self.user, self._client = scene, user, client
        self._kernel = scene.kernel
        self._chance = scene.kernel.chance("notebook", user.name)
        self._runtime: Runtime | None = None
        self.listening = False
        self._checked_s = -TOKEN_CACHE_S
        self.active_s = 0.0
        """When somebody last did something with it."""
        self.kernels: list[float] = []
        """Memory of each kernel, in bytes."""
        self.base_bytes = self._chance.uniform(110, 190) * MIB
        # What scenarios lay their hands on
        self.growth_bytes_s = 0.0
        """How fast the last kernel's memory grows."""
        self.kernel_alone = False
        """Whether only the kernel is killed when memory runs out, and the server lives on."""

    # ── as a program ─────────────────────────────────────────────────────────────────────────

    def program(self, runtime: Runtime) -> Steps:
        """Run until told to stop."""
        self._runtime, self.user.ip = runtime, runtime.ip
        self.kernels = []
        try:
            if self._kernel.now > 0:
                code = yield from self._start(runtime)
                if code is not None:
                    return code
            else:
                self.kernels = [self._kernel_size()]
                self._checked_s = -TOKEN_CACHE_S * self._chance.random()
            self.listening = True
            self._use_memory()
            runtime.start(self._report())
            runtime.start(self._grow())
            yield self._kernel.env.event()  # serves until it is told to stop
        except simpy.Interrupt as interrupt:
            return (yield from self._stop(interrupt.cause))
        finally:
            self.listening = False
            self._runtime = None
        return 0

    def _start(self, runtime: Runtime) -> Steps:
        wording = self._scene.wording
        self._checked_s = -TOKEN_CACHE_S
        runtime.memory_bytes, runtime.cpu_cores = 60 * MIB, 0.8
        yield self._kernel.wait(about(self._chance, 3.5) * runtime.slowness())
        failed = runtime.claim_error(self.user.claim)
        if failed is not None:
            self._cannot_write(runtime, failed)
            return 1
        suffix = "server version" if wording.era < 2 else "single-user server extension version"  # noqa: PLR2004 - the newest era
        name = "jupyterhub-singleuser" if wording.era < 2 else "jupyterhub"  # noqa: PLR2004 - as above
        self.line("I", "nb-start", f"Starting {name} {suffix} {wording.hub_version}")
        found = yield from self._find_hub()
        if not found:
            return 1
        self.line("I", "nb-serving", "Serving notebooks from local directory: /opt/app-root/src")
        self.line("I", "nb-info", f"http://{runtime.pod}:8080{self.user.path}/")
        self.line("I", "nb-interval", f"Updating Hub with activity every {ACTIVITY_S:.0f} seconds")
        return None

    def _cannot_write(self, runtime: Runtime, failed: str) -> None:
        number = {"Disk quota exceeded": 122, "No space left on device": 28}.get(failed, 5)
        path = "/opt/app-root/src/.local/share/jupyter/runtime/nbserver-1.json"
        self._scene.hit(self.user.node)
        self.line(
            "E", "nb-info", f"Failed to write server-info to {path}: [Errno {number}] {failed}"
        )
        site = self._scene.wording.site
        print_to(
            runtime,
            "Traceback (most recent call last):\n"
            f'  File "{site}/jupyter_core/utils/__init__.py", line 63, in ensure_dir_exists\n'
            "    os.makedirs(path, mode=mode)\n"
            f"OSError: [Errno {number}] {failed}: '/opt/app-root/src/.local/share/jupyter/runtime'",
        )

    def _find_hub(self) -> Steps:
        """See whether the hub is there, five times; without it there is no server."""
        for number in range(1, HUB_TRIES + 1):
            try:
                ip = "" if self._runtime is None else self._runtime.ip
                yield from self._client.call(Request("version", "GET", "/hub/api", ip=ip))
            except HttpError as trouble:
                told = f"Failed to connect to my Hub at {HUB_URL} (attempt {number}/{HUB_TRIES})."
                trace = _trace(self._scene, "check_hub_version", _why(trouble))
                self.line("E", "nb-hub", f"{told} Is it running?\n{trace}")
                self._scene.hit(self.user.node)
                yield self._kernel.wait(2.0**number)
            else:
                return True
        return False

    def _stop(self, cause: object) -> Steps:
        if isinstance(cause, Stop) and cause.signal == 9:  # noqa: PLR2004 - SIGKILL
            return 137
        self.listening = False
        self.line("C", "nb-shutdown", "received signal 15, stopping")
        count = len(self.kernels)
        self.line("I", "nb-shutdown", f"Shutting down {count} kernel{'' if count == 1 else 's'}")
        try:
            yield self._kernel.wait(0.4 + 0.3 * count)
        except simpy.Interrupt:
            return 137
        return 0

    def line(self, level: str, what: str, text: str) -> None:
        """Print a record."""
        wording = self._scene.wording
        place = wording.place(what)
        record = jupyter_line(self._kernel, wording.server_app, (level, place), text)
        print_to(self._runtime, record)

    def trouble(self) -> HttpError | None:
        """Return what a request fails with now, or None."""
        ip = self.user.ip
        if ip is None:
            return HttpError("unreachable")
        if not self._scene.cluster.reachable(ip):
            return HttpError("unreachable")
        return None if self.listening else HttpError("refused")

    # ── reports ──────────────────────────────────────────────────────────────────────────────

    def _report(self) -> Steps:
        """Tell the hub regularly that somebody works here, if somebody does."""
        yield self._kernel.wait(ACTIVITY_S * self._chance.random())
        sent = -1.0
        for wait in periods(self._chance, ACTIVITY_S, 0.1):
            if self.active_s > sent:
                active = self.active_s
                if (yield from self._report_once()):
                    sent = active
            yield self._kernel.wait(wait)

    def _report_once(self) -> Steps:
        wait, until = 1.0, self._kernel.now + RETRY_S
        while not (yield from self._post()):
            wait = min(wait * 2, 15.0)
            pause = wait * self._chance.uniform(0.5, 1.0)
            if self._kernel.now + pause > until:
                trace = _trace(
                    self._scene,
                    "keep_activity_updated",
                    "TimeoutError: Failed to notify Hub of activity",
                )
                self.line("E", "nb-gave-up", f"Error notifying Hub of activity\n{trace}")
                return False
            yield self._kernel.wait(pause)
        return True

    def _post(self) -> Steps:
        user, ip = self.user, "" if self._runtime is None else self._runtime.ip
        request = Request(
            "activity",
            "POST",
            f"/hub/api/users/{quoted(user.name)}/activity",
            user=user.name,
            ip=ip,
            target=user.name,
        )
        try:
            answer = yield from self._client.call(request)
        except HttpError as trouble:
            why = _why(trouble)
        else:
            if answer.status < _STATUS_OK:
                return True
            why = f"tornado.httpclient.HTTPClientError: HTTP {answer.status}: "
            why += _WORDS[answer.status]
        self._scene.hit(user.node)
        trace = _trace(self._scene, "notify", why)
        self.line("E", "nb-activity", f"Error notifying Hub of activity\n{trace}")
        return False

    # ── requests ─────────────────────────────────────────────────────────────────────────────

    def serve(self, method: str, uri: str) -> Steps:
        """Answer a browser; return the status."""
        began = self._kernel.now
        status = yield from self._authorize()
        self.active_s = self._kernel.now
        if status is None:
            status = 200 if method != "DELETE" else 204
        seconds = self._kernel.now - began + about(self._chance, 0.0016)
        level = "I" if status < _STATUS_OK else "W" if status < _SERVER_ERROR else "E"
        who = f"{self.user.name}@{self.user.address}"
        told = f"{status} {method} {self.user.path}{uri} ({who}) {1000 * seconds:.2f}ms"
        self.line(level, "nb-access", told)
        return status

    def _authorize(self) -> Steps:
        """Have the browser's token checked, unless it was lately; return an error's status."""
        if self._kernel.now - self._checked_s < TOKEN_CACHE_S:
            return None
        wording, ip = self._scene.wording, "" if self._runtime is None else self._runtime.ip
        uri = "/hub/api/authorizations/token/[secret]" if wording.era == 0 else "/hub/api/user"
        request = Request("token", "GET", uri, user=self.user.name, ip=ip)
        try:
            answer = yield from self._client.call(request)
        except HttpError as trouble:
            self._scene.hit(self.user.node)
            self.line(
                "E",
                "nb-connect",
                f"Error connecting to {HUB_URL}: {_unconnected(trouble, wording.era)}",
            )
            return 500
        if answer.status < _STATUS_OK:
            self._checked_s = self._kernel.now
            return None
        self._scene.hit(self.user.node)
        words = _WORDS[answer.status]
        text = f'{{"status": {answer.status}, "message": "{words}"}}'
        if answer.status == 403:  # noqa: PLR2004 - Forbidden
            told = "I don't have permission to check authorization with JupyterHub, my auth token "
            self.line("E", "nb-refused", f"{told}may have expired: [403] {words}")
            self.line("E", "nb-refused-text", text)
            return 500
        self.line(
            "E", "nb-upstream", f"Upstream failure verifying auth token: [{answer.status}] {words}"
        )
        self.line("E", "nb-upstream-text", text)
        return 502

    # ── work ─────────────────────────────────────────────────────────────────────────────────

    def save(self, name: str) -> str | None:
        """Save a file; return what that fails with, or None."""
        runtime = self._runtime
        if runtime is None:
            return "gone"
        failed = runtime.claim_error(self.user.claim)
        self.line("I", "nb-save", f"Saving file at /{name}")
        if failed is not None:
            number = {"Disk quota exceeded": 122, "No space left on device": 28}.get(failed, 5)
            self._scene.hit(self.user.node)
            self.line(
                "E",
                "nb-save-failed",
                f"Error while saving file: {name} "
                f"[Errno {number}] {failed}: '/opt/app-root/src/{name}'",
            )
            return failed
        claim = self._scene.cluster.storage.find(self._scene.namespace, self.user.claim)
        if claim is not None:
            claim.write(self._chance.uniform(-20e3, 60e3))
        return None

    def start_kernel(self) -> None:
        """Start one more kernel; who has many shuts one down for it."""
        if len(self.kernels) >= MOST_KERNELS:
            self.kernels.pop(0)
            self.line("I", "nb-kernel", f"Kernel shutdown: {self._id()}")
        self.kernels.append(self._kernel_size())
        self.line("I", "nb-kernel", f"Kernel started: {self._id()}, name: python3")
        self._use_memory()

    def lose_tab(self) -> None:
        """Keep what a kernel prints while nobody looks."""
        kernel = self._id()
        self.line("I", "nb-buffer", f"Starting buffering for {kernel}:{self._id()}")

    def work(self) -> None:
        """Use memory and processor otherwise than before."""
        if self.kernels and self.growth_bytes_s == 0:
            number = self._chance.randrange(len(self.kernels))
            self.kernels[number] = self._kernel_size()
        self._use_memory()
        if self._runtime is not None:
            self._runtime.cpu_cores = self._chance.lognormvariate(-3.2, 1.2)

    def _id(self) -> str:
        digits = f"{self._chance.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def _kernel_size(self) -> float:
        return min(MOST_KERNEL_MIB, self._chance.lognormvariate(4.9, 0.6)) * MIB

    def _use_memory(self) -> None:
        if self._runtime is not None and not self._runtime.ended:
            self._runtime.memory_bytes = self.base_bytes + sum(self.kernels)

    def _grow(self) -> Steps:
        """Let a kernel's memory grow while a scenario wants it to."""
        while True:
            yield self._kernel.wait(5.0 if self.growth_bytes_s else 60.0)
            if self.growth_bytes_s and self.kernels:
                self.kernels[-1] += 5.0 * self.growth_bytes_s
                self._use_memory()

    def kill_kernel(self, _runtime: Runtime) -> bool:
        """Have the machine's kernel kill the largest process, for want of memory.

        Returns:
            Whether the server lives on.
        """
        self._scene.hit(self.user.node)
        if not self.kernel_alone or not self.kernels:
            return False
        self.kernels[self.kernels.index(max(self.kernels))] = 55 * MIB
        if self._runtime is not None:
            self._runtime.start(self._restart_kernel())
        return True

    def _restart_kernel(self) -> Steps:
        self._use_memory()
        yield self._kernel.wait(self._chance.uniform(0.3, 3.0))
        told = "AsyncIOLoopKernelRestarter: restarting kernel (1/5), keep random ports"
        self.line("I", "nb-restart", told)
        self.line("W", "nb-restart", f"kernel {self._id()} restarted")


def _why(trouble: HttpError) -> str:
    return {
        "timeout": "tornado.simple_httpclient.HTTPTimeoutError: Timeout during request",
        "refused": "ConnectionRefusedError: [Errno 111] Connection refused",
        "unreachable": "OSError: [Errno 113] No route to host",
        "reset": "tornado.httpclient.HTTPClientError: HTTP 599: Stream closed",
    }[trouble.kind]


def _unconnected(trouble: HttpError, era: int) -> str:
    """Return the words of the library that asks: ``requests``, later Tornado's client."""
    if era > 1:
        return _why(trouble).partition(": ")[2]
    if trouble.kind == "timeout":
        return "HTTPConnectionPool(host='jupyterhub', port=8081): Read timed out."
    uri = ("/hub/api/authorizations/token/[secret]", "/hub/api/user")[era]
    return (
        f"HTTPConnectionPool(host='jupyterhub', port=8081): Max retries exceeded with url: {uri} "
        "(Caused by NewConnectionError(': Failed to establish a new connection: [Errno 111] "
        "Connection refused'))"
    )


def _trace(scene: Scene, inside: str, why: str) -> str:
    module = ("mixins", "mixins", "extension")[scene.wording.era]
    path = f"jupyterhub/singleuser/{module}.py"
    code = (
        "await client.fetch(req)"
        if inside != "keep_activity_updated"
        else ("await self.notify_activity()")
    )
    failed = frame(scene.wording, (path, 405), inside, code)
    return f"Traceback (most recent call last):\n{failed}\n{why}"
