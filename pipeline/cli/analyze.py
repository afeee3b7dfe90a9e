"""``aftershock analyze``: find the incidents in recordings and dumps, in process.

They go as JSON lines into a file or a pipe; on a terminal they are drawn.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import Set, SettingsFile, Topologies, parameters_of
from pipeline.cli.progress import reading
from pipeline.cli.telling import advice, others, secrets, told
from pipeline.drawing import plain
from pipeline.errors import UsageError
from pipeline.ingest.found import many
from pipeline.records import Incident, Rejected, canonical

if TYPE_CHECKING:
    from pipeline.analyze import Analysis

SHOWN_INCIDENTS = 5
"""Drawn whole on a terminal, each a page long; more are listed, a line each."""
SHOWN_REJECTIONS = 20
"""Rejected lines told one by one; all of them are counted."""


def analyze(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Recordings, must-gathers, cluster-info dumps, logs, events: files or folders.",
        ),
    ],
    topology: Topologies = None,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the incidents to a file.")
    ] = None,
    parameters: Set = None,
    settings_file: SettingsFile = None,
    quiet: Annotated[bool, typer.Option(help="No progress bar, no summary.")] = False,
) -> None:
    """Find the incidents in recordings or dumps: drawn on a terminal, else one JSON line each."""
    from pipeline.analyze import analyze as run
    from pipeline.assembly import flow_of
    from pipeline.settings_sources import load_settings

    flags = {"topology": ",".join(topology)} if topology else {}
    settings = load_settings(settings_file, flags).with_parameters(parameters_of(parameters))
    rejections = _Rejections()
    with reading(quiet=quiet) as on_progress:
        found = run(paths, flow_of(settings), on_rejected=rejections.take, on_progress=on_progress)
    _write(found.incidents, output)
    if not quiet:
        rejections.tell()
        sys.stderr.writelines(f"{plain(line)}\n" for line in found.found)
        _tell(found)
    if sys.stdout.isatty() and not quiet:
        _draw(found.incidents)


class _Rejections:
    """Bad lines, told on stderr: the first ones each, the rest as a number."""

    def __init__(self) -> None:
        self._count = 0
        self._shown: list[str] = []

    def take(self, rejected: Rejected) -> None:
        """Count a bad line (its parts, if it has several, once)."""
        if not rejected.last:
            return
        self._count += 1
        if len(self._shown) < SHOWN_REJECTIONS:
            self._shown.append(told(rejected))

    def tell(self) -> None:
        """Print them."""
        more = self._count - len(self._shown)
        lines = [*self._shown, *([f"… and {more} more rejected lines"] if more else [])]
        sys.stderr.writelines(f"{line}\n" for line in lines)


def _write(incidents: list[Incident], output: Path | None) -> None:
    content = b"".join(canonical(incident) + b"\n" for incident in incidents)
    if output is None:
        if not sys.stdout.isatty():
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(content)
    except OSError as trouble:
        raise UsageError(f"{output}: cannot be written ({trouble.strerror})") from trouble


def _tell(found: "Analysis") -> None:
    counts = found.counts
    summary = (
        f"{counts['lines']} lines: {counts['published']} observations of known nodes,"
        f" {counts['unmapped']} unmapped, {counts['rejected']} rejected,"
        f" {counts['blank']} blank{others(counts)}{secrets(found.redacted)};"
        f" {many(len(found.incidents), 'incident')}\n"
    )
    sys.stderr.write(summary)
    sys.stderr.writelines(f"{line}\n" for line in advice(counts, found.unmapped))


def _draw(incidents: list[Incident]) -> None:
    from pipeline.cli.console import console
    from pipeline.drawing import incident_drawing, list_of

    if len(incidents) > SHOWN_INCIDENTS:
        console().print(list_of(incidents))
        return
    for incident in incidents:
        console().print("", incident_drawing(incident), sep="\n")
