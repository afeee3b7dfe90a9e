"""Files of recordings: whole, or not there."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard

from pipeline.errors import UsageError
from pipeline.simulate.writing import RecordingFile, new_folder

TIME = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
LINE = b'{"time":"2026-03-02T08:00:00Z","signal":"log","message":"hello"}\n'


def written(file: Path, count: int) -> RecordingFile:
    with RecordingFile(file, lambda _: None) as recording:
        for _ in range(count):
            recording.take(TIME, {"signal": "log", "message": "hello"})
    return recording


def test_all_records_are_written_and_counted(tmp_path: Path) -> None:
    recording = written(tmp_path / "a.jsonl", 10_000)
    assert (tmp_path / "a.jsonl").read_bytes() == LINE * 10_000
    assert recording.counts == {"log": 10_000}


def test_what_ends_in_zst_is_compressed(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl.zst", 10_000)
    packed = (tmp_path / "a.jsonl.zst").read_bytes()
    assert zstandard.ZstdDecompressor().decompressobj().decompress(packed) == LINE * 10_000


def test_what_was_broken_off_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), RecordingFile(tmp_path / "a.jsonl", lambda _: None):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    new_folder(tmp_path / "new" / "folder")
    new_folder(tmp_path / "new" / "folder")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is not empty; name a folder that does not exist yet"):
        new_folder(tmp_path)
    with pytest.raises(UsageError, match="is a file"):
        new_folder(tmp_path / "file")
    with pytest.raises(UsageError, match="Not a directory"):
        new_folder(tmp_path / "file" / "below")
