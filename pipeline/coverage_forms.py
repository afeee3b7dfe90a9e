"""The coverage report as JSON and as metrics; pure."""

from collections.abc import Sequence
from typing import Any

from pipeline.coverage import Report, Seen
from pipeline.detect.coverage import Stretch
from pipeline.openmetrics import Family, Sample
from pipeline.records import instant

Json = dict[str, Any]

_SECOND = 1_000_000


def json_of(report: Report) -> Json:
    """Return the report as JSON values; times are RFC 3339 text."""
    return {
        "watermark": _time(report.watermark),
        "nodes": [
            {
                "node": node.id,
                "applications": list(node.applications),
                "signals": {seen.signal: _seen_json(seen, report) for seen in node.signals},
            }
            for node in report.nodes
        ],
        "blind": [{"node": node, "signal": signal} for node, signal in report.blind_spots],
        "dark_edges": [
            {"application": edge.application, "cause": edge.cause, "effect": edge.effect}
            for edge in report.dark_edges
        ],
    }


def metrics_of(report: Report) -> list[Family]:
    """Return the report as metrics; times are seconds since 1970."""
    spots = [
        ({"node": node.id, "signal": seen.signal}, seen)
        for node in report.nodes
        for seen in node.signals
    ]
    watermark = [] if report.watermark is None else [_sample({}, report.watermark)]
    return [
        _gauge("watermark_timestamp_seconds", "How far event time has come.", watermark),
        _gauge(
            "first_seen_timestamp_seconds",
            "Event time of the earliest observation.",
            [_sample(labels, seen.first) for labels, seen in spots if seen.first is not None],
        ),
        _gauge(
            "last_seen_timestamp_seconds",
            "Event time of the latest observation.",
            [_sample(labels, seen.last) for labels, seen in spots if seen.last is not None],
        ),
        _counter(
            "observations",
            "Observations that detection received.",
            [(labels, seen.observations) for labels, seen in spots],
        ),
        _counter(
            "lost",
            "Observations that are known to be lost.",
            [(labels, seen.lost) for labels, seen in spots],
        ),
        _counter(
            "gaps",
            "Stretches of event time in which observations were lost.",
            [
                (labels | {"reason": missed.reason}, missed.total.gaps)
                for labels, seen in spots
                for missed in seen.missed
            ],
        ),
        _gauge(
            "blind",
            "Signals that the topology declares and of which nothing ever came.",
            [(labels, 1) for labels, seen in spots if seen.blind],
        ),
    ]


def _sample(labels: dict[str, str], us: int) -> Sample:
    return labels, us / _SECOND


def _gauge(name: str, told: str, samples: Sequence[Sample]) -> Family:
    return Family(name=f"aftershock_coverage_{name}", type="gauge", help=told, samples=samples)


def _counter(name: str, told: str, samples: Sequence[Sample]) -> Family:
    return Family(name=f"aftershock_coverage_{name}", type="counter", help=told, samples=samples)


def _seen_json(seen: Seen, report: Report) -> Json:
    silent = report.silent_us(seen)
    return {
        "declared": seen.declared,
        "blind": seen.blind,
        "first_seen": _time(seen.first),
        "last_seen": _time(seen.last),
        "silent_s": None if silent is None else silent / _SECOND,
        "observations": seen.observations,
        "lost": seen.lost,
        "uncounted_gaps": seen.uncounted,
        "gaps": [
            {
                "reason": missed.reason,
                **_stretch_json(missed.total),
                "stretches": [_stretch_json(stretch) for stretch in missed.stretches],
                "older": None if missed.older is None else _stretch_json(missed.older),
            }
            for missed in seen.missed
        ],
    }


def _stretch_json(stretch: Stretch) -> Json:
    return {
        "since": _time(stretch.since),
        "until": _time(stretch.until),
        "gaps": stretch.gaps,
        "lost": stretch.lost,
        "uncounted": stretch.uncounted,
    }


def _time(us: int | None) -> str | None:
    return None if us is None else instant(us).isoformat().replace("+00:00", "Z")
