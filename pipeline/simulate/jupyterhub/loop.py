"""One event loop: one thing at a time, and a blocking call stops all of them."""

from simpy import Event

from pipeline.simulate.kernel import Kernel, Steps


class EventLoop:
    """The hub's single thread."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._free_at = 0.0
        self._held: Event | None = None
        self.busy_s = 0.0
        """Processor time spent so far."""

    @property
    def blocked(self) -> bool:
        """Whether a call holds it that has not returned."""
        return self._held is not None

    @property
    def backlog_s(self) -> float:
        """How long a new task waits for its turn, as far as is known."""
        return max(0.0, self._free_at - self._kernel.now)

    def turn(self, cost_s: float) -> Steps:
        """Wait for one's turn, and work for a time."""
        while self._held is not None:
            yield self._held
        self._free_at = max(self._kernel.now, self._free_at) + cost_s
        self.busy_s += cost_s
        yield self._kernel.wait(self._free_at - self._kernel.now)

    def hold(self, steps: Steps) -> Steps:
        """Make a blocking call: nobody else has a turn until it returns."""
        while self._held is not None:
            yield self._held
        held = self._held = self._kernel.env.event()
        try:
            answer = yield from steps
        finally:
            if self._held is held:
                self._held = None
            if not held.triggered:
                held.succeed()
        return answer

    def renew(self) -> None:
        """Begin anew, in a new process; who waited for the old one finds it gone."""
        self._free_at = self._kernel.now
        if self._held is not None and not self._held.triggered:
            held, self._held = self._held, None
            held.succeed()
