"""``aftershock topics``: create the topics, and check that they are as the flow needs them."""

import json
import sys
from typing import Annotated

import typer

from pipeline.cli.options import AsJson, SettingsFile

topics_app = typer.Typer(name="topics", help="Create and check the topics.", no_args_is_help=True)


@topics_app.callback()
def _topics() -> None:
    """Create and check the topics."""


@topics_app.command()
def ensure(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Create nothing; a missing topic is an error.")
    ] = False,
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
) -> None:
    """Create the topics that are missing; check partitions and cleanup policy of all."""
    from pipeline.broker.clients import quiet_library
    from pipeline.broker.ensure import ensure_topics, warnings
    from pipeline.settings_sources import load_settings

    quiet_library()
    kafka = load_settings(settings_file).kafka
    found = ensure_topics(kafka, create=not check)
    for warning in warnings(kafka, found):
        sys.stderr.write(f"aftershock: {warning}\n")
    if as_json:
        sys.stdout.write(json.dumps([topic.as_json() for topic in found], indent=2) + "\n")
        return
    from rich.table import Table

    from pipeline.cli.console import console

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("topic", "partitions", "copies", "cleanup", ""):
        table.add_column(column)
    for topic in found:
        table.add_row(
            topic.name,
            str(topic.partitions),
            str(topic.replication),
            topic.cleanup_policy or "not told",
            "created" if topic.created else "as it should be",
        )
    console().print(table)
