"""``aftershock replay``: recordings and dumps → Kafka, in event-time order."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import AsJson, Set, SettingsFile, Topologies, parameters_of
from pipeline.cli.telling import advice, others, secrets
from pipeline.drawing import plain

if TYPE_CHECKING:
    from pipeline.replay import Replayed


def replay(  # noqa: PLR0913 - one parameter a flag
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Recordings, must-gathers, cluster-info dumps, logs, events: files or folders.",
        ),
    ],
    *,
    topology: Topologies = None,
    parameters: Set = None,
    speed: Annotated[
        float | None,
        typer.Option(
            min=0.001, metavar="N", help="N times real time (default: as fast as it goes)."
        ),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, max=500, help="Observations in a message at most.")
    ] = 500,
    source: Annotated[
        str | None, typer.Option(metavar="ID", help="Name of this source (default: a new one).")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Return when all of it has reached the store.")
    ] = False,
    timeout: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="With --wait: give up after so long."),
    ] = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option(help="No progress, no summary.")] = False,
    settings_file: SettingsFile = None,
) -> None:
    """Publish recordings or dumps to Kafka, in event-time order."""
    from pipeline.assembly import flow_of
    from pipeline.broker.clients import quiet_library
    from pipeline.broker.ensure import ensure_topics
    from pipeline.broker.marks import last_told
    from pipeline.broker.progress import wait_for_all
    from pipeline.ingest.recordings import find_recordings
    from pipeline.replay import Replay, new_source
    from pipeline.settings_sources import load_settings

    quiet_library()
    find_recordings(paths)  # before the broker is asked: a wrong path is told at once
    flags = {"topology": ",".join(topology)} if topology else {}
    settings = load_settings(settings_file, flags).with_parameters(parameters_of(parameters))
    flow = flow_of(settings)
    ensure_topics(settings.kafka)
    with _progress(quiet=quiet) as (on_read, on_published):
        replayed = Replay(
            flow=flow,
            kafka=settings.kafka,
            source=source or new_source(),
            batch_size=batch_size,
            speed=speed,
            told_until=last_told(settings.kafka),
            on_older=_warn,
            on_read=on_read,
            on_published=on_published,
        ).run(paths)
    if not quiet:
        _tell(replayed)
    if wait:
        say = _silent if quiet else _say
        wait_for_all(settings.kafka, timeout_s=timeout, say=say)
    if as_json:
        sys.stdout.write(json.dumps(_summary(replayed)) + "\n")


def _warn(begins: datetime, told_until: datetime) -> None:
    _say(
        f"warning: the recording begins at {begins:%Y-%m-%d %H:%M:%SZ}, but these topics have"
        f" told of all times up to {told_until:%Y-%m-%d %H:%M:%SZ}: what is older counts as late"
        " and gives no incidents; use topics of its own (AFTERSHOCK_KAFKA__TOPIC_PREFIX)"
    )


def _say(line: str) -> None:
    sys.stderr.write(f"{plain(line)}\n")


def _silent(line: str) -> None:
    del line


def _summary(replayed: "Replayed") -> dict[str, object]:
    return {
        "source": replayed.source,
        "counts": dict(sorted(replayed.counts.items())),
        "redacted": dict(sorted(replayed.redacted.items())),
        "batches": replayed.batches,
        "seconds": round(replayed.seconds, 3),
    }


def _tell(replayed: "Replayed") -> None:
    counts = replayed.counts
    for line in replayed.found:
        _say(line)
    _say(
        f"{replayed.source}: {counts['lines']} lines: {counts['published']} observations published"
        f" in {replayed.batches} batches, {counts['unmapped']} unmapped, {counts['rejected']}"
        f" rejected, {counts['blank']} blank{others(counts)}"
        f"{secrets(replayed.redacted)}; {replayed.seconds:.1f} s"
    )
    for line in advice(counts, replayed.unmapped):
        _say(line)
    if counts["rejected"]:
        _say("see `aftershock rejected list` for what was rejected, and why")


_OnProgress = Callable[[int, int], None]


@contextmanager
def _progress(*, quiet: bool) -> Iterator[tuple[_OnProgress | None, _OnProgress | None]]:
    """Show reading, then publishing, on a terminal; gives the two callbacks (so far, in all)."""
    if quiet or not sys.stderr.isatty():
        yield None, None
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    from pipeline.cli.console import console

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        reading = progress.add_task("reading (bytes)", total=None)
        publishing = progress.add_task("publishing (observations)", total=None)
        yield (
            lambda done, total: progress.update(reading, completed=done, total=total),
            lambda done, total: progress.update(publishing, completed=done, total=total),
        )
