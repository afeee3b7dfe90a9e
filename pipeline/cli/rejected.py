"""``aftershock rejected``: what could not be used, and why; and back into the flow."""

import base64
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import AsJson, SettingsFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipeline.broker.letters import Letter

rejected_app = typer.Typer(
    name="rejected", help="List rejected records; publish them again.", no_args_is_help=True
)


@rejected_app.command("list")
def list_rejected(
    *,
    values: Annotated[
        bool, typer.Option("--values", help="With --json: also the original bytes, in base64.")
    ] = False,
    as_json: AsJson = False,
    settings_file: SettingsFile = None,
) -> None:
    """List rejected records: where they came from, and what is wrong with them.

    They keep their original bytes, secrets and all (``--values``); what is wrong with them is told
    without secrets.
    """
    from pipeline.broker.clients import quiet_library
    from pipeline.broker.letters import letters
    from pipeline.broker.tail import read_to_end
    from pipeline.broker.topics import rejected
    from pipeline.redact import Redactor
    from pipeline.settings_sources import load_settings

    quiet_library()
    settings = load_settings(settings_file)
    redact = Redactor(settings.redact.redaction).text
    kafka = settings.kafka
    found = letters(read_to_end(kafka, [rejected(kafka.topic_prefix)]))
    if as_json:
        for letter in found:
            told: dict[str, object] = {
                "where": redact(letter.where),
                "code": letter.code,
                "what": redact(letter.what),
                "bytes": len(letter.value),
                "complete": letter.complete,
            }
            if values:
                told["value"] = base64.b64encode(letter.value).decode()
            sys.stdout.write(json.dumps(told) + "\n")
        return
    _print(found, redact)


def _print(found: "Iterable[Letter]", redact: "Callable[[str], str]") -> None:
    from rich.table import Table
    from rich.text import Text

    from pipeline.cli.console import console
    from pipeline.drawing import plain

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("where", overflow="fold")
    table.add_column("code", no_wrap=True)
    table.add_column("bytes", justify="right", no_wrap=True)
    table.add_column("what", overflow="fold")
    for letter in found:
        size = f"{len(letter.value)}" if letter.complete else f"{len(letter.value)} (cut off)"
        table.add_row(
            Text(plain(redact(letter.where))),
            Text(plain(letter.code)),
            size,
            Text(plain(redact(letter.what))),
        )
    if not table.row_count:
        sys.stderr.write("nothing was rejected\n")
        return
    console().print(table)


@rejected_app.command()
def replay(*, as_json: AsJson = False, settings_file: SettingsFile = None) -> None:
    """Publish again, once, what came from our observation topics (after a repair, for one)."""
    from pipeline.broker.clients import quiet_library
    from pipeline.broker.ensure import ensure_topics
    from pipeline.broker.letters import publish_again
    from pipeline.settings_sources import load_settings

    quiet_library()
    kafka = load_settings(settings_file).kafka
    ensure_topics(kafka)
    back, elsewhere = publish_again(kafka)
    if as_json:
        sys.stdout.write(json.dumps({"published": back, "left": elsewhere}) + "\n")
        return
    sys.stdout.write(
        f"{back} published again; {elsewhere} left, since they came from elsewhere"
        " (replay the file after mending it)\n"
    )
