"""What became of what ``analyze`` and ``replay`` were given to read, in lines for people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.drawing import plain
from pipeline.redact import Redactor

if TYPE_CHECKING:
    from pipeline.broker.letters import Letter
    from pipeline.records import Rejected

SHOWN_UNMAPPED = 3
"""Names that are shown of what no topology knows."""


def others(counts: Mapping[str, int]) -> str:
    """Return the buckets that only dumps fill, as they follow the others in a summary."""
    return "".join(f", {counts[name]} {name}" for name in ("unplaced", "repeated") if counts[name])


def secrets(redacted: Mapping[str, int]) -> str:
    """Return how many secrets were replaced, by rule, as it follows the buckets; "" for none."""
    if not redacted:
        return ""
    by_rule = ", ".join(f"{count} {name}" for name, count in sorted(redacted.items()))
    return f"; {sum(redacted.values())} secrets redacted ({by_rule})"


def told(rejected: "Rejected | Letter") -> str:
    """Return where something that was rejected was, and why: harmless, and without secrets."""
    line = f"{rejected.where}: {rejected.code}: {rejected.what}"
    return plain(Redactor().text(line))


def advice(counts: Mapping[str, int], unmapped: Sequence[tuple[str, int]]) -> Iterator[str]:
    """Yield what to do about what was read in vain; nothing where all is of known nodes."""
    if unmapped:
        some = ", ".join(f"{plain(name)} ({times})" for name, times in unmapped[:SHOWN_UNMAPPED])
        yield (
            f"unmapped, for example: {some}; `aftershock topology resolve NAME` says why (a log is"
            " taken for that of the pod that its file is named after)"
        )
    if counts["published"]:
        return
    if counts["unmapped"]:
        yield "nothing of it is of a node of the topology: is it the right one (--topology)?"
    elif counts["rejected"]:
        yield (
            "nothing of it could be read: recordings, must-gathers, cluster-info dumps, containers'"
            " logs, and events as JSON or YAML can"
        )
