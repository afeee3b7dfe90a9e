"""A clock is ahead when many incidents say so, and none that it need not be."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from correlate.conftest import START
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.partition import CorrelatePartition
from pipeline.correlate.settings import DAY_S
from pipeline.records import Incident, Mark, Symptom

Symptoms = Callable[..., Symptom]
HOUR_S = 3_600.0


def outages(
    model: Likelihood, symptom: Symptoms, late_s: list[float], machines: tuple[str, str]
) -> list[Incident]:
    """Return what is told of outages, one in six hours, in which the hub complains of its database.

    The first sign of the database itself is dated so much later.
    """
    core, told = CorrelatePartition(0, {"hub": model}, lateness_us=0), []
    for number, late in enumerate(late_s):
        at = number * DAY_S / 4
        hub = symptom("hub", at, at + 60, implicates={"db": 0.6}, cluster_nodes=(machines[1],))
        for each in (hub, symptom("db", at + late, at + 90, cluster_nodes=(machines[0],))):
            told += core.on_symptom("hub", each).incidents
        time = START + timedelta(seconds=at + 6 * HOUR_S - 1)
        told += core.on_mark(Mark(source="d", time=time, feeds=("d",))).incidents
    return told


def ahead(told: list[Incident]) -> list[float]:
    return [
        r.numbers["ahead_s"] for c in told[-1].causes for r in c.reasons if r.code == "clock-skew"
    ]


def test_what_all_agree_on_is_allowed_for(model: Likelihood, symptom: Symptoms) -> None:
    late_s = [30.0 + number % 3 for number in range(20)]
    told = outages(model, symptom, late_s, ("m1", "m2"))
    assert ahead(told[:1]) == []
    assert ahead(told) == [pytest.approx(30.0 - 2.1)]
    assert told[-1].causes[0].node == "db"


@pytest.mark.parametrize(
    ("late_s", "machines"),
    [
        ([30.0] * 9 + [1.0] + [30.0] * 10, ("m1", "m2")),  # once the order was right
        ([30.0] * 4, ("m1", "m2")),  # too few, and too lately
        ([30.0] * 20, ("m1", "m1")),  # one clock
    ],
)
def test_else_it_is_no_clock(
    model: Likelihood, symptom: Symptoms, late_s: list[float], machines: tuple[str, str]
) -> None:
    assert ahead(outages(model, symptom, late_s, machines)) == []
