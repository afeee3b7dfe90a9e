"""``aftershock run | detect | correlate | index``: the roles against a broker."""

from typing import Annotated

import typer

from pipeline.cli.options import Set, SettingsFile, Topologies, settings_of

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
    settings = settings_of(topology, parameters, settings_file)
    flow_of(settings)  # trouble that all roles would have is told once
    ensure_topics(settings.kafka)
    if "index" in wanted:
        open_store(settings.store, settings.elasticsearch).close()
    if "adapt" in wanted:
        from pipeline.adapt.role import decoders_of

        decoders_of(settings)
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

    serve("detect", settings_of(topology, parameters, settings_file), lifeline=lifeline)


def correlate(
    topology: Topologies = None,
    parameters: Set = None,
    settings_file: SettingsFile = None,
    *,
    lifeline: Lifeline = False,
) -> None:
    """Be a correlate worker: symptoms → incidents. Any number, up to the partitions."""
    from pipeline.worker.roles import serve

    serve("correlate", settings_of(topology, parameters, settings_file), lifeline=lifeline)


def index(
    topology: Topologies = None,
    parameters: Set = None,
    settings_file: SettingsFile = None,
    *,
    lifeline: Lifeline = False,
) -> None:
    """Be an index worker: incidents → the store."""
    from pipeline.worker.roles import serve

    serve("index", settings_of(topology, parameters, settings_file), lifeline=lifeline)
