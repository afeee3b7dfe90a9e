"""The detectors, one for each signal; and which signatures those of a node know."""

from typing import Any

from pipeline.detect.detector import Detector
from pipeline.detect.events import EventDetector
from pipeline.detect.habits import patience
from pipeline.detect.logs import LogDetector
from pipeline.detect.metrics import MetricDetector
from pipeline.detect.pack import SignaturePack
from pipeline.detect.rules import node_pattern
from pipeline.detect.settings import DetectSettings
from pipeline.detect.signatures import PAIR_US, Signature
from pipeline.records import Signal

_SECOND = 1_000_000


def detectors(
    pack: SignaturePack, settings: DetectSettings | None = None
) -> dict[Signal, Detector[Any]]:
    """Return the detector of each signal; they know all signatures, whatever the node."""
    settings = settings or DetectSettings()
    built = (
        LogDetector(pack, settings),
        EventDetector(pack, settings),
        MetricDetector(pack, settings),
    )
    return {detector.signal: detector for detector in built}


class NodeDetectors:
    """The detectors of a pack at each node: they know the signatures that hold there.

    Nodes at which the same signatures hold share their detectors: there are as many sets as there
    are combinations of the node forms that the pack names, about ten.
    """

    def __init__(self, pack: SignaturePack, settings: DetectSettings | None = None) -> None:
        self._pack = pack
        self._settings = settings
        self._limits = {s.id: _Limit(s) for s in pack.signatures if s.at or s.not_at}
        self._built: dict[frozenset[str], dict[Signal, Detector[Any]]] = {}

    def at(self, signal: Signal, node: str) -> Detector[Any]:
        """Return the detector of a signal at a node."""
        absent = frozenset(name for name, limit in self._limits.items() if not limit.holds_at(node))
        known = self._built.get(absent)
        if known is None:
            held = tuple(s for s in self._pack.signatures if s.id not in absent)
            pack = self._pack.model_copy(update={"signatures": held})
            known = self._built[absent] = detectors(pack, self._settings)
        return known[signal]


class _Limit:
    """At which nodes a signature holds."""

    def __init__(self, signature: Signature) -> None:
        self._at = [node_pattern(form) for form in signature.at]
        self._not_at = [node_pattern(form) for form in signature.not_at]

    def holds_at(self, node: str) -> bool:
        wanted = not self._at or any(form.fullmatch(node) for form in self._at)
        return wanted and not any(form.fullmatch(node) for form in self._not_at)


def longest_span_s(pack: SignaturePack) -> float:
    """Return the longest time, in seconds, after its last observation until a symptom closes."""
    quiet = [s.quiet_s for s in pack.signatures] + [b.quiet_s for b in pack.baselines]
    longest = int(max(quiet, default=0.0) * _SECOND)
    return (patience(longest) + PAIR_US) / _SECOND
