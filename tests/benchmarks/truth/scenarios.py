"""``python -m benchmarks.truth.scenarios``: simulated faults of many seeds, symptoms and incidents.

What correlation makes of them is scored as anybody's labels are; of faults at one time it is also
counted how many are told apart. Of detection by itself it is asked
whether a faulty case has a symptom at its cause, or one that names the cause, how long after the
fault the first of them was told, and how many symptoms there are where nothing is at fault.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import networkx as nx
from rich.console import Console
from rich.table import Table

from benchmarks.truth.run import PROCESSES, flow_with, pooled, reject
from benchmarks.truth.run import Analysed as Scored
from benchmarks.truth.simulated import TOPOLOGY, convert
from pipeline.analyze import analyze
from pipeline.drawing_scores import cases_table, scores_drawing
from pipeline.records import Incident, Symptom, canonical
from pipeline.score import Case, read_labels
from pipeline.simulate.disturb import Disturbances
from pipeline.simulate.run import Settings
from pipeline.simulate.scenarios.catalogue import CATALOGUE

WIDTH = 118
GRACE = timedelta(seconds=600)
"""How long after its end a fault may still show."""
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Job:
    """One recording to be made and analysed: scenarios that come together, and a seed."""

    scenarios: tuple[str, ...]
    seed: int
    settings: Settings
    keep: Path | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{'+'.join(self.scenarios)}-seed{self.seed}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What detection by itself made of a case."""

    case: str
    kind: str
    first_s: float | None
    """From the fault to the first symptom at its cause, or naming it; None: there was none."""
    anywhere_s: float | None
    """From the fault to the first symptom anywhere."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Symptoms where nothing was at fault."""

    symptoms: int
    node_days: float
    """Nodes that are watched, times how long."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one recording."""

    scored: Scored
    seen: tuple[Seen, ...]
    quiet: Quiet


def main() -> int:
    """Simulate, analyse, score, print."""
    asked = _arguments()
    settings = replace(
        Settings(), disturbances=Disturbances(no_logs_of=asked.no_logs, skew_s=asked.skew)
    )
    jobs = [
        Job(tuple(which.split("+")), seed, settings, asked.keep)
        for seed in _seeds(asked.seeds)
        for which in asked.scenarios or CATALOGUE
    ]
    found = list(outcomes(jobs))
    report = pooled(outcome.scored for outcome in found)
    if asked.json:
        told = report.as_json(each=asked.each) | {"detection": detection(found)}
        told["told_apart"] = told_apart(found)
        told["seen"] = [asdict(each) for outcome in found for each in outcome.seen]
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
        return 0
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    if asked.each:
        console.print(cases_table(report), "", sep="\n")
    console.print(scores_drawing(report), "", _seen_table(found), sep="\n")
    console.print(json.dumps(detection(found)), highlight=False)
    console.print(f"faults told apart: {told_apart(found)}", highlight=False)
    return 0


def outcomes(jobs: Sequence[Job]) -> Iterator[Outcome]:
    """Make and analyse recordings, some at a time."""
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        for job, outcome in zip(jobs, pool.map(outcome_of, jobs), strict=True):
            sys.stderr.write(f"{job.name} ")
            sys.stderr.flush()
            yield outcome
    sys.stderr.write("\n")


def outcome_of(job: Job) -> Outcome:
    """Make one recording, analyse it, look at what detection told."""
    latest: dict[str, Symptom] = {}

    def take(symptom: Symptom) -> None:
        for former in symptom.supersedes:
            latest.pop(former, None)
        latest[symptom.id] = symptom

    with TemporaryDirectory() as folder:
        scenarios = tuple(CATALOGUE[name] for name in job.scenarios)
        recording = convert(scenarios, job.seed, Path(folder) / "it", job.settings)
        cases = read_labels(recording.labels.read_bytes(), "labels")
        incidents = analyze(
            [recording.observations], flow_with(TOPOLOGY), on_rejected=reject, on_symptom=take
        ).incidents
    symptoms = sorted(latest.values(), key=lambda each: (each.onset, each.id))
    if job.keep is not None:
        _keep(job, incidents, symptoms)
    told = [each for each in symptoms if not each.whisper and each.symptom_class != "change"]
    return Outcome(
        scored=Scored(recording, cases, incidents),
        seen=tuple(_seen(case, told) for case in cases if not case.benign),
        quiet=_quiet(cases, symptoms, told),
    )


