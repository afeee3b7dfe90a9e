"""Observations: one log record, one Kubernetes event occurrence or one metric sample.

The JSON form is the recorded-observation contract: unknown fields are ignored, a missing required
field or an absurd time makes the line a rejected record.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, TypeAdapter

from pipeline.records.base import Instant, Record

Signal = Literal["log", "event", "metric"]
"""What an observation is: each signal has its own topic and its own detector."""

SIGNALS: tuple[Signal, ...] = ("log", "event", "metric")

SIGNAL_OF_FEED: dict[str, Signal] = {"logs": "log", "events": "event", "metrics": "metric"}
FEED_OF_SIGNAL: dict[Signal, str] = {signal: feed for feed, signal in SIGNAL_OF_FEED.items()}
FEEDS: tuple[str, ...] = tuple(SIGNAL_OF_FEED)
"""The observation topics, by the last part of their names."""


def _sorted_labels(labels: dict[str, str]) -> dict[str, str]:
    return dict(sorted(labels.items()))


class _Observation(Record):
    model_config = ConfigDict(extra="ignore", strict=True)

    time: Instant
    """Event time: when it happened where it happened."""
    node: str | None = None
    """Graph node id, for data from outside Kubernetes that is already resolved."""
    namespace: str | None = None


class Log(_Observation):
    """One log record of one container."""

    signal: Literal["log"] = "log"
    pod: str | None = None
    pod_uid: str | None = None
    container: str | None = None
    cluster_node: str | None = None
    """The machine that the pod ran on."""
    message: str


class Event(_Observation):
    """One occurrence (or a counted update) of a Kubernetes event."""

    signal: Literal["event"] = "event"
    kind: str
    """Kind of the object that the event is about: ``Pod``, ``Node``, ``PersistentVolumeClaim`` …"""
    name: str
    uid: str | None = None
    reason: str
    type: str = "Normal"
    message: str = ""
    count: Annotated[int, Field(ge=1, lt=2**31)] = 1
    """Cumulative for its ``source_uid``, as in Kubernetes, where it has 32 bits."""
    first_time: Instant | None = None
    source_uid: str | None = None
    """Uid of the event object: with ``count`` it identifies the occurrence."""
    cluster_node: str | None = None


class Metric(_Observation):
    """One sample of one metric series."""

    signal: Literal["metric"] = "metric"
    name: str
    value: Annotated[float, Field(allow_inf_nan=False)]
    labels: Annotated[dict[str, str], AfterValidator(_sorted_labels)] = Field(default_factory=dict)
    type: Literal["gauge", "counter"] | None = None
    """``None`` means not said: a gauge, unless the name follows a counter's naming convention."""


Observation = Annotated[Log | Event | Metric, Discriminator("signal")]
"""Any of the three, told apart by ``signal``."""

OBSERVATION: TypeAdapter[Log | Event | Metric] = TypeAdapter(Observation)
"""Reads one recorded observation from its JSON line."""
