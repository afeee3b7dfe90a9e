"""New pods of a node, and the older ones that ran on beside them, by who writes its log.

In: closed minutes with their writers, in order. Out: occurrences of a roster. A rollout is judged
by it: trouble at new pods alone, while older ones do well, speaks for the rollout. Where all pods
are replaced at once nobody runs on, and nothing is told. Pure; times in microseconds.
"""

from collections.abc import Iterator, Mapping

import msgspec

from pipeline.detect.open_minutes import MINUTE, Seen
from pipeline.detect.rules import Rule
from pipeline.detect.tallies import Occurrence
from pipeline.records import MAX_NAMES

LEARNING = 10
"""Minutes from the first with lines until a pod that is heard for the first time is new."""
NEW_FOR = 10
"""Minutes for which a pod is new, and older ones are looked for that run on."""
OUTLIVES = 10_000_000
"""An older pod runs on when it is heard of so much later than the new one began: less may be the
difference between two clocks, and its last words."""
REMEMBERED = 24 * 60
"""Minutes after which a pod that is not heard of is forgotten."""
MAX_KNOWN = 64
"""Pods of a node that are remembered, those heard of last: some 70 bytes each, 5 kB."""
MAX_NEW = 16
"""New pods that are watched at a time, the latest: 1 kB each at most."""

RULE = Rule(
    id="new-pods",
    title="new pods beside older ones",
    symptom_class="change",
    severity="minor",
    quiet=5 * MINUTE,
    resolution=100_000,
    only_whispers=True,
    grain=MINUTE,
    names_new_pods=True,
)


class Heard(msgspec.Struct, array_like=True):
    """A pod that has written."""

    since: int
    """Time of its first line."""
    minute: int
    """The last minute in which it wrote."""


class Young(msgspec.Struct, array_like=True):
    """A new pod."""

    began: int
    beside: list[str] = msgspec.field(default_factory=list)
    """Older pods that were told to run on; bounded by ``MAX_NAMES``, as in what is told."""


class Pods(msgspec.Struct):
    """Who has written a node's log."""

    began: int | None = None
    """The first minute with lines."""
    heard: dict[str, Heard] = msgspec.field(default_factory=dict)
    """By pod; bounded by ``MAX_KNOWN``."""
    young: dict[str, Young] = msgspec.field(default_factory=dict)
    """Those of them that are new; bounded by ``MAX_NEW``."""


def closes(pods: Pods, number: int, writers: Mapping[str, Seen]) -> Iterator[Occurrence]:
    """Take a closed minute; yield for each new pod who runs on beside it, each once."""
    if not writers:
        return
    if pods.began is None:
        pods.began = number
    if number - pods.began >= LEARNING:
        for pod in sorted(writers.keys() - pods.heard.keys()):
            pods.young[pod] = Young(writers[pod].first)
    for pod, seen in sorted(writers.items()):
        pods.heard.setdefault(pod, Heard(seen.first, number)).minute = number
    _forget(pods, number)
    for pod, young in sorted(pods.young.items()):
        yield from _beside(pods, pod, young, writers)


def _beside(
    pods: Pods, pod: str, young: Young, writers: Mapping[str, Seen]
) -> Iterator[Occurrence]:
    older = [
        each
        for each, seen in sorted(writers.items())
        if each not in young.beside and each in pods.heard
        if young.began - pods.heard[each].since >= NEW_FOR * MINUTE
        if seen.last - young.began >= OUTLIVES
    ][: MAX_NAMES - len(young.beside)]
    if not older:
        return
    young.beside += older
    yield Occurrence(
        time=max(writers[each].last for each in older),
        onset=young.began,
        text=f"new pod {pod}; older ones run on: {', '.join(older)}",
        observations=0,
        pod=pod,
        beside=tuple(older),
    )


def _forget(pods: Pods, number: int) -> None:
    for pod, young in list(pods.young.items()):
        if number - young.began // MINUTE > NEW_FOR:
            del pods.young[pod]
    newest = sorted(pods.young.items(), key=lambda each: (-each[1].began, each[0]))[:MAX_NEW]
    pods.young = dict(newest)
    latest = sorted(pods.heard.items(), key=lambda each: (-each[1].minute, each[0]))[:MAX_KNOWN]
    pods.heard = {pod: heard for pod, heard in latest if number - heard.minute <= REMEMBERED}
