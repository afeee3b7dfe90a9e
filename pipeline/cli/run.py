"""``aftershock run | detect | correlate | index``: the roles against a broker."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.options import Set, SettingsFile, parameters_of
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.settings import Settings

Topologies = Annotated[
    list[str] | None,
    typer.Option("--topology", metavar="FILE|NAME", help="Topology file or shipped application."),
]
Lifeline = Annotated[
    bool, typer.Option("--lifeline", hidden=True, help="End when standard input ends.")
]


def run(
    roles: Annotated[
        str, typer.Option(help="Which roles, with commas between them.")
    ] = "detect,correlate,index",
    topology: Topologies = None,
    parameters: Set = None,
    settings_file: SettingsFile = None,
) -> None:
    """Run the roles, each in a process of its own, until stopped; when one ends, all end."""
    from pipeline.assembly import flow_of
    from pipeline.broker.ensure import ensure_topics
    from pipeline.store import open_store
    from pipeline.worker.run import roles_of, supervise

    wanted = roles_of(roles)
    settings = _settings(topology, parameters, settings_file)
    flow_of(settings)  # trouble that all roles would have is told once
    ensure_topics(settings.kafka)
    if "index" in wanted:
        open_store(settings.store).close()
    flags = [flag for name in topology or () for flag in ("--topology", name)]
    flags += [flag for setting in parameters or () for flag in ("--set", setting)]
    if settings_file is not None:
        flags += ["--settings", str(settings_file)]
    supervise(wanted, flags)


def detect(
    topology: Topologies = None,
    parameters: Set = None,
    settings_file: SettingsFile = None,
    *,
    lifeline: Lifeline = False,
) -> None:
    """Be a detect worker: observations → symptoms. Any number, up to the partitions."""
    from pipeline.worker.roles import serve

    serve("detect", _settings(topology, parameters, settings_file), lifeline=lifeline)


def correlate(
    topology: Topologies = None,
    parameters: Set = None,
    settings_file: SettingsFile = None,
    *,
    lifeline: Lifeline = False,
) -> None:
    """Be a correlate worker: symptoms → incidents. Any number, up to the partitions."""
    from pipeline.worker.roles import serve

    serve("correlate", _settings(topology, parameters, settings_file), lifeline=lifeline)


def index(
    topology: Topologies = None,
    parameters: Set = None,
    settings_file: SettingsFile = None,
    *,
    lifeline: Lifeline = False,
) -> None:
    """Be an index worker: incidents → the store."""
    from pipeline.worker.roles import serve

    serve("index", _settings(topology, parameters, settings_file), lifeline=lifeline)


def _settings(
    topology: list[str] | None, parameters: list[str] | None, settings_file: SettingsFile
) -> "Settings":
    from pipeline.settings_sources import load_settings

    if topology is not None and any("," in name for name in topology):
        raise UsageError("--topology: one file or name each; give the flag again for another")
    flags = {"topology": ",".join(topology)} if topology else {}
    settings = load_settings(settings_file, flags)
    return settings.with_parameters(parameters_of(parameters))
