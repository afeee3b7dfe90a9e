"""Settings → flow: reads topologies and signature packs, and wires the stages.

A shell: it opens files. What it returns is pure.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pipeline.correlate.settings import CorrelateSettings
from pipeline.detect.load_pack import load_pack
from pipeline.detect.pack import SignaturePack
from pipeline.detect.registry import NodeDetectors, longest_span_s
from pipeline.errors import UsageError
from pipeline.flow import Flow
from pipeline.load_calibration import load_calibration
from pipeline.settings import Settings
from topology.load import timelines
from topology.model import Application, NodeTemplate
from topology.versions import Timeline

_INSTANCE = "instance"
_HOUR_S = 3600.0
_SHARED_KINDS = frozenset({"platform", "infrastructure", "external"})
"""Kinds of nodes that several applications may declare: each gets their symptoms."""


def flow_of(settings: Settings) -> Flow:
    """Return the flow of the settings' applications.

    Raises:
        TopologyError: a topology file cannot be used, or two versions hold from one instant.
        UsageError: the pack cannot be used, or two applications claim one node.
    """
    found = timelines((wanted.application, wanted.parameters) for wanted in settings.applications)
    _check_apart(found)
    packs = _packs(version for timeline in found for version in timeline.versions)
    return Flow(
        timelines=found,
        detectors={name: NodeDetectors(pack, settings.detect) for name, pack in packs.items()},
        detect_span_s=max(longest_span_s(pack) for pack in packs.values()),
        correlate=_calibrated(settings.correlate),
        windows=settings.windows,
        redaction=settings.redact.redaction,
        keep_incidents_s=settings.kafka.retention.incidents_h * _HOUR_S or None,
    )


def _packs(versions: Iterable[Application]) -> dict[str, SignaturePack]:
    """Return the pack for the nodes of each instance, and under ``""`` that for all other nodes.

    What a topology and the pack both have a parameter for, the topology says. Of an instance's
    versions the latest is asked.
    """
    shipped = load_pack()
    given: dict[str, dict[str, str]] = {}
    for version in versions:
        values = {
            name: value
            for name, value in version.parameters.items()
            if name in shipped.parameters and value is not None
        }
        if _INSTANCE in values:
            given[values[_INSTANCE]] = values
    return {"": shipped} | {name: load_pack(parameters=given[name]) for name in sorted(given)}


def _calibrated(settings: CorrelateSettings) -> CorrelateSettings:
    shipped = load_calibration()
    return replace(
        settings,
        sharpness=shipped.sharpness if settings.sharpness is None else settings.sharpness,
        doubt=shipped.doubt if settings.doubt is None else settings.doubt,
    )


def _check_apart(applications: Sequence[Timeline]) -> None:
    owner: dict[str, int] = {}
    for position, node in _declared(applications):
        other = owner.setdefault(node.id, position)
        if other != position and node.kind not in _SHARED_KINDS:
            raise UsageError(
                f"applications {applications[other].name!r} and {applications[position].name!r}"
                f" both declare the node {node.id!r}: list each once, and give each instance its"
                " own parameter `instance`"
            )


def _declared(applications: Sequence[Timeline]) -> Iterator[tuple[int, NodeTemplate]]:
    """Yield what each application declares, or did, with the application's position."""
    for position, timeline in enumerate(applications):
        for version in timeline.versions:
            yield from ((position, node) for node in version.nodes)
