"""A sink that keeps what live sources put into it, and can be without room."""

import asyncio
from dataclasses import dataclass, field

from pipeline.records import Event, Gap, Log, Metric, Observation, Rejected, Signal


@dataclass
class KeptSink:
    """Everything that was put, in order."""

    observed: list[tuple[str, Observation]] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    rejects: list[Rejected] = field(default_factory=list)
    full: set[Signal] = field(default_factory=set)
    """Signals that there is no room for."""

    def observe(self, node: str, observation: Observation) -> None:
        """Keep an observation."""
        self.observed.append((node, observation))

    def gap(self, gap: Gap) -> None:
        """Keep a gap."""
        self.gaps.append(gap)

    def rejected(self, rejected: Rejected) -> None:
        """Keep a rejected record."""
        self.rejects.append(rejected)

    async def room(self, signal: Signal) -> None:
        """Wait while there is none."""
        while signal in self.full:
            await asyncio.sleep(0.01)

    def texts(self) -> list[str]:
        """Return the messages of all log lines, in order."""
        return [seen.message for _, seen in self.observed if isinstance(seen, Log)]

    def events(self) -> list[Event]:
        """Return all event occurrences, in order."""
        return [seen for _, seen in self.observed if isinstance(seen, Event)]

    def metrics(self) -> list[Metric]:
        """Return all samples, in order."""
        return [seen for _, seen in self.observed if isinstance(seen, Metric)]
