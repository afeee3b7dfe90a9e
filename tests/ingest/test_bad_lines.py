"""Every bad line is rejected with its place, its reason and its bytes; reading goes on."""

from pathlib import Path

import pytest

from ingest_reading import GOOD, read

LOG = b'{"signal":"log","message":"x","time":'
METRIC = b'{"signal":"metric","time":"2026-03-02T10:15:04Z","name":"n","value":'
EVENT = b'{"signal":"event","time":"2026-03-02T10:15:04Z","kind":"Pod","name":"n","reason":"r"'

BAD = {
    b'{"signal":"log",': ("not-json", "not JSON: "),
    b"\xff\xfe": ("not-utf8", "not UTF-8: byte 0xff at column 1"),
    b'{"signal":"log","message":"\xc3"}': ("not-utf8", "at column 28"),
    GOOD + b" x": ("not-json", "trailing characters"),
    b'{"a":' * 100_000: ("not-json", "recursion limit"),
    b"[]": ("invalid", "object"),
    b"{}": ("invalid", "signal: "),
    b'{"signal":"trace"}': ("invalid", "signal: "),
    b'{"signal":"log","message":"x"}': ("invalid", "time: Field required"),
    LOG + b'"2026-03-02T10:15:04"}': ("invalid", "time: "),
    LOG + b"1772446504}": ("invalid", "time: "),
    LOG + b'"0001-01-01T00:00:00Z"}': ("invalid", "time: "),
    LOG + b'"9999-12-31T23:59:59-23:00"}': ("invalid", "time: "),
    LOG + b"NaN}": ("invalid", "time: "),
    METRIC + b"NaN}": ("invalid", "value: "),
    METRIC + b'"1.5"}': ("invalid", "value: "),
    METRIC + b"1" + b"0" * 400 + b"}": ("invalid", "value: "),
    METRIC + b'1,"labels":{"a":1}}': ("invalid", "labels.a: "),
    EVENT + b',"count":0}': ("invalid", "count: "),
    EVENT + b',"count":1' + b"0" * 30 + b"}": ("invalid", "count: "),
    EVENT + b',"count":1' + b"0" * 9000 + b"}": ("not-json", "number out of range"),
    b'{"signal":"log","time":"2026-03-02T10:15:04Z","message":"\\ud800"}': ("not-json", "escape"),
}


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: repr(bad[:60]))
def test_a_bad_line_is_rejected_and_its_neighbours_are_kept(tmp_path: Path, bad: bytes) -> None:
    (tmp_path / "f.jsonl").write_bytes(b"\n".join([GOOD, bad, GOOD]))
    messages, rejected, _ = read(tmp_path)
    code, what = BAD[bad]
    assert messages == ["good", "good"]
    assert [(found.code, found.where) for found in rejected] == [
        (code, f"{tmp_path / 'f.jsonl'}:2")
    ]
    assert what in rejected[0].what
    assert b"".join(found.value for found in rejected) == bad


@pytest.mark.parametrize("bad", [b'{"signal":"\x1b[2J%s"}' % (b"x" * 9000), b"\x1b" * 9, b"{}"])
def test_a_reason_is_one_short_line_without_control_characters(tmp_path: Path, bad: bytes) -> None:
    (tmp_path / "f").write_bytes(bad)
    _, rejected, _ = read(tmp_path / "f")
    assert rejected[0].what.isprintable()
    assert len(rejected[0].what) < 300


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + GOOD,
        GOOD + b"\r\n\r\n",
        b"\n \n" + GOOD,
        GOOD.replace(b'"signal"', b'"signal":"event","signal"'),
        GOOD.replace(b"{", b'{"new":{"field":[1]},'),
    ],
    ids=["bom", "crlf", "blank lines", "duplicate key", "unknown field"],
)
def test_harmless_peculiarities_are_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f").write_bytes(content)
    messages, rejected, _ = read(tmp_path / "f")
    assert (messages, rejected) == (["good"], [])


def test_a_line_separator_inside_a_string_is_text(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(GOOD.replace(b"good", "a\u2028b\x85c".encode()))
    assert read(tmp_path / "f")[0] == ["a\u2028b\x85c"]


def test_an_empty_file_has_nothing_in_it(tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").touch()
    messages, rejected, reader = read(tmp_path / "f.jsonl")
    assert (messages, rejected, reader.counts["lines"]) == ([], [], 0)
