"""What each format's records become: recorded samples as contract, and bytes of all kinds."""

import json
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from adapt_samples import Sample, plain, samples
from pipeline.adapt.decoded import Decoded, Undecodable
from pipeline.adapt.formats import FORMATS, decode_any, decoder_of
from pipeline.errors import UsageError

REQUESTS = {"otlp-logs": ExportLogsServiceRequest, "otlp-metrics": ExportMetricsServiceRequest}
ALL = [parameter.values[0] for parameter in samples()]


def given_by(sample: Sample, decoded: Decoded) -> None:
    """Check that it is what the sample says."""
    assert [plain(observation) for observation in decoded.observations] == sample.gives
    assert dict(decoded.left_out) == sample.left_out
    assert decoded.trouble == sample.bad


def as_protobuf(sample: Sample) -> bytes:
    request = json_format.ParseDict(sample.record, REQUESTS[sample.format]())
    return bytes(request.SerializeToString())


@pytest.mark.parametrize("sample", samples())
def test_a_record_gives_what_it_says(sample: Sample) -> None:
    if sample.gives is None:
        with pytest.raises(Undecodable) as refused:
            decoder_of(sample.format)(sample.value)
        assert refused.value.what == sample.rejected
    else:
        given_by(sample, decoder_of(sample.format)(sample.value))


@pytest.mark.parametrize("sample", samples())
def test_its_shape_tells_the_format(sample: Sample) -> None:
    if sample.gives is None:
        with pytest.raises(Undecodable):
            decode_any(sample.value)
    else:
        given_by(sample, decode_any(sample.value))


@pytest.mark.parametrize("sample", [s for s in samples() if s.values[0].format in REQUESTS])
@pytest.mark.parametrize("name", ["its own", "otlp-protobuf", "auto"])
def test_protobuf_gives_what_json_gives(sample: Sample, name: str) -> None:
    value = as_protobuf(sample)
    if name == "its own":
        given_by(sample, decoder_of(sample.format)(value))
    elif sample.gives:  # what holds nothing usable may be taken for the other kind
        given_by(sample, decoder_of(name)(value))


def test_protobuf_that_begins_like_json_is_protobuf() -> None:
    sample = next(s for s in ALL if s.format == "otlp-logs" and s.gives)
    record = json.loads(sample.value)
    del record["resourceLogs"][0]["resource"]
    (log,) = record["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    for length in range(200):
        log["body"] = {"stringValue": "x" * length}
        value = as_protobuf(sample._replace(record=record))
        assert len(decode_any(value).observations) == 1, value[:2]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("value", "code"),
    [(b"{broken", "not-json"), (b'{"a": "\xff"}', "not-utf8"), (b"[1]", "invalid")],
)
def test_a_bad_record_is_told_in_one_line(name: str, value: bytes, code: str) -> None:
    with pytest.raises(Undecodable) as refused:
        decoder_of(name)(value)
    assert refused.value.what.isprintable()
    if name not in {"otlp-logs", "otlp-metrics", "otlp-protobuf"} or value[:1] == b"{":
        assert refused.value.code in {code, "invalid"}


@given(st.sampled_from(sorted(FORMATS)), st.binary(max_size=200))
def test_no_bytes_fail_in_any_other_way(name: str, value: bytes) -> None:
    decode_calmly(name, value)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(st.data(), st.sampled_from(ALL), ANYTHING)
def test_no_record_with_something_odd_in_it_fails_in_any_other_way(
    data: st.DataObject, sample: Sample, odd: object
) -> None:
    record = json.loads(sample.value)
    put(data, record, odd)
    value = json.dumps(record).encode()
    for name in (sample.format, "auto", data.draw(st.sampled_from(sorted(FORMATS)))):
        decode_calmly(name, value)


@given(st.data(), st.sampled_from([s for s in ALL if s.format in REQUESTS]))
def test_no_damaged_protobuf_fails_in_any_other_way(data: st.DataObject, sample: Sample) -> None:
    value = bytearray(as_protobuf(sample))
    for _ in range(data.draw(st.integers(1, 4))):
        if value:
            value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    for name in (*REQUESTS, "otlp-protobuf", "auto"):
        decode_calmly(name, bytes(value))


def decode_calmly(name: str, value: bytes) -> None:
    """Decode; anything but the one exception fails the test."""
    try:
        decoded = decoder_of(name)(value)
    except Undecodable as refused:
        decoded = Decoded(bad=1, trouble=refused.what)
    assert bool(decoded.bad) == bool(decoded.trouble)
    assert "\n" not in decoded.trouble


def put(data: st.DataObject, inside: Any, odd: object) -> None:  # noqa: ANN401 - any JSON
    """Put something odd in place of something at any depth."""
    while True:
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if not isinstance(inside[key], dict | list) or data.draw(st.booleans()):
            inside[key] = odd
            return
        inside = inside[key]


def test_the_key_of_the_time_may_be_named() -> None:
    decoded = decoder_of("fluent-bit:when")(b'{"when": 1772446504.5, "log": "x", "time": "odd"}')
    assert plain(decoded.observations[0])["time"] == "2026-03-02T10:15:04.500000Z"


@pytest.mark.parametrize("number", ["1772446504", "1772446504000", "1772446504000000000"])
def test_a_number_is_a_time_in_any_usual_unit(number: str) -> None:
    (log,) = decode_any(b'{"log": "x", "@timestamp": %s}' % number.encode()).observations
    assert plain(log)["time"] == "2026-03-02T10:15:04Z"


@pytest.mark.parametrize("name", ["splunk", "vector:key", "fluent-bit:", ""])
def test_an_unknown_format_is_one_clear_line(name: str) -> None:
    with pytest.raises(UsageError, match="choose from auto, fluent-bit"):
        decoder_of(name)
