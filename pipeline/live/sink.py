"""Where the live sources put what they find; the outbox behind it publishes."""

from typing import Protocol

from pipeline.records import Gap, Observation, Rejected, Signal


class Sink(Protocol):
    """Takes what sources find. All methods belong to the event loop's thread."""

    def observe(self, node: str, observation: Observation) -> None:
        """Take an observation of a node; never waits."""

    def gap(self, gap: Gap) -> None:
        """Take a gap, behind everything that was put before of its node; never waits."""

    def rejected(self, rejected: Rejected) -> None:
        """Take what could not be read; never waits."""

    async def room(self, signal: Signal) -> None:
        """Return when there is room for a signal: at once for events, whatever happens.

        A source of metrics or logs asks before it reads on. Metrics wait first (their database
        keeps them), then logs (the kubelet keeps them for a while).
        """
