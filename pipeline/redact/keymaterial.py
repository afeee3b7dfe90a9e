"""Private keys: blocks as PEM writes them, whole or cut into records; pure, and without memory.

A block within one text is replaced whole. A container that prints a key gives a record for each
line of it, and these may come in any order, in other batches, before and after a restart; so a
line is told by itself: it ends with a long word of base64, or with one that is padded, or is
nothing but a shorter one. Certificates and other base64 look alike and are replaced too: nobody
reads them.
"""

import re

from pipeline.redact.rules import marker_of

LONG = 60
"""Characters of a word of base64 at the end of any line: PEM has lines of 64, OpenSSH of 70."""
ALONE = 16
"""Characters of a word that is base64 where it is the whole line: the last line of a block."""
ALONE_IN_FOURS = 12
"""The same, where its length is a multiple of four."""

_NAME = r"(?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_BLOCK = re.compile(rf"-----BEGIN {_NAME}(?s:.*?)(?:-----END {_NAME}|\Z)")
_END = re.compile(rf"-----END {_NAME}")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_BASE64_LINE = re.compile(r"\s*[A-Za-z0-9+/]*={0,2}\s*")
_HEADERS = ("Proc-Type:", "DEK-Info:")


def without_blocks(text: str, marker: str = marker_of("private-key")) -> tuple[str, int]:
    """Return a text without private keys, and how many there were.

    A block that has no end reaches to the end of the text; of one that has no beginning, the lines
    before its end are taken that are base64.
    """
    text, blocks = _BLOCK.subn(marker, text)
    parts = _END.split(text)
    if len(parts) > 1:
        blocks += len(parts) - 1
        text = marker.join([*map(_before, parts[:-1]), parts[-1]])
    return text, blocks


def _before(text: str) -> str:
    """Return a text without the lines at its end that are base64."""
    lines = text.split("\n")
    if len(lines) < 2:  # noqa: PLR2004 - what stands before it on its own line is no line of a key
        return text
    last = lines.pop()
    cut = False
    while lines and lines[-1].strip() and _BASE64_LINE.fullmatch(lines[-1]):
        lines.pop()
        cut = True
    return "\n".join([*lines, last.lstrip() if cut else last])


def may_have_base64(text: str) -> bool:
    """Return whether :func:`without_base64` may find anything: most texts are told at once."""
    trimmed = text.strip()
    return "\n" in trimmed or trimmed.endswith("=") or " " not in trimmed[-LONG:]


def without_base64(text: str, marker: str = marker_of("base64")) -> tuple[str, int]:
    """Return a text without lines that are, or end with, base64 of a key; and how many it had."""
    if "\n" not in text:
        line = _line(text, marker)
        return line, int(line is not text)
    lines = text.split("\n")
    changed = [_line(line, marker) for line in lines]
    count = sum(new is not old for new, old in zip(changed, lines, strict=True))
    return ("\n".join(changed), count) if count else (text, 0)


def _line(line: str, marker: str) -> str:
    words = line.rsplit(None, 1)
    if not words:
        return line
    word = words[-1]
    size = len(word)
    if size < ALONE_IN_FOURS or not (size >= LONG or len(words) == 1 or word.endswith("=")):
        return line
    if line.startswith(_HEADERS) or not is_key_material(word):
        return line
    start = line.rindex(word)
    return line[:start] + marker + line[start + size :]


def is_key_material(word: str) -> bool:
    """Return whether a word of at least :data:`ALONE_IN_FOURS` characters looks like random base64.

    It has letters of both cases and digits (so hashes and uuids are none, and hardly any name is)
    and few slashes (so paths are none). Of 64 random characters 1 in 40,000 words has no digit.
    """
    size = len(word)
    if size < ALONE and size % 4:
        return False
    if word.count("/") > size // 8 + 2 or not _BASE64.fullmatch(word):
        return False
    return not (word.islower() or word.isupper() or word.isdigit()) and any(map(str.isdigit, word))
