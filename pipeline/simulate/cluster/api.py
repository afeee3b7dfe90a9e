"""The API server as its clients meet it (written against by ``jupyterhub/``)."""

from collections.abc import Sequence
from typing import Protocol

import simpy

from pipeline.simulate.cluster.model import PodSpec, PodView
from pipeline.simulate.kernel import Steps


class Watch(Protocol):
    """A watch on the pods of a namespace."""

    def next(self) -> simpy.Event:
        """Return what to yield for the next change: its value is a list of ``PodView``.

        It is the same event until it has fired. Who waits for it with a timeout asks
        ``event.triggered`` and takes ``event.value``, or comes back later.

        Raises (in the process that yields it):
            ApiRefusedError: the API server went away.
        """

    def close(self) -> None:
        """Close it; who still waits gets an ``ApiRefusedError``."""


class Api(Protocol):
    """What can be asked. All are sub-processes: ``answer = yield from api.create_pod(…)``.

    Each takes as long as the API server takes, and raises ``ApiRefusedError``, ``ApiTimeoutError``
    (after ``timeout_s``; the deed may have been done all the same) or ``ApiError``.
    """

    def create_pod(self, spec: PodSpec, *, timeout_s: float) -> Steps:
        """Create a pod; 409 when it exists, 403 with the quota's words when it is beyond it."""

    def create_claim(self, namespace: str, name: str, size: float, *, timeout_s: float) -> Steps:
        """Create a persistent volume claim; 409 when it exists."""

    def delete_pod(self, namespace: str, name: str, *, timeout_s: float) -> Steps:
        """Begin to delete a pod; 404 when there is none."""

    def get_pod(self, namespace: str, name: str, *, timeout_s: float) -> Steps:
        """Return a ``PodView``; 404 when there is none."""

    def list_pods(self, namespace: str, *, timeout_s: float) -> Steps:
        """Return ``Sequence[PodView]``."""

    def watch_pods(self, namespace: str, *, timeout_s: float) -> Steps:
        """Return a ``Watch``."""

    def review(self, token: str, *, timeout_s: float) -> Steps:
        """Return the name of whom a token belongs to; 401 when to nobody."""


Pods = Sequence[PodView]
