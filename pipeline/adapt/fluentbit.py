"""Fluent Bit, ``out_kafka`` with JSON → logs and events; pure.

In: one JSON object a record, as the ``kubernetes`` filter leaves it. The time is ``@timestamp``
(a double of seconds, or text, as ``timestamp_format`` says), or the key that ``timestamp_key``
names. The line is ``log``; where a parser or ``Merge_Log`` has taken it apart, what is left of it
is the message, as JSON. What the ``kubernetes_events`` input reads is the event object itself.
"""

from pipeline.adapt.containers import FLUENTD_NAMES, Form, log_in
from pipeline.adapt.decoded import Decoded
from pipeline.adapt.kubernetes_events import event_object, events_in
from pipeline.adapt.reading import object_of

_FORM = Form(
    names=FLUENTD_NAMES,
    times=("@timestamp", "timestamp", "time", "date"),
    messages=("log", "message", "msg", "MESSAGE", "log_processed"),
    paths=("filename", "file", "path", "tag", "_tag"),
    about=frozenset({"stream", "logtag", "_p", "cluster"}),
)


def decode(value: bytes, time_key: str | None = None) -> Decoded:
    """Return the log record or the event; ``time_key`` is looked at before the usual ones.

    Raises:
        Undecodable: it is not of this format.
    """
    record = object_of(value)
    if event_object(record) is not None:
        return events_in(record)
    form = _FORM if time_key is None else _FORM._replace(times=(time_key, *_FORM.times))
    return Decoded([log_in(record, form)])
