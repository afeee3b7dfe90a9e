"""Where pods run, as the topology topic says it: what of it is no longer true, and what can go.

The topic is compacted, so it keeps what is said last of each pod. A pod that went while nobody
looked is still said to be there; and one that has long been gone should be forgotten.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from pydantic import ValidationError

from pipeline.broker import topics
from pipeline.broker.message import Message
from pipeline.broker.tail import read_to_end
from pipeline.records import Placement
from pipeline.settings import KafkaSettings

KEPT = timedelta(hours=24)
"""A pod that has gone is remembered for so long: incidents of the day can say where it ran."""


def told_placements(kafka: KafkaSettings) -> list[Placement]:
    """Return what the topology topic says of pods. Blocking.

    Raises:
        BrokenWorld: the broker is away, or stops answering.
        AftershockError: the topic is not there.
    """
    return latest(read_to_end(kafka, [topics.topology(kafka.topic_prefix)]))


def latest(messages: Iterable[Message]) -> list[Placement]:
    """Return the placements that are said last of each pod. Pure."""
    found: dict[bytes, Placement] = {}
    for message in messages:
        key = message.key or b""
        found.pop(key, None)
        try:
            found[key] = Placement.model_validate_json(message.value or b"")
        except ValidationError:
            continue  # a graph, or nothing any more
    return list(found.values())


def ended(told: Iterable[Placement], there: Collection[str], now: datetime) -> list[Placement]:
    """Return the placements of pods that have gone unseen, ended now. Pure.

    ``there`` are the pods that exist, as ``namespace/pod/uid``.
    """
    return [
        place.model_copy(update={"until": max(now, place.since)})
        for place in told
        if place.until is None and f"{place.namespace}/{place.pod}/{place.pod_uid}" not in there
    ]


def forgotten(told: Iterable[Placement], now: datetime) -> list[Placement]:
    """Return the placements that can be deleted: their pods went long ago. Pure."""
    return [place for place in told if place.until is not None and place.until < now - KEPT]
