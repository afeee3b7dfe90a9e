"""Records of foreign topics, and alerts → batches keyed by node, rejected records, counts; pure.

A "line" of the accounts is one thing that a record tells: a log record, an event, a sample. Each is
in exactly one bucket: ``observations`` (which are ``published`` or ``unmapped``), ``blank`` (left
out; ``left_out`` says why) or ``rejected``. Nothing is ever ``lost``: that it is counted says that
this is a live source, which counts anew with each start. A rejected record keeps its bytes, key and
headers.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.adapt.alertmanager import Alert
from pipeline.adapt.decoded import Decoded, Decoder, Undecodable, nothing
from pipeline.broker.message import Message
from pipeline.ingest.batching import TO_JSON, Batcher
from pipeline.ingest.files import MAX_LINE_BYTES
from pipeline.ingest.route import Router, identity_of
from pipeline.records import Batch, Event, Log, Metric, Rejected, RejectionCode, micros
from pipeline.redact import Redactor
from pipeline.rejection import in_parts, one_line

BUCKETS = ("lines", "observations", "rejected", "blank", "published", "unmapped", "lost")
MAX_ENVELOPE_BYTES = 256 * 1024
"""Key and headers of a rejected record: with a part of 512 KiB it stays below a Kafka record's
usual 1 MB. Larger ones are left off, and the reason says so."""

_GROWTH = 6
"""A character may become as many bytes of JSON (``\\u0000``)."""
_ALERTS = "ALERTS"
"""The metric that Prometheus itself has for alerts; rules for its labels find an alert's node."""

Observed = Log | Event | Metric


@dataclass(frozen=True, slots=True)
class Taken:
    """What is to be published of one record, and the event times that were in it."""

    batches: list[Batch] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    """Microseconds, in the order of the record."""


@dataclass(slots=True, kw_only=True)
class Intake:
    """Takes records in; holds batches that are not full yet."""

    source: str
    decoders: Mapping[str, Decoder]
    """By topic."""
    router: Router
    redactor: Redactor = field(default_factory=Redactor)
    """Takes secrets out, before anything looks at an observation."""
    counts: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(BUCKETS, 0)))
    left_out: Counter[str] = field(default_factory=Counter)
    """Why things were left out, since the start."""
    _batcher: Batcher = field(init=False)

    def __post_init__(self) -> None:
        self._batcher = Batcher(self.source)

    @property
    def pending_bytes(self) -> int:
        """Bytes of JSON that wait for their batches to fill."""
        return self._batcher.pending_bytes

    def record(self, message: Message) -> Taken:
        """Take a record of a foreign topic."""
        decoded, code = self._decoded(message)
        left_out = sum(decoded.left_out.values())
        self.counts["lines"] += len(decoded.observations) + left_out + decoded.bad
        taken = Taken(times=[micros(found.time) for found in decoded.observations])
        for observation in map(self.redactor.observation, decoded.observations):
            node = self.router.node_of(observation)
            if node is not None and _is_too_long(message, observation):
                code = "too-long"
                decoded.add_bad(f"an observation beyond {MAX_LINE_BYTES} bytes of JSON")
            else:
                self._place(node, observation, taken)
        self.counts["blank"] += left_out
        self.left_out += decoded.left_out
        self.counts["rejected"] += decoded.bad
        if decoded.bad:
            taken.rejected.extend(_rejected(message, code, decoded))
        return taken

    def alerts(self, alerts: Iterable[Alert]) -> list[Batch]:
        """Take alerts; return the batches that are full."""
        taken = Taken()
        for alert in alerts:
            self.counts["lines"] += 1
            self._place(self._node_of_alert(alert), self.redactor.observation(alert.event), taken)
        return taken.batches

    def reject(self, body: bytes, *, where: str, bad: int, what: str) -> list[Rejected]:
        """Return what is to be published of a body in which some things were bad."""
        self.counts["lines"] += bad
        self.counts["rejected"] += bad
        message = Message(topic=where, partition=0, offset=0, key=None, value=body)
        return list(_parts(message, "invalid", what, where))

    def flush(self) -> list[Batch]:
        """Return all batches that hold something."""
        return self._batcher.flush()

    def restart(self, counts: Mapping[str, int]) -> None:
        """Forget what waits, which comes again; go on counting from there."""
        self._batcher = Batcher(self.source)
        self.counts = Counter({name: counts.get(name, 0) for name in BUCKETS})

    def _decoded(self, message: Message) -> tuple[Decoded, RejectionCode]:
        try:
            decoded = self.decoders[message.topic](message.value) if message.value else Decoded()
        except Undecodable as bad:
            return Decoded(bad=1, trouble=bad.what), bad.code
        except Exception as bug:  # noqa: BLE001 - the one boundary: a decoder's bug must not stop the flow
            return Decoded(bad=1, trouble=one_line(f"{type(bug).__name__}: {bug}")), "failed"
        empty = not (decoded.observations or decoded.left_out or decoded.bad)
        return nothing("empty") if empty else decoded, "invalid"

    def _place(self, node: str | None, observation: Observed, taken: Taken) -> None:
        self.counts["observations"] += 1
        if node is None:
            self.counts["unmapped"] += 1
            return
        self.counts["published"] += 1
        full = self._batcher.add(node, observation)
        if full is not None:
            taken.batches.append(full)

    def _node_of_alert(self, alert: Alert) -> str | None:
        """Return the node of the object that an alert names, else of whoever its labels name."""
        node = self.router.resolve(identity_of(alert.event), alert.event.time)
        if node is not None:
            return node
        sample = Metric(time=alert.event.time, name=_ALERTS, value=1.0, labels=dict(alert.labels))
        return self.router.resolve(identity_of(sample), sample.time)


def _is_too_long(message: Message, observation: Observed) -> bool:
    if len(message.value or b"") * _GROWTH < MAX_LINE_BYTES:
        return False
    return len(TO_JSON[observation.signal](observation)) > MAX_LINE_BYTES


def _rejected(message: Message, code: RejectionCode, decoded: Decoded) -> Iterator[Rejected]:
    what = decoded.trouble
    if decoded.bad > 1 or decoded.observations:
        what = f"{decoded.bad} in it cannot be used: {what}"
    return _parts(message, code, what, message.where)


def _parts(message: Message, code: RejectionCode, what: str, where: str) -> Iterator[Rejected]:
    key, headers = message.key, message.headers
    size = len(key or b"") + sum(len(name) + len(value) for name, value in headers)
    if size > MAX_ENVELOPE_BYTES:
        key, headers = None, ()
        what = f"{what} (its key and headers, {size} bytes, are left off)"
    for part in in_parts(message.value or b""):
        yield Rejected(
            code=code,
            where=where,
            what=what,
            value=part.content,
            key=key,
            headers=headers,
            part=part.part,
            last=part.last,
        )
