"""What is particular to the file store."""

import sqlite3
from pathlib import Path

import pytest

from incident_values import incident
from pipeline.errors import AftershockError, BrokenWorld, UsageError
from pipeline.store import Query, open_store


def one_line(trouble: pytest.ExceptionInfo[AftershockError]) -> str:
    text = str(trouble.value)
    assert "\n" not in text
    return text


def test_three_slashes_are_relative_and_four_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///here.db").close()
    open_store(f"sqlite:///{tmp_path}/there.db").close()
    assert {"here.db", "there.db"} <= {file.name for file in tmp_path.iterdir()}


@pytest.mark.parametrize("url", ["", "incidents.db", "sqlite:///", "sqlite://x.db", "ftp://x"])
def test_what_is_no_store_is_told_with_what_to_write(url: str) -> None:
    with pytest.raises(UsageError) as trouble:
        open_store(url)
    assert "sqlite:///file.db" in one_line(trouble)


def test_a_reader_does_not_make_a_store(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        open_store(f"sqlite:///{tmp_path}/none.db", create=False)
    assert not list(tmp_path.iterdir())


def test_a_foreign_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE theirs (x)")
    other.close()
    before = file.read_bytes()
    with pytest.raises(UsageError) as trouble:
        open_store(f"sqlite:///{file}")
    assert "no store of ours" in one_line(trouble)
    assert file.read_bytes() == before


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "text.db"
    file.write_text("this is text, and long enough to look at\n" * 100)
    with pytest.raises(BrokenWorld) as trouble:
        open_store(f"sqlite:///{file}")
    assert str(file) in one_line(trouble)


def test_a_put_that_fails_keeps_nothing_of_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    store = open_store(url)
    with sqlite3.connect(tmp_path / "x.db") as other:
        other.execute(
            "CREATE TRIGGER full BEFORE INSERT ON incidents WHEN NEW.id = 'a2'"
            " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    other.close()
    with pytest.raises(BrokenWorld):
        store.put([incident("a1"), incident("a2")])
    assert list(store.list(Query())) == []
    store.put([incident("a3")])
    assert store.get("a3") == incident("a3")
    store.close()


def test_a_store_of_the_version_before_is_searched_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    store = open_store(url)
    store.put([incident("a1", title="the disk is full")])
    store.close()
    with sqlite3.connect(tmp_path / "x.db") as file:
        file.execute("ALTER TABLE incidents DROP COLUMN words")
        file.execute("PRAGMA user_version = 1")
    file.close()
    again = open_store(url, create=False)
    assert list(again.search("disk full", Query())) == [incident("a1", title="the disk is full")]
    again.close()
