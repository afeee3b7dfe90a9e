r"""Bytes → lines: chunks of a file in, one piece after another out; no I/O of its own.

A line ends at ``\n`` (and only there: a U+2028 inside a JSON string is text); ``\r`` before it is
white space. A line beyond the limit never is in memory as a whole: it comes in parts, while it is
read. Compression is told by the first bytes, not by the file's name. A stream that breaks off
raises :class:`BrokenStream` after all that was before it has come out.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import zstandard

from pipeline.rejection import LongPart, full_parts, last_parts

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGICS = (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16)))
"""A frame, or one of the sixteen kinds of skippable frame that may come first."""
_MAGIC_BYTES = 4
BOM = b"\xef\xbb\xbf"
"""The byte order mark that some editors put in front of UTF-8; not part of the first line."""

_SLICE_BYTES = 1024
"""Compressed bytes handed over at a time. The worst zstd block makes 128 KiB of 4 bytes, gzip
1,032 bytes of one: a slice can grow to 32 MiB, whatever a file was made to do to us."""


class BrokenStream(Exception):  # noqa: N818 - named for what it is: bad data, not a programming error
    """The stream is damaged or ends too early; ``rest`` is the line that was begun, if any."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.rest: tuple[LongPart, ...] = ()


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _gzip_decompressor() -> _Decompressor:
    return zlib.decompressobj(wbits=31)


def _zstd_decompressor() -> _Decompressor:
    return zstandard.ZstdDecompressor().decompressobj()


def plain(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Return the chunks decompressed where their first bytes say gzip or zstd, else unchanged.

    Raises:
        BrokenStream: the compressed data is damaged or ends inside a member or frame.
    """
    stream = iter(chunks)
    head = b""
    for chunk in stream:
        head += chunk
        if len(head) >= _MAGIC_BYTES:
            break
    if head.startswith(_GZIP_MAGIC):
        # gzip may be padded with zeros behind the last member
        return _decompressed(head, stream, _gzip_decompressor, padding=b"\0")
    if head.startswith(_ZSTD_MAGICS):
        return _decompressed(head, stream, _zstd_decompressor, padding=b"")
    return _chained(head, stream)


def _decompressed(
    head: bytes,
    rest: Iterator[bytes],
    new: Callable[[], _Decompressor],
    *,
    padding: bytes,
) -> Iterator[bytes]:
    """Decompress all members (frames) that follow each other."""
    decompressor: _Decompressor | None = None
    for data in _sliced(head, rest):
        pending = data
        while pending := pending if decompressor else pending.lstrip(padding):
            decompressor = decompressor or new()
            try:
                content = decompressor.decompress(pending)
            except (zlib.error, zstandard.ZstdError) as trouble:
                raise BrokenStream(f"compressed data is damaged ({trouble})") from trouble
            yield content
            pending = b""
            if decompressor.eof:
                pending = decompressor.unused_data
                decompressor = None
    if decompressor is not None:
        raise BrokenStream("compressed data ends too early; was the file cut off?")


def _sliced(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in _chained(head, rest):
        for start in range(0, len(chunk), _SLICE_BYTES):
            yield chunk[start : start + _SLICE_BYTES]


def _chained(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest


def split_lines(chunks: Iterable[bytes], max_bytes: int) -> Iterator[bytes | LongPart]:
    """Return each line without its end; one longer than ``max_bytes`` as parts.

    Raises:
        BrokenStream: as :func:`plain`; its ``rest`` then holds the line that was begun.
    """
    tail = b""
    parts = 0  # of the current line given out already; 0 while it is not known to be too long
    try:
        for chunk in chunks:
            *whole, tail = (tail + chunk).split(b"\n")
            for line in whole:
                if parts == 0 and len(line) <= max_bytes:
                    yield line
                else:
                    yield from last_parts(line, parts)
                    parts = 0
            if parts or len(tail) > max_bytes:
                full, tail = full_parts(tail, parts)
                parts += len(full)
                yield from full
    except BrokenStream as broken:
        broken.rest = tuple(last_parts(tail, parts))
        raise
    if parts or len(tail) > max_bytes:
        yield from last_parts(tail, parts)
    elif tail:
        yield tail
