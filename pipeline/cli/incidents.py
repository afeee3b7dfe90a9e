"""``aftershock incidents``: what was found, from the store or from the topic."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import AsJson, SettingsFile
from pipeline.errors import AftershockError, UsageError
from pipeline.records import Incident, IncidentStatus, canonical

if TYPE_CHECKING:
    from pipeline.settings import Settings
    from pipeline.store import Query

incidents_app = typer.Typer(
    name="incidents", help="List, show, search and export incidents.", no_args_is_help=True
)

FromTopic = Annotated[
    bool, typer.Option("--from-topic", help="Read the incidents topic instead of the store.")
]
Store = Annotated[str | None, typer.Option("--store", metavar="URL", help="Read this store.")]
Status = Annotated[IncidentStatus | None, typer.Option(help="Only with this status.")]
Application = Annotated[str | None, typer.Option(help="Only of this application.")]
Node = Annotated[
    str | None, typer.Option(help="Only those that affect this node, or name it as cause.")
]
Merged = Annotated[bool, typer.Option("--merged", help="Also those that were merged into another.")]
MAX_NAMED = 5
"""Incidents named when the beginning of an id fits several."""


@incidents_app.command("list")
def list_incidents(  # noqa: PLR0913 - one parameter a flag
    *,
    status: Status = None,
    application: Application = None,
    node: Node = None,
    merged: Merged = False,
    as_json: AsJson = False,
    from_topic: FromTopic = False,
    store: Store = None,
    settings_file: SettingsFile = None,
) -> None:
    """List incidents by start; with --json whole records, one a line."""
    from pipeline.store import Query

    query = Query(status=status, application=application, node=node)
    with _incidents(query, from_topic=from_topic, store=store, file=settings_file) as found:
        chosen = _final(found, merged=merged or status == "merged")
    _print(chosen, as_json=as_json)


@incidents_app.command()
def search(  # noqa: PLR0913 - one parameter a flag
    text: Annotated[
        str, typer.Argument(help="Words, or beginnings of words; all of them must be there.")
    ],
    *,
    status: Status = None,
    application: Application = None,
    node: Node = None,
    merged: Merged = False,
    as_json: AsJson = False,
    from_topic: FromTopic = False,
    store: Store = None,
    settings_file: SettingsFile = None,
) -> None:
    """Find incidents by words of title, nodes, signatures and messages: did we have this before?"""
    from pipeline.store import Query

    query = Query(status=status, application=application, node=node)
    with _incidents(
        query, text=text, from_topic=from_topic, store=store, file=settings_file
    ) as found:
        chosen = _final(found, merged=merged or status == "merged")
    _print(chosen, as_json=as_json)


@incidents_app.command()
def show(
    incident_id: Annotated[str, typer.Argument(metavar="ID", help="An id, or its beginning.")],
    *,
    as_json: AsJson = False,
    from_topic: FromTopic = False,
    store: Store = None,
    settings_file: SettingsFile = None,
) -> None:
    """Show one incident: causes with reasons, how it spread, timeline."""
    from pipeline.store import Query

    query = Query(id_prefix=incident_id)
    with _incidents(query, from_topic=from_topic, store=store, file=settings_file) as found:
        incident = _only(incident_id, list(found))
    from pipeline.cli.console import console, write_json

    if as_json:
        write_json(_lines([incident]))
        return
    from pipeline.drawing import incident_drawing

    console().print(incident_drawing(incident))


@incidents_app.command()
def export(
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to a file instead of stdout.")
    ] = None,
    merged: Merged = False,
    from_topic: FromTopic = False,
    store: Store = None,
    settings_file: SettingsFile = None,
) -> None:
    """Write what ``analyze`` writes: final records as JSON lines, by start and id."""
    from pipeline.store import Query

    with _incidents(Query(), from_topic=from_topic, store=store, file=settings_file) as found:
        content = _lines(_final(found, merged=merged))
    if output is None:
        from pipeline.cli.console import write_json

        write_json(content)
        return
    try:
        output.write_bytes(content)
    except OSError as trouble:
        raise UsageError(f"{output}: cannot be written ({trouble.strerror})") from trouble


@contextmanager
def _incidents(
    query: "Query",
    *,
    text: str | None = None,
    from_topic: bool,
    store: str | None,
    file: Path | None,
) -> Iterator[Iterable[Incident]]:
    from pipeline.settings_sources import load_settings
    from pipeline.store import finds, matches, open_store, search_words

    words = [] if text is None else search_words(text)
    settings = load_settings(file, {"store": store})
    if from_topic:
        there = in_topic(settings).values()
        yield [one for one in there if matches(one, query) and finds(one, words)]
        return
    opened = open_store(settings.store, settings.elasticsearch, create=False)
    try:
        yield opened.list(query) if text is None else opened.search(text, query)
    finally:
        opened.close()


def in_topic(settings: "Settings") -> dict[str, Incident]:
    """Return the latest revision of each incident in the topic; tell what there is no incident.

    Raises:
        BrokenWorld: no broker answers.
        MissingTopics: the topic is not there.
    """
    from pipeline.broker.clients import quiet_library
    from pipeline.broker.revisions import Folded
    from pipeline.broker.tail import read_to_end
    from pipeline.broker.topics import incidents

    quiet_library()
    folded = Folded()
    for message in read_to_end(settings.kafka, [incidents(settings.kafka.topic_prefix)]):
        folded.take(message)
    if folded.rejected:
        bad = folded.rejected[0]
        more = sum(part.last for part in folded.rejected) - 1
        others = f" (and {more} more)" if more else ""
        from pipeline.cli.telling import told

        sys.stderr.write(f"aftershock: no incident: {told(bad)}{others}\n")
    return {name: incident for name, incident in folded.latest.items() if incident is not None}


def _print(chosen: list[Incident], *, as_json: bool) -> None:
    from pipeline.cli.console import console, write_json

    if as_json:
        write_json(_lines(chosen))
        return
    if not chosen:
        sys.stderr.write("no incidents\n")
        return
    from pipeline.drawing import list_of

    console().print(list_of(chosen))


def _final(found: Iterable[Incident], *, merged: bool) -> list[Incident]:
    from pipeline.flow import final

    return final(found, merged=merged)


def _lines(incidents: Iterable[Incident]) -> bytes:
    return b"".join(canonical(incident) + b"\n" for incident in incidents)


def _only(wanted: str, found: list[Incident]) -> Incident:
    exact = [incident for incident in found if incident.id == wanted]
    if len(exact or found) == 1:
        return (exact or found)[0]
    from pipeline.drawing import plain

    if not found:
        raise AftershockError(
            f"no incident's id begins with {plain(wanted)!r}; see `aftershock incidents list`"
        )
    some = ", ".join(plain(incident.id) for incident in found[:MAX_NAMED])
    raise AftershockError(f"{len(found)} ids begin with {plain(wanted)!r}: {some}; give more of it")
