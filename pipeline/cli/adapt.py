"""``aftershock adapt``: what other collectors have put on topics → our observation topics."""

from pipeline.cli.options import Set, SettingsFile, Topologies, settings_of
from pipeline.cli.run import Lifeline


def adapt(
    topology: Topologies = None,
    parameters: Set = None,
    settings_file: SettingsFile = None,
    *,
    lifeline: Lifeline = False,
) -> None:
    """Read topics that other collectors fill (`adapt.topics`), and Alertmanager's posts."""
    from pipeline.adapt.role import decoders_of
    from pipeline.worker.roles import serve

    settings = settings_of(topology, parameters, settings_file)
    decoders_of(settings)  # before a broker is asked for
    serve("adapt", settings, lifeline=lifeline)
