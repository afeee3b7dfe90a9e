"""Options that several commands share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.settings import Settings

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a parameter of the application."),
]
SettingsFile = Annotated[
    Path | None,
    typer.Option("--settings", metavar="FILE", help="Settings file (default ./aftershock.yaml)."),
]
SHIPPED = "jupyterhub-openshift, openshift-ai, zero-to-jupyterhub"
"""The shipped applications: written out, so that asking for help reads no files."""
TOPOLOGY_HELP = f"Topology file, or a shipped application: {SHIPPED}."
Topologies = Annotated[
    list[str] | None,
    typer.Option("--topology", metavar="FILE|NAME", help=TOPOLOGY_HELP),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def parameters_of(assignments: Sequence[str] | None) -> dict[str, str]:
    """Return the parameters of ``--set key=value`` options.

    Raises:
        UsageError: an option is not of that form.
    """
    parameters = {}
    for assignment in assignments or ():
        key, equals, value = assignment.partition("=")
        if not (key and equals):
            raise UsageError(f"--set {assignment!r}: write KEY=VALUE")
        parameters[key] = value
    return parameters


def settings_of(
    topology: list[str] | None,
    parameters: list[str] | None,
    settings_file: Path | None,
    **flags: object,
) -> "Settings":
    """Return the settings, with the applications that the options name.

    ``flags`` are further settings by dotted key (``**{"ingest.shard": "0/3"}``).

    Raises:
        UsageError: an option or the settings file cannot be used.
    """
    from pipeline.settings_sources import load_settings

    if topology is not None and any("," in name for name in topology):
        raise UsageError("--topology: one file or name each; give the flag again for another")
    if topology:
        flags["topology"] = ",".join(topology)
    settings = load_settings(settings_file, flags)
    return settings.with_parameters(parameters_of(parameters))
