"""What became of incidents, drawn for a terminal; pure: a difference in, something to print out."""

from collections.abc import Iterable

from rich.console import Group as Lines
from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from pipeline.difference import Difference, FieldChange, Group
from pipeline.drawing import ID_CHARACTERS, plain
from pipeline.ingest.found import many

_DIM = "dim"
_INDENT = (0, 0, 0, 4)
_VALUE_CHARACTERS = 120
_STYLES = {
    "born": "bold red",
    "died": "bold green",
    "merged": "yellow",
    "split": "yellow",
    "regrouped": "yellow",
    "cause changed": "bold magenta",
    "changed": "cyan",
    "unchanged": _DIM,
}
_LONG = frozenset({"causes"})
"""Fields whose values are no reading matter: the reasons tell them."""


def difference_drawing(difference: Difference) -> RenderableType:
    """Return the numbers by kind, then each group that differs with changes and reasons."""
    counts = ", ".join(f"{kind} {count}" for kind, count in difference.counts.items())
    parts: list[RenderableType] = [
        Text(f"{many(difference.old, 'old incident')}, {difference.new} new: {counts}")
    ]
    for group in difference.groups:
        if group.kind != "unchanged":
            parts += ["", _head(group), *_body(group)]
    return Lines(*parts)


def _head(group: Group) -> Text:
    first = (group.new or group.old)[0]
    return Text.assemble(
        (group.kind, _STYLES[group.kind]),
        f"  {_ids(group)}  {first.started_at:%Y-%m-%d %H:%M:%SZ}  ",
        (plain(first.title), "bold"),
    )


def _ids(group: Group) -> str:
    old, new = (
        " + ".join(plain(incident.id)[:ID_CHARACTERS] for incident in side)
        for side in (group.old, group.new)
    )
    return old or new if old == new or not (old and new) else f"{old} → {new}"


def _body(group: Group) -> Iterable[RenderableType]:
    for change in group.changes:
        if change.field not in _LONG:
            yield Padding(_change(change), _INDENT, expand=False)
    for reason in group.reasons:
        line = Text(f"{reason.code}: {plain(reason.text)}", style=_DIM)
        yield Padding(line, _INDENT, expand=False)


def _change(change: FieldChange) -> Text:
    before, after = change.before, change.after
    if isinstance(before, list) and isinstance(after, list):
        told = [f"-{_value(value)}" for value in before if value not in after]
        told += [f"+{_value(value)}" for value in after if value not in before]
        return Text(f"{change.field}: {' '.join(told) or 'another order'}")
    return Text(f"{change.field}: {_value(before)} → {_value(after)}")


def _value(value: object) -> str:
    return "none" if value is None else plain(str(value), at_most=_VALUE_CHARACTERS)
