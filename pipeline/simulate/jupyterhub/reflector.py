"""KubeSpawner's reflector: a copy of the namespace's pods, kept by a watch on the API.

It tries again after 0.2 s, 0.4 s … 25.6 s, then gives up: about 51 s without the API.
"""

from collections.abc import Callable

from simpy import Event

from pipeline.simulate.cluster.api import Watch
from pipeline.simulate.cluster.model import (
    ApiError,
    ApiRefusedError,
    ApiTimeoutError,
    PodView,
    Runtime,
)
from pipeline.simulate.jupyterhub.scene import Scene, print_to
from pipeline.simulate.jupyterhub.tracebacks import api_refused, urllib3_retry
from pipeline.simulate.kernel import Steps

READ_TIMEOUT_S = 60.0
MOST_DELAY_S = 30.0

Line = Callable[[str, str, str], None]
"""Prints a record of the hub: level, what, text."""


class Reflector:
    """The copy, and who waits for changes of it."""

    def __init__(self, scene: Scene, line: Line, failed: Callable[[], None]) -> None:
        self._scene = scene
        self._line = line
        self._failed = failed
        self._waiting: dict[str, Event] = {}
        self._run = 0
        self.pods: dict[str, PodView] = {}
        self.loaded: Event = scene.kernel.env.event()
        self.alive = False
        self.seen: Callable[[PodView], None] | None = None
        """Told of each change."""

    def adopt(self, pods: dict[str, PodView]) -> None:
        """Know pods already, when time begins."""
        self.pods.update(pods)
        if not self.loaded.triggered:
            self.loaded.succeed()

    def change(self, name: str) -> Event:
        """Return what to yield for the next change of a pod."""
        if name not in self._waiting:
            self._waiting[name] = self._scene.kernel.env.event()
        return self._waiting[name]

    def run(self, runtime: Runtime, *, quiet: bool = False) -> Steps:
        """Watch until the API stays away too long, or another one takes over."""
        self._run += 1
        mine = self._run
        self.alive = True
        where = (
            f"in namespace {self._scene.namespace}"
            if self._scene.wording.era == 0
            else f"in namespace {self._scene.namespace!r}"
        )
        selector = "label selector='component=singleuser-server'"
        if not quiet:
            self._line("I", "reflect", f"watching for pods with {selector} {where}")
        delay = 0.1
        while mine == self._run:
            try:
                yield from self._follow(mine)
                delay = 0.1
            except ApiTimeoutError:
                self._line("W", "reflect-timeout", "Read timeout watching pods, reconnecting")
            except (ApiRefusedError, ApiError) as trouble:
                if self.fresh:
                    delay = 0.1
                self.fresh = False
                delay *= 2
                self._complain(runtime, trouble)
                if delay > MOST_DELAY_S:
                    self._give_up(trouble)
                    return
                told = f"Error when watching resources, retrying in {delay:.1f}s"
                self._line("E", "reflect-retry", f"{told}\n{self._traceback(trouble)}")
                yield self._scene.kernel.wait(delay)

    fresh = False
    """Whether something was heard since the last error: then waiting begins anew."""

    def _follow(self, mine: int) -> Steps:
        api, namespace = self._scene.cluster.api, self._scene.namespace
        pods = yield from api.list_pods(namespace, timeout_s=READ_TIMEOUT_S)
        self.fresh = True
        self._replace(pods)
        watch: Watch = yield from api.watch_pods(namespace, timeout_s=READ_TIMEOUT_S)
        while mine == self._run:
            changes = yield watch.next()
            if mine != self._run:
                return
            self.fresh = True
            for pod in changes:
                self._take(pod)

    def _replace(self, pods: list[PodView]) -> None:
        fresh = {pod.name: pod for pod in pods}
        gone = [pod for name, pod in self.pods.items() if name not in fresh]
        known, self.pods = self.pods, fresh
        if not self.loaded.triggered:
            self.loaded.succeed()
        for pod in gone:
            self._tell(pod)
        for pod in fresh.values():
            if known.get(pod.name) != pod:
                self._tell(pod)

    def _take(self, pod: PodView) -> None:
        if pod.deleted:
            self.pods.pop(pod.name, None)
        else:
            self.pods[pod.name] = pod
        self._tell(pod)

    def _tell(self, pod: PodView) -> None:
        waiting = self._waiting.pop(pod.name, None)
        if waiting is not None:
            waiting.succeed()
        if self.seen is not None:
            self.seen(pod)

    def _complain(self, runtime: Runtime, trouble: Exception) -> None:
        """Have the HTTP library print its own tries (older clients do)."""
        if self._scene.wording.era > 0 or not isinstance(trouble, ApiRefusedError):
            return
        stamp = self._scene.kernel.time.strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
        for left in (2, 1, 0):
            retry = urllib3_retry(self._path, left)
            print_to(runtime, f"{stamp} WARNING {retry}")

    def _give_up(self, trouble: Exception) -> None:
        told = "Watching resources never recovered, giving up"
        self._line("E", "reflect-gave-up", f"{told}\n{self._traceback(trouble)}")
        self._line("C", "reflect-halt", "Pods reflector failed, halting Hub.")
        self.alive = False
        self._failed()

    def _traceback(self, trouble: Exception) -> str:
        if isinstance(trouble, ApiError):
            return (
                "Traceback (most recent call last):\n"
                f"kubernetes.client.rest.ApiException: ({trouble.status})\n"
                f"Reason: {trouble.reason}\nHTTP response body: {trouble.message}"
            )
        return api_refused(self._scene.wording, self._path)

    @property
    def _path(self) -> str:
        selector = "fieldSelector=&labelSelector=component%3Dsingleuser-server"
        return f"/api/v1/namespaces/{self._scene.namespace}/pods?{selector}"
