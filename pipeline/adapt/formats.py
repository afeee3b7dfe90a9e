"""The formats by name, and which one a record has by its shape; pure."""

from collections.abc import Callable
from functools import partial

from pipeline.adapt import (
    ecs,
    fluentbit,
    kubernetes_events,
    otlp,
    prometheus,
    vector,
    viaq,
)
from pipeline.adapt.decoded import Decoded, Decoder, Undecodable
from pipeline.adapt.reading import Json, object_in, object_of
from pipeline.errors import UsageError

AUTO = "auto"
_FLUENT_BIT = "fluent-bit"


def decode_any(value: bytes) -> Decoded:
    """Return what a record holds, in whatever format its shape tells.

    Raises:
        Undecodable: its shape is none of ours, or it is damaged.
    """
    if value[:1] == b"\n":  # protobuf: field 1, with a length; no JSON of ours begins so
        return otlp.decode(value)
    record = object_of(value)
    decoder = next((decoder for tells, decoder in _SHAPES if tells(record)), None)
    if decoder is None:
        raise Undecodable("of no format that is known by its shape; name it in adapt.topics")
    return decoder(value)


def _is_prometheus(record: Json) -> bool:
    return {"timestamp", "value", "name", "labels"} <= record.keys()


def _is_event(record: Json) -> bool:
    return kubernetes_events.is_audit(record) or (
        kubernetes_events.event_object(record) is not None
    )


def _is_ecs(record: Json) -> bool:
    about = record.get("@metadata")
    beat = isinstance(about, dict) and "beat" in about
    return beat or "ecs" in record or "ecs.version" in record or bool(_in(record, "pod", "name"))


def _is_viaq(record: Json) -> bool:
    marks = {"openshift", "viaq_msg_id", "viaq_index_name", "log_type", "pipeline_metadata"}
    return not marks.isdisjoint(record)


def _is_vector(record: Json) -> bool:
    return (
        record.get("source_type") == "kubernetes_logs"
        or bool(_in(record, "pod_namespace"))
        or vector.is_metric(record)
    )


def _is_fluent_bit(record: Json) -> bool:
    number = isinstance(record.get("@timestamp"), int | float)
    return number or "log" in record or bool(_in(record, "namespace_name"))


def _in(record: Json, *path: str) -> object:
    return object_in(record, "kubernetes", *path[:-1]).get(path[-1])


_SHAPES: tuple[tuple[Callable[[Json], bool], Decoder], ...] = (
    (otlp.in_json, otlp.decode),
    (_is_prometheus, prometheus.decode),
    (_is_viaq, viaq.decode),  # before events: it has audit entries and events of its own
    (_is_event, kubernetes_events.decode),
    (_is_ecs, ecs.decode),
    (_is_vector, vector.decode),
    (_is_fluent_bit, fluentbit.decode),
)
"""The most particular first."""

FORMATS: dict[str, Decoder] = {
    AUTO: decode_any,
    _FLUENT_BIT: fluentbit.decode,
    "vector": vector.decode,
    "otlp-json": otlp.decode,
    "otlp-protobuf": otlp.decode,
    "otlp-logs": otlp.decode_logs,
    "otlp-metrics": otlp.decode_metrics,
    "viaq": viaq.decode,
    "ecs": ecs.decode,
    "kubernetes-event-exporter": kubernetes_events.decode,
    "prometheus-kafka-adapter": prometheus.decode,
}


def decoder_of(name: str) -> Decoder:
    """Return the decoder of a format; ``fluent-bit:KEY`` reads the time from ``KEY``.

    Raises:
        UsageError: there is no such format.
    """
    base, colon, key = name.partition(":")
    if colon and key and base == _FLUENT_BIT:
        return partial(fluentbit.decode, time_key=key)
    if colon or base not in FORMATS:
        raise UsageError(
            f"adapt.topics: no format {name!r}; choose from {', '.join(FORMATS)},"
            f" or {_FLUENT_BIT}:KEY with the key of the time"
        )
    return FORMATS[base]
