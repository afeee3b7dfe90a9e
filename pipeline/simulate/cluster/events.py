"""Kubernetes events on their way to the API server, as far as that lets them through."""

from dataclasses import dataclass, field
from datetime import datetime

from pipeline.simulate.cluster.gate import Gate
from pipeline.simulate.kernel import Kernel, Steps
from pipeline.simulate.recorder import About

_TRIES = 12
_TRY_EVERY_S = 10.0
"""An event that cannot be posted is tried again so often, then lost (client-go)."""
_SIMILAR = 10
"""So many different messages of one reason about one object are combined from then on …"""
_SIMILAR_WITHIN_S = 600.0
"""… until there has been none for so long."""


@dataclass(slots=True)
class _Alike:
    messages: dict[str, None] = field(default_factory=dict)
    last_s: float = 0.0
    combined: str = ""


@dataclass(slots=True)
class Events:
    """Posts events for all components."""

    kernel: Kernel
    gate: Gate
    _alike: dict[tuple[str, str], _Alike] = field(default_factory=dict)

    def tell(self, about: About, reason: str, message: str, *, warning: bool = False) -> None:
        """Post an event. While the API server is down it waits, and may be lost."""
        message = self._combined(about, reason, message)
        if self.gate.down:
            self.kernel.start(self._later(self.kernel.time, about, reason, (message, warning)))
        else:
            self.kernel.recorder.event(self.kernel.time, about, reason, message, warning=warning)

    def _later(self, time: datetime, about: About, reason: str, told: tuple[str, bool]) -> Steps:
        message, warning = told
        for _ in range(_TRIES):
            yield self.kernel.wait(_TRY_EVERY_S)
            if not self.gate.down:
                self.kernel.recorder.event(time, about, reason, message, warning=warning)
                return

    def _combined(self, about: About, reason: str, message: str) -> str:
        """Return the message to post: many alike become one object that counts up."""
        alike = self._alike.setdefault((about.uid, reason), _Alike())
        now = self.kernel.now
        if now - alike.last_s > _SIMILAR_WITHIN_S:
            alike.messages.clear()
        alike.last_s = now
        alike.messages[message] = None
        if len(alike.messages) < _SIMILAR:
            return message
        del alike.messages[next(iter(alike.messages))]
        alike.combined = alike.combined or f"(combined from similar events): {message}"
        return alike.combined
