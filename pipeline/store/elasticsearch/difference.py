"""What differs between what is there and what should be; pure.

In: two JSON values. Out: lines such as ``+ template.settings.index.gc_deletes: "-1"``. What the
server adds of its own (when it was made) is passed over; numbers, booleans and dotted names in
settings are compared as the server writes them.
"""

import json
from collections.abc import Mapping
from typing import Any

_SERVERS_OWN = frozenset(
    {"created_date", "created_date_millis", "modified_date", "modified_date_millis", "deprecated"}
)

Leaves = dict[str, Any]


def difference(there: object, wanted: object) -> list[str]:
    """Return what must change, a line each; none: nothing."""
    old, new = _leaves(there), _leaves(wanted)
    lines = []
    for path in sorted({*old, *new}):
        if path in old and old[path] != new.get(path):
            lines.append(f"- {path}: {json.dumps(old[path], ensure_ascii=False)}")
        if path in new and new[path] != old.get(path):
            lines.append(f"+ {path}: {json.dumps(new[path], ensure_ascii=False)}")
    return lines


def _leaves(value: object, path: str = "") -> Leaves:
    if not isinstance(value, Mapping) or not value:
        return {} if value is None else {path: _plain(value)}
    found: Leaves = {}
    for name, part in value.items():
        if path == "" and name in _SERVERS_OWN:
            continue
        found |= _leaves(part, f"{path}.{name}" if path else name)
    return found


def _plain(value: object) -> object:
    """Spell scalars as one: the server gives back ``"1"`` for 1."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
