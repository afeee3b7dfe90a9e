"""Members of a consumer group: which partitions are ours now, and waiting after trouble.

In: settings, the role's health. Out: a consumer that has joined; whether the hand-over of
partitions is settled. What is done with the records is the roles' business.
"""

import random
import threading
from collections.abc import Sequence
from typing import Any

from kafka.consumer.subscription_state import (  # type: ignore[import-untyped]  # it ships no types
    ConsumerRebalanceListener,
)

from pipeline import clock
from pipeline.broker import clients, topics
from pipeline.health import Health
from pipeline.settings import Settings

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
"""Well below the five minutes after which the group would take an idle member's partitions."""


def member(settings: Settings, role: str, **further: Any) -> Any:  # noqa: ANN401 - an untyped library's
    """Return a consumer in the group ``<prefix>-<role>``, which has not joined yet.

    Raises:
        BrokenWorld: no broker answers.
    """
    session_ms = int(settings.worker.session_timeout_s * 1000)
    return clients.consumer(
        settings.kafka,
        group_id=topics.group(settings.kafka.topic_prefix, role),
        session_timeout_ms=session_ms,
        heartbeat_interval_ms=max(300, session_ms // 3),
        **further,
    )


def join(consumer: Any, names: Sequence[str], health: Health) -> "HandOver":  # noqa: ANN401 - see above
    """Let a consumer join its group for these topics; for none there is nothing to hand over."""
    handing_over = HandOver(consumer, health)
    if names:
        consumer.subscribe(names, listener=handing_over)
    else:
        handing_over.on_partitions_assigned(())
    return handing_over


class HandOver(ConsumerRebalanceListener):  # type: ignore[misc]  # of an untyped library
    """Notes whether it is known which partitions are ours.

    The library calls it on a thread of its own, where nothing may be asked of it: what is not
    settled when partitions go is read again by whoever gets them.
    """

    def __init__(self, consumer: Any, health: Health) -> None:  # noqa: ANN401 - see above
        self._consumer = consumer
        self._health = health
        self.settled = False

    def on_partitions_revoked(self, revoked: object) -> None:
        """Note that partitions are being handed over."""
        del revoked
        self.settled = False
        # kafka-python 3.0.12 joins again when a topic has got partitions, and forgets about it when
        # the answer comes between two polls: then nothing is ever assigned
        self._consumer._coordinator.request_rejoin()  # noqa: SLF001 - nothing public asks for it
        self._health.waiting("partitions are being handed over")

    def on_partitions_assigned(self, assigned: object) -> None:
        """Note that it is known whose they are."""
        del assigned
        self.settled = True
        self._health.waiting(None)


class BackOff:
    """Waits after trouble, longer each time, and says so."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._next_s = FIRST_PAUSE_S

    def wait(self, trouble: str, stop: threading.Event) -> None:
        """Tell the trouble in one line, and wait; less where a stop comes."""
        self._health.trouble(" ".join(trouble.split()))
        self._health.count("retries")
        clock.wait(stop, random.uniform(self._next_s / 2, self._next_s))  # noqa: S311 - jitter, not a secret
        self._next_s = min(2 * self._next_s, LONGEST_PAUSE_S)

    def reset(self) -> None:
        """Note that all went well."""
        self._next_s = FIRST_PAUSE_S
