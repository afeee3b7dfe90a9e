"""Hypothesis strategies for what travels."""

from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

from hypothesis import strategies as st

from pipeline.records import SIGNALS, Batch, Event, Gap, GapReason, Log, Mark, Metric, Symptom

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(datetime(2000, 1, 3), datetime(2099, 12, 29), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive limits
WORDS = st.text(max_size=20)
MAYBE = st.none() | WORDS

LOGS = st.builds(Log, time=TIMES, node=MAYBE, namespace=MAYBE, pod=MAYBE, message=st.text())
EVENTS = st.builds(
    Event,
    time=TIMES,
    kind=WORDS,
    name=WORDS,
    reason=WORDS,
    message=WORDS,
    count=st.integers(1, 2**31 - 1),
    first_time=st.none() | TIMES,
)
METRICS = st.builds(
    Metric,
    time=TIMES,
    name=WORDS,
    value=st.floats(allow_nan=False, allow_infinity=False),
    labels=st.dictionaries(WORDS, WORDS, max_size=5),
    type=st.sampled_from([None, "gauge", "counter"]),
)
OBSERVATIONS = st.one_of(LOGS, EVENTS, METRICS)
BATCHES = st.one_of(
    st.builds(Batch, source=WORDS, node=WORDS, observations=st.lists(of, min_size=1, max_size=4))
    for of in (LOGS, EVENTS, METRICS)
)
MARKS = st.builds(
    Mark,
    source=WORDS,
    time=TIMES,
    feeds=st.just(("logs", "events", "metrics")),
    final=st.booleans(),
    counts=st.dictionaries(WORDS, st.integers(0, 2**40), max_size=4),
)
GAPS = st.builds(
    lambda ends, **fields: Gap(since=min(ends), until=max(ends), **fields),
    ends=st.tuples(TIMES, TIMES),
    source=WORDS,
    node=WORDS,
    signal=st.sampled_from(SIGNALS),
    lost=st.none() | st.integers(0, 2**40),
    reason=st.sampled_from(get_args(GapReason)),
    what=WORDS,
)
SYMPTOMS = st.builds(
    Symptom,
    id=WORDS,
    revision=st.integers(1, 2**40),
    symptom_class=st.sampled_from(["error", "availability"]),
    severity=st.sampled_from(["minor", "critical"]),
    state=st.sampled_from(["open", "closed"]),
    onset=TIMES,
    detected_at=TIMES,
    last_seen=TIMES,
    resolution_s=st.floats(0, 60),
    count=st.integers(1, 2**40),
    score=st.floats(0, 1e6),
    exemplars=st.lists(st.text(), max_size=3).map(tuple),
    implicates=st.just(()),
)
