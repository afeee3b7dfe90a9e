"""``aftershock topology``: validate, draw, and ask which node a pod is, and why."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from pipeline.cli.console import Harmless
from pipeline.cli.options import TOPOLOGY_HELP, SettingsFile
from pipeline.errors import UsageError
from pipeline.harmless import json_text, lines
from topology import draw
from topology.errors import TopologyError
from topology.form import schema as file_schema
from topology.load import checked, load
from topology.model import Application
from topology.resolve import Identity, Resolution, Resolver

topology_app = typer.Typer(
    help="Validate and draw topologies; ask which node a pod is, and why.", no_args_is_help=True
)

FILE_WIDTH = 120
"""Columns of a terminal drawing that is written to a file."""


class Format(StrEnum):
    """How a topology is shown."""

    TERMINAL = "terminal"
    MERMAID = "mermaid"
    JSON = "json"


Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a parameter of the application."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write to a file instead of the terminal.")
]


@topology_app.command()
def check(
    topologies: Annotated[list[str], typer.Argument(metavar="FILE|NAME", help=TOPOLOGY_HELP)],
    settings: Set = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Validate topology files, each and together; say what is wrong, where, and what to do."""
    given = _parameters(settings)
    found = checked((reference, given) for reference in topologies)
    verdicts = [_verdict(reference, answer) for reference, answer in found]
    if as_json:
        _print_json(verdicts)
    else:
        for verdict in verdicts:
            _tell(verdict)
    if not all(verdict["ok"] for verdict in verdicts):
        raise typer.Exit(1)


@topology_app.command()
def show(  # noqa: PLR0913 - one parameter a flag
    topology: Annotated[str, typer.Argument(metavar="FILE|NAME", help=TOPOLOGY_HELP)],
    settings: Set = None,
    form: Annotated[Format, typer.Option("--format")] = Format.TERMINAL,
    output: Output = None,
    *,
    published: Annotated[
        bool,
        typer.Option(
            "--published",
            help="Take APPLICATION, or APPLICATION@VERSION as incidents name it, from the topic.",
        ),
    ] = False,
    settings_file: SettingsFile = None,
    as_json: AsJson = False,
) -> None:
    """Draw a topology: its nodes, and who can break whom."""
    if published:
        application = _published(topology, settings, settings_file)
    else:
        application = load(topology, _parameters(settings))
    form = Format.JSON if as_json else form
    if form is Format.TERMINAL and output is None:
        width = None if sys.stdout.isatty() else FILE_WIDTH
        Console(highlight=False, width=width).print(Harmless(draw.terminal(application)))
        return
    _write(_drawn(application, form), output)


@topology_app.command()
def resolve(  # noqa: PLR0913 - one option for each thing that a rule may look at
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Names of pods.")],
    topology: Annotated[str, typer.Option(help=TOPOLOGY_HELP)] = "jupyterhub-openshift",
    settings: Set = None,
    *,
    namespace: Annotated[str | None, typer.Option()] = None,
    kind: Annotated[str, typer.Option(help="Kind, if it is not a pod.")] = "Pod",
    container: Annotated[str | None, typer.Option()] = None,
    line: Annotated[str | None, typer.Option(help="A log line of it.")] = None,
    metric: Annotated[str | None, typer.Option(help="Name of a metric about it.")] = None,
    label: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE")] = None,
    as_json: AsJson = False,
) -> None:
    """Say which node an object of the cluster belongs to, and why."""
    resolver = Resolver(load(topology, _parameters(settings)))
    labels = _pairs(label, "--label")
    answers = {
        name: resolver.resolve(
            Identity(
                name=name,
                namespace=namespace,
                kind=kind,
                container=container,
                line=line,
                metric=metric,
                labels=labels,
            )
        )
        for name in names
    }
    if as_json:
        _print_json([{"name": name, **asdict(answer)} for name, answer in answers.items()])
        return
    for name, answer in answers.items():
        sys.stdout.write(lines(_answer(name, answer)))


@topology_app.command()
def schema(output: Output = None) -> None:
    """Print the JSON Schema of topology files, for editors and other programs."""
    _write(_json(file_schema()), output)


def _published(wanted: str, settings: list[str] | None, file: Path | None) -> Application:
    from pipeline.broker.clients import quiet_library
    from pipeline.broker.graphs import published_graph
    from pipeline.settings_sources import load_settings

    if settings:
        raise UsageError("--set and --published: what is published has its parameters already")
    quiet_library()
    return published_graph(load_settings(file, {}).kafka, wanted)


def _verdict(reference: str, answer: Application | TopologyError) -> dict[str, Any]:
    if isinstance(answer, TopologyError):
        problems = [{"file": answer.file, **asdict(problem)} for problem in answer.problems]
        return {"topology": reference, "ok": False, "problems": problems, "said": str(answer)}
    return {
        "topology": reference,
        "ok": True,
        "problems": [],
        "application": answer.name,
        "version": answer.version,
        "valid_from": _since(answer),
        "nodes": len(answer.nodes),
        "edges": len(answer.edges),
    }


def _since(application: Application) -> str | None:
    """Return from when a version holds, as its JSON says it."""
    since: str | None = application.model_dump(mode="json", include={"valid_from"})["valid_from"]
    return since


def _tell(verdict: Mapping[str, Any]) -> None:
    if not verdict["ok"]:
        sys.stderr.write(f"{lines(verdict['said'])}\n")
        return
    since = f" (from {verdict['valid_from']})" if verdict["valid_from"] else ""
    sys.stdout.write(
        f"{verdict['topology']}: fine: application {verdict['application']}, version"
        f" {verdict['version']}{since}, {verdict['nodes']} nodes, {verdict['edges']} edges\n"
    )


def _drawn(application: Application, form: Format) -> str:
    match form:
        case Format.MERMAID:
            return draw.mermaid(application)
        case Format.JSON:
            return _json({"version": application.version, **application.model_dump(mode="json")})
        case Format.TERMINAL:
            text = StringIO()
            Console(file=text, width=FILE_WIDTH, highlight=False).print(
                Harmless(draw.terminal(application))
            )
            return text.getvalue()


def _answer(name: str, answer: Resolution) -> str:
    node = answer.node if answer.node is not None else "no node (unmapped)"
    also = f"\n    also fits: {', '.join(answer.others)} (the first rule wins)"
    return f"{name} → {node}\n    {answer.why}{also if answer.others else ''}\n"


def _parameters(settings: Sequence[str] | None) -> dict[str, str]:
    return _pairs(settings, "--set")


def _pairs(given: Sequence[str] | None, option: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise UsageError(
                f"{option} {text}: not of the form KEY=VALUE: write {option} key=value"
            )
        pairs[key] = value
    return pairs


def _json(value: object) -> str:
    return json_text(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"


def _print_json(value: object) -> None:
    sys.stdout.write(_json(value))


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(lines(text))
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as trouble:
        raise UsageError(
            f"{output}: cannot be written ({trouble.strerror}): choose another --output"
        ) from trouble