def told_apart(found: Sequence[Outcome]) -> int:
    """Return how many faults have an incident of their own that begins with their true cause.

    Of faults at one time the score asks for the incident that overlaps most, which may be one
    incident for all of them; here no incident counts twice.
    """
    return sum(_told_apart(outcome.scored) for outcome in found)


def _told_apart(scored: Scored) -> int:
    faults = {case.id: {*case.root_cause} for case in scored.cases if not case.benign}
    firsts = {each.id: each.causes[0].node for each in scored.incidents if each.causes}
    fitting = nx.Graph()
    fitting.add_edges_from(
        (("fault", fault), ("incident", incident))
        for fault, causes in faults.items()
        for incident, first in firsts.items()
        if first in causes
    )
    return len(nx.max_weight_matching(fitting))


def detection(found: Sequence[Outcome]) -> dict[str, float | int | None]:
    """Return the figures of detection by itself."""
    seen = [each for outcome in found for each in outcome.seen]
    first = sorted(each.first_s for each in seen if each.first_s is not None)
    node_days = sum(outcome.quiet.node_days for outcome in found)
    quiet = sum(outcome.quiet.symptoms for outcome in found)
    return {
        "faults": len(seen),
        "symptom_at_cause": len(first),
        "symptom_anywhere": sum(each.anywhere_s is not None for each in seen),
        "first_symptom_p50_s": _rank(first, 0.5),
        "first_symptom_p95_s": _rank(first, 0.95),
        "quiet_symptoms": quiet,
        "quiet_node_days": round(node_days, 2),
        "quiet_symptoms_a_node_and_day": round(quiet / node_days, 4) if node_days else None,
    }


def _seen(case: Case, told: Sequence[Symptom]) -> Seen:
    during = [s for s in told if s.last_seen >= case.start and s.onset <= case.end + GRACE]
    causes = {*case.root_cause}
    of_cause = [s for s in during if causes & {s.node, *(named.node for named in s.implicates)}]
    return Seen(case.id, case.group, _first(case, of_cause), _first(case, during))


def _first(case: Case, told: Sequence[Symptom]) -> float | None:
    after = [(each.detected_at - case.start).total_seconds() for each in told]
    return max(0.0, min(after)) if after else None


def _quiet(cases: Sequence[Case], symptoms: Sequence[Symptom], told: Sequence[Symptom]) -> Quiet:
    spans = [(case.start, case.end) for case in cases if case.benign]
    inside = sum(any(start <= s.onset < end for start, end in spans) for s in told)
    length_s = sum((end - start).total_seconds() for start, end in spans)
    nodes = len({symptom.node for symptom in symptoms})
    return Quiet(inside, nodes * length_s / _DAY_S)


def _seen_table(found: Sequence[Outcome]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("scenario", "faults", "seen at cause", "first: median s", "longest s"):
        table.add_column(column, justify="left" if column == "scenario" else "right")
    seen = [each for outcome in found for each in outcome.seen]
    for kind in sorted({each.kind for each in seen}):
        of_kind = [each for each in seen if each.kind == kind]
        first = sorted(each.first_s for each in of_kind if each.first_s is not None)
        figures = (f"{median(first):.0f}", f"{first[-1]:.0f}") if first else ("-", "-")
        table.add_row(kind, str(len(of_kind)), str(len(first)), *figures)
    return table


def _rank(ordered: Sequence[float], share: float) -> float | None:
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)], 1)


def _keep(job: Job, incidents: Sequence[Incident], symptoms: Sequence[Symptom]) -> None:
    assert job.keep is not None
    job.keep.mkdir(parents=True, exist_ok=True)
    for name, records in (("incidents", incidents), ("symptoms", symptoms)):
        lines = b"".join(canonical(record) + b"\n" for record in records)
        (job.keep / f"{job.name}.{name}.jsonl").write_bytes(lines)


def _seeds(asked: str) -> list[int]:
    first, _, last = asked.partition("-")
    return list(range(int(first), int(last or first) + 1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.truth.scenarios", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="S03, or S03+S14; all")
    parser.add_argument("--seeds", default="1-2", help="for example 31-40")
    parser.add_argument("--no-logs", type=float, default=0.0, help="share of pods without logs")
    parser.add_argument("--skew", type=float, default=0.0, help="clocks are off by up to so many s")
    parser.add_argument("--each", action="store_true", help="also what became of each case")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave incidents and symptoms")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
