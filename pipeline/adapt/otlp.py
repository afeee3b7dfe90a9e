"""OTLP, as the OpenTelemetry Collector's kafka exporter writes it → logs, events, samples; pure.

In: an export request of logs or of metrics, as protobuf (``otlp_proto``) or JSON (``otlp_json``);
the first byte tells which. Protobuf says nowhere whether it holds logs or metrics: a topic has the
one or the other, and ``otlp-logs`` and ``otlp-metrics`` say so; ``decode`` finds out, at the price
of reading twice. Traces are left out.
"""

from typing import TypeVar

from google.protobuf import json_format  # type: ignore[import-untyped]  # it ships no types
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from pipeline.adapt import otlp_logs, otlp_metrics
from pipeline.adapt.decoded import Decoded, Undecodable, nothing
from pipeline.adapt.reading import Json, object_of
from pipeline.ingest.lines import BOM
from pipeline.rejection import one_line

_LOGS = ("resourceLogs", "resource_logs")
_METRICS = ("resourceMetrics", "resource_metrics")
_SPANS = ("resourceSpans", "resource_spans")

M = TypeVar("M", ExportLogsServiceRequest, ExportMetricsServiceRequest)


def decode(value: bytes) -> Decoded:
    """Return what a request holds, of logs or of metrics.

    Raises:
        Undecodable: it is neither.
    """
    if is_json(value):
        return _decode_json(object_of(value))
    metrics = _parsed(value, ExportMetricsServiceRequest())
    if metrics is not None and otlp_metrics.plausible(metrics):
        return otlp_metrics.samples(metrics)
    logs = _parsed(value, ExportLogsServiceRequest())
    if logs is not None and otlp_logs.plausible(logs):
        return otlp_logs.logs(logs)
    raise Undecodable("neither logs nor metrics of OTLP")


def decode_logs(value: bytes) -> Decoded:
    """Return the log records, and the events among them.

    Raises:
        Undecodable: they are not of this format.
    """
    if is_json(value):
        return otlp_logs.logs(_from_json(object_of(value), ExportLogsServiceRequest(), _LOGS))
    request = _parsed(value, ExportLogsServiceRequest())
    if request is None:
        raise Undecodable("not OTLP: protobuf that cannot be read")
    return otlp_logs.logs(request)


def decode_metrics(value: bytes) -> Decoded:
    """Return the samples.

    Raises:
        Undecodable: they are not of this format.
    """
    if is_json(value):
        request = _from_json(object_of(value), ExportMetricsServiceRequest(), _METRICS)
        return otlp_metrics.samples(request)
    parsed = _parsed(value, ExportMetricsServiceRequest())
    if parsed is None:
        raise Undecodable("not OTLP: protobuf that cannot be read")
    return otlp_metrics.samples(parsed)


def is_json(value: bytes) -> bool:
    """Tell whether a value is JSON: as protobuf, ``{`` would open a group, which OTLP has not.

    A line feed is no white space here: protobuf of OTLP begins with one, and a length that may be
    that of ``{``.
    """
    return value.removeprefix(BOM)[:64].lstrip(b" \t\r")[:1] == b"{"


def in_json(record: Json) -> bool:
    """Tell whether a JSON object is a request of OTLP."""
    return any(key in record for key in (*_LOGS, *_METRICS, *_SPANS))


def _decode_json(record: dict[str, object]) -> Decoded:
    if any(key in record for key in _LOGS):
        return otlp_logs.logs(_from_json(record, ExportLogsServiceRequest(), _LOGS))
    if any(key in record for key in _METRICS):
        request = _from_json(record, ExportMetricsServiceRequest(), _METRICS)
        return otlp_metrics.samples(request)
    if any(key in record for key in _SPANS):
        return nothing("spans")
    raise Undecodable("neither logs nor metrics of OTLP")


def _from_json(record: dict[str, object], into: M, keys: tuple[str, str]) -> M:
    if not any(key in record for key in keys):
        raise Undecodable(f"not OTLP: no {keys[0]}")
    try:
        json_format.ParseDict(record, into, ignore_unknown_fields=True)
    except json_format.ParseError as trouble:
        raise Undecodable(one_line(f"not OTLP: {trouble}")) from None
    return into


def _parsed(value: bytes, into: M) -> M | None:
    try:
        into.ParseFromString(value)
    except DecodeError:
        return None
    return into
