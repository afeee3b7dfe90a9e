"""What the broker has, and which positions may therefore be remembered; pure.

In: acknowledgements in the order of the queue, and positions as they were when so many parcels had
been put. Out: positions that are due, with the offsets at which the observation topics stood just
then: what they say has been published is published, and what was published after is behind those
offsets.
"""

from collections.abc import Iterable, Mapping

from pipeline.records import Positions

Place = tuple[str, int, int]
"""Topic, partition and offset of an acknowledged message."""


class Acknowledged:
    """How far the queue has been acknowledged, without a hole."""

    def __init__(self, offsets: Mapping[str, int]) -> None:
        """Begin where the observation topics stood (``topic/partition``) at the start."""
        self._offsets = dict(offsets)
        self._ahead: dict[str, int] = {}
        self._again = 0
        self._pending: dict[str, list[tuple[int, Positions]]] = {}
        self._next_due: int | None = None
        self.through = 0
        """Parcels with lower numbers are acknowledged, all of them."""

    def checkpoint(self, positions: Positions, after: int) -> list[Positions]:
        """Take positions that hold once parcels below a number are acknowledged.

        Return what is due.

        Of one part the oldest and the latest are kept: the oldest so that something is remembered
        however long the queue is, the latest since it says more.
        """
        pending = self._pending.setdefault(positions.part, [])
        del pending[1:]
        pending.append((after, positions))
        return self._due()

    def landed(self, number: int | None, places: Iterable[Place]) -> list[Positions]:
        """Take an acknowledgement, in the order of the queue; return the positions due now.

        A message without a number (a mark) only has places.
        """
        for topic, partition, offset in places:
            self._ahead[f"{topic}/{partition}"] = offset + 1
        if number is not None:
            self.through = number + 1
        if self.through >= self._again:
            self._offsets |= self._ahead
            self._ahead.clear()
        if self._next_due is None or self.through < self._next_due:
            return []
        return self._due()

    def sent_again(self, upto: int) -> None:
        """Note that parcels below a number are sent a second time.

        They may lie in the topics twice, the first copy before what is not acknowledged yet: until
        all of them are acknowledged again, the offsets stay where they were.
        """
        self._again = max(self._again, upto)

    @property
    def pending(self) -> bool:
        """Whether positions wait for acknowledgements."""
        return bool(self._pending)

    def _due(self) -> list[Positions]:
        due: list[Positions] = []
        for part, pending in list(self._pending.items()):
            ready = [positions for after, positions in pending if after <= self.through]
            if ready:
                offsets = dict(sorted(self._offsets.items()))
                due.append(ready[-1].model_copy(update={"offsets": offsets}))
                del pending[: len(ready)]
            if not pending:
                del self._pending[part]
        self._next_due = min(
            (after for pending in self._pending.values() for after, _ in pending), default=None
        )
        return due
