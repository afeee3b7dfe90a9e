"""The API server: how long it takes, what it refuses, what it remembers (``api.Api``)."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from pipeline.simulate.cluster.kubelet import Kubelet
from pipeline.simulate.cluster.model import (
    ApiError,
    ApiRefusedError,
    ApiTimeoutError,
    ContainerSpec,
    PodSpec,
    PodView,
)
from pipeline.simulate.cluster.pod import Pod
from pipeline.simulate.cluster.provision import Provisioner
from pipeline.simulate.cluster.requests import Requests
from pipeline.simulate.cluster.scheduler import Scheduler
from pipeline.simulate.cluster.site import Listener, Site
from pipeline.simulate.cluster.watch import PodWatch
from pipeline.simulate.kernel import Steps

_REFUSED_AFTER_S = 0.002
_SHED = 0.9
"""Share of the requests that a throttled server turns away."""
T = TypeVar("T")


class ApiServer(Listener):
    """The API servers of all masters, behind one address."""

    def __init__(self, site: Site, scheduler: Scheduler, kubelet: Kubelet) -> None:
        self._site, self._scheduler, self._kubelet = site, scheduler, kubelet
        self._provisioner = Provisioner(site, scheduler)
        self._watches: list[PodWatch] = []
        self._stale: list[PodView] | None = None
        self._chance = site.kernel.chance("api server")
        self.requests = Requests(site.kernel.chance("api server's other clients"), site.gate)
        self.tokens: dict[str, str] = {}
        """Whom each token belongs to; the OAuth server grants and takes them."""
        self.throttled = False
        """Knob. It sheds load: nine requests of ten are turned away."""
        site.pods.listeners.append(self)
        site.gate.on_close.append(self._close_watches)

    @property
    def down(self) -> bool:
        """Knob. Connections are refused, and all watches break."""
        return self._site.gate.down

    @down.setter
    def down(self, down: bool) -> None:
        if down:
            self._site.gate.close()
        else:
            self._site.gate.open()

    @property
    def delay_s(self) -> float:
        """Knob. Seconds that each request takes beyond the usual, in the mean."""
        return self._site.gate.delay_s

    @delay_s.setter
    def delay_s(self, seconds: float) -> None:
        self._site.gate.delay_s = seconds

    @property
    def silent_watches(self) -> bool:
        """Knob. Its watch cache stands still.

        Watches stay open and tell of nothing, lists say what was so when it stopped; what is
        created and deleted is so all the same.
        """
        return self._stale is not None

    @silent_watches.setter
    def silent_watches(self, silent: bool) -> None:
        if silent and self._stale is None:
            self._stale = [pod.view for pod in self._site.pods]
        elif not silent and self._stale is not None:
            self._stale = None
            self._close_watches()

    # What clients ask.

    def create_pod(self, spec: PodSpec, *, timeout_s: float) -> Steps:
        """Create a pod; its value is a ``PodView``."""
        return (yield from self._asked("POST", "pods", timeout_s, lambda: self._create(spec)))

    def create_claim(
        self, namespace: str, name: str, size: float, *, timeout_s: float, backend: str = "cephfs"
    ) -> Steps:
        """Create a persistent volume claim."""

        def create() -> None:
            self._provisioner.create(namespace, name, size, backend)

        return (yield from self._asked("POST", "persistentvolumeclaims", timeout_s, create))

    def delete_pod(self, namespace: str, name: str, *, timeout_s: float) -> Steps:
        """Begin to delete a pod."""

        def delete() -> None:
            self._kubelet.terminate(self._found(namespace, name))

        return (yield from self._asked("DELETE", "pods", timeout_s, delete))

    def get_pod(self, namespace: str, name: str, *, timeout_s: float) -> Steps:
        """Return one ``PodView``; 404 when there is none."""

        def get() -> PodView:
            return self._found(namespace, name).view

        return (yield from self._asked("GET", "pods", timeout_s, get))

    def list_pods(self, namespace: str, *, timeout_s: float) -> Steps:
        """Return all ``PodView`` of a namespace."""
        return (yield from self._asked("LIST", "pods", timeout_s, lambda: self._list(namespace)))

    def watch_pods(self, namespace: str, *, timeout_s: float) -> Steps:
        """Return a ``PodWatch``."""

        def watch() -> PodWatch:
            opened = PodWatch(self._site.kernel, namespace)
            self._watches = [one for one in self._watches if not one.closed]
            self._watches.append(opened)
            return opened

        return (yield from self._asked("WATCH", "pods", timeout_s, watch))

    def review(self, token: str, *, timeout_s: float) -> Steps:
        """Return the name of whom a token belongs to; 401 when to nobody."""

        def look_up() -> str:
            if token not in self.tokens:
                raise ApiError(401, "Unauthorized", "Unauthorized")
            return self.tokens[token]

        return (yield from self._asked("POST", "tokenreviews", timeout_s, look_up))

    # What the cluster's own components do.

    def new_pod(self, spec: PodSpec) -> Pod:
        """Return a pod that is counted and known, and has no machine yet.

        Raises:
            ApiError: there is one of that name (409), or it is beyond the quota (403).
        """
        there = self._site.pods.get(spec.namespace, spec.name)
        if there is not None:
            begin = "object is being deleted: " if there.terminating else ""
            told = f'{begin}pods "{spec.name}" already exists'
            raise ApiError(409, "AlreadyExists", told)
        spec = replace(spec, containers=tuple(map(self._resolved, spec.containers)))
        self._site.quota(spec.namespace).admit(spec)
        pod = Pod(spec, self._site.uid("pod", spec.namespace, spec.name))
        pod.counted = True
        self._site.pods.add(pod)
        return pod

    def _resolved(self, container: ContainerSpec) -> ContainerSpec:
        image = self._site.registry.resolve(container.image)
        return container if image == container.image else replace(container, image=image)

    def submit(self, spec: PodSpec) -> Pod:
        """Create a pod and have it scheduled: what controllers do.

        Raises:
            ApiError: as ``new_pod``.
        """
        pod = self.new_pod(spec)
        self._scheduler.submit(pod)
        return pod

    def pod_changed(self, pod: Pod) -> None:
        """Tell the watches."""
        if self._stale is not None:
            return
        for watch in self._watches:
            if watch.namespace == pod.spec.namespace:
                watch.tell(pod.view, self._site.gate.delay_s)

    def _create(self, spec: PodSpec) -> PodView:
        return self.submit(spec).view

    def _list(self, namespace: str) -> list[PodView]:
        if self._stale is not None:
            return [view for view in self._stale if view.namespace == namespace]
        return [pod.view for pod in self._site.pods.within(namespace)]

    def _found(self, namespace: str, name: str) -> Pod:
        pod = self._site.pods.get(namespace, name)
        if pod is None:
            raise ApiError(404, "NotFound", f'pods "{name}" not found')
        return pod

    def _close_watches(self) -> None:
        watches, self._watches = self._watches, []
        for watch in watches:
            watch.close()

    def _asked(self, verb: str, resource: str, timeout_s: float, deed: Callable[[], T]) -> Steps:
        """Do what a client asks, in the time that it takes.

        Raises:
            ApiRefusedError: nobody listens.
            ApiTimeoutError: the client has given up; the deed is done when its time comes.
            ApiError: the answer is no.
        """
        kernel, gate = self._site.kernel, self._site.gate
        if gate.down:
            yield kernel.wait(_REFUSED_AFTER_S)
            raise ApiRefusedError
        takes = self.requests.latency(self._chance)
        if self.throttled and self._chance.random() < _SHED:
            yield kernel.wait(min(takes, timeout_s))
            self.requests.note(verb, resource, 429, takes)
            raise ApiError(429, "TooManyRequests", "Too many requests, please try again later.")
        if takes > timeout_s:
            kernel.start(self._done_late(verb, resource, takes, deed))
            yield kernel.wait(timeout_s)
            raise ApiTimeoutError
        yield kernel.wait(takes)
        if gate.down:
            raise ApiRefusedError
        return self._done(verb, resource, takes, deed)

    def _done(self, verb: str, resource: str, takes: float, deed: Callable[[], T]) -> T:
        try:
            answer = deed()
        except ApiError as error:
            self.requests.note(verb, resource, error.status, takes)
            raise
        self.requests.note(verb, resource, 201 if verb == "POST" else 200, takes)
        return answer

    def _done_late(self, verb: str, resource: str, takes: float, deed: Callable[[], T]) -> Steps:
        yield self._site.kernel.wait(takes)
        if not self._site.gate.down:
            try:
                self._done(verb, resource, takes, deed)
            except ApiError:
                return  # nobody is there any more to hear it
