"""Each sample comes once, with its own time, whatever the answers that it was in."""

import random
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.metrics.answer import RawSeries
from pipeline.live.metrics.queries import Query
from pipeline.live.metrics.samples import Memory, Taken
from pipeline.live.metrics.windows import Window
from pipeline.records import Metric, instant, micros

START = 1_772_445_600
INTERVAL_S = 30.0


def at(seconds: float) -> datetime:
    return instant(round((START + seconds) * 1_000) * 1_000)


def memory(*, limit: int = 2_000, **fields: object) -> Memory:
    base = {"id": "q", "title": "Q", "kind": "select", "promql": "m", "limit": limit}
    return Memory(Query.model_validate(base | fields), frozenset({"replica"}), INTERVAL_S)


def raw(samples: dict[float, str], **labels: str) -> RawSeries:
    named = {"__name__": "m", **labels}
    return RawSeries(named, [(START + seconds, value) for seconds, value in samples.items()])


def take(of: Memory, *series: RawSeries, since: float = 0, until: float = 3_600) -> Taken:
    return of.take(series, Window(at(since), at(until)))


def seen(taken: Taken) -> list[tuple[float, float]]:
    return [((sample.time - at(0)).total_seconds(), sample.value) for sample in taken.samples]


_TIMES = st.lists(st.integers(0, 3_000_000), max_size=25, unique=True).map(sorted)
_SERIES = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), _TIMES), max_size=4)


def window_of(
    all_series: list[tuple[str, str, list[int]]], since: int, until: int
) -> list[RawSeries]:
    return [
        raw(
            {time / 1_000: str(time) for time in times if since <= time <= until},
            pod=pod,
            replica=who,
        )
        for pod, who, times in all_series
    ]


@given(
    series=_SERIES,
    cuts=st.lists(st.integers(1, 3_000_000), max_size=8).map(sorted),
    overlap=st.integers(0, 600_000),
)
def test_any_cut_into_overlapping_answers_gives_the_same_samples_once(
    series: list[tuple[str, str, list[int]]], cuts: list[int], overlap: int
) -> None:
    def read(ends: list[int]) -> list[Metric]:
        of, samples, since = memory(), list[Metric](), 0
        for until in [*ends, 3_000_000]:
            answer = window_of(series, since, until)
            random.Random(until).shuffle(answer)
            samples += of.take(answer, Window(at(since / 1_000), at(until / 1_000))).samples
            since = max(since, until - overlap)
        return sorted(samples, key=lambda sample: (sample.time, sample.labels["pod"]))

    whole = read([])
    assert read(cuts) == whole
    assert len({(sample.time, sample.labels["pod"]) for sample in whole}) == len(whole)


@given(times=_TIMES)
def test_a_series_alone_comes_whole(times: list[int]) -> None:
    taken = take(memory(), *window_of([("a", "x", times)], 0, 3_000_000))
    assert [micros(sample.time) for sample in taken.samples] == [
        START * 1_000_000 + time * 1_000 for time in times
    ]


def test_one_replica_is_believed_until_it_has_been_silent_for_two_intervals() -> None:
    first = raw({0: "1", 30: "1", 60: "1"}, replica="a")
    other = raw({t + 7: "2" for t in range(0, 300, 30)}, replica="b")
    taken = take(memory(), first, other)
    assert seen(taken) == [(0, 1), (30, 1), (60, 1), *((t, 2) for t in range(127, 300, 30))]
    assert {"replica" in sample.labels for sample in taken.samples} == {False}
    assert taken.counts["other_replica"] == 4


def test_a_slow_scrape_is_no_silence() -> None:
    slow = raw({0: "1", 60: "1", 120: "1", 180: "1"}, replica="a")
    other = raw({45: "2", 105: "2", 165: "2"}, replica="b")
    assert [value for _, value in seen(take(memory(), slow, other))] == [1, 1, 1, 1]


def test_what_is_no_number_is_left_out_and_counted() -> None:
    taken = take(memory(), raw({0: "NaN", 1: "+Inf", 2: "-Inf", 3: "1e+06", 4: "x"}))
    assert seen(taken) == [(3, 1e6)]
    assert taken.counts["not_a_number"] == 4


def test_native_histograms_are_counted() -> None:
    series = RawSeries({"__name__": "m"}, [], [b"[1, {}]"])  # type: ignore[list-item]
    assert take(memory(), series).counts["histograms"] == 1


def test_a_label_of_the_exporter_is_taken_off_and_still_tells_series_apart() -> None:
    of = memory(without=["id"])
    taken = take(of, raw({0: "5", 30: "6"}, pod="p", id="old"), raw({60: "1"}, pod="p", id="new"))
    assert seen(taken) == [(0, 5), (30, 6), (60, 1)]
    assert {tuple(sample.labels) for sample in taken.samples} == {("pod",)}


def test_the_exporters_own_word_goes_before_its_targets() -> None:
    of_exporter = {"pod": "exporter", "container": "main"}
    [sample] = take(memory(), raw({0: "1"}, **of_exporter, exported_pod="hub")).samples
    assert sample.labels == {"pod": "hub"}


def test_beyond_the_limit_always_the_same_series_are_kept() -> None:
    series = [raw({0: "1", 30: "2"}, pod=f"p{number}") for number in range(10)]
    of = memory(limit=4)
    kept = {sample.labels["pod"] for sample in take(of, *series[::-1]).samples}
    taken = take(memory(limit=4), *series)
    assert {sample.labels["pod"] for sample in taken.samples} == kept
    assert len(kept) == 4
    assert taken.counts["series_over_limit"] == len(taken.over) == 6
    assert taken.counts["samples_over_limit"] == 12


def test_replicas_count_once_towards_the_limit() -> None:
    pair = [raw({0: "1"}, pod="p", replica=who) for who in "ab"]
    assert take(memory(limit=1), *pair).counts["series_over_limit"] == 0


def test_names_say_what_is_a_counter_unless_the_query_does() -> None:
    def kind(name: str, **fields: object) -> str | None:
        [sample] = take(memory(**fields), raw({0: "1"}, __name__=name)).samples
        return sample.type

    assert [kind(name) for name in ("x_total", "x_count", "x_sum", "x_bucket")] == ["counter"] * 4
    assert kind("x_bytes") == "gauge"
    assert kind("pg_stat_activity_count", type="gauge") == "gauge"


def test_an_expression_makes_a_gauge_of_its_own_name_with_labels_of_its_own() -> None:
    of = memory(kind="expression", name="request_count", labels={"job": "api"})
    [sample] = take(of, raw({0: "1"}, job="x")).samples
    assert (sample.name, sample.labels, sample.type) == ("request_count", {"job": "api"}, "gauge")


def test_what_is_remembered_is_forgotten_with_its_series() -> None:
    of = memory()
    for hour in range(5):
        late = hour * 3_600.0
        take(of, raw({late: "1"}, pod=f"p{hour}"), since=late, until=late + 30)
    assert len(of._known) == 1  # noqa: SLF001 - the bound on memory is the law


def test_an_absurd_time_is_left_out_and_counted() -> None:
    taken = take(memory(), RawSeries({"__name__": "m"}, [(-1.0, "1"), (1e14, "1")]))
    assert taken.samples == []
    assert taken.counts["absurd_time"] == 2
