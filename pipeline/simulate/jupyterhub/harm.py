"""Who is really harmed, and when: what a recording's labels are made from."""

from dataclasses import dataclass, field

from pipeline.simulate.kernel import Kernel


@dataclass(slots=True)
class Harm:
    """Times of harm, by node; to the second."""

    kernel: Kernel
    _times: dict[str, list[float]] = field(default_factory=dict)

    def note(self, node: str) -> None:
        """Note down that a node is harmed now."""
        times = self._times.setdefault(node, [])
        now = self.kernel.now
        if not times or now - times[-1] >= 1.0:
            times.append(now)

    def between(self, start_s: float, end_s: float) -> list[str]:
        """Return the nodes that were harmed in a time, sorted."""
        return sorted(
            node
            for node, times in self._times.items()
            if any(start_s <= time <= end_s for time in times)
        )
