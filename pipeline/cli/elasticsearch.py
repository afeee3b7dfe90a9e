"""``aftershock elasticsearch``: templates and lifecycle policy of the incidents' indices."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import AsJson, SettingsFile
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.store.elasticsearch.ensure import Outcome

elasticsearch_app = typer.Typer(
    name="elasticsearch", help="Prepare Elasticsearch for incidents.", no_args_is_help=True
)


@elasticsearch_app.callback()
def _elasticsearch() -> None:
    """Prepare Elasticsearch for incidents."""


@elasticsearch_app.command()
def ensure(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; print what would be.")
    ] = False,
    store: Annotated[
        str | None, typer.Option("--store", metavar="URL", help="This Elasticsearch.")
    ] = None,
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
) -> None:
    """Install templates, and a lifecycle policy where the server has such; print what differs."""
    from pipeline.settings_sources import load_settings
    from pipeline.store.elasticsearch.access import SCHEMES
    from pipeline.store.elasticsearch.ensure import ensure as ensure_parts

    settings = load_settings(settings_file, {"store": store})
    if not settings.store.startswith(SCHEMES):
        raise UsageError(
            f"store is {settings.store}: set AFTERSHOCK_STORE (store) to https://host:9200, or"
            " cloud:ID for a cloud id"
        )
    outcomes = ensure_parts(settings.store, settings.elasticsearch, dry_run=dry_run)
    if as_json:
        sys.stdout.write(json.dumps([each.as_json() for each in outcomes], indent=2) + "\n")
        return
    for outcome in outcomes:
        _tell(outcome, dry_run=dry_run)


@elasticsearch_app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where to write; it is made if it is not there.")],
    *,
    settings_file: SettingsFile = None,
) -> None:
    """Write what `ensure` installs as files, for those who install by other means."""
    from pipeline.settings_sources import load_settings
    from pipeline.store.elasticsearch.templates import files

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files(load_settings(settings_file).elasticsearch).items():
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as trouble:
        raise UsageError(f"{folder}: cannot be written ({trouble.strerror})") from trouble


def _tell(outcome: "Outcome", *, dry_run: bool) -> None:
    from pipeline.drawing import plain

    would = "would be " if dry_run and outcome.state != "as it should be" else ""
    sys.stdout.write(f"{outcome.kind} {outcome.name}: {would}{outcome.state}\n")
    for line in outcome.lines:
        sys.stdout.write(f"  {plain(line)}\n")
