"""Labels: what was really at fault, and when; pure.

Bytes of a labels file in, cases out. What cannot be right is told in one line (file, case, what to
do), since a score against wrong labels looks like any other score.
"""

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import UsageError
from pipeline.records import Instant
from pipeline.rejection import one_line, reason_of
from topology.versions import Timeline

Name = Annotated[str, Field(min_length=1, max_length=1000)]

_CASE_STEPS = 2
"""Steps that lead to a case: ``cases`` and its number."""


class Case(BaseModel):
    """A span of time in which one thing was at fault, or nothing was (a benign case)."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    id: Name
    start: Instant
    end: Instant
    application: Name | None = None
    """None: whichever application's incidents come."""
    root_cause: tuple[Name, ...]
    """Node ids; empty where nothing was at fault. Required, lest a misspelt one make the case
    benign."""
    affected: tuple[Name, ...] = ()
    kind: Name | None = None

    @property
    def benign(self) -> bool:
        """Whether nothing was at fault."""
        return not self.root_cause

    @property
    def group(self) -> str:
        """What it is counted under: its kind, else ``benign`` or ``fault``."""
        return self.kind or ("benign" if self.benign else "fault")

    @property
    def nodes(self) -> frozenset[str]:
        """All nodes that it names."""
        return frozenset(self.affected) | frozenset(self.root_cause)


class _Labels(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    cases: tuple[Case, ...]


def read_labels(content: bytes, file: str) -> tuple[Case, ...]:
    """Return the cases of a labels file, in its order.

    Raises:
        UsageError: it is empty or no labels file, an id comes twice, a case ends before it starts,
            or a benign case overlaps another of the same application.
    """
    if not content.strip():
        raise UsageError(f'{file}: empty; a labels file is JSON: {{"cases": [...]}}')
    try:
        cases = _Labels.model_validate_json(content).cases
    except ValidationError as trouble:
        raise UsageError(f"{file}: {_where(trouble, content)}") from trouble
    if not cases:
        raise UsageError(f"{file}: no cases in it; there is nothing to score against")
    _check_each(cases, file)
    _check_apart(cases, file)
    return cases


def check_against(
    cases: Iterable[Case], applications: Sequence[Timeline], file: str
) -> tuple[Case, ...]:
    """Return the cases, each with the application that it is scored in; its nodes are known there.

    With one application, that is the application of all cases, whatever they call it: its nodes
    tell whether it is the right one. With several, a case must name one of them, or none. A node is
    known that any version of the application declares.

    Raises:
        UsageError: no such application, or no such node.
    """
    by_name = {application.name: application for application in applications}
    return tuple(_placed(case, by_name, file) for case in cases)


def check_span(cases: Iterable[Case], span: tuple[datetime, datetime] | None, file: str) -> None:
    """Check that all cases lie in the recordings, at least in part.

    ``span`` are the times of the first and the last observation; None where there was none.

    Raises:
        UsageError: a case lies outside.
    """
    if span is None:
        raise UsageError(f"{file}: the recordings hold no observation to score against the labels")
    first, last = span
    for case in cases:
        if case.end < first or case.start > last:
            side = "before" if case.end < first else "after"
            raise UsageError(
                f"{file}: {_named(case)} lies {side} the recordings: it goes from"
                f" {_told(case.start)} to {_told(case.end)}, they from {_told(first)} to"
                f" {_told(last)}; are these the labels of these recordings?"
            )


def _where(trouble: ValidationError, content: bytes) -> str:
    first = trouble.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid" or len(first["loc"]) < _CASE_STEPS:
        return reason_of(trouble, content).what
    number = int(first["loc"][1])
    case = json.loads(content)["cases"][number]
    name = case.get("id") if isinstance(case, dict) else None
    steps = ".".join(map(str, first["loc"][_CASE_STEPS:]))
    field = f"{steps}: " if steps else ""
    called = f" ({name!r})" if isinstance(name, str) else ""
    return one_line(f"case {number + 1}{called}: {field}{first['msg']}")


def _check_each(cases: Sequence[Case], file: str) -> None:
    known: set[str] = set()
    for case in cases:
        if case.id in known:
            raise UsageError(f"{file}: {_named(case)} comes twice; give each case its own id")
        known.add(case.id)
        if case.end < case.start:
            raise UsageError(
                f"{file}: {_named(case)} ends ({_told(case.end)}) before it starts"
                f" ({_told(case.start)})"
            )


def _check_apart(cases: Sequence[Case], file: str) -> None:
    """Two faults may be there at once; but what is benign has no fault in it, and counts once."""
    running: list[Case] = []
    for case in sorted(cases, key=lambda each: (each.start, each.id)):
        running = [other for other in running if other.end > case.start]
        for other in running:
            if (other.benign or case.benign) and _same_application(other, case):
                benign, fault = (other, case) if other.benign else (case, other)
                raise UsageError(
                    f"{file}: {_named(benign)} is benign (no root_cause) and overlaps"
                    f" {_named(fault)}: cut it where that starts or ends"
                )
        running.append(case)


def _same_application(one: Case, other: Case) -> bool:
    return None in (one.application, other.application) or one.application == other.application


def _placed(case: Case, by_name: dict[str, Timeline], file: str) -> Case:
    if len(by_name) == 1:
        case = case.model_copy(update={"application": next(iter(by_name))})
    elif case.application is not None and case.application not in by_name:
        raise UsageError(
            f"{file}: {_named(case)}: no application {one_line(repr(case.application))} in the"
            f" topology; there are {', '.join(by_name)}"
        )
    chosen = [
        application for name, application in by_name.items() if case.application in (None, name)
    ]
    for node in sorted(case.nodes):
        _check_node(node, case, chosen, file)
    return case


def _check_node(node: str, case: Case, applications: Sequence[Timeline], file: str) -> None:
    trouble = f"{file}: {_named(case)}: node {one_line(repr(node))}"
    if "{" in node:
        raise UsageError(f"{trouble} is a family of nodes; name the one that was hit")
    if any(application.declares(node) for application in applications):
        return
    where = ", ".join(application.name for application in applications)
    near = difflib.get_close_matches(node, _declared(applications), n=1)
    advice = f"did you mean {near[0]!r}?" if near else "is it the right one (--topology)?"
    raise UsageError(f"{trouble} is not in the topology ({where}); {advice}")


def _declared(applications: Sequence[Timeline]) -> Iterator[str]:
    versions = chain.from_iterable(application.versions for application in applications)
    return (template.id for version in versions for template in version.nodes)


def _named(case: Case) -> str:
    return f"case {one_line(repr(case.id))}"


def _told(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
