"""Records in, batches and rejected records out; every thing in exactly one bucket."""

import json

from hypothesis import given
from hypothesis import strategies as st

from adapt_samples import samples
from pipeline.adapt.formats import FORMATS
from pipeline.adapt.intake import Intake, Taken
from pipeline.broker.message import Message
from pipeline.ingest.files import MAX_LINE_BYTES
from pipeline.ingest.route import Router
from pipeline.records import Batch
from topology.load import load
from topology.versions import Timeline

ROUTER = Router([Timeline.of([load("jupyterhub-openshift", {})])])
LOG = {
    "@timestamp": 1772446504.5,
    "log": "refused\n",
    "kubernetes": {"pod_name": "jupyterhub-124-x7k2p", "namespace_name": "opf-jupyterhub"},
}
VALUES = [parameter.values[0].value for parameter in samples()]


def intake(**decoders: str) -> Intake:
    named = {topic: FORMATS[name] for topic, name in (decoders or {"t": "auto"}).items()}
    return Intake(source="adapt-x", decoders=named, router=ROUTER)


def message(value: bytes | None, **more: object) -> Message:
    fields = {"topic": "t", "partition": 3, "offset": 17, "key": b"k"} | more
    return Message(value=value, **fields)  # type: ignore[arg-type]  # given by the tests


def adds_up(counts: dict[str, int]) -> bool:
    lines = counts["observations"] + counts["blank"] + counts["rejected"]
    return counts["lines"] == lines and (
        counts["observations"] == counts["published"] + counts["unmapped"]
    )


def batches(one: Intake, taken: Taken) -> list[Batch]:
    return [*taken.batches, *one.flush()]


def test_an_observation_goes_to_its_node() -> None:
    one = intake()
    (batch,) = batches(one, one.record(message(json.dumps(LOG).encode())))
    assert (batch.source, batch.node, batch.signal) == ("adapt-x", "jupyterhub/hub", "log")


def test_what_no_application_knows_is_counted() -> None:
    one = intake()
    taken = one.record(message(json.dumps(LOG | {"kubernetes": {}}).encode()))
    assert batches(one, taken) == []
    assert (one.counts["unmapped"], one.counts["published"]) == (1, 0)
    assert len(taken.times) == 1


def test_a_rejected_record_keeps_bytes_key_headers_and_place() -> None:
    headers = (("trace", b"\x00\xff"),)
    (rejected,) = intake().record(message(b"{broken", headers=headers)).rejected
    assert (rejected.value, rejected.key, rejected.headers) == (b"{broken", b"k", headers)
    assert (rejected.where, rejected.code) == ("t/3@17", "not-json")


def test_an_envelope_beyond_the_bound_is_left_off_and_it_is_told() -> None:
    (rejected,) = intake().record(message(b"{broken", key=b"k" * 300_000)).rejected
    assert rejected.key is None
    assert "300000 bytes" in rejected.what


def test_a_rejected_record_beyond_a_message_comes_in_parts() -> None:
    value = b"{" + b"x" * 1_300_000
    parts = intake().record(message(value)).rejected
    assert b"".join(part.value for part in parts) == value
    assert [(part.part, part.last) for part in parts] == [(1, False), (2, False), (3, True)]


def test_an_observation_that_no_message_could_carry_is_rejected() -> None:
    one = intake()
    record = LOG | {"log": "\x01" * (MAX_LINE_BYTES // 6 + 100)}
    taken = one.record(message(json.dumps(record).encode()))
    assert batches(one, taken) == []
    assert {part.code for part in taken.rejected} == {"too-long"}
    assert adds_up(one.counts)


def test_one_bad_thing_does_not_keep_the_others_back() -> None:
    good = {"timeUnixNano": "1772446504000000000", "body": {"stringValue": "x"}}
    place = [
        {"key": "k8s.pod.name", "value": {"stringValue": "jupyterhub-124-x7k2p"}},
        {"key": "k8s.namespace.name", "value": {"stringValue": "opf-jupyterhub"}},
    ]
    records = [good, {"body": {"stringValue": "y"}}, good]
    scope = {"resource": {"attributes": place}, "scopeLogs": [{"logRecords": records}]}
    one = intake()
    taken = one.record(message(json.dumps({"resourceLogs": [scope]}).encode()))
    assert taken.rejected[0].what.startswith("1 in it cannot be used: no time")
    assert (one.counts["published"], one.counts["rejected"], one.counts["lines"]) == (2, 1, 3)


def test_a_bug_in_a_decoder_does_not_stop_the_flow() -> None:
    one = Intake(source="s", decoders={"t": lambda value: 1 // 0}, router=ROUTER)  # type: ignore[arg-type,return-value]  # noqa: ARG005 - a bug
    (rejected,) = one.record(message(b"x")).rejected
    assert (rejected.code, rejected.what) == (
        "failed",
        "ZeroDivisionError: integer division or modulo by zero",
    )


def test_what_waits_is_forgotten_with_its_counts() -> None:
    one = intake()
    one.record(message(json.dumps(LOG).encode()))
    one.restart({"lines": 5, "observations": 5, "published": 5})
    assert one.flush() == []
    assert (one.counts["published"], one.counts["unmapped"]) == (5, 0)


@given(st.lists(st.sampled_from([*VALUES, b"", None, b"{", b"\n\x00"]), max_size=12))
def test_every_thing_is_in_exactly_one_bucket(values: list[bytes | None]) -> None:
    one = intake()
    published = 0
    for value in values:
        taken = one.record(message(value))
        published += sum(len(batch.observations) for batch in taken.batches)
        assert adds_up(one.counts)
    published += sum(len(batch.observations) for batch in one.flush())
    assert published == one.counts["published"]
    assert one.counts["lines"] >= len(values) - one.counts["blank"]
