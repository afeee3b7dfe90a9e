"""What a file is, told by its beginning: recorded observations, objects, a log, an archive; pure.

In: the first bytes of a file, decompressed, and its name. Out: a :class:`Shape`, or None for what
is none of these. It must not read on: what a file holds further down is its readers' affair.
"""

import re
from collections.abc import Callable
from enum import Enum

from pipeline.ingest.lines import BOM
from pipeline.ingest.loglines import (
    SAMPLE_LINES,
    START,
    are_dated,
    are_stamped,
    has_prefix,
)
from pipeline.ingest.pods import in_tree, is_tree_object, parts_of, place_of

SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
"""How recordings are called."""

HEAD_BYTES = 64 * 1024
"""Looked at to tell a shape: some twenty event objects, or three pods with all they may have."""

_RECORDED = re.compile(rb'(?<!\\)"signal"\s*:\s*"(?:log|event|metric)"')
_JSON_OBJECT = re.compile(
    rb'"(?:apiVersion|involvedObject|regarding)"\s*:|"items"\s*:\s*(?:\[|null)'
)
_YAML_OBJECT = re.compile(rb"^(?:- )?(?:apiVersion|kind|items|metadata):(?: |\r?$)", re.MULTILINE)
_JSON_TOLD = re.compile(
    rb'"kind"\s*:\s*"(?:Event|EventList|Pod|PodList)"|"(?:involvedObject|regarding)"\s*:'
)
_YAML_TOLD = re.compile(
    rb"\bkind: [\"']?(?:Event|EventList|Pod|PodList)\b|\b(?:involvedObject|regarding):"
)
_TAR = b"ustar"
_TAR_AT = 257
_PACKED = (b"PK\x03\x04", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf")
_SHOWN = re.compile(
    r"(?:NAMESPACE +)?(?:LAST SEEN|LASTSEEN|FIRST SEEN|FIRSTSEEN|NAME +READY) |Name: {3,}\S"
)
_LOG_NAME = re.compile(r"\.log(?:\.gz|\.zst)?$")


class Shape(Enum):
    """What a file is."""

    RECORDING = "recorded observations"
    JSON = "objects as JSON"
    """Also with logs between them, as ``kubectl cluster-info dump`` writes them."""
    YAML = "objects as YAML"
    LOG = "log"
    ARCHIVE = "archive"
    PACKED = "archive of a kind that is not read"
    NOBODYS = "log of which nothing says whose it is"
    SHOWN = "what kubectl shows to people"
    """A table, or a description: its times are ages, counted back from a moment that it keeps to
    itself."""


REMEDIES = {
    Shape.PACKED: "an archive that cannot be read as it is: unpack it, and name the folder",
    Shape.NOBODYS: (
        "nothing says whose log this is: name it POD.log, POD_CONTAINER.log or"
        " NAMESPACE_POD_CONTAINER.log"
    ),
    Shape.SHOWN: (
        "kubectl's text for people says of nothing when it was: write objects instead,"
        " `kubectl get events,pods -o json`"
    ),
}
"""What would be read if it were in another form, and how to bring it into that."""


def shape_of(name: str, head: bytes) -> Shape | None:
    """Return what a file is by its beginning; its name decides where that says nothing."""
    if packed := _packed(head):
        return packed
    text = head.removeprefix(BOM).lstrip()
    if _RECORDED.search(text):
        return Shape.RECORDING
    objects = _objects(text)
    if objects is not None:
        return objects
    sample = sample_of(head)
    if sample and _SHOWN.match(sample[0]):
        return Shape.SHOWN
    if are_stamped(sample) or are_dated(sample) or has_prefix(sample) or _LOG_NAME.search(name):
        return Shape.LOG
    return None


def chosen(path: str, head: Callable[[], bytes]) -> Shape | None:
    """Return what a file in a folder or an archive is read as; None: it is left aside.

    Recordings are told by name alone, and so is what lies in the known places of a must-gather,
    of which nothing else is taken: it holds thousands of objects that say nothing here.
    """
    name = path.rpartition("/")[2]
    if name.endswith(SUFFIXES):
        return Shape.RECORDING
    if place_of(path):
        return Shape.LOG
    if in_tree(path):
        known = Shape.YAML if path.endswith(".yaml") else Shape.JSON
        return known if is_tree_object(path) else None
    beginning = head()
    shape = shape_of(name, beginning)
    if shape in (Shape.JSON, Shape.YAML):
        return shape if _tells(shape, beginning) else None
    if shape is Shape.LOG:
        return _log(name, sample_of(beginning))
    return shape if shape is Shape.ARCHIVE or shape in REMEDIES else None


def whose_is_told(name: str, head: bytes) -> bool:
    """Return whether the name of a log, or its lines, say whose it is."""
    return bool(parts_of(name)) or has_prefix(sample_of(head))


def _log(name: str, sample: list[str]) -> Shape | None:
    if not (_LOG_NAME.search(name) or are_stamped(sample)):
        return None  # some text with dates in it
    return Shape.LOG if parts_of(name) or has_prefix(sample) else Shape.NOBODYS


def begins_with_section(head: bytes) -> bool:
    """Return whether a file begins with a container's log as ``cluster-info dump`` marks it."""
    line = head.removeprefix(BOM).lstrip().partition(b"\n")[0]
    return START.match(line.decode("utf-8", "replace")) is not None


def _tells(shape: Shape, head: bytes) -> bool:
    """Return whether objects are events or pods, and not something else."""
    if shape is Shape.JSON:
        return _JSON_TOLD.search(head) is not None or begins_with_section(head)
    return _YAML_TOLD.search(head) is not None


def sample_of(head: bytes) -> list[str]:
    """Return the first lines of a file, but not one that is cut off by the end of ``head``."""
    lines = head.removeprefix(BOM).split(b"\n", SAMPLE_LINES)
    whole = lines if len(head) < HEAD_BYTES and len(lines) <= SAMPLE_LINES else lines[:-1]
    return [line.decode("utf-8", "replace") for line in whole]


def _packed(head: bytes) -> Shape | None:
    if head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
        return Shape.ARCHIVE
    return Shape.PACKED if head.startswith(_PACKED) else None


def _objects(text: bytes) -> Shape | None:
    if begins_with_section(text):
        return Shape.JSON
    bare_list = text.startswith(b"[") and text[1:].lstrip().startswith(b"{")
    if (text.startswith(b"{") or bare_list) and _JSON_OBJECT.search(text):
        return Shape.JSON
    if text.startswith((b"---", b"apiVersion:", b"kind:", b"items:", b"metadata:", b"- ", b"#")):
        found = _YAML_OBJECT.search(text)
        return None if found is None else Shape.YAML
    return None
