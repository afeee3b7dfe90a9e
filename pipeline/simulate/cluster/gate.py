"""The state of the API server that everybody feels, also those who only post to it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import simpy

from pipeline.simulate.kernel import Kernel, Steps


@dataclass(slots=True)
class Gate:
    """Whether the API server answers, and how slowly."""

    kernel: Kernel
    delay_s: float = 0.0
    """Seconds that each request takes beyond the usual."""
    opened_s: float = 0.0
    """Since when it has been open."""
    on_close: list[Callable[[], None]] = field(default_factory=list)
    _opens: simpy.Event | None = None

    @property
    def down(self) -> bool:
        """Whether nobody listens."""
        return self._opens is not None

    def close(self) -> None:
        """Stop answering."""
        if self._opens is None:
            self._opens = self.kernel.env.event()
            for act in self.on_close:
                act()

    def open(self) -> None:
        """Answer again."""
        opens, self._opens = self._opens, None
        if opens is not None:
            self.opened_s = self.kernel.now
            opens.succeed()

    def passed(self, usual_s: float = 0.02) -> Steps:
        """Wait until a request of a component of the cluster has gone through."""
        while self._opens is not None:
            yield self._opens
            yield self.kernel.wait(1.0)
        yield self.kernel.wait(usual_s + self.delay_s)
