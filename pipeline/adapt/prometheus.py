"""prometheus-kafka-adapter with JSON → metric samples; pure.

In: one sample a record: ``{timestamp, value (text), name, labels}``. NaN, with which Prometheus
marks a series that has ended, and infinities say nothing that could be compared: left out.
"""

import math

from pipeline.adapt.decoded import Decoded, Undecodable, nothing
from pipeline.adapt.labels import labels_of
from pipeline.adapt.reading import made, object_in, object_of, time_of
from pipeline.records import Metric


def decode(value: bytes) -> Decoded:
    """Return the sample.

    Raises:
        Undecodable: it is not of this format.
    """
    record = object_of(value)
    number = _number(record.get("value"))
    if not math.isfinite(number):
        return nothing("no-value")
    sample = made(
        Metric,
        time=time_of(record.get("timestamp")),
        name=record.get("name"),
        value=number,
        labels=labels_of({**object_in(record, "labels"), "__name__": None}),
    )
    return Decoded([sample])


def _number(value: object) -> float:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise Undecodable("value: not a number")
