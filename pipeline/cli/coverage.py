"""``aftershock coverage``: what is observed of each node, since when, and where we are blind."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import AsJson, Set, SettingsFile, Topologies, settings_of
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.coverage import Report


def coverage(  # noqa: PLR0913 - one parameter a flag
    topology: Topologies = None,
    parameters: Set = None,
    settings_file: SettingsFile = None,
    *,
    node: Annotated[
        str | None, typer.Option(metavar="GLOB", help="Only nodes whose id fits: `jupyterhub/*`.")
    ] = None,
    blind: Annotated[
        bool, typer.Option("--blind", help="Only what should come and never did.")
    ] = False,
    as_json: AsJson = False,
    openmetrics: Annotated[
        bool, typer.Option("--openmetrics", help="Print metrics, for Prometheus.")
    ] = False,
) -> None:
    """Print per node what is observed, since when, last seen, gaps, and what never came."""
    if as_json and openmetrics:
        raise UsageError("--json and --openmetrics: give one of them")
    report = _report(topology, parameters, settings_file)
    if node is not None:
        report = report.of_nodes(node)
    if blind:
        report = report.of_blind()
    if as_json:
        from pipeline.coverage_forms import json_of

        sys.stdout.write(json.dumps(json_of(report)) + "\n")
    elif openmetrics:
        from pipeline.coverage_forms import metrics_of
        from pipeline.openmetrics import text_of

        sys.stdout.buffer.write(text_of(metrics_of(report)).encode())
    else:
        _print(report)


def _report(
    topology: Topologies, parameters: list[str] | None, settings_file: SettingsFile
) -> "Report":
    from pipeline import clock
    from pipeline.broker.clients import quiet_library
    from pipeline.broker.rows import worker_rows
    from pipeline.coverage import Rows, report_of
    from topology.load import timelines

    quiet_library()
    settings = settings_of(topology, parameters, settings_file)
    found = timelines((wanted.application, wanted.parameters) for wanted in settings.applications)
    rows = Rows()
    for key, value in worker_rows(settings.kafka, "detect").items():
        rows.take(key, value)
    return report_of(rows, found, clock.now())


def _print(report: "Report") -> None:
    from pipeline import clock
    from pipeline.cli.console import console
    from pipeline.drawing_coverage import coverage_drawing

    console().print(coverage_drawing(report, clock.now()))
