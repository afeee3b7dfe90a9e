"""``aftershock symptoms``: what detection sees in recordings or dumps, nothing joined yet."""

import sys
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import AsJson, Set, SettingsFile, Topologies, parameters_of
from pipeline.cli.progress import reading
from pipeline.errors import UsageError
from pipeline.records import Rejected, Symptom, canonical

if TYPE_CHECKING:
    from rich.table import Table

    from pipeline.detect.partition import Suppressed

symptoms_app = typer.Typer(
    help="What detection sees in recordings or dumps, nothing joined yet.",
    no_args_is_help=True,
)

Paths = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", help="Recordings or dumps, as for `analyze`."),
]
Quiet = Annotated[bool, typer.Option(help="No progress bar, no summary.")]
_SHOWN_EXEMPLAR = 500
"""Characters of an exemplar."""
_MAX_NAMED = 5
"""Symptoms named when the beginning of an id fits several."""
_DATE = 10
"""Characters of a date."""
_WHOLE = frozenset({"until", "severity", "count", "state", "id"})
"""Columns of short words: where a terminal is narrow, the others are folded first."""


@symptoms_app.command("list")
def list_symptoms(  # noqa: PLR0913 - one parameter a flag
    paths: Paths,
    topology: Topologies = None,
    *,
    node: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Only at these nodes: 'jupyterhub/*'.")
    ] = None,
    whispers: Annotated[bool, typer.Option("--whispers", help="Weak evidence, too.")] = False,
    changes: Annotated[bool, typer.Option("--changes", help="Changes, too.")] = False,
    suppressed: Annotated[
        bool,
        typer.Option(
            "--suppressed",
            help="Instead, counted: what is known to be harmless, and what was held back because"
            " enough of its kind was told.",
        ),
    ] = False,
    parameters: Set = None,
    settings_file: SettingsFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List symptoms, each as it was at last, earliest first."""
    found = _found(paths, (topology, parameters, settings_file), quiet=quiet)
    untold = [each for each in found.suppressed if _at(each.node, node)]
    if suppressed:
        _list_suppressed(untold, as_json=as_json)
        return
    here = [symptom for symptom in found.symptoms if _at(symptom.node, node)]
    kinds = Counter(map(_kind, here))
    wanted = {"symptom", *(["whisper"] if whispers else []), *(["change"] if changes else [])}
    told = [symptom for symptom in here if _kind(symptom) in wanted]
    _list(told, as_json=as_json)
    if not quiet:
        sys.stderr.write(
            f"{kinds['symptom']} symptoms; {kinds['whisper']} weak ones (--whispers),"
            f" {kinds['change']} changes (--changes),"
            f" {sum(each.count for each in untold)} lines and events that are harmless or held back"
            " (--suppressed)\n"
        )


@symptoms_app.command()
def show(  # noqa: PLR0913 - one parameter a flag
    symptom: Annotated[str, typer.Argument(metavar="ID", help="Id of a symptom, or its start.")],
    paths: Paths,
    topology: Topologies = None,
    *,
    parameters: Set = None,
    settings_file: SettingsFile = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show one symptom with all that is known of it."""
    found = _found(paths, (topology, parameters, settings_file), quiet=quiet).symptoms
    meant = _only(symptom, found)
    if as_json:
        _write_json([meant])
        return
    _show(meant)


class _Found:
    """What detection told, each symptom in its latest revision."""

    def __init__(self) -> None:
        self._latest: dict[str, Symptom] = {}
        self.suppressed: list[Suppressed] = []

    def take(self, symptom: Symptom) -> None:
        """Take a revision; the ids that it takes the place of are gone."""
        self._latest[symptom.id] = symptom
        for former in symptom.supersedes:
            self._latest.pop(former, None)

    @property
    def symptoms(self) -> list[Symptom]:
        """The symptoms, by onset, node and id."""
        return sorted(self._latest.values(), key=lambda each: (each.onset, each.node, each.id))


def _found(
    paths: list[Path],
    chosen: tuple[list[str] | None, list[str] | None, Path | None],
    *,
    quiet: bool,
) -> _Found:
    from pipeline.analyze import analyze
    from pipeline.assembly import flow_of
    from pipeline.settings_sources import load_settings

    topology, parameters, settings_file = chosen
    flags = {"topology": ",".join(topology)} if topology else {}
    settings = load_settings(settings_file, flags).with_parameters(parameters_of(parameters))
    found, rejected = _Found(), _Rejected()
    with reading(quiet=quiet) as on_progress:
        analysis = analyze(
            paths,
            flow_of(settings),
            on_rejected=rejected.take,
            on_progress=on_progress,
            on_symptom=found.take,
            joins=False,
        )
    found.suppressed = analysis.suppressed
    if rejected.count and not quiet:
        sys.stderr.write(f"{rejected.count} lines rejected: `aftershock analyze` says why\n")
    return found


