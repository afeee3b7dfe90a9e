"""Scores drawn for a terminal; pure: a report in, something that rich can print out."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.drawing import ID_CHARACTERS, plain, span
from pipeline.ingest.found import many
from pipeline.records import Incident
from pipeline.score import Outcome, Report, Scores

_DIM = "dim"
_NOTHING = "-"
_COLUMNS = {
    "cases": 5,
    "AC@1": 11,
    "AC@3": 4,
    "AC@5": 4,
    "Avg@5": 5,
    "found": 11,
    "p50 s": 5,
    "p95 s": 5,
    "false a day": 11,
    "pairs P/R": 9,
    "ECE": 4,
}
"""Columns with their least width: where there is little room an interval goes below its figure."""
_LEGEND = (
    "AC@k: share of faulty cases with a true cause among the first k; a miss counts as wrong, ties"
    " count in the worst order. p50, p95: seconds from a case's start to detection. Brackets: 95 %"
    " (Wilson; false incidents: Poisson). Pairs of symptoms: over-merge lowers the precision P,"
    " over-split the recall R. ECE: calibration of the first cause's probability."
)


def scores_drawing(report: Report) -> RenderableType:
    """Return the table by kind and in all, and what the figures rest on."""
    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style=_DIM)
    table.add_column("kind", overflow="fold", min_width=8)
    for column, narrowest in _COLUMNS.items():
        table.add_column(column, justify="right", overflow="fold", min_width=narrowest)
    for kind, scores in report.by_kind.items():
        table.add_row(Text(plain(kind)), *_cells(scores))
    table.add_row(*[""] * len(table.columns))
    table.add_row(Text("in all", style="bold"), *_cells(report.total), style="bold")
    return Group(table, "", Text(_basis(report.total)), Text(_LEGEND, style=_DIM))


def cases_table(report: Report) -> RenderableType:
    """Return a table of what became of each case, by start."""
    table = Table(box=None, pad_edge=False, header_style=_DIM)
    for column in ("case", "kind", "true cause"):
        table.add_column(column, overflow="fold")
    table.add_column("rank", justify="right", no_wrap=True)
    table.add_column("incident", no_wrap=True)
    table.add_column("after", justify="right", no_wrap=True)
    table.add_column("causes told", overflow="fold")
    for outcome in report.outcomes:
        case = outcome.case
        told = (case.id, case.group, ", ".join(case.root_cause) or _NOTHING)
        shown = _benign_cells(outcome) if case.benign else _faulty_cells(outcome)
        table.add_row(*(Text(plain(text)) for text in told), *shown)
    return table


def _cells(scores: Scores) -> Iterable[str]:
    yield str(scores.cases)
    yield _with_interval(scores.ac_at_1, scores.ac_at_1_ci)
    yield from map(_share, (scores.ac_at_3, scores.ac_at_5, scores.avg_at_5))
    yield _with_interval(scores.recall, scores.recall_ci)
    yield from map(_whole, (scores.ttd_p50_s, scores.ttd_p95_s))
    yield _rate(scores.false_per_day, scores.false_per_day_ci)
    yield f"{_share(scores.pairwise_precision)}/{_share(scores.pairwise_recall)}"
    yield _share(scores.ece)


def _basis(total: Scores) -> str:
    told = (
        f"{many(total.incidents, 'incident')}; faulty cases: {total.faulty}, benign ones:"
        f" {total.cases - total.faulty}; {many(total.false_incidents, 'false incident')} in"
        f" {total.benign_days:.3g} benign days"
    )
    if total.abstained is None:
        return told
    return f"{told}, of which {total.abstained:.0%} claim no cause (verdict unknown)"


def _faulty_cells(outcome: Outcome) -> Iterable[RenderableType]:
    if outcome.incident is None:
        return [Text("missed", style="bold red"), _NOTHING, _NOTHING, _NOTHING]
    style = "green" if outcome.rank == 1 else "bold red"
    rank = Text(_NOTHING if outcome.rank is None else str(outcome.rank), style=style)
    return [
        rank,
        Text(plain(outcome.incident.id)[:ID_CHARACTERS]),
        _seconds(outcome.detected_after_s),
        Text(_causes(outcome.incident)),
    ]


def _benign_cells(outcome: Outcome) -> Iterable[RenderableType]:
    if not outcome.false:
        return [Text("quiet", style="green"), _NOTHING, _NOTHING, _NOTHING]
    first = outcome.false[0]
    more = f" (and {len(outcome.false) - 1} more)" if len(outcome.false) > 1 else ""
    return [
        Text("false", style="bold red"),
        Text(plain(first.id)[:ID_CHARACTERS]),
        _NOTHING,
        Text(f"{_causes(first)}{more}"),
    ]


def _causes(incident: Incident) -> str:
    told = (f"{plain(cause.node)} {cause.probability:.0%}" for cause in incident.causes[:3])
    return ", ".join(told) or "cause unknown"


def _with_interval(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None or interval is None:
        return _NOTHING
    return f"{value:.2f} ({interval[0]:.2f}-{interval[1]:.2f})"


def _rate(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None or interval is None:
        return _NOTHING
    return f"{value:.3g} ({interval[0]:.3g}-{interval[1]:.3g})"


def _share(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.2f}"


def _whole(value: float | None) -> str:
    return _NOTHING if value is None else str(round(value))


def _seconds(value: float | None) -> str:
    return _NOTHING if value is None else span(value)
