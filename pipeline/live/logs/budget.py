"""How much one container may write: so many lines a second, and a burst; pure."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Budget:
    """A bucket of tokens, one a line, filled at a steady rate."""

    rate: float
    """Lines a second."""
    burst: int
    """Lines at once."""
    _tokens: float = field(init=False)
    _at: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._tokens = float(self.burst)

    def take(self, wanted: int, now: float) -> int:
        """Return how many of ``wanted`` lines there is room for at ``now`` (seconds)."""
        if self._at is not None:
            earned = max(0.0, now - self._at) * self.rate
            self._tokens = min(float(self.burst), self._tokens + earned)
        self._at = now
        taken = min(wanted, int(self._tokens))
        self._tokens -= taken
        return taken
