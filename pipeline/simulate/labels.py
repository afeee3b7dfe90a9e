"""What really happened, as the labels of contract 6 say it; pure.

Beside each fault stands a case of the quiet before it, in which every incident is a false one.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.simulate.recorder import rfc3339
from pipeline.simulate.scenarios.scenario import Case, Scenario

APPLICATION = "jupyterhub-openshift"
BEFORE_S = 60.0
"""The quiet ends so long before the first fault begins."""

Label = dict[str, object]
"""One case of a labels file."""


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario that has been played to its end."""

    scenario: Scenario
    case: Case


def labels_of(
    recording: str, began: datetime, played: Sequence[Played], *, skew_s: float = 0.0
) -> list[Label]:
    """Return the cases of one recording: first the quiet, then what was played.

    ``began`` is when the recording begins. Clocks that are off by up to ``skew_s`` may date the
    first signs of a fault before it: the quiet ends so much earlier. What looks like a fault and is
    none has no case beside a fault, since incidents of that are true ones.
    """
    begins_s = min(one.case.start_s for one in played)
    quiet: Label = {
        "id": f"{recording}-quiet",
        "start": _told(began, 0.0),
        "end": _told(began, max(0.0, begins_s - BEFORE_S - skew_s)),
        "application": APPLICATION,
        "root_cause": [],
        "affected": [],
        "kind": "quiet",
    }
    faults = [one for one in played if one.case.root_cause]
    return [quiet, *(_label(recording, began, one, len(played)) for one in faults or played)]


def as_json(labels: Iterable[Label]) -> bytes:
    """Return a labels file, one case a line."""
    lines = ",\n".join(json.dumps(label, separators=(",", ":")) for label in labels)
    return f'{{"cases":[\n{lines}\n]}}\n'.encode()


def _label(recording: str, began: datetime, one: Played, together: int) -> Label:
    return {
        "id": recording if together == 1 else f"{recording}-{one.scenario.id}",
        "start": _told(began, one.case.start_s),
        "end": _told(began, one.case.end_s),
        "application": APPLICATION,
        "root_cause": list(one.case.root_cause),
        "affected": sorted(one.case.affected) if one.case.root_cause else [],
        "kind": one.scenario.name,
    }


def _told(began: datetime, second: float) -> str:
    return rfc3339(began + timedelta(milliseconds=round(second * 1000)))
