"""The last gate before the outbox: a sink that takes secrets out of what goes through it.

Lines of logs come redacted already (``logs.lines``: a line is known as it is published), and then
nothing is found in them any more; events and samples are redacted here. Rejected records pass as
they are: their original bytes are what they are kept for.
"""

from dataclasses import dataclass

from pipeline.live.sink import Sink
from pipeline.records import Gap, Observation, Rejected, Signal
from pipeline.redact import Redactor


@dataclass(frozen=True, slots=True)
class Redacting:
    """A sink without secrets behind it."""

    sink: Sink
    redactor: Redactor

    def observe(self, node: str, observation: Observation) -> None:
        """Hand on an observation without secrets."""
        self.sink.observe(node, self.redactor.observation(observation))

    def gap(self, gap: Gap) -> None:
        """Hand on a gap."""
        self.sink.gap(gap)

    def rejected(self, rejected: Rejected) -> None:
        """Hand on what could not be read."""
        self.sink.rejected(rejected)

    async def room(self, signal: Signal) -> None:
        """Return when there is room behind us."""
        await self.sink.room(signal)
