"""The detectors, one for each signal."""

from typing import Any

from pipeline.detect.detector import Detector
from pipeline.detect.events import EventDetector
from pipeline.detect.logs import LogDetector
from pipeline.detect.metrics import MetricDetector
from pipeline.detect.pack import PAIR_US, SignaturePack
from pipeline.detect.settings import DetectSettings
from pipeline.records import Signal

_SECOND = 1_000_000


def detectors(
    pack: SignaturePack, settings: DetectSettings | None = None
) -> dict[Signal, Detector[Any]]:
    """Return the detector of each signal."""
    settings = settings or DetectSettings()
    built = (
        LogDetector(pack, settings),
        EventDetector(pack, settings),
        MetricDetector(pack, settings),
    )
    return {detector.signal: detector for detector in built}


def longest_span_s(pack: SignaturePack) -> float:
    """Return the longest time, in seconds, after its last observation until a symptom closes."""
    quiet = [s.quiet_s for s in pack.signatures] + [b.quiet_s for b in pack.baselines]
    return max(quiet, default=0.0) + PAIR_US / _SECOND
