"""Data points of OTLP → metric samples, named and labelled as Prometheus has them; pure.

==========================  =================================================================
gauge, sum up and down      a gauge
sum, monotonic              a counter, ``…_total``
histogram                   ``…_bucket{le}``, ``…_sum``, ``…_count``: counters
exponential histogram       ``…_sum`` and ``…_count``; its buckets are left out: nothing reads them
summary                     ``…{quantile}``, a gauge, with ``…_sum`` and ``…_count``
==========================  =================================================================

Deltas are left out, and counted: a counter would have to be summed up from the beginning, and the
sum would start anew with each restart and each move of a partition; the Collector's processor
``deltatocumulative`` does it where it can be done. Points without a value say nothing.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, DataPointFlags

from pipeline.adapt.decoded import Decoded, Undecodable
from pipeline.adapt.labels import labels_of
from pipeline.adapt.otlp_names import label_name, prometheus_name
from pipeline.adapt.otlp_values import (
    PLACE,
    attributes_of,
    label_text,
    origin_labels,
    place_labels,
)
from pipeline.adapt.reading import instant_at, made
from pipeline.records import Metric

MAX_POINTS = 50_000
"""Samples that one record may become, at some 1 kB each: 50 MB. The Collector's batches have 8,192
points by default."""

_SUBJECTS = frozenset(
    {"namespace", "pod", "persistentvolumeclaim", "resourcequota", "node", "exported_namespace"}
)
"""A point that names one of these is about another object than the resource that measured it."""
_CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
_NO_VALUE = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK


@dataclass(frozen=True, slots=True)
class _Resource:
    """Labels of whatever measured."""

    origin: dict[str, str]
    place: dict[str, str]

    def labels(self, point: Mapping[str, str]) -> dict[str, str]:
        """Return the labels of one of its points."""
        place = self.place if _SUBJECTS.isdisjoint(point) else {}
        return labels_of({**self.origin, **place, **point})


def plausible(request: ExportMetricsServiceRequest) -> bool:
    """Tell whether these are metrics indeed: logs, read as metrics, have no names."""
    return any(
        metric.name and metric.WhichOneof("data") is not None
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )


def samples(request: ExportMetricsServiceRequest) -> Decoded:
    """Return the samples of a request.

    Raises:
        Undecodable: there are more than may be.
    """
    decoded = Decoded()
    for of_resource in request.resource_metrics:
        attributes = attributes_of(of_resource.resource.attributes)
        resource = _Resource(origin_labels(attributes), place_labels(attributes))
        for scope in of_resource.scope_metrics:
            for metric in scope.metrics:
                _take(decoded, metric, resource)
    return decoded


def _take(decoded: Decoded, metric: Any, resource: _Resource) -> None:  # noqa: ANN401 - a message of protobuf
    kind = metric.WhichOneof("data")
    if kind is None or not metric.name:
        decoded.add_bad("a metric without a name or without data (are these logs?)")
        return
    data = getattr(metric, kind)
    points = data.data_points
    if getattr(data, "aggregation_temporality", _CUMULATIVE) != _CUMULATIVE:
        decoded.left_out["delta"] += len(points)
        return
    counter = kind == "sum" and data.is_monotonic
    name = prometheus_name(metric.name, metric.unit, counter=counter, gauge=kind == "gauge")
    for point in points:
        try:
            _take_point(decoded, point, _Series(name, kind, resource, counter=counter))
        except Undecodable as trouble:
            decoded.add_bad(trouble.what)
        if len(decoded.observations) > MAX_POINTS:
            raise Undecodable(f"more than {MAX_POINTS} samples: export in smaller batches")


@dataclass(frozen=True, slots=True)
class _Series:
    """What the points of one metric have in common."""

    name: str
    kind: str
    resource: _Resource
    counter: bool = False


@dataclass(frozen=True, slots=True)
class _Value:
    """One number that a point holds."""

    suffix: str
    value: float
    counter: bool
    label: tuple[str, str] | None = None


def _take_point(decoded: Decoded, point: Any, series: _Series) -> None:  # noqa: ANN401 - see above
    if point.flags & _NO_VALUE:
        decoded.left_out["no-value"] += 1
        return
    if not point.time_unix_nano:
        raise Undecodable(f"no time: a point of {series.name}")
    time = instant_at(point.time_unix_nano // 1000)
    own = {
        PLACE.get(key, label_name(key)): text
        for key, value in attributes_of(point.attributes).items()
        if (text := label_text(value)) is not None
    }
    labels = series.resource.labels(own)
    for value in _READERS[series.kind](point, series):
        if not math.isfinite(value.value):
            decoded.left_out["no-value"] += 1
            continue
        decoded.observations.append(
            made(
                Metric,
                time=time,
                name=series.name + value.suffix,
                value=value.value,
                labels=labels
                if value.label is None
                else {**labels, value.label[0]: value.label[1]},
                type="counter" if value.counter else "gauge",
            )
        )
    if series.kind == "exponential_histogram":
        decoded.left_out["exponential-buckets"] += 1


def _number(point: Any, series: _Series) -> Iterable[_Value]:  # noqa: ANN401 - see above
    kind = point.WhichOneof("value")
    value = math.nan if kind is None else float(getattr(point, kind))
    return [_Value("", value, series.counter)]


def _totals(point: Any, _series: _Series) -> list[_Value]:  # noqa: ANN401 - see above
    found = [_Value("_count", float(point.count), counter=True)]
    if "sum" in point.DESCRIPTOR.fields_by_name and (
        not point.DESCRIPTOR.fields_by_name["sum"].has_presence or point.HasField("sum")
    ):
        found.append(_Value("_sum", point.sum, counter=True))
    return found


def _histogram(point: Any, series: _Series) -> Iterable[_Value]:  # noqa: ANN401 - see above
    totals = _totals(point, series)
    counts, bounds = point.bucket_counts, point.explicit_bounds
    if not counts:
        return totals
    if len(counts) != len(bounds) + 1:
        raise Undecodable(f"{series.name}: {len(counts)} buckets with {len(bounds)} bounds")
    reached = 0
    for bound, count in zip([*bounds, math.inf], counts, strict=True):
        reached += count
        totals.append(_Value("_bucket", float(reached), counter=True, label=("le", _bound(bound))))
    return totals


def _summary(point: Any, series: _Series) -> Iterable[_Value]:  # noqa: ANN401 - see above
    quantiles = [
        _Value("", each.value, counter=False, label=("quantile", _bound(each.quantile)))
        for each in point.quantile_values
    ]
    return [*quantiles, *_totals(point, series)]


def _bound(value: float) -> str:
    """Return a number as Prometheus writes it in a label."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value).removesuffix(".0")


_READERS: dict[str, Callable[[Any, _Series], Iterable[_Value]]] = {
    "gauge": _number,
    "sum": _number,
    "histogram": _histogram,
    "exponential_histogram": _totals,
    "summary": _summary,
}
