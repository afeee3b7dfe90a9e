"""``aftershock incidents reindex``: the store anew from the topic, and the proof of it."""

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.incidents import Store, in_topic
from pipeline.cli.options import AsJson, SettingsFile
from pipeline.errors import AftershockError
from pipeline.harmless import one_line

if TYPE_CHECKING:
    from pipeline.store.rebuilding import Differences

MAX_NAMED = 10
"""Ids named of each kind of difference; with --json all."""
_TO_DO = "let the index role catch up, or run `aftershock incidents reindex`"
_KINDS = {
    "missing": "not in the store",
    "older": "older in the store",
    "newer": "newer in the store than in the topic",
    "other": "of the same revision, but other bytes",
    "extra": "in the store only",
}


def reindex(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; say what differs (then exit 1).")
    ] = False,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Delete from the store what the topic does not have."),
    ] = False,
    as_json: AsJson = False,
    store: Store = None,
    settings_file: SettingsFile = None,
) -> None:
    """Rebuild the store from the incidents topic, and prove that both hold the same bytes.

    Only what differs is written; an index role may go on meanwhile. What is in the store only
    (it has aged out of the topic) stays, unless --prune is given.
    """
    from pipeline.settings_sources import load_settings
    from pipeline.store import open_store
    from pipeline.store.rebuilding import compare, proof, rebuild

    settings = load_settings(settings_file, {"store": store})
    # the topic comes first: without a broker no empty store is left behind
    wanted = in_topic(settings)
    opened = open_store(settings.store, settings.elasticsearch, create=not check)
    try:
        if check:
            before = after = compare(wanted, opened)
        else:
            before = rebuild(wanted, opened, prune=prune)
            after = proof(wanted, opened, again=lambda: in_topic(settings))
    finally:
        opened.close()
    _print(before, after, as_json=as_json)
    if after.wrong:
        told = ", ".join(f"{len(ids)} {_KINDS[kind]}" for kind, ids in after.wrong.items())
        more = _TO_DO if check else "does an index role bring another topic into this store?"
        raise AftershockError(f"store and topic differ: {told}; {more}")


def _print(before: "Differences", after: "Differences", *, as_json: bool) -> None:
    if as_json:
        told = {"before": before.as_json(), "after": after.as_json()}
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return
    for kind, what in _KINDS.items():
        ids = getattr(before, kind)
        if ids:
            sys.stdout.write(f"{len(ids)} {what}: {_some(ids)}\n")
    for name, reason in list(before.refused.items())[:MAX_NAMED]:
        sys.stdout.write(f"refused by the store: {_some([name])}: {one_line(reason)}\n")
    extra = f", {len(after.extra)} in the store only" if after.extra else ""
    differing = sum(len(ids) for ids in after.wrong.values())
    sys.stdout.write(f"{after.equal} equal byte for byte, {differing} different{extra}\n")


def _some(ids: Sequence[str]) -> str:
    from pipeline.drawing import plain

    more = f" and {len(ids) - MAX_NAMED} more" if len(ids) > MAX_NAMED else ""
    return ", ".join(plain(each) for each in ids[:MAX_NAMED]) + more
