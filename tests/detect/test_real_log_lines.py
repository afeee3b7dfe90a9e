"""Real pod logs: at least 95 % of the lines are read to the right level and time.

What is right is told by a simple oracle of its own for each container, not by the parser.
"""

import re
from collections.abc import Iterator
from datetime import datetime

import pytest

from benchmarks.truth.case import DATA, data_folder
from pipeline.formats import FullTime, Level, TimeOfDay, parse

LOGS = data_folder() / "jupyterhub-logs" / "nebari-pods.txt"
LETTERS = {"D": "DEBUG", "I": "INFO", "W": "WARNING", "E": "ERROR", "C": "CRITICAL"}


def lines() -> Iterator[str]:
    """The log lines, without the file's own headings."""
    for line in LOGS.read_text(encoding="utf-8").split("\n"):
        is_heading = line.startswith(("# SOURCE", "=== ")) or line.count("\t") == 2
        if line and not is_heading:
            yield line


def level_word(line: str) -> str | None:
    """The first word among the line's first four that names a level; else none."""
    plain = re.sub(r"\x1b\[\d+m", "", line)
    if plain[:1] in " \t":
        return None
    if plain[0] == "[":
        return LETTERS.get(plain[1]) if plain[2:3] == " " else None
    for word in plain.replace(":", " ").split()[:8]:
        name = {"WARN": "WARNING"}.get(word.upper(), word.upper())
        if name in LETTERS.values() and word in (word.upper(), "info"):
            return name
    return None


def time_text(line: str) -> str | None:
    """The line's time as it would be written in full, or as a time of day."""
    plain = re.sub(r"\x1b\[\d+m", "", line)
    words = plain.split(" ")
    if plain.startswith("["):
        day, time = words[1], words[2]
        return f"20{day[:2]}-{day[2:4]}-{day[4:]} {time}" if "-" not in day else f"{day} {time}"
    if plain[:4] == "2025":
        return f"{words[0]} {words[1].replace(',', '.')}"
    if plain[2:3] == ":" and plain[5:6] == ":":
        return words[0].replace(",", ".")
    return None


def is_right(line: str) -> bool:
    level, stamp, _ = parse(line)
    wanted = level_word(line)
    if level != (None if wanted is None else Level[wanted]):
        return False
    return said(stamp) == time_text(line)


def said(stamp: object) -> str | None:
    """A stamp, written as the log wrote it."""
    if isinstance(stamp, FullTime):
        text = stamp.when.isoformat(sep=" ", timespec="milliseconds").split("+")[0]
        return text.removesuffix(".000")
    if isinstance(stamp, TimeOfDay):
        return (datetime.min + stamp.since_midnight).time().isoformat(timespec="milliseconds")  # noqa: DTZ901 - only to print
    return None


@pytest.mark.skipif(
    not LOGS.exists(), reason=f"no real logs at {LOGS}: name the folder of the data by {DATA}"
)
def test_real_lines_are_read_right() -> None:
    found = list(lines())
    wrong = [line for line in found if not is_right(line)]
    assert len(found) > 700
    assert len(wrong) <= 0.05 * len(found), "\n".join(wrong[:5])
