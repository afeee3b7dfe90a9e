"""Text that may hold anything → text that a terminal takes for text; pure.

Logged text may hold escape sequences, other control characters, and characters that turn the
direction of writing: it could clear the screen, rename the window, or show something else than is
there. What is not printable becomes ``�``, of whatever plane; so do half surrogate pairs, which
cannot be written at all.
"""

import re

_REPLACEMENT = "�"
_NOT_ASCII = re.compile(r"[^\x20-\x7e]")


def one_line(text: str) -> str:
    """Return text on one line: white space of any kind is a space."""
    return _printable(" ".join(text.split()))


def lines(text: str) -> str:
    """Return text whose lines stay lines (a return, or a page's end, ends none)."""
    return "\n".join(_printable(line.replace("\t", " ")) for line in text.split("\n"))


def json_text(text: str) -> str:
    """Return JSON that says the same: what is not printable in it is escaped."""
    return text if text.isprintable() else _NOT_ASCII.sub(_escaped, text)


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _REPLACEMENT for each in text)


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if character.isprintable() or character == "\n":
        return character
    code = ord(character)
    if code > 0xFFFF:  # noqa: PLR2004 - JSON escapes such as two
        high, low = divmod(code - 0x10000, 0x400)
        return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
    return f"\\u{code:04x}"
