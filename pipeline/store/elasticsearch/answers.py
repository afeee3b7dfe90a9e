"""What the server's answer to one document means; pure.

In: an item of a bulk answer. Out: whether it is done, must be sent again, was refused for what it
is, or cannot be done by anybody for now.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.rejection import one_line

Verdict = Literal["done", "again", "refused", "broken"]

CONFLICT = 409
"""A newer revision, or this piece of history, is there already: what we want."""
_GONE = 404
_TOO_MANY = 429
_SERVER = 500
_NOT_ALLOWED = frozenset({401, 403})
_SEE_TO = {
    "cluster_block_exception": (
        "; when the disk is full (flood stage), make room: the server lifts this block by itself"
    ),
    "index_not_found_exception": "; `aftershock elasticsearch ensure`, or allow it to be created",
    "index_closed_exception": "; open it again",
    "security_exception": "; grant index, delete and create_index on the incidents' indices",
}
"""What concerns an index, or us, and not the document; with what a person can do."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and the server's words on one line."""

    verdict: Verdict
    reason: str = ""


def judged(item: Mapping[str, Any]) -> Judged:
    """Return what an item of a bulk answer means: ``{"index": {"status": …, "error": …}}``."""
    ((operation, answer),) = item.items()
    status = int(answer.get("status", _SERVER))
    error = answer.get("error") or {}
    if status == CONFLICT or status < 300 or (operation == "delete" and not error):  # noqa: PLR2004 - HTTP's success
        return Judged("done")
    kind = str(error.get("type", ""))
    reason = f"{status} {kind}: {_words(error)}"
    if kind in _SEE_TO:
        return Judged("broken", reason + _SEE_TO[kind])
    if status == _TOO_MANY or status >= _SERVER:
        return Judged("again", reason)
    return Judged("broken" if status in {*_NOT_ALLOWED, _GONE} else "refused", reason)


def _words(error: Mapping[str, Any]) -> str:
    """Return the reason, and what caused it: the outermost often says no more than "failed"."""
    words = [str(error.get("reason", ""))]
    cause = error.get("caused_by")
    if isinstance(cause, Mapping):
        words.append(str(cause.get("reason", "")))
    return one_line(": ".join(word for word in words if word))
