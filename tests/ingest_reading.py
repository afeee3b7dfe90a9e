"""A good line, and a short way to read files: messages, rejected records, the reader."""

from pathlib import Path

from pipeline.ingest.files import Reader
from pipeline.records import Rejected

GOOD = b'{"signal":"log","time":"2026-03-02T10:15:04Z","message":"good"}'


def read(*paths: Path, **limits: int) -> tuple[list[str], list[Rejected], Reader]:
    """Read all of ``paths``; metrics and events show as empty messages."""
    rejected: list[Rejected] = []
    reader = Reader(paths, on_rejected=rejected.append, **limits)
    return [getattr(found, "message", "") for found in reader], rejected, reader
