"""``aftershock score``: how good the incidents are, against labels of what was at fault."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.incident_file import read_incidents
from pipeline.cli.options import AsJson, Set, SettingsFile, Topologies, settings_of
from pipeline.cli.progress import reading
from pipeline.cli.telling import advice
from pipeline.errors import AftershockError, UsageError
from pipeline.records import Incident, Observation, Rejected

if TYPE_CHECKING:
    from pipeline.flow import Flow
    from pipeline.score import Report

MAX_GRACE_S = 31_536_000.0
"""A year: the recordings of one score are shorter."""


def score(  # noqa: PLR0913 - one parameter a flag
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH...", help="Recordings or dumps, as for `analyze`."),
    ] = None,
    *,
    labels: Annotated[Path, typer.Option(metavar="FILE", help="What was at fault, and when.")],
    topology: Topologies = None,
    incidents: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Score these incidents instead of analysing anything."),
    ] = None,
    grace: Annotated[
        float, typer.Option(help="Seconds after its end in which a case counts as found.")
    ] = 600.0,
    require: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=X,...", help="Exit with 1 where a figure is worse than this."),
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="Also what became of each case.")] = False,
    as_json: AsJson = False,
    parameters: Set = None,
    settings_file: SettingsFile = None,
    quiet: Annotated[bool, typer.Option(help="No progress bar, no summary.")] = False,
) -> None:
    """Score incidents against labels: is the true cause first, how soon, how many false ones.

    Analyses the recordings first, unless --incidents names what `analyze` or `incidents export`
    wrote.
    """
    from pipeline.assembly import flow_of
    from pipeline.score import check_against, check_span, read_labels, read_thresholds, shortfalls
    from pipeline.score import score as report_of

    limits = read_thresholds(require or ())
    _check(paths, incidents, grace)
    flow = flow_of(settings_of(topology, parameters, settings_file))
    cases = check_against(read_labels(_bytes_of(labels), str(labels)), flow.timelines, str(labels))
    if incidents is not None:
        found = read_incidents(incidents)
    else:
        recorded = _Recorded(quiet=quiet)
        found = recorded.analyse(paths or (), flow)
        check_span(cases, recorded.span, str(labels))
    report = report_of(cases, found, grace_s=grace)
    _print(report, as_json=as_json, each=each)
    if missed := shortfalls(report.total, limits):
        raise AftershockError("; ".join(missed))


@dataclass(slots=True, kw_only=True)
class _Recorded:
    """Analyses recordings, and notes from when to when they go."""

    quiet: bool
    span: tuple[datetime, datetime] | None = None
    """Times of the first and the last observation, unmapped ones too."""
    _first_rejected: str | None = None

    def analyse(self, paths: Sequence[Path], flow: "Flow") -> list[Incident]:
        """Return the recordings' incidents; the recordings stream through."""
        from pipeline.analyze import stepper_of
        from pipeline.flow import InProcess
        from pipeline.ingest.files import Reader

        with reading(quiet=self.quiet) as on_progress:
            reader = Reader(paths, on_rejected=self._reject, on_progress=on_progress)
            router = flow.router()
            stepper = stepper_of(flow, "score", reader, router)
            stages = InProcess(flow)
            stages.run(stepper.run(self._noted(reader)))
        counts = Counter(reader.counts)
        counts.update(published=stepper.published, unmapped=stepper.unmapped)
        if not self.quiet:
            self._tell(counts, router.unmapped_samples())
        return stages.incidents()

    def _noted(self, observations: Iterable[Observation]) -> Iterator[Observation]:
        for observation in observations:
            first = self.span[0] if self.span is not None else observation.time
            self.span = (first, observation.time)
            yield observation

    def _reject(self, rejected: Rejected) -> None:
        if self._first_rejected is None:
            self._first_rejected = f"{rejected.where}: {rejected.code}: {rejected.what}"

    def _tell(self, counts: Counter[str], unmapped: list[tuple[str, int]]) -> None:
        """Tell what there is to heed; that all was read and known is no news here."""
        if self._first_rejected is not None:
            more = "; `aftershock analyze` names more" if counts["rejected"] > 1 else ""
            sys.stderr.write(
                f"{counts['rejected']} of {counts['lines']} lines rejected:"
                f" {self._first_rejected}{more}\n"
            )
        if not counts["published"]:
            sys.stderr.writelines(f"{line}\n" for line in advice(counts, unmapped))


def _check(paths: list[Path] | None, incidents: Path | None, grace: float) -> None:
    if bool(paths) == (incidents is not None):
        raise UsageError("give recordings to analyse, or incidents with --incidents FILE: either")
    if not 0 <= grace <= MAX_GRACE_S:  # also what is no number
        raise UsageError(f"--grace {grace:g}: give seconds, from 0 to {MAX_GRACE_S:g}")


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as trouble:
        raise UsageError(f"{file}: cannot be read ({trouble.strerror})") from trouble


def _print(report: "Report", *, as_json: bool, each: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(report.as_json(each=each), indent=2, ensure_ascii=False) + "\n")
        return
    from pipeline.cli.console import console
    from pipeline.drawing_scores import cases_table, scores_drawing

    if each:
        console().print(cases_table(report), "", sep="\n")
    console().print(scores_drawing(report))
