"""What a Faust worker runs: a stage of the pipeline, seen as partitions with state.

In: one decoded message of a partition. Out: what to publish, and the table rows that remember it.
The worker knows no more of detection or correlation than this.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.broker.message import Message

Row = tuple[bytes, bytes | None]
"""A table row: key (it begins with ``<partition>|``) and value; None deletes."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to be published; without a partition the key decides."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Effects:
    """What follows from one message, in the order in which it must be done."""

    outputs: list[Outgoing] = field(default_factory=list)
    """Published first."""
    marks: dict[tuple[str, int], Outgoing] = field(default_factory=dict)
    """Published when the outputs are acknowledged, by source and partition: of several marks that a
    source has for one partition the latest says all."""
    rows: list[Row] = field(default_factory=list)
    """Written when the marks are acknowledged."""
    heard: str | None = None
    """The source of marks that has just been heard."""


class Unreadable(ValueError):  # noqa: N818 - bad data is no error of ours
    """A message that is bad data: it goes to the dead letters, and the flow goes on."""

    def __init__(self, code: str, what: str) -> None:
        """Say why: a code from the contract, and one line."""
        super().__init__(what)
        self.code = code
        self.what = what


class Part(Protocol):
    """The core of one partition, with the state of its keys."""

    def restore(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Take up the state from table rows (those of other partitions are passed over)."""

    def take(self, message: Message) -> Effects:
        """Apply a message.

        Raises:
            Unreadable: the message is bad data.
        """

    def drop_source(self, source: str) -> Effects:
        """Leave out a source of marks that the worker judged dead."""

    def live_sources(self) -> tuple[str, ...]:
        """Return the sources that could be judged dead."""


class Stage(Protocol):
    """A stage of the pipeline: what it reads, and a core for each partition."""

    @property
    def name(self) -> str:
        """The last part of the consumer group's name."""

    @property
    def topics(self) -> Sequence[str]:
        """The co-partitioned topics that it reads."""

    @property
    def partitions(self) -> int:
        """Partitions of each of those topics, and of its table."""

    def part(self, number: int) -> Part:
        """Return the core of a partition, without state."""

    def merged(self, rows: Sequence[Sequence[Row]]) -> list[Row]:
        """Join the rows of several messages in an order that a kill may cut anywhere."""


def partition_of(key: bytes) -> int:
    """Return the partition that a row key begins with."""
    return int(key.split(b"|", 1)[0])
