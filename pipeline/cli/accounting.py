"""``aftershock accounting``: where every observation and every symptom went."""

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.cli.options import AsJson, SettingsFile
from pipeline.errors import AftershockError

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline.accounting import Ledger


def accounting(*, as_json: AsJson = False, settings_file: SettingsFile = None) -> None:
    """Print what became of every observation and symptom; exit 1 when the sums disagree."""
    from pipeline.broker.clients import quiet_library
    from pipeline.broker.ledger import ledger_of
    from pipeline.settings_sources import load_settings

    quiet_library()
    ledger = ledger_of(load_settings(settings_file).kafka)
    if as_json:
        sys.stdout.write(json.dumps(_told(ledger)) + "\n")
    else:
        _print(ledger)
    wrong = [check for check in ledger.checks() if not check.agrees]
    if wrong:
        first = wrong[0]
        raise AftershockError(
            f"the sums disagree: {first.name}: {first.left} and {first.right};"
            " is anything still on its way (`aftershock replay --wait` returns when nothing is)?"
        )


def _told(ledger: "Ledger") -> dict[str, object]:
    checks = ledger.checks()
    return {
        "sources": {name: dict(sorted(n.items())) for name, n in sorted(ledger.sources.items())},
        "observations": {
            signal: dict(sorted(n.items())) for signal, n in sorted(ledger.observations.items())
        },
        "dead_letters": ledger.dead,
        "lost": ledger.lost,
        "gaps": {reason: dict(sorted(n.items())) for reason, n in sorted(ledger.losses.items())},
        "symptoms": ledger.symptoms,
        "incidents": dict(sorted(ledger.incidents.items())),
        "checks": [
            {"name": c.name, "left": c.left, "right": c.right, "agrees": c.agrees} for c in checks
        ],
        "reconciles": all(check.agrees for check in checks),
    }


def _print(ledger: "Ledger") -> None:
    from rich.table import Table

    from pipeline.cli.console import console
    from pipeline.drawing import plain

    out = console()
    sources = {plain(name): counts for name, counts in ledger.sources.items()}
    losses = {plain(reason): counts for reason, counts in ledger.losses.items()}
    tables = {"source": sources, "signal": ledger.observations, "lost by reason": losses}
    for title, rows in tables.items():
        out.print(_matrix(title, rows))
        out.print()
    for title, counts in (("symptoms", ledger.symptoms), ("incidents", ledger.incidents)):
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column(title)
        table.add_column("", justify="right")
        for name, count in counts.items():
            table.add_row(plain(name), str(count))
        out.print(table)
        out.print()
    for check in ledger.checks():
        verdict = "agrees" if check.agrees else "DISAGREES"
        relation = "=" if check.slack is not None else "≥"
        out.print(f"{check.name}: {check.left} {relation} {check.right}: {verdict}")


def _matrix(title: str, rows: Mapping[str, Mapping[str, int]]) -> "Table":
    from rich.table import Table

    from pipeline.drawing import plain

    columns = sorted({name for counts in rows.values() for name in counts})
    table = Table(title, *map(plain, columns), box=None, pad_edge=False, header_style="dim")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, counts in sorted(rows.items()):
        table.add_row(name, *(str(counts.get(column, 0)) for column in columns))
    return table
