"""Recorded lines to read, and a short way to read them."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from pipeline.ingest.files import Reader
from pipeline.records import Rejected

LINE = b'{"signal":"log","time":"2026-03-02T10:15:0%d.%06dZ","pod":"p","message":"m%d"}'

Read = Callable[..., tuple[list[str], list[Rejected], Reader]]


@pytest.fixture
def line() -> Callable[[int], bytes]:
    """Give the n-th of a row of log lines, later ones with later times."""
    return lambda number: LINE % (number // 1_000_000, number % 1_000_000, number)


@pytest.fixture
def read() -> Read:
    """Read paths; give the messages in order, what was rejected, and the reader."""

    def reading(*paths: Path, **options: int) -> tuple[list[str], list[Rejected], Reader]:
        rejected: list[Rejected] = []
        reader = Reader(paths, on_rejected=rejected.append, **options)
        messages = [getattr(observation, "message", "") for observation in reader]
        return messages, rejected, reader

    return reading


@pytest.fixture
def compress() -> dict[str, Callable[[bytes], bytes]]:
    """Give what each file ending stands for."""
    return {
        ".jsonl": bytes,
        ".jsonl.gz": gzip.compress,
        ".jsonl.zst": zstandard.ZstdCompressor().compress,
    }
