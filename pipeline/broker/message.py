"""A message as it lies in a topic; a value, whatever client read it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it lies in a topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def where(self) -> str:
        """Name its place: ``topic/partition@offset``."""
        return f"{self.topic}/{self.partition}@{self.offset}"
