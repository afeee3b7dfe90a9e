"""Fluent Bit, ``out_kafka`` with JSON → logs; pure.

In: one JSON object a record, as the ``kubernetes`` filter leaves it. The time is ``@timestamp``
(a double of seconds, or text, as ``timestamp_format`` says), or the key that ``timestamp_key``
names. The line is ``log``; where a parser or ``Merge_Log`` has taken it apart, what is left of it
is the message, as JSON.
"""

from pipeline.adapt.decoded import Decoded
from pipeline.adapt.reading import (
    first_time,
    line_of,
    log_of,
    message_of,
    object_in,
    object_of,
    place,
)

TIME_KEYS = ("@timestamp", "timestamp", "time", "date")
_MESSAGE_KEYS = ("log", "message", "msg", "MESSAGE", "log_processed")
_PATHS = ("filename", "file", "path", "tag", "_tag")
_ABOUT = frozenset({"kubernetes", "stream", "logtag", "_p", "cluster", *TIME_KEYS, *_PATHS})
"""What is said about a line, and is no part of it."""


def decode(value: bytes, time_key: str | None = None) -> Decoded:
    """Return the log record; ``time_key`` is looked at before the usual ones.

    Raises:
        Undecodable: it is not of this format.
    """
    record = object_of(value)
    keys = TIME_KEYS if time_key is None else (time_key, *TIME_KEYS)
    about = object_in(record, "kubernetes")
    names = {
        "namespace": about.get("namespace_name"),
        "pod": about.get("pod_name"),
        "pod_uid": about.get("pod_id"),
        "container": about.get("container_name"),
        "cluster_node": about.get("host"),
    }
    where = place(names, *(record.get(key) for key in _PATHS))
    line = line_of(message_of(record, _MESSAGE_KEYS, _ABOUT | {keys[0]}))
    return Decoded([log_of(line, first_time(record, *keys), where)])
