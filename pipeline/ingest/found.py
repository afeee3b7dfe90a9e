"""What was recognised in what a command was given, told in a few lines; pure."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.ingest.pods import in_tree, place_of
from pipeline.ingest.shapes import REMEDIES, Shape

_MUST_GATHER = re.compile(r"must-gather|-sha256-[0-9a-f]{12}")
_OTHERS = "logs and events"


@dataclass(slots=True)
class Tally:
    """What has been found in one place."""

    logs: int = 0
    """That have at least a line."""
    events: int = 0
    pods: int = 0
    sections: bool = False
    """Logs are marked as ``kubectl cluster-info dump`` does it."""


@dataclass(slots=True)
class Found:
    """Collects what is found while it is read; see :meth:`told`."""

    recordings: int = 0
    ignored: int = 0
    """Files of folders and archives that are nothing known."""
    aside: dict[Shape, list[str]] = field(default_factory=dict)
    """Those among them that could be read in another form (:data:`REMEDIES`)."""
    unplaced: Counter[str] = field(default_factory=Counter)
    """Lines without a place in time, by log."""
    _tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)

    def tally(self, given: str, path: str) -> Tally:
        """Return where to count what a file has: with others of its kind that were given so."""
        tree = in_tree(path) or place_of(path) is not None
        kind = ("must-gather" if _MUST_GATHER.search(path) else "oc adm inspect") if tree else ""
        return self._tallies.setdefault((given, kind), Tally())

    def leave(self, shape: Shape, where: str) -> None:
        """Note what could be read in another form."""
        self.aside.setdefault(shape, []).append(where)

    def told(self, repeated: int) -> list[str]:
        """Return what people should know, a line each; nothing where all were recordings."""
        kinds = self._kinds()
        if not kinds and not self.aside:
            return []
        lines = [f"{kind}: {_shown(tally)}" for kind, tally in sorted(kinds.items())]
        if self.recordings:
            lines.append(f"recordings: {many(self.recordings, 'file')}")
        if self.ignored and lines:
            lines[-1] += f"; {many(self.ignored, 'file')} ignored"
        return lines + self._troubles(repeated)

    def _troubles(self, repeated: int) -> list[str]:
        lines = []
        if repeated:
            lines.append(f"{repeated} lines or events came in several files, and count once")
        if self.unplaced:
            most, _ = max(self.unplaced.items(), key=lambda found: (found[1], found[0]))
            logs = many(len(self.unplaced), "file")
            lines.append(
                f"{many(self.unplaced.total(), 'log line')} in {logs} left out: no date on or"
                f" before them says when (for example in {most});"
                " `kubectl logs --timestamps` gives each a time"
            )
        for shape, files in sorted(self.aside.items(), key=lambda each: each[0].name):
            more = f" and {len(files) - 1} more" if len(files) > 1 else ""
            lines.append(f"left aside: {min(files)}{more}: {REMEDIES[shape]}")
        return lines

    def _kinds(self) -> dict[str, Tally]:
        kinds: dict[str, Tally] = {}
        dumps = {given for (given, _), tally in self._tallies.items() if tally.sections}
        for (given, kind), tally in self._tallies.items():
            if tally.logs or tally.events or tally.pods:
                name = kind or ("cluster-info dump" if given in dumps else _OTHERS)
                kinds[name] = _sum([kinds.get(name, Tally()), tally])
        return kinds


def _sum(tallies: Iterable[Tally]) -> Tally:
    whole = Tally()
    for tally in tallies:
        whole.logs += tally.logs
        whole.events += tally.events
        whole.pods += tally.pods
    return whole


def _shown(tally: Tally) -> str:
    named = (("log", tally.logs), ("event", tally.events), ("pod", tally.pods))
    return ", ".join(many(number, name) for name, number in named)


def many(number: int, name: str) -> str:
    """Return a number of things: ``1 file``, ``2 files``."""
    return f"{number} {name}" if number == 1 else f"{number} {name}s"
