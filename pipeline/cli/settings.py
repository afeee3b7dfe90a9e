"""``aftershock settings``: every setting with its value and where it came from."""

import json
import sys

from pipeline.cli.options import AsJson, SettingsFile


def settings(*, as_json: AsJson = False, settings_file: SettingsFile = None) -> None:
    """Print all settings with their sources; secrets are hidden."""
    from pipeline.settings_sources import load

    rows = list(load(settings_file).rows())
    if as_json:
        told = [{"key": key, "value": value, "source": source} for key, value, source in rows]
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return
    from rich.table import Table
    from rich.text import Text

    from pipeline.cli.console import console
    from pipeline.drawing import plain

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("setting", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("from", overflow="fold")
    for key, value, source in rows:
        shown = value if isinstance(value, str) else json.dumps(value)
        table.add_row(key, Text(plain(shown)), Text(plain(source)))
    console().print(table)
