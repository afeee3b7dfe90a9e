"""Compressed, damaged and over-long: what was good before is kept, memory stays small."""

import gzip
import tracemalloc
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ingest_reading import GOOD, read
from pipeline.ingest.files import Reader
from pipeline.ingest.lines import BrokenStream, plain, split_lines
from pipeline.rejection import PART_BYTES, LongPart

COMPRESS = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress, "plain": bytes}
TEXT = GOOD + b"\n" + GOOD


def joined(pieces: list[bytes | LongPart]) -> bytes:
    out = b""
    for piece in pieces:
        last = not isinstance(piece, LongPart) or piece.last
        out += (piece.content if isinstance(piece, LongPart) else piece) + b"\n" * last
    return out


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(1, 30))
def test_how_bytes_are_cut_into_chunks_makes_no_difference(chunks: list[bytes], limit: int) -> None:
    whole = b"".join(chunks)
    pieces = list(split_lines(chunks, limit))
    assert pieces == list(split_lines([whole], limit))
    assert joined(pieces) in (whole, whole + b"\n")


@pytest.mark.parametrize("form", COMPRESS)
@given(data=st.data())
def test_compression_is_told_by_the_bytes(form: str, data: st.DataObject) -> None:
    """Whatever the chunks are, and however many members follow each other."""
    members = data.draw(st.lists(st.binary(max_size=99), min_size=1, max_size=4))
    content = b"".join(COMPRESS[form](b"{" + member) for member in members)
    step = data.draw(st.integers(1, 50))
    chunks = [content[start : start + step] for start in range(0, len(content), step)]
    assert b"".join(plain(chunks)) == b"".join(b"{" + member for member in members)


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_a_file_cut_off_keeps_what_was_before_and_rejects_the_rest(
    tmp_path: Path, form: str
) -> None:
    lines = b"".join(
        GOOD.replace(b"good", b"%032x" % (n * 0x9E3779B97F4A7C15)) + b"\n" for n in range(9999)
    )
    content = COMPRESS[form](lines)
    (tmp_path / "cut").write_bytes(content[: len(content) // 2])
    messages, rejected, reader = read(tmp_path / "cut")
    assert len(messages) > 100
    assert [found.code for found in rejected] == ["unreadable"]
    assert rejected[0].where == f"{tmp_path / 'cut'}:{reader.counts['lines']}"
    assert GOOD.startswith(rejected[0].value[:20])


def test_any_cut_of_a_compressed_file_is_noticed() -> None:
    for compress in (COMPRESS["gzip"], COMPRESS["zstd"]):
        content = compress(TEXT)
        for end in range(4, len(content)):
            with pytest.raises(BrokenStream):
                list(plain([content[:end]]))


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_damaged_data_is_rejected(tmp_path: Path, form: str) -> None:
    (tmp_path / "f").write_bytes(COMPRESS[form](TEXT)[:12] + b"\xff" * 50)
    messages, rejected, _ = read(tmp_path / "f")
    assert messages == []
    assert [found.code for found in rejected] == ["unreadable"]


def test_gzip_padding_is_no_damage(tmp_path: Path) -> None:
    (tmp_path / "f.jsonl.gz").write_bytes(gzip.compress(TEXT) + bytes(512))
    assert read(tmp_path / "f.jsonl.gz")[0] == ["good", "good"]


@pytest.mark.parametrize("size", [PART_BYTES, PART_BYTES + 1, 5 * PART_BYTES, 5 * PART_BYTES + 7])
def test_a_line_too_long_comes_in_numbered_parts_with_all_its_bytes(
    tmp_path: Path, size: int
) -> None:
    (tmp_path / "f").write_bytes(GOOD + b"\n" + b"x" * size + b"\n" + GOOD)
    messages, rejected, reader = read(tmp_path / "f", max_line_bytes=1000)
    assert (messages, reader.counts["rejected"]) == (["good", "good"], 1)
    assert {(found.code, found.where) for found in rejected} == {
        ("too-long", f"{tmp_path / 'f'}:2")
    }
    assert [found.part for found in rejected] == list(range(1, len(rejected) + 1))
    assert [found.last for found in rejected] == [False] * (len(rejected) - 1) + [True]
    assert max(len(found.value) for found in rejected) <= PART_BYTES
    assert b"".join(found.value for found in rejected) == b"x" * size


@pytest.mark.long
@pytest.mark.parametrize("form", ["zstd", "gzip"])
def test_a_line_made_to_fill_the_memory_does_not(tmp_path: Path, form: str) -> None:
    """Half a gigabyte in one line, in some kilobytes of file."""
    (tmp_path / "bomb").write_bytes(COMPRESS[form](bytes(500_000_000)))
    parts = 0

    def count(_: object) -> None:
        nonlocal parts
        parts += 1

    tracemalloc.start()
    list(Reader([tmp_path / "bomb"], on_rejected=count))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert parts == 500_000_000 // PART_BYTES + 1
    assert peak < 150_000_000


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that fails to read")
def test_a_file_that_fails_while_it_is_read_is_rejected() -> None:
    messages, rejected, _ = read(Path("/proc/self/mem"))
    assert messages == []
    assert [(found.code, found.where) for found in rejected] == [("unreadable", "/proc/self/mem:1")]
    assert "cannot be read any further" in rejected[0].what
