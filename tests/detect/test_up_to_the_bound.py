"""Law 3 where there are as many kinds of trouble at a node as are told apart."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detect_laws import COURSES, NODE, Course, at, run
from pipeline.detect.detector import Detector
from pipeline.detect.pack import SignaturePack
from pipeline.detect.registry import NodeDetectors
from pipeline.detect.settings import DetectSettings
from pipeline.records import Log

Narrow = Detector[Any]
KINDS = ("bad", "mad", "sad", "odd", "wet", "raw", "hot", "shy")


def _lines(seed: int, kinds: int) -> list[Log]:
    """Errors of so many kinds within two minutes."""
    dice = Random(seed)
    form = "[E 2026-03-02 10:00:00.000 JupyterHub x:1] something is {}"
    times = sorted(dice.uniform(0, 120) for _ in range(40))
    chosen = [*KINDS[:kinds], *dice.choices(KINDS[:kinds], k=40 - kinds)]
    return [
        Log(time=at(time), message=form.format(one))
        for time, one in zip(times, chosen, strict=True)
    ]


@pytest.fixture(scope="module")
def narrow(pack: SignaturePack) -> Narrow:
    return NodeDetectors(pack, DetectSettings(max_fingerprints=4)).at("log", NODE)


@given(st.integers(0, 10**6), COURSES)
def test_up_to_the_bound_the_course_makes_no_difference(
    narrow: Narrow, seed: int, course: Course
) -> None:
    told, again = run(narrow, _lines(seed, 4)), run(narrow, _lines(seed, 4), course)
    assert (told.closed, told.counts) == (again.closed, again.counts)
    assert told.counts["overflow"] == 0


@given(st.integers(0, 10**6), COURSES)
def test_beyond_the_bound_what_is_kept_is_bounded_and_all_is_counted(
    narrow: Narrow, seed: int, course: Course
) -> None:
    told = run(narrow, _lines(seed, 8), course)  # which checks that the counts add up
    assert told.counts["overflow"] > 0
    assert len({symptom.fingerprint for symptom in told.symptoms}) <= 4
