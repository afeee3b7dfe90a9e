"""Takes down what happens, in the form of recorded observations (one JSON object a line).

Records come nearly in order of time (a multi-line message spreads over some microseconds).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

Labels = Mapping[str, str]
Fields = dict[str, object]
"""One recorded observation; ``time`` still is a ``datetime``."""

Sink = Callable[[datetime, Fields], None]
"""Takes one record: writes it, or first disturbs it (see ``disturb``)."""

_MICROSECOND = timedelta(microseconds=1)


class Speaker(Protocol):
    """A container that prints, as far as a log record tells of it."""

    @property
    def namespace(self) -> str:
        """Namespace of its pod."""

    @property
    def pod(self) -> str:
        """Name of its pod."""

    @property
    def pod_uid(self) -> str:
        """UID of its pod."""

    @property
    def container(self) -> str:
        """Name of the container itself."""

    @property
    def machine(self) -> str:
        """Machine that the pod runs on."""


@dataclass(frozen=True, slots=True)
class About:
    """The object that a Kubernetes event is about."""

    kind: str
    namespace: str
    name: str
    uid: str
    machine: str | None = None


@dataclass(slots=True)
class Recorder:
    """Takes down logs, events and samples."""

    sink: Sink
    _series: dict[tuple[str, str, str], tuple[str, str, int]] = field(default_factory=dict)
    """By event identity: uid of the event object, first time, count so far."""

    def log(self, time: datetime, speaker: Speaker, text: str) -> None:
        """Take down what a container prints: each line is a record, as on the machine."""
        for number, line in enumerate(text.split("\n")):
            self._take(
                time + number * 20 * _MICROSECOND,
                signal="log",
                namespace=speaker.namespace,
                pod=speaker.pod,
                pod_uid=speaker.pod_uid,
                container=speaker.container,
                cluster_node=speaker.machine,
                message=line,
            )

    def event(
        self, time: datetime, about: About, reason: str, message: str, *, warning: bool = False
    ) -> None:
        """Take down a Kubernetes event. Equal ones are updates of one object, counting up."""
        time = time.replace(microsecond=0)
        key = (about.uid, reason, message)
        uid, first, count = self._series.get(key, ("", rfc3339(time), 0))
        uid = uid or f"{about.uid[:8]}-{len(self._series):012x}"
        self._series[key] = (uid, first, count + 1)
        self._take(
            time,
            signal="event",
            namespace=about.namespace,
            kind=about.kind,
            name=about.name,
            uid=about.uid,
            reason=reason,
            type="Warning" if warning else "Normal",
            message=message,
            count=count + 1,
            first_time=first,
            source_uid=uid,
            **({} if about.machine is None else {"cluster_node": about.machine}),
        )

    def sample(
        self, time: datetime, name: str, value: float, labels: Labels, *, counter: bool = False
    ) -> None:
        """Take down one sample of a series. The labels are not copied."""
        kind = "counter" if counter else "gauge"
        self._take(time, signal="metric", name=name, value=value, labels=labels, type=kind)

    def _take(self, time: datetime, **fields: object) -> None:
        self.sink(time, fields)


def rfc3339(time: datetime) -> str:
    """Return an instant as text, with as many digits as it has."""
    return time.isoformat().replace("+00:00", "Z")


def line(time: datetime, fields: Fields) -> bytes:
    """Return one recorded observation as a JSON line."""
    return _ENCODER.encode({"time": rfc3339(time), **fields}) + b"\n"


_ENCODER = msgspec.json.Encoder()
