"""The report as JSON, as metrics and in the terminal."""

import io
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from pipeline.coverage import Missed, Node, Report, Seen
from pipeline.coverage_forms import json_of, metrics_of
from pipeline.detect.coverage import Stretch
from pipeline.drawing_coverage import coverage_drawing
from pipeline.openmetrics import Family, text_of
from pipeline.records import instant

START = 1_772_446_504_120_000
GAP = Stretch(START, START + 30_000_000, 2, 41, 1)
LOSS = Missed(reason="rate-limited", total=GAP, stretches=(GAP,), older=None)
LOGS = Seen(
    signal="log", declared=True, first=START, last=START + 5, observations=12, missed=(LOSS,)
)
EVENTS = Seen(signal="event", declared=True)
REPORT = Report(
    watermark=START + 60_000_000,
    nodes=(
        Node(id="cloud", applications=("shop",), signals=()),
        Node(id='odd "name"\n', applications=("shop",), signals=(LOGS, EVENTS)),
        Node(id="shop/old", applications=(), signals=(LOGS,)),
    ),
    dark_edges=(),
)


def samples(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            yield sample.name, dict(sample.labels), sample.value


def test_json_says_what_the_report_says() -> None:
    told = json.loads(json.dumps(json_of(REPORT)))
    logs = told["nodes"][1]["signals"]["log"]
    assert told["watermark"] == "2026-03-02T10:16:04.120000Z"
    assert told["blind"] == [{"node": 'odd "name"\n', "signal": "event"}]
    assert (logs["lost"], logs["uncounted_gaps"], logs["gaps"][0]["gaps"]) == (41, 1, 2)
    assert logs["gaps"][0]["stretches"][0]["until"] == "2026-03-02T10:15:34.120000Z"


def test_prometheus_reads_the_metrics() -> None:
    found = list(samples(text_of(metrics_of(REPORT))))
    odd = {"node": 'odd "name"\n', "signal": "log"}
    assert ("aftershock_coverage_observations_total", odd, 12.0) in found
    assert ("aftershock_coverage_lost_total", odd, 41.0) in found
    assert ("aftershock_coverage_last_seen_timestamp_seconds", odd, (START + 5) / 1e6) in found
    assert ("aftershock_coverage_blind", odd | {"signal": "event"}, 1.0) in found
    assert ("aftershock_coverage_gaps_total", odd | {"reason": "rate-limited"}, 2.0) in found


def test_strict_readers_of_openmetrics_read_the_metrics_too() -> None:
    families = list(openmetrics.text_string_to_metric_families(text_of(metrics_of(REPORT))))
    assert {family.type for family in families} == {"gauge", "counter"}
    assert [family.name for family in families] == [family.name for family in metrics_of(REPORT)]


@given(st.dictionaries(st.sampled_from("abc"), st.text()), st.integers(0, 2**53))
def test_any_label_and_number_comes_back(labels: dict[str, str], value: int) -> None:
    family = Family(name="n", type="gauge", help="h", samples=[(labels, value)])
    (read,) = openmetrics.text_string_to_metric_families(text_of([family]))
    assert [(sample.labels, sample.value) for sample in read.samples] == [(labels, value)]


@pytest.mark.parametrize(
    "shown",
    [
        "nodes: 3; blind spots: 1; event time has come to 2026-03-02 10:16:04Z, 1 h before now",
        "cloud declared as one that cannot be seen",
        "event 0 never came",
        "41+ rate-limited 2×, last from 2026-03-02 10:15:04Z to 2026-03-02 10:15:34Z",
        "in no topology",
        '"name" log 2026-03-02 10:15:04Z 2026-03-02 10:15:04Z 1 min 12',
    ],
)
def test_a_person_is_told(shown: str) -> None:
    out = Console(file=io.StringIO(), width=300)
    out.print(coverage_drawing(REPORT, instant(START + 3_660_000_000)))
    assert shown in " ".join(out.file.getvalue().split())