class _Rejected:
    def __init__(self) -> None:
        self.count = 0

    def take(self, rejected: Rejected) -> None:
        self.count += rejected.last


def _only(wanted: str, found: list[Symptom]) -> Symptom:
    """Return the symptom whose id begins so.

    Raises:
        UsageError: there is none, or more than one.
    """
    from pipeline.drawing import plain

    meant = [each for each in found if each.id.startswith(wanted)]
    if len(meant) == 1:
        return meant[0]
    told = plain(wanted)
    if not meant:
        raise UsageError(f"no symptom of that id here: {told}; see `aftershock symptoms list`")
    some = ", ".join(plain(each.id) for each in meant[:_MAX_NAMED])
    raise UsageError(f"{len(meant)} symptoms' ids begin with {told!r}: {some}; give more of it")


def _at(node: str, pattern: str | None) -> bool:
    return pattern is None or fnmatchcase(node, pattern)


def _kind(symptom: Symptom) -> str:
    if symptom.symptom_class == "change":
        return "change"
    return "whisper" if symptom.whisper else "symptom"


def _write_json(symptoms: Iterable[Symptom]) -> None:
    from pipeline.cli.console import write_json

    write_json(b"".join(canonical(symptom) + b"\n" for symptom in symptoms))


def _list(symptoms: list[Symptom], *, as_json: bool) -> None:
    if as_json:
        _write_json(symptoms)
        return
    from pipeline.drawing import plain

    table = _table("since", "until", "node", "severity", "class", "title", "count", "state", "id")
    for each in symptoms:
        table.add_row(
            f"{each.onset:%Y-%m-%d %H:%M:%S}",
            f"{each.last_seen:%H:%M:%S}",
            plain(each.node),
            "weak" if each.whisper else each.severity,
            each.symptom_class,
            plain(each.title),
            str(each.count),
            "late" if each.late else each.state,
            each.id[:8],
        )
    _print(table)


def _list_suppressed(suppressed: list["Suppressed"], *, as_json: bool) -> None:
    from pipeline.cli.console import write_json

    if as_json:
        import msgspec

        write_json(b"".join(msgspec.json.encode(each) + b"\n" for each in suppressed))
        return
    table = _table("node", "signal", "signature", "count")
    for each in suppressed:
        table.add_row(each.node, each.signal, each.signature, str(each.count))
    _print(table)


def _show(symptom: Symptom) -> None:
    table = _table("", "")
    table.show_header = False
    for name, told in _told(symptom):
        table.add_row(name, told)
    _print(table)


def _told(symptom: Symptom) -> list[tuple[str, str]]:
    amount, span = symptom.amount, f"{symptom.onset.isoformat()} to {symptom.last_seen.isoformat()}"
    rows = [
        ("id", f"{symptom.id}, revision {symptom.revision}"),
        ("title", symptom.title),
        ("node", symptom.node),
        ("what", f"{_kind(symptom)}: {symptom.symptom_class}, {symptom.severity}, {symptom.state}"),
        ("by", f"{symptom.detector}: {symptom.signature} ({symptom.fingerprint})"),
        ("time", f"{span}, onset known to within {symptom.resolution_s:g} s"),
        ("enough at", symptom.detected_at.isoformat()),
        ("count", str(symptom.count)),
        ("strength", f"{symptom.score:g} σ" if symptom.score else ""),
        ("amount", f"{amount.total:g} {amount.unit} extra" if amount else ""),
        ("speaks of", ", ".join(f"{i.node} ({i.strength:g})" for i in symptom.implicates)),
        ("pods", ", ".join(symptom.pods)),
        ("machines", ", ".join(symptom.cluster_nodes)),
        *(("said", exemplar[:_SHOWN_EXEMPLAR]) for exemplar in symptom.exemplars),
    ]
    return [(name, told) for name, told in rows if told]


def _table(*columns: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in columns:
        # folded, never cut: the end of a node's name, or of a line, is what tells it apart
        table.add_column(
            column,
            justify="right" if column == "count" else "left",
            overflow="fold",
            no_wrap=column in _WHOLE,
            min_width=_DATE if column == "since" else None,
        )
    return table


def _print(table: "Table") -> None:
    from pipeline.cli.console import Harmless, console

    console().print(Harmless(table))
