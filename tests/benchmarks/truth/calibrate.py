"""``python -m benchmarks.truth.calibrate REPORT…``: how sure correlation may be.

In: reports of ``benchmarks.truth.scenarios --json --each``, made with the setting
``AFTERSHOCK_CORRELATE__SHARPNESS=1``. Out: ``calibration.yaml``, fitted so that the true causes are
as probable as they can be (least log loss), with what it was fitted on.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.correlate.calibration import sharpened
from pipeline.score.statistics import calibration_error

STEP = 0.05
HIGHEST = 6.0
"""Beyond this everything would be told as certain."""
_LEAST = 1e-3
"""Probability that a cause which is not listed is taken to have."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one incident said, and what was true."""

    shares: dict[str, float]
    true: frozenset[str]

    def probability(self, sharpness: float) -> float:
        """Return the probability of what was true."""
        sure = sharpened(self.shares, sharpness)
        return max(_LEAST, sum(sure.get(node, 0.0) for node in self.true))

    def first(self, sharpness: float) -> tuple[float, bool]:
        """Return the first cause's probability, and whether it was true."""
        sure = sharpened(self.shares, sharpness)
        node = max(sorted(sure), key=sure.__getitem__)
        return sure[node], node in self.true


def main() -> int:
    """Fit and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.truth.calibrate", description=__doc__)
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT")
    parser.add_argument("--data", required=True, help="what they were made from, in words")
    asked = parser.parse_args()
    told = [each for path in asked.reports for each in told_in(json.loads(path.read_text()))]
    best = fitted(told)
    sys.stdout.write(yaml.safe_dump(record(told, best, asked.data), sort_keys=False, width=98))
    return 0


def told_in(report: dict[str, Any]) -> list[Told]:
    """Return what was told of the faulty cases of a report."""
    return [
        Told({c["node"]: c["probability"] for c in case["causes"]}, frozenset(case["root_cause"]))
        for case in report["each"]
        if case["root_cause"] and case["causes"]
    ]


def fitted(told: Sequence[Told]) -> float:
    """Return the sharpness of least log loss, in steps."""
    steps = [round(1.0 + STEP * number, 2) for number in range(int((HIGHEST - 1.0) / STEP) + 1)]
    return min(steps, key=lambda sharpness: log_loss(told, sharpness))


def log_loss(told: Sequence[Told], sharpness: float) -> float:
    """Return the mean of minus the logarithm of the probability of what was true, in nats."""
    return -math.fsum(math.log(each.probability(sharpness)) for each in told) / len(told)


def record(told: Sequence[Told], sharpness: float, data: str) -> dict[str, Any]:
    """Return a calibration with its provenance."""
    firsts = {at: [each.first(at) for each in told] for at in (1.0, sharpness)}
    return {
        "version": 1,
        "sharpness": sharpness,
        "fit": {
            "by": "python -m benchmarks.truth.calibrate",
            "data": data,
            "incidents": len(told),
            "right": sum(right for _, right in firsts[1.0]),
            "log_loss": [round(log_loss(told, at), 4) for at in (1.0, sharpness)],
            "ece": [round(calibration_error(firsts[at]) or 0.0, 4) for at in (1.0, sharpness)],
        },
    }


if __name__ == "__main__":
    sys.exit(main())
