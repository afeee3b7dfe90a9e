"""Observation → graph node; pure.

An observation either names its node, or carries the Kubernetes identity from which the topologies
resolve it; where an application has had several versions, that of the observation's time counts.
What no application knows is unmapped: counted, and a few are kept to look at. It is no error.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from pipeline.records import Event, Log, Metric
from topology.resolve import Identity, Resolver
from topology.versions import Timeline

MAX_CACHED = 65_536
"""Answers remembered: at some 300 bytes each, 20 MB. A namespace of 1,000 pods with 60 series each
just fits; beyond that, all are forgotten and asked for again."""
MAX_SAMPLES = 100
"""Different unmapped identities that are remembered, with their counts; the rest counts as one."""
MAX_NAME = 512
"""Kubernetes' names end at 253 characters. The bound keeps keys, and records around the longest
line, small; nothing longer is mapped."""

OTHERS = "…"
"""Stands among the samples for all unmapped identities beyond :data:`MAX_SAMPLES`."""

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
"""Before any version: what holds then holds since ever."""

_SUBJECTS = (
    ("pod", "Pod"),
    ("persistentvolumeclaim", "PersistentVolumeClaim"),
    ("resourcequota", "ResourceQuota"),
    ("node", "Node"),
)
"""The label of a metric that says what it is about, the most particular first."""


def identity_of(observation: Log | Event | Metric) -> Identity:
    """Return what is known of the object that an observation is about."""
    if isinstance(observation, Log):
        return Identity(
            node=observation.node,
            namespace=observation.namespace,
            name=observation.pod,
            container=observation.container,
            line=observation.message,
        )
    if isinstance(observation, Event):
        return Identity(
            node=observation.node,
            namespace=observation.namespace,
            kind=observation.kind,
            name=observation.name,
        )
    return _identity_of_metric(observation)


def _identity_of_metric(metric: Metric) -> Identity:
    labels = metric.labels
    kind, name = "Service", labels.get("service") or labels.get("job")
    for label, what in _SUBJECTS:
        if labels.get(label):
            kind, name = what, labels[label]
            break
    return Identity(
        node=metric.node,
        namespace=metric.namespace or labels.get("namespace"),
        kind=kind,
        name=name,
        container=labels.get("container"),
        metric=metric.name,
        labels=labels,
    )


class _Answer(NamedTuple):
    """What is remembered about observations that differ in nothing that rules look at."""

    node: str | None
    shown: str
    """The identity as a person would write it."""
    by_line: bool = False
    """Every line must be asked for by itself."""


class Router:
    """Finds the node of each observation; the first application that has it wins.

    A node that several applications share has one id, so that it does not matter which one answers.
    """

    def __init__(self, timelines: Sequence[Timeline]) -> None:
        starts = {v.valid_from for t in timelines for v in t.versions[1:]}
        self._changes = tuple(sorted(start for start in starts if start is not None))
        """When one span gave way to the next; the span that begins then has that instant."""
        known = {id(v): Resolver(v) for t in timelines for v in t.versions}
        self._spans = tuple(
            tuple(known[id(timeline.at(begins))] for timeline in timelines)
            for begins in (_LONG_AGO, *self._changes)
        )
        """The resolvers of each span of time in which no application has a new version."""
        self._answers: dict[Hashable, _Answer] = {}
        self.mapped = 0
        self.unmapped = 0
        self._samples: Counter[str] = Counter()

    def node_of(self, observation: Log | Event | Metric) -> str | None:
        """Return the id of the observation's node, or None where no application has one."""
        key = _key(observation)
        span = 0
        if self._changes:
            span = bisect_right(self._changes, observation.time)
            key = (span, key)
        answer = self._answers.get(key)
        if answer is None:
            answer = self._ask(observation, key, self._spans[span])
        node = answer.node
        if answer.by_line:
            node = _first(self._spans[span], identity_of(observation))
        if node is None:
            self.unmapped += 1
            known = answer.shown in self._samples or len(self._samples) < MAX_SAMPLES
            self._samples[answer.shown if known else OTHERS] += 1
        else:
            self.mapped += 1
        return node

    def resolve(self, identity: Identity, time: datetime | None = None) -> str | None:
        """Return the id of the node that an object belongs to, without counting.

        Without a time, that of the latest version that has one.
        """
        if time is not None:
            return _first(self._spans[bisect_right(self._changes, time)], identity)
        found = (_first(resolvers, identity) for resolvers in reversed(self._spans))
        return next((node for node in found if node is not None), None)

    def may_map(self, identity: Identity) -> bool:
        """Say whether anything of an object may ever belong to a node: it, or some of its lines."""
        return self.resolve(identity) is not None or any(
            _by_line(resolvers, identity) for resolvers in self._spans
        )

    def unmapped_samples(self) -> list[tuple[str, int]]:
        """Return what was unmapped and how often, the most frequent first (bounded)."""
        return sorted(self._samples.items(), key=lambda sample: (-sample[1], sample[0]))

    def _ask(
        self, observation: Log | Event | Metric, key: Hashable, resolvers: Sequence[Resolver]
    ) -> _Answer:
        identity = identity_of(observation)
        shown = _shown(identity)
        if any(len(name) > MAX_NAME for name in _names(identity)):
            return _Answer(None, shown)  # and not remembered: the key is as long
        answer = _Answer(_first(resolvers, identity), shown, _by_line(resolvers, identity))
        if len(self._answers) >= MAX_CACHED:
            self._answers.clear()
        self._answers[key] = answer
        return answer


def _first(resolvers: Iterable[Resolver], identity: Identity) -> str | None:
    for resolver in resolvers:
        node = resolver.node_of(identity)
        if node is not None:
            return node
    return None


def _by_line(resolvers: Iterable[Resolver], identity: Identity) -> bool:
    return any(resolver.looks_at_line(identity) for resolver in resolvers)


def _key(observation: Log | Event | Metric) -> Hashable:
    """Return all that rules may look at, but for the line of a log."""
    if isinstance(observation, Log):
        return (observation.node, observation.namespace, observation.pod, observation.container)
    if isinstance(observation, Event):
        return (observation.node, observation.namespace, observation.kind, observation.name, "")
    labels = tuple(observation.labels.items())
    return (observation.node, observation.namespace, observation.name, labels, "", "")


def _names(identity: Identity) -> Iterator[str]:
    names = (identity.node, identity.namespace, identity.kind, identity.name, identity.container)
    yield from (name for name in (*names, identity.metric) if name is not None)
    for label, value in (identity.labels or {}).items():
        yield label
        yield value


def _shown(identity: Identity) -> str:
    if identity.node is not None:
        return f"node {identity.node}"[:MAX_NAME]
    where = f"{identity.namespace}/" if identity.namespace else ""
    name = identity.name or identity.metric or "without a name"
    return f"{identity.kind} {where}{name}"[:MAX_NAME]
