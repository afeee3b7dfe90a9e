"""``aftershock kibana``: what Kibana shows incidents with, as a file and on a server."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.options import AsJson, SettingsFile
from pipeline.errors import AftershockError, BrokenWorld, UsageError

kibana_app = typer.Typer(
    name="kibana", help="Searches and a dashboard of incidents in Kibana.", no_args_is_help=True
)

_SHIPPED = Path("deploy/kibana/aftershock.ndjson")


@kibana_app.command()
def export(
    output: Annotated[Path, typer.Option(help="File to write.")] = _SHIPPED,
    *,
    check: Annotated[bool, typer.Option(help="Write nothing; say whether it differs.")] = False,
    settings_file: SettingsFile = None,
) -> None:
    """Write all saved objects to a file that Kibana imports (8.9 or later)."""
    from pipeline.kibana.incidents import saved_objects
    from pipeline.kibana.shapes import ndjson
    from pipeline.settings_sources import load_settings

    settings = load_settings(settings_file)
    made = saved_objects(settings.elasticsearch.alias, settings.kibana.space)
    content = ndjson(made)
    try:
        if check:
            if not output.is_file() or output.read_bytes() != content:
                raise AftershockError(
                    f"{output}: not as the program makes it; run `aftershock kibana export`"
                )
            return
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(content)
    except OSError as trouble:
        raise UsageError(f"{output}: {trouble.strerror}") from trouble
    typer.echo(f"{len(made)} saved objects written to {output}")


@kibana_app.command()
def ensure(
    url: Annotated[str | None, typer.Option(help="Address of Kibana (kibana.url).")] = None,
    space: Annotated[str | None, typer.Option(help="Space of Kibana (kibana.space).")] = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Import nothing; see whether it could be done.")
    ] = False,
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
) -> None:
    """Import the data view, searches and dashboard of incidents; again, to bring up to date."""
    from pipeline.kibana.importing import import_objects
    from pipeline.kibana.incidents import saved_objects
    from pipeline.settings_sources import load_settings

    settings = load_settings(settings_file, {"kibana.url": url, "kibana.space": space})
    objects = saved_objects(settings.elasticsearch.alias, settings.kibana.space)
    found = import_objects(settings.kibana, settings.elasticsearch, objects, dry_run=dry_run)
    if as_json:
        sys.stdout.write(json.dumps([each.as_json() for each in found], indent=2) + "\n")
    else:
        for each in found:
            reason = f": {each.reason}" if each.reason else ""
            typer.echo(f"{each.kind:<14}{each.title} {each.state}{reason}")
    refused = sum(each.state == "refused" for each in found)
    if refused:
        raise BrokenWorld(f"Kibana {settings.kibana.url}: {refused} of {len(found)} refused")
