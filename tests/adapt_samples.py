"""The recorded samples: one file a format, each with cases of a record and what it gives."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.records import Event, Log, Metric

_FOLDER = Path(__file__).parent / "adapt" / "samples"


class Sample(NamedTuple):
    """One record of a format, and what a decoder makes of it."""

    format: str
    record: dict[str, Any]
    gives: list[dict[str, Any]] | None
    left_out: dict[str, int]
    bad: str
    rejected: str

    @property
    def value(self) -> bytes:
        """The record as it lies in a topic."""
        return json.dumps(self.record, ensure_ascii=False).encode()


def samples() -> list[Any]:
    """Return all samples as parameters of a test, by format and title."""
    found = []
    for path in sorted(_FOLDER.glob("*.json")):
        for title, case in json.loads(path.read_text()).items():
            sample = Sample(
                format=case.get("format", path.stem),
                record=case["record"],
                gives=case.get("gives"),
                left_out=case.get("left_out", {}),
                bad=case.get("bad", ""),
                rejected=case.get("rejected", ""),
            )
            found.append(pytest.param(sample, id=f"{path.stem}: {title}"))
    return found


def plain(observation: Log | Event | Metric) -> dict[str, Any]:
    """Return an observation as the sample files have it."""
    return observation.model_dump(mode="json", exclude_none=True)
