"""Incidents drawn for a terminal; pure: an incident in, something that rich can print out.

Logged text may hold anything, also characters that a terminal takes for commands: every text goes
through :func:`plain` first.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from pipeline.harmless import one_line
from pipeline.records import Cause, Incident, IncidentSymptom

ID_CHARACTERS = 12
"""Enough to tell incidents apart in a list; ``show`` takes any beginning."""
TIMELINE_CHARACTERS = 40
EXEMPLAR_CHARACTERS = 120

_OF_SEVERITY = {"critical": "bold red", "major": "yellow", "minor": "cyan"}
_OF_STATUS = {"open": "bold red", "resolved": "green", "merged": "dim"}
_DIM = "dim"


def plain(text: str, *, at_most: int | None = None) -> str:
    """Return text on one line without control characters, cut where it is too long."""
    shown = one_line(text)
    if at_most is not None and len(shown) > at_most:
        return shown[: at_most - 1] + "…"
    return shown


def span(seconds: float) -> str:
    """Return a span of time as a person says it: ``12 s``, ``4 min 10 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if abs(whole) < 60:  # noqa: PLR2004 - a minute
        return f"{whole} s"
    minutes, left = divmod(whole, 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {left} s" if left else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def incident_drawing(incident: Incident) -> RenderableType:
    """Return everything that an incident says: head, causes, how it spread, timeline."""
    parts: list[RenderableType] = [*_head(incident), "", *_causes(incident), ""]
    if incident.symptoms:
        parts.append(_heading("How it spread"))
        parts.append(
            _indented(Text("(after what likeliest set it off, and how likely)", style=_DIM))
        )
        parts += [_indented(propagation(incident.symptoms)), ""]
        parts += [_heading("Timeline"), _indented(timeline(incident.symptoms))]
    parts += _unseen(incident)
    return Group(*parts)


def list_of(incidents: Iterable[Incident]) -> RenderableType:
    """Return a table, one incident a line."""
    table = Table(box=None, pad_edge=False, header_style=_DIM)
    for column in ("id", "started", "lasted", "status", "severity"):
        table.add_column(column, no_wrap=True)
    table.add_column("cause", overflow="fold")
    table.add_column("symptoms", justify="right")
    table.add_column("title", overflow="fold")
    for incident in incidents:
        until = incident.resolved_at or incident.updated_at
        table.add_row(
            Text(plain(incident.id)[:ID_CHARACTERS]),
            _clock(incident.started_at, with_date=True),
            span((until - incident.started_at).total_seconds()),
            Text(incident.status, style=_OF_STATUS[incident.status]),
            Text(incident.severity, style=_OF_SEVERITY[incident.severity]),
            Text(_first_cause(incident)),
            str(incident.symptom_count),
            Text(plain(incident.title)),
        )
    return table


def revision_line(incident: Incident, before: Incident | None) -> Text:
    """Return one line for a revision as it comes: what happened to the incident, and its cause."""
    return Text.assemble(
        _clock(incident.updated_at, with_date=True),
        "  ",
        (f"{_happened(incident, before):<9}", _OF_STATUS[incident.status]),
        (f"{incident.severity:<9}", _OF_SEVERITY[incident.severity]),
        f"{plain(incident.id)[:ID_CHARACTERS]} r{incident.revision:<3} ",
        (f"{_first_cause(incident)}  ", "bold"),
        plain(incident.title),
    )


def propagation(symptoms: Sequence[IncidentSymptom]) -> RenderableType:
    """Return the tree of what set off what, by each symptom's likeliest parent."""
    below = _children(symptoms)
    drawn: set[str] = set()
    roots: list[RenderableType] = []
    for symptom in _roots_first(symptoms):
        if symptom.id in drawn:
            continue
        tree = Tree(_told(symptom))
        drawn.add(symptom.id)
        _grow(tree, symptom, below, drawn)
        roots.append(tree)
    return Group(*roots)


def timeline(symptoms: Sequence[IncidentSymptom]) -> RenderableType:
    """Return the symptoms by onset, each with a bar from its onset to when it was last seen."""
    first = min(symptom.onset for symptom in symptoms)
    last = max(symptom.last_seen for symptom in symptoms)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for symptom in sorted(symptoms, key=lambda each: (each.onset, each.id)):
        table.add_row(
            _clock(symptom.onset),
            f"+{span((symptom.onset - first).total_seconds())}",
            Text(_bar(symptom, first, last - first), style=_OF_SEVERITY[symptom.severity]),
            Text(plain(symptom.node)),
            Text(plain(symptom.signature)),
        )
    return table


def _head(incident: Incident) -> list[RenderableType]:
    detected = (incident.detected_at - incident.started_at).total_seconds()
    times = (
        f"started {_clock(incident.started_at, with_date=True)}, detected {span(detected)} later"
    )
    if incident.resolved_at is not None:
        lasted = (incident.resolved_at - incident.started_at).total_seconds()
        times += f", resolved {_clock(incident.resolved_at)} (lasted {span(lasted)})"
    state = Text.assemble(
        (incident.status, _OF_STATUS[incident.status]),
        " · ",
        (incident.severity, _OF_SEVERITY[incident.severity]),
        f" · the cause is {incident.verdict} · {plain(incident.application)}",
        f" · {incident.symptom_count} symptoms at {len(incident.nodes)} nodes",
    )
    if incident.merged_into is not None:
        state.append(f" · merged into {plain(incident.merged_into)}")
    if incident.reopened:
        state.append(f" · reopened {incident.reopened}×")
    late = incident.late_revision
    return [
        Text(plain(incident.title), style="bold"),
        state,
        Text(times),
        *([] if late is None else [Text(f"revised late: {plain(late)}")]),
        Text(f"{plain(incident.id)} revision {incident.revision}", style=_DIM),
    ]


def _causes(incident: Incident) -> list[RenderableType]:
    parts: list[RenderableType] = [_heading("Causes")]
    for cause in incident.causes:
        parts.append(_indented(_cause_line(cause)))
        parts += [_indented(Text(line), by=6) for line in _cause_lines(cause)]
    left = 1 - sum(cause.probability for cause in incident.causes)
    parts.append(_indented(Text(f"{max(0.0, left):>5.0%}  something else", style=_DIM)))
    return parts


def _cause_line(cause: Cause) -> Text:
    line = Text.assemble(f"{cause.probability:>5.0%}  ", (plain(cause.node), "bold"))
    if cause.inferred:
        line.append("  inferred: nothing was seen at the node itself", style=_DIM)
    return line


def _cause_lines(cause: Cause) -> list[str]:
    lines = [f"{reason.code}: {plain(reason.text)}" for reason in cause.reasons]
    if len(cause.path) > 1:
        lines.append("path: " + " → ".join(plain(node) for node in cause.path))
    if cause.pods:
        lines.append("pods: " + ", ".join(plain(pod) for pod in cause.pods))
    lines += [
        f"change: {_clock(change.time)} {plain(change.node)} {plain(change.text)}"
        for change in cause.changes
    ]
    return lines


def _unseen(incident: Incident) -> list[RenderableType]:
    told = {
        "Expected, but not seen": incident.absent,
        "Cannot be seen": incident.unobserved,
    }
    return [
        Text(f"\n{name}: {', '.join(plain(node) for node in nodes)}", style=_DIM)
        for name, nodes in told.items()
        if nodes
    ]


def _children(symptoms: Sequence[IncidentSymptom]) -> dict[str, list[IncidentSymptom]]:
    below: dict[str, list[IncidentSymptom]] = {}
    for symptom in sorted(symptoms, key=lambda each: (each.onset, each.id)):
        if symptom.parent is not None:
            below.setdefault(symptom.parent.symptom, []).append(symptom)
    return below


def _roots_first(symptoms: Sequence[IncidentSymptom]) -> list[IncidentSymptom]:
    """Order so that no symptom is drawn as a root whose parent is listed too."""
    listed = {symptom.id for symptom in symptoms}

    def has_parent(symptom: IncidentSymptom) -> bool:
        return symptom.parent is not None and symptom.parent.symptom in listed

    return sorted(symptoms, key=lambda each: (has_parent(each), each.onset, each.id))


def _grow(
    tree: Tree, root: IncidentSymptom, below: dict[str, list[IncidentSymptom]], drawn: set[str]
) -> None:
    waiting = [(tree, root)]
    while waiting:
        branch, symptom = waiting.pop()
        for child in below.get(symptom.id, ()):
            if child.id not in drawn:
                drawn.add(child.id)
                waiting.append((branch.add(_told(child)), child))


def _told(symptom: IncidentSymptom) -> Text:
    text = Text.assemble(
        (plain(symptom.node), "bold"),
        "  ",
        (plain(symptom.signature), _OF_SEVERITY[symptom.severity]),
        f"  {_clock(symptom.onset)}",
    )
    if symptom.parent is not None:
        text.append(
            f" ({symptom.parent.delay_s:+.0f} s, {symptom.parent.probability:.0%})", style=_DIM
        )
    if symptom.count > 1:
        text.append(f" ×{symptom.count}", style=_DIM)
    if symptom.exemplar:
        text.append(f"\n{plain(symptom.exemplar, at_most=EXEMPLAR_CHARACTERS)}", style=_DIM)
    return text


def _bar(symptom: IncidentSymptom, first: datetime, whole: timedelta) -> str:
    cells = TIMELINE_CHARACTERS
    if not whole:
        return "█".ljust(cells)
    start = min(cells - 1, int((symptom.onset - first) / whole * cells))
    end = max(start + 1, round((symptom.last_seen - first) / whole * cells))
    return (" " * start + "█" * (end - start)).ljust(cells)


def _happened(incident: Incident, before: Incident | None) -> str:
    if incident.status != "open" or before is None:
        return incident.status
    return "reopened" if before.status == "resolved" else "updated"


def _first_cause(incident: Incident) -> str:
    if not incident.causes:
        return "cause unknown"
    first = incident.causes[0]
    return f"{plain(first.node)} {first.probability:.0%}"


def _clock(time: datetime, *, with_date: bool = False) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%SZ" if with_date else "%H:%M:%S")


def _heading(text: str) -> Text:
    return Text(text, style="bold underline")


def _indented(part: RenderableType, *, by: int = 2) -> Padding:
    return Padding(part, (0, 0, 0, by), expand=False)
