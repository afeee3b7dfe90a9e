"""Writes a recording and its labels: the only part that touches the disk."""

from pathlib import Path

import zstandard

from pipeline.errors import UsageError


def write(output: Path, recording: bytes, labels: bytes) -> None:
    """Write the compressed recording, and the labels as ``NAME.labels.json`` beside it.

    Raises:
        UsageError: the file's name does not say what it will be, or it cannot be written.
    """
    suffix = ".jsonl.zst"
    if not output.name.endswith(suffix):
        raise UsageError(f"{output}: the recording is written as *{suffix}; name it so")
    name = output.name.removesuffix(suffix)
    try:
        output.write_bytes(zstandard.ZstdCompressor(level=19).compress(recording))
        output.with_name(f"{name}.labels.json").write_bytes(labels)
    except OSError as trouble:
        raise UsageError(f"{output}: cannot be written ({trouble.strerror})") from trouble
