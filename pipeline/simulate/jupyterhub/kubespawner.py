"""KubeSpawner: makes a user's claim and pod, waits for it, polls it, deletes it.

API calls have 3 s each and 30 s in all; a pod has ``START_TIMEOUT_S`` to run.
"""

import math
from collections.abc import Callable

from pipeline.simulate.cluster.model import (
    GIB,
    ApiError,
    ApiRefusedError,
    ApiTimeoutError,
    PodSpec,
    PodView,
)
from pipeline.simulate.jupyterhub.reflector import Line, Reflector
from pipeline.simulate.jupyterhub.scene import Scene
from pipeline.simulate.kernel import Steps

START_TIMEOUT_S = 600.0
"""As the deployment sets it: images are big."""
CALL_S = 3.0
CALLS_S = 30.0
POLL_S = 30.0
CLAIM_SIZE = 2 * GIB


class SpawnError(Exception):
    """A server did not start; the words are the exception's."""

    def __init__(self, text: str, *, timeout: bool = False) -> None:
        super().__init__(text)
        self.text, self.timeout = text, timeout


class KubeSpawner:
    """What makes pods for one user."""

    def __init__(
        self, scene: Scene, line: Line, reflector: Reflector, manifest: Callable[[], PodSpec]
    ) -> None:
        self._scene = scene
        self._line = line
        self._reflector = reflector
        self._manifest = manifest
        self.phase_s = 0.0
        """When in each 30 s it is polled."""

    @property
    def pod_name(self) -> str:
        """Name of the pod; the same for each spawn."""
        return self._manifest().name

    def start(self) -> Steps:
        """Start a pod; return its address.

        Raises:
            SpawnError: it did not start.
        """
        spec = self._manifest()
        began = self._scene.kernel.now
        yield from self._make_claim(spec)
        yield from self._make_pod(spec)
        ip = yield from self._wait_running(spec.name, began)
        return ip

    def _make_claim(self, spec: PodSpec) -> Steps:
        api, claim = self._scene.cluster.api, spec.claims[0]

        def ask() -> Steps:
            told = f"Attempting to create pvc {claim}, with timeout {CALL_S:.0f}"
            self._line("I", "pvc-create", told)
            try:
                yield from api.create_claim(spec.namespace, claim, CLAIM_SIZE, timeout_s=CALL_S)
            except ApiError as refusal:
                if refusal.status != 409:  # noqa: PLR2004 - Conflict: it is there
                    raise
                told = f"PVC {claim} already exists, so did not create new pvc."
                self._line("I", "pvc-exists", told)

        try:
            yield from self._patiently(ask, f"Could not create PVC {claim}")
        except ApiError as refusal:
            raise SpawnError(_api_words(refusal)) from None

    def _make_pod(self, spec: PodSpec) -> Steps:
        api = self._scene.cluster.api

        def ask() -> Steps:
            told = f"Attempting to create pod {spec.name}, with timeout {CALL_S:.0f}"
            self._line("I", "pod-create", told)
            yield from api.create_pod(spec, timeout_s=CALL_S)

        for _ in range(4):
            try:
                named = self._scene.wording.pod(spec.namespace, spec.name)
                yield from self._patiently(ask, f"Could not create pod {named}")
            except ApiError as refusal:
                if refusal.status != 409:  # noqa: PLR2004 - Conflict
                    raise SpawnError(_api_words(refusal)) from None
                if spec.name in self._reflector.pods and self._runs(spec.name):
                    return  # an earlier try that timed out had done it
                told = f"Found existing pod {spec.name}, attempting to kill"
                self._line("I", "pod-found", told)
                yield from self.stop()
            else:
                return
        raise SpawnError(f"Can't create user pod {spec.name} already exists & couldn't be deleted")

    def _runs(self, name: str) -> bool:
        pod = self._reflector.pods.get(name)
        return pod is not None and pod.phase in {"Pending", "Running"} and not pod.terminating

    def _patiently(self, ask: Callable[[], Steps], told: str) -> Steps:
        """Try again after each timeout, for 30 s in all."""
        kernel = self._scene.kernel
        began, pause = kernel.now, 0.2
        while True:
            try:
                yield from ask()
            except ApiTimeoutError:
                if kernel.now - began > CALLS_S:
                    raise SpawnError(told, timeout=True) from None
                yield kernel.wait(pause)
                pause = min(pause * 2, 5.0)
            except ApiRefusedError:
                raise SpawnError(
                    "HTTPSConnectionPool(host='172.30.0.1', port=443): Max retries exceeded with "
                    f"url: /api/v1/namespaces/{self._scene.namespace}/pods (Caused by "
                    "NewConnectionError(': Failed to establish a new connection: [Errno 111] "
                    "Connection refused'))"
                ) from None
            else:
                return

    def _wait_running(self, name: str, began: float) -> Steps:
        kernel = self._scene.kernel
        give_up = kernel.wait(began + START_TIMEOUT_S - kernel.now)
        while True:
            pod = self._reflector.pods.get(name)
            if pod is not None and pod.phase == "Running" and pod.ready and not pod.terminating:
                return pod.ip
            yield self._reflector.change(name) | give_up
            if give_up.processed:
                raise SpawnError("Timeout", timeout=True)

    @property
    def in_vain(self) -> str:
        """Return what it says when the pod did not start in time."""
        what = f"start in {START_TIMEOUT_S:.0f} seconds"
        return self._scene.wording.in_vain(self._scene.namespace, self.pod_name, what)

    @property
    def never_seen(self) -> bool:
        """Whether the reflector does not know the pod at all."""
        return self.pod_name not in self._reflector.pods

    def stop(self) -> Steps:
        """Delete the pod, and wait until the reflector has seen it go.

        Returns:
            Whether it has gone.
        """
        scene, name = self._scene, self.pod_name
        named = scene.wording.pod(scene.namespace, name)
        self._line("I", "pod-delete", f"Deleting pod {named}")
        try:
            yield from self._delete(name, named)
        except (SpawnError, ApiError):
            return False
        gone = scene.kernel.wait(START_TIMEOUT_S)
        while name in self._reflector.pods:
            yield self._reflector.change(name) | gone
            if gone.processed:
                self._line(
                    "E", "pod-stays", f"Pod {named} did not disappear, restarting pod reflector"
                )
                return False
        return True

    def _delete(self, name: str, named: str) -> Steps:
        api, namespace = self._scene.cluster.api, self._scene.namespace

        def ask() -> Steps:
            try:
                yield from api.delete_pod(namespace, name, timeout_s=CALL_S)
            except ApiError as refusal:
                if refusal.status != 404:  # noqa: PLR2004 - Not Found: it has gone by itself
                    raise
                told = f"No pod {named} to delete. Assuming already deleted."
                self._line("W", "pod-gone", told)

        yield from self._patiently(ask, f"Could not delete pod {named}")

    def poll(self) -> int | None:
        """Return None while the pod runs, else the exit code, as far as the reflector knows."""
        pod = self._reflector.pods.get(self.pod_name)
        if pod is None:
            return 1
        return exit_code(pod)

    def next_poll_s(self) -> float:
        """Return how long it is until it is polled again."""
        now = self._scene.kernel.now
        turns = math.floor((now - self.phase_s) / POLL_S) + 1
        return self.phase_s + turns * POLL_S - now


def exit_code(pod: PodView) -> int | None:
    """Return the exit code of a pod that has ended, else None."""
    if pod.phase in {"Failed", "Succeeded"}:
        return pod.exit_codes.get("notebook", 1)
    # one that waits to be started again does not count as ended
    return pod.exit_codes.get("notebook") if pod.waiting is None else None


def _api_words(refusal: ApiError) -> str:
    return (
        f"({refusal.status})\nReason: {refusal.reason}\n"
        "HTTP response headers: HTTPHeaderDict({'Content-Type': 'application/json'})\n"
        'HTTP response body: {"kind":"Status","apiVersion":"v1","metadata":{},'
        f'"status":"Failure","message":"{_json(refusal.message)}","reason":"{refusal.reason}",'
        f'"details":{{"name":"{_named(refusal.message)}","kind":"pods"}},'
        f'"code":{refusal.status}}}\n'
    )


def _json(text: str) -> str:
    return text.replace('"', '\\"')


def _named(text: str) -> str:
    parts = text.split('"')
    return parts[1] if len(parts) > 1 else ""
