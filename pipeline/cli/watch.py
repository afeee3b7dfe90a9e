"""``aftershock watch``: incidents as they open, change and are resolved."""

import sys
from collections import OrderedDict
from typing import Annotated

import typer

from pipeline.cli.options import AsJson, SettingsFile
from pipeline.records import Incident, canonical

MAX_REMEMBERED = 10_000
"""Incidents whose last revision is remembered, to drop repeats: at most some 120 kB each while it
is large, mostly a tenth of that. The one not heard of for longest goes."""


def watch(
    *,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Begin with what is there already.")
    ] = False,
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
) -> None:
    """Follow the incidents topic: a line for each revision; with --json the whole record."""
    from pipeline.broker.clients import quiet_library
    from pipeline.broker.revisions import Folded
    from pipeline.broker.tail import follow
    from pipeline.broker.topics import incidents
    from pipeline.settings_sources import load_settings

    quiet_library()
    kafka = load_settings(settings_file).kafka
    seen: OrderedDict[str, Incident] = OrderedDict()
    for message in follow(kafka, incidents(kafka.topic_prefix), from_start=from_start):
        if message is None:
            continue
        incident = Folded().take(message)
        before = seen.get(incident.id) if incident is not None else None
        if incident is None or (before is not None and incident.revision <= before.revision):
            continue
        _print(incident, before, as_json=as_json)
        seen[incident.id] = incident
        seen.move_to_end(incident.id)
        if len(seen) > MAX_REMEMBERED:
            seen.popitem(last=False)


def _print(incident: Incident, before: Incident | None, *, as_json: bool) -> None:
    from pipeline.cli.console import console, write_json

    if as_json:
        write_json(canonical(incident) + b"\n")
        return
    from pipeline.drawing import revision_line

    console().print(revision_line(incident, before), soft_wrap=True)
    sys.stdout.flush()
