"""The coverage report drawn for a terminal; pure: a report in, something that rich can print out.

Times are absolute; beside them stands for how long nothing has come, up to where event time has
come. That is near now with live sources, and the end of the recording after a replay.
"""

from collections.abc import Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.coverage import Missed, Node, Report, Seen
from pipeline.drawing import plain, span
from pipeline.records import instant, micros

_SECOND = 1_000_000
_TWO_DAYS_S = 172_800
_DIM = "dim"
_BLIND = "bold yellow"


def coverage_drawing(report: Report, now: datetime) -> RenderableType:
    """Return the whole report: a head, a line for each signal of each node, dark edges."""
    parts: list[RenderableType] = [Text(_head(report, micros(now)))]
    if report.nodes:
        parts += ["", _table(report)]
    if report.dark_edges:
        parts += ["", Text("Nothing was ever seen at either end of:", style=_BLIND)]
        parts += [
            Text(f"  {plain(edge.cause)} → {plain(edge.effect)}") for edge in report.dark_edges
        ]
    return Group(*parts)


def _head(report: Report, now: int) -> str:
    told = f"nodes: {len(report.nodes)}; blind spots: {len(report.blind_spots)}"
    if report.watermark is None:
        return f"{told}; how far event time has come is not known yet"
    behind = (now - report.watermark) / _SECOND
    away = span(abs(behind)) if abs(behind) < _TWO_DAYS_S else f"{abs(behind) / 86_400:.0f} days"
    where = f"{away} {'before' if behind >= 0 else 'after'} now"
    return f"{told}; event time has come to {_clock(report.watermark)}, {where}"


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style=_DIM)
    table.add_column("node", overflow="fold")
    for column in ("signal", "since", "last seen"):
        table.add_column(column, no_wrap=True)
    for column in ("silent for", "observations", "lost"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("remarks", overflow="fold")
    for node in report.nodes:
        if not node.signals:
            unseen = Text("declared as one that cannot be seen", style=_DIM)
            table.add_row(Text(plain(node.id)), *[""] * 6, unseen)
        for seen in node.signals:
            table.add_row(Text(plain(node.id)), *_cells(report, seen), _remarks(node, seen))
    return table


def _cells(report: Report, seen: Seen) -> list[str]:
    silent = report.silent_us(seen)
    return [
        seen.signal,
        _clock(seen.first),
        _clock(seen.last),
        "" if silent is None else span(silent / _SECOND),
        str(seen.observations),
        _lost(seen),
    ]


def _lost(seen: Seen) -> str:
    """Return what was lost; with a plus where nobody knows how much more."""
    if not seen.missed:
        return ""
    return f"{seen.lost}+" if seen.uncounted else f"{seen.lost}"


def _remarks(node: Node, seen: Seen) -> Text:
    return Text(", ").join(_each_remark(node, seen))


def _each_remark(node: Node, seen: Seen) -> Iterator[Text]:
    if seen.blind:
        yield Text("never came", style=_BLIND)
    if not node.applications:
        yield Text("in no topology", style=_DIM)
    elif not seen.declared:
        yield Text("not declared", style=_DIM)
    for missed in seen.missed:
        yield Text(_gaps(missed))


def _gaps(missed: Missed) -> str:
    last = missed.stretches[-1]
    return (
        f"{plain(missed.reason)} {missed.total.gaps}×,"
        f" last from {_clock(last.since)} to {_clock(last.until)}"
    )


def _clock(us: int | None) -> str:
    return "" if us is None else instant(us).strftime("%Y-%m-%d %H:%M:%SZ")
