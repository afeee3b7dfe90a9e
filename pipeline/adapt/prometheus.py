"""prometheus-kafka-adapter with JSON → metric samples; pure.

In: one sample a record: ``{timestamp, value (text), name, labels}``. NaN, with which Prometheus
marks a series that has ended, and infinities say nothing that could be compared: left out.
"""

import math

from pipeline.adapt.decoded import Decoded, Undecodable
from pipeline.adapt.labels import about_object, checked
from pipeline.adapt.reading import Json, made, object_in, object_of, time_of
from pipeline.records import Metric


def decode(value: bytes) -> Decoded:
    """Return the sample.

    Raises:
        Undecodable: it is not of this format.
    """
    record = object_of(value)
    number = _number(record.get("value"))
    decoded = Decoded()
    if not math.isfinite(number):
        decoded.left_out["no-value"] += 1
        return decoded
    decoded.observations.append(
        made(
            Metric,
            time=time_of(record.get("timestamp")),
            name=record.get("name"),
            value=number,
            labels=_labels(record),
        )
    )
    return decoded


def _labels(record: Json) -> dict[str, str]:
    given = object_in(record, "labels")
    labels = {name: value for name, value in given.items() if isinstance(value, str)}
    labels.pop("__name__", None)
    checked(labels)
    return about_object(labels)


def _number(value: object) -> float:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise Undecodable("value: not a number")
