"""Lists of objects: one after another, bad ones with their place, in bounded memory."""

import gzip
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import dumping
from ingest_reading import read
from pipeline.ingest.jsonstream import Item, json_objects
from pipeline.ingest.yamlstream import yaml_objects
from pipeline.records import Event
from scenarios.timeline import START

EVENT = Event(
    time=START,
    namespace="n",
    kind="Pod",
    name="p",
    reason="Killing",
    message="good",
    source_uid="u",
)
GOOD = dumping.event_object(EVENT)
OTHER = dumping.event_object(EVENT.model_copy(update={"source_uid": "v", "message": "other"}))
BAD = {**GOOD, "reason": None}

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(values, max_size=5), st.integers(1, 9), st.sampled_from([None, 4]))
def test_a_list_gives_its_elements_however_the_text_is_cut(
    elements: list[Any], size: int, indent: int | None
) -> None:
    text = json.dumps({"a": [1, {}], "items": elements, "z": "]"}, indent=indent) * 2
    pieces = (text[at : at + size] for at in range(0, len(text), size))
    found = list(json_objects(pieces))
    assert [one.value for one in found if isinstance(one, Item)] == elements * 2
    assert [json.loads(one.text) for one in found if isinstance(one, Item)] == elements * 2


@pytest.mark.parametrize("form", [dumping.as_json, dumping.as_yaml])
def test_a_bad_object_is_rejected_with_its_line_and_text(
    tmp_path: Path, form: Callable[[object], str]
) -> None:
    content = form(dumping.as_list([GOOD, BAD, OTHER]))
    file = dumping.write(tmp_path / "events", content)
    messages, rejected, reader = read(file)
    (told,) = rejected
    line = int(told.where.removeprefix(f"{file}:"))
    assert messages == ["good", "other"]
    assert (told.code, told.what.split(":")[:2]) == ("invalid", ["event object", " reason"])
    begins = told.value.decode().strip().split("\n")[0]
    assert begins == content.split("\n")[line - 1].strip()
    assert reader.counts["lines"] == 3


def test_json_that_breaks_off_is_rejected_from_there_on(tmp_path: Path) -> None:
    whole = dumping.as_json(dumping.as_list([GOOD, OTHER]))
    cut = whole.index('"other"')
    file = dumping.write(tmp_path / "events.json", whole[:cut])
    messages, rejected, _ = read(file)
    assert messages == ["good"]
    assert [(told.code, told.what[:9]) for told in rejected] == [("not-json", "not JSON:")]
    assert whole[:cut].endswith(rejected[0].value.decode())
    assert rejected[0].value.startswith(b"{\n")


def test_after_bad_json_the_next_document_is_read(tmp_path: Path) -> None:
    stream = dumping.as_json(GOOD) + '{"kind": "Event", oops}\n' + dumping.as_json(OTHER)
    file = dumping.write(tmp_path / "watch.json", stream)
    messages, rejected, _ = read(file)
    line = dumping.as_json(GOOD).count("\n") + 1
    assert messages == ["good", "other"]
    assert [(told.code, told.where) for told in rejected] == [("not-json", f"{file}:{line}")]
    assert rejected[0].value in (b"oops}", b'{"kind": "Event", oops}')


def test_a_bad_element_of_yaml_does_not_spoil_its_neighbours(tmp_path: Path) -> None:
    good = dumping.as_yaml(dumping.as_list([GOOD, OTHER]))
    content = good.replace("items:\n", "items:\n- kind: Event\n  reason: {[\n")
    file = dumping.write(tmp_path / "events.yaml", content)
    messages, rejected, _ = read(file)
    assert messages == ["good", "other"]
    assert [(told.where, told.value) for told in rejected] == [
        (f"{file}:4", b"- kind: Event\n  reason: {[\n")
    ]
    assert rejected[0].what.startswith("not YAML: ")


@pytest.mark.parametrize(
    "yaml",
    [
        "apiVersion: v1\nitems:\n  - kind: A\n    list:\n      - x\n  - kind: B\nkind: List\n",
        "- kind: A\n  list:\n  - x\n- kind: B\n",
        "---\nkind: A\nlist:\n- x\n---\nkind: B\n...\n",
        "# x\nitems:\n- kind: A\n  text: |\n    items:\n    - y\n-\n  kind: B\nmetadata:\n  a: b\n",
    ],
    ids=["indented", "bare list", "documents", "block scalar"],
)
def test_objects_of_yaml_are_found_in_every_layout(yaml: str) -> None:
    found = list(yaml_objects(line.encode() for line in yaml.split("\n")))
    assert [one.value["kind"] for one in found if isinstance(one, Item)] == ["A", "B"]
    assert len(found) == 2


def test_an_object_beyond_the_limit_is_rejected_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    huge = "".join(f"  m{n}: {'x' * 90}\n" for n in range(60_000))
    content = dumping.as_yaml(dumping.as_list([GOOD])).replace(
        "items:\n", f"items:\n- kind: Event\n{huge}"
    )
    file = dumping.write(tmp_path / "events.yaml", content)
    messages, rejected, reader = read(file)
    assert messages == ["good"]
    assert {told.code for told in rejected} == {"too-long"}
    assert b"".join(told.value for told in rejected).decode() == f"- kind: Event\n{huge}"
    assert reader.counts["rejected"] == 1


def test_bytes_that_are_no_utf8_spoil_one_event_only(tmp_path: Path) -> None:
    content = dumping.as_json(dumping.as_list([GOOD, OTHER])).encode().replace(b"good", b"g\xffd")
    file = dumping.write(tmp_path / "events.json", content)
    messages, rejected, _ = read(file)
    assert messages == ["other"]
    assert b"g\xffd" in rejected[0].value


def test_half_a_surrogate_is_rejected_and_not_passed_on(tmp_path: Path) -> None:
    content = dumping.as_json(dumping.as_list([GOOD, OTHER])).replace('"good"', '"g\\ud800d"')
    messages, rejected, _ = read(dumping.write(tmp_path / "events.json", content))
    assert messages == ["other"]
    assert [told.code for told in rejected] == ["invalid"]


def test_a_cut_off_download_gives_all_events_before_the_cut(tmp_path: Path) -> None:
    events = [
        dumping.event_object(EVENT.model_copy(update={"source_uid": str(n)})) for n in range(200)
    ]
    packed = gzip.compress(dumping.as_json(dumping.as_list(events)).encode())
    file = dumping.write(tmp_path / "events.json.gz", packed[: len(packed) // 2])
    messages, rejected, _ = read(file)
    assert len(messages) > 50
    assert [told.code for told in rejected] == ["not-json", "unreadable"]


@pytest.mark.long
@pytest.mark.parametrize("indent", [True, False])
def test_a_large_list_is_never_in_memory_as_a_whole(tmp_path: Path, *, indent: bool) -> None:
    events = [{**GOOD, "metadata": {"uid": str(n), "x": "y" * 2000}} for n in range(5000)]
    text = (
        dumping.as_json(dumping.as_list(events)) if indent else json.dumps(dumping.as_list(events))
    )
    file = dumping.write(tmp_path / "events.json", text)
    size = len(text)
    del events, text
    tracemalloc.start()
    _, _, reader = read(file, sort_memory_bytes=1 << 18)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reader.counts["observations"] == 5000
    assert peak < size / 2
