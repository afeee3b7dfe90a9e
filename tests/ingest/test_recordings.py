"""Which files are read, and one clear line where none can be."""

import os
from pathlib import Path

import pytest

from ingest_reading import GOOD, read
from pipeline.errors import UsageError
from pipeline.ingest.files import Reader


def test_a_folder_is_all_recordings_below_it_and_the_rest_is_counted(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("a.jsonl", "below/b.jsonl", "notes.txt", "below/labels.json"):
        (tmp_path / name).write_bytes(GOOD)
    messages, rejected, reader = read(tmp_path)
    assert (messages, rejected, reader.counts["ignored_files"]) == (["good", "good"], [], 2)


def test_a_file_that_is_named_is_read_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "recording").write_bytes(GOOD)
    assert read(tmp_path / "recording")[0] == ["good"]


def test_a_file_reached_twice_is_read_once(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(GOOD)
    (tmp_path / "b.jsonl").symlink_to(file)
    assert read(tmp_path, file, file)[0] == ["good"]


def test_a_pipe_can_be_read() -> None:
    source, sink = os.pipe()
    os.write(sink, GOOD)
    os.close(sink)
    assert read(Path(f"/dev/fd/{source}"))[0] == ["good"]
    os.close(source)


@pytest.mark.parametrize("missing", ["gone.jsonl", "empty", "a-file/below"])
def test_what_cannot_be_read_is_said_in_one_line_that_names_it(
    tmp_path: Path, missing: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a-file").write_bytes(b"")
    with pytest.raises(UsageError) as told:
        Reader([tmp_path / missing])
    assert str(told.value).startswith(f"{tmp_path / missing}: ")
    assert "\n" not in str(told.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").touch(mode=0)
    with pytest.raises(UsageError, match="may not be read"):
        Reader([tmp_path / "f.jsonl"])


def test_a_file_that_goes_away_before_it_is_read_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "f.jsonl").write_bytes(GOOD)
    reader = Reader([tmp_path])
    (tmp_path / "f.jsonl").unlink()
    with pytest.raises(UsageError, match="cannot be opened"):
        list(reader)


def test_naming_nothing_is_said_in_one_line() -> None:
    with pytest.raises(UsageError, match="no recordings were named"):
        Reader([])


def test_progress_ends_at_the_size_of_all_files(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_bytes(GOOD)
    seen: list[tuple[int, int]] = []
    list(Reader([tmp_path], on_progress=lambda done, total: seen.append((done, total))))
    assert seen == [(len(GOOD), 2 * len(GOOD)), (2 * len(GOOD), 2 * len(GOOD))]
