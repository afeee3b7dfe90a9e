"""What comes out of recorded files depends on their lines alone."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.ingest.files import Reader
from pipeline.ingest.sorting import Sorter, entry, line_of
from pipeline.records import Rejected, micros

lines = st.one_of(
    st.builds(
        lambda ms, zone, text: (
            b'{"signal":"log","time":"2026-03-02T%s:00:00.%03d%s","message":"%s"}'
            % (b"10" if zone == b"Z" else b"12", ms, zone, text)
        ),
        st.integers(0, 20),
        st.sampled_from([b"Z", b"+02:00"]),
        st.sampled_from([b"a", b"b", "\u2028é".encode(), b"\\u0000"]),
    ),
    st.binary(max_size=30).map(lambda content: b"~" + content.replace(b"\n", b"")),
    st.sampled_from([b"", b"  ", b"{}", b'{"signal":"log"}', b"\xff"]),
)


def read(files: list[list[bytes]], memory: int) -> tuple[list[bytes], list[Rejected], Reader]:
    with tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate(files):
            (Path(folder) / f"{number}.jsonl").write_bytes(b"\n".join(content))
        rejected: list[Rejected] = []
        reader = Reader([folder], sort_memory_bytes=memory, on_rejected=rejected.append)
        return [found.model_dump_json().encode() for found in reader], rejected, reader


@given(st.data(), st.lists(lines, min_size=1, max_size=30), st.integers(0, 2000))
def test_order_of_lines_split_into_files_and_memory_make_no_difference(
    data: st.DataObject, content: list[bytes], memory: int
) -> None:
    shuffled = data.draw(st.permutations(content))
    cut = data.draw(st.integers(0, len(content)))
    plain, plain_rejected, _ = read([content], 1 << 20)
    split, split_rejected, _ = read([shuffled[:cut], shuffled[cut:]], memory)
    assert split == plain
    assert sorted(bad.value for bad in split_rejected) == sorted(
        bad.value for bad in plain_rejected
    )


@given(st.lists(lines, max_size=30))
def test_every_line_ends_in_exactly_one_bucket(content: list[bytes]) -> None:
    found, rejected, reader = read([content], 1 << 20)
    counts = reader.counts
    assert counts["lines"] == counts["observations"] + counts["rejected"] + counts["blank"]
    assert (len(found), len(rejected)) == (counts["observations"], counts["rejected"])


@given(st.lists(lines, max_size=30))
def test_observations_come_in_event_time_order(content: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f"
        path.write_bytes(b"\n".join(content))
        times = [micros(found.time) for found in Reader([path])]
    assert times == sorted(times)


@given(
    st.lists(st.tuples(st.integers(0, 10), st.binary(max_size=9)), max_size=200),
    st.integers(0, 3000),
)
def test_sorting_beyond_memory_is_sorting(found: list[tuple[int, bytes]], memory: int) -> None:
    """With little memory, more runs than may be open at once are written and merged."""
    entries = [entry(time, line.replace(b"\n", b"")) for time, line in found]
    with Sorter(memory) as sorter:
        for one in entries:
            sorter.add(one)
        assert list(sorter.merged()) == sorted(entries)


def test_an_entry_gives_its_line_back() -> None:
    assert line_of(entry(1_772_446_504_120_000, b'{"a":1}')) == b'{"a":1}'


def test_more_runs_than_may_be_open_are_merged_on_the_way() -> None:
    entries = [entry(n * 7919 % 1000, b"x") for n in range(1000)]
    with Sorter(0) as sorter:
        for one in entries:
            sorter.add(one)
        assert sorter.spilled > len(entries)
        assert list(sorter.merged()) == sorted(entries)


def test_no_room_to_spill_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with Sorter(0) as sorter, pytest.raises(UsageError, match="TMPDIR") as told:
        sorter.add(entry(1, b"x"))
    assert "\n" not in str(told.value)
