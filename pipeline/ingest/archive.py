"""A tar archive as a stream → its files, one after another; pure: chunks in, chunks out.

Nothing is written anywhere, so that it does not matter what paths an archive names. Each file must
be read, or left, before the next is asked for: an archive is read in one go, as large as it may be.
"""

import tarfile
from collections.abc import Iterator
from typing import IO, NamedTuple

from pipeline.ingest.lines import BrokenStream

_CHUNK_BYTES = 256 * 1024


class Member(NamedTuple):
    """One file of an archive."""

    path: str
    chunks: Iterator[bytes]


def members(chunks: Iterator[bytes]) -> Iterator[Member]:
    """Return the files of an archive, which has been decompressed already.

    Raises:
        BrokenStream: the archive is damaged or ends too early; also from a member's chunks.
    """
    try:
        with tarfile.open(fileobj=_Stream(chunks), mode="r|") as archive:  # type: ignore[call-overload]
            for info in archive:
                content = archive.extractfile(info) if info.isfile() else None
                if content is not None:
                    yield Member(info.name, _chunks(content))
                archive.members = []  # else it remembers them all
    except (tarfile.TarError, EOFError) as trouble:
        raise BrokenStream(f"the archive is damaged ({trouble})") from trouble


def _chunks(content: IO[bytes]) -> Iterator[bytes]:
    try:
        while chunk := content.read(_CHUNK_BYTES):
            yield chunk
    except (tarfile.TarError, EOFError) as trouble:
        raise BrokenStream(f"the archive is damaged ({trouble})") from trouble


class _Stream:
    """Chunks as the file that ``tarfile`` reads from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer at the end only."""
        held = [self._held]
        missing = size - len(self._held)
        while missing > 0 and (chunk := next(self._chunks, None)) is not None:
            held.append(chunk)
            missing -= len(chunk)
        whole = b"".join(held)
        self._held = whole[size:]
        return whole[:size]
