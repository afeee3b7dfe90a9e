"""Watches on pods."""

import simpy

from pipeline.simulate.cluster.model import ApiRefusedError, PodView
from pipeline.simulate.kernel import Kernel, Steps


class PodWatch:
    """A watch on the pods of a namespace (``api.Watch``).

    ``next`` gives the same event until it has fired; a client that waits for it with a timeout
    asks ``event.triggered`` and takes ``event.value``, or comes back later with ``next``.
    """

    def __init__(self, kernel: Kernel, namespace: str) -> None:
        self.namespace = namespace
        self.closed = False
        self._kernel = kernel
        self._waiting: simpy.Event | None = None
        self._changes: list[PodView] = []

    def next(self) -> simpy.Event:
        """Return what to yield for the next changes (a list of ``PodView``)."""
        if self._waiting is None or self._waiting.triggered:
            self._waiting = self._kernel.env.event()
            if self.closed:
                self._fail()
            elif self._changes:
                self._fire()
        return self._waiting

    def close(self) -> None:
        """Close it, from either side; who waits, or comes again, is told so by an error."""
        self.closed = True
        if self._waiting is not None and not self._waiting.triggered:
            self._fail()

    def tell(self, view: PodView, delay_s: float) -> None:
        """Tell of a change, a while after it happened."""
        if delay_s > 0:
            self._kernel.start(self._later(view, delay_s))
        else:
            self._take(view)

    def _later(self, view: PodView, delay_s: float) -> Steps:
        yield self._kernel.wait(delay_s)
        self._take(view)

    def _take(self, view: PodView) -> None:
        if self.closed:
            return
        self._changes.append(view)
        if self._waiting is not None and not self._waiting.triggered:
            self._fire()

    def _fire(self) -> None:
        changes, self._changes = self._changes, []
        if self._waiting is not None:
            self._waiting.succeed(changes)

    def _fail(self) -> None:
        if self._waiting is not None:
            self._waiting.fail(ApiRefusedError())
            self._waiting.defused = True
