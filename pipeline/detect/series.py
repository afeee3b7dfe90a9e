"""What a metric series is to a pack: its identity, the limits that look at it, its baseline.

Derived from name and labels alone, so it is worked out once per series and remembered.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from pipeline.detect.fingerprints import MAX_SUBJECT, bounded, fingerprint
from pipeline.detect.pack import Baseline, RequestFamily, SignaturePack
from pipeline.detect.requests import COUNT, SUM, Part
from pipeline.detect.samples import Asked
from pipeline.detect.service import QUANTITIES, Quantity
from pipeline.detect.signatures import MetricSignature, Selector

MAX_REMEMBERED = 65_536
"""Descriptions of series that are remembered, about 1 kB each: 64 MB at the very worst."""

GAUGES = frozenset({"request_count", "client_request_count"})
"""Well-known gauges whose names look like a counter's."""
_COUNTER = re.compile(r".*_(?:total|count|sum)")
_REPLICA_LABELS = frozenset(
    {"prometheus", "prometheus_replica", "thanos_replica", "__replica__", "receive"}
)
"""Who looked, not what was seen: two Prometheus replicas see one series."""
_OBJECT_LABELS = frozenset({"pod", "node", "persistentvolumeclaim", "resourcequota"})
_SCRAPER_LABELS = frozenset({"instance", "endpoint", "job", "service", "metrics_path"})
"""Where it was scraped. Where a label names the object itself, these only change when an exporter
restarts; else they tell apart the replicas of a node, and stay."""
_CONTAINER_LABELS = frozenset({"id", "name", "image", "image_id", "container_id", "uid"})
"""Change with every restart; the container's name stays."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit as one series meets it."""

    rule: str
    subject: dict[str, str]
    fingerprint: str
    pair: str | None
    """What it has in common with the series that divides it; ``None`` without division."""
    increases: bool


class ServiceSeries(NamedTuple):
    """A series that belongs to a service's requests (see ``service``)."""

    view: str
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class Description:
    """What a series is to the pack."""

    key: str
    """Readable identity, bounded: ``name{label="value",…}`` without replica labels."""
    name: str
    counter: bool
    limits: tuple[Limit, ...]
    asked: tuple[Asked, ...]
    """Those limits that ask whether it has increased."""
    divides: tuple[tuple[str, str], ...]
    """Rules that divide by it, each with the pair."""
    baseline: Baseline | None
    service: ServiceSeries | None
    """What it tells of a service's requests."""
    request_part: Part | None
    """What it is to a family of request metrics."""
    pod: str | None
    cluster_node: str | None
    matters: bool = field(init=False)
    """Its samples are kept one by one."""
    only_baseline: bool = field(init=False)
    """Nothing but a baseline looks at it, as at most series."""
    owner: str = field(init=False)
    """Id of the limit that accounts for its samples; empty: the baseline does."""
    increases: bool = field(init=False)
    """A limit asks whether it has increased."""

    def __post_init__(self) -> None:
        """Work out once what is asked of each sample."""
        judged = self.baseline is not None
        other = self.limits or self.divides or self.service or self.request_part
        object.__setattr__(self, "matters", judged or bool(self.limits))
        object.__setattr__(self, "only_baseline", judged and not other)
        object.__setattr__(self, "owner", self.limits[0].rule if self.limits else "")
        object.__setattr__(self, "increases", any(limit.increases for limit in self.limits))


@dataclass(frozen=True, slots=True)
class _Selection:
    """A selector, compiled."""

    names: frozenset[str]
    where: Mapping[str, re.Pattern[str]]

    def takes(self, name: str, labels: Mapping[str, str]) -> bool:
        """Tell whether a series is meant."""
        return name in self.names and all(
            pattern.fullmatch(labels.get(label, "")) for label, pattern in self.where.items()
        )


class Catalogue:
    """Describes series by a pack."""

    def __init__(self, pack: SignaturePack) -> None:
        self._baselines = pack.baselines
        self._numerators = [(s, _compiled(s)) for s in pack.metrics]
        self._divisors = [
            (s, _compiled(s.divided_by)) for s in pack.metrics if s.divided_by is not None
        ]
        self._families = _families(pack)
        self.telling = tuple(family.id for family in pack.requests if family.failed)
        """Families that say which requests failed."""
        self.describe = lru_cache(maxsize=MAX_REMEMBERED)(self._describe)
        """(name, labels, type) → description; remembered."""

    def _describe(
        self, name: str, labels: tuple[tuple[str, str], ...], kind: str | None
    ) -> Description:
        by_name = dict(labels)
        numerators = [s for s, select in self._numerators if select.takes(name, by_name)]
        limits = tuple(_limit(signature, by_name) for signature in numerators)
        divisors = [s for s, select in self._divisors if select.takes(name, by_name)]
        part = self._request_part(name, by_name)
        looked_at = name in QUANTITIES or part is not None
        return Description(
            key=_key(name, by_name),
            name=name,
            counter=_is_counter(name, kind),
            limits=limits,
            asked=tuple(_asked(limits, by_name)),
            divides=tuple((signature.id, _pair(signature, by_name)) for signature in divisors),
            baseline=None if looked_at else self._baseline(name),
            service=_service(name, by_name),
            request_part=part,
            pod=by_name.get("pod"),
            cluster_node=by_name.get("node"),
        )

    def _request_part(self, name: str, labels: Mapping[str, str]) -> Part | None:
        found = self._families.get(name)
        return None if found is None else found[0].part(found[1], labels)

    def _baseline(self, name: str) -> Baseline | None:
        if name.endswith("_bucket"):
            return None  # quantiles are made of all buckets together, not of each
        found = next((b for b in self._baselines if b.pattern.match(name)), None)
        return None if found is None or found.skip else found


@dataclass(frozen=True, slots=True)
class _Family:
    """A family of request metrics, compiled."""

    declared: RequestFamily
    failed: Mapping[str, re.Pattern[str]]
    ignore: Mapping[str, re.Pattern[str]]

    def part(self, part: str, labels: Mapping[str, str]) -> Part | None:
        """Return what a series of the family's names is to it; None: it is no request."""
        if any(pattern.fullmatch(labels.get(name, "")) for name, pattern in self.ignore.items()):
            return None
        if self.declared.counters and labels.keys().isdisjoint(self.failed):
            return None  # it only tells how many there are, which is a matter for baselines
        if part == _BUCKET and not _is_number(part := labels.get("le", "")):
            return None
        failed = any(p.fullmatch(labels.get(name, "")) for name, p in self.failed.items())
        named = {label: labels.get(label, "") for label in self.declared.by}
        return Part(
            view=_key(self.declared.id, named),
            target=labels.get("pod") or labels.get("instance", ""),
            part=part,
            failed=failed,
        )


_BUCKET = "bucket"


def _families(pack: SignaturePack) -> dict[str, tuple[_Family, str]]:
    """Return the families of a pack by the names of their series, with the part that each is."""
    found = {}
    for declared in pack.requests:
        family = _Family(declared, _patterns(declared.failed), _patterns(declared.ignore))
        for base in declared.histograms:
            for part in (COUNT, SUM, _BUCKET):
                found[f"{base}_{part}"] = (family, part)
        found |= dict.fromkeys(declared.counters, (family, COUNT))
    return found


def _patterns(where: Mapping[str, str]) -> dict[str, re.Pattern[str]]:
    return {label: re.compile(pattern) for label, pattern in where.items()}


def _is_number(text: str) -> bool:
    try:
        return not math.isnan(float(text))
    except ValueError:
        return False


def _service(name: str, labels: Mapping[str, str]) -> ServiceSeries | None:
    quantity = QUANTITIES.get(name)
    return None if quantity is None else ServiceSeries(_key("", labels), quantity)


def _compiled(selector: Selector) -> _Selection:
    return _Selection(frozenset(selector.metrics), _patterns(selector.where))


def _limit(signature: MetricSignature, labels: Mapping[str, str]) -> Limit:
    subject = {label: labels.get(label, "")[:MAX_SUBJECT] for label in signature.by}
    return Limit(
        rule=signature.id,
        subject=subject,
        fingerprint=fingerprint(signature.id, subject),
        pair=None if signature.divided_by is None else _pair(signature, labels),
        increases=signature.limit.increases,
    )


def _asked(limits: Sequence[Limit], labels: Mapping[str, str]) -> Iterator[Asked]:
    for position, limit in enumerate(limits):
        if limit.increases:
            yield Asked(
                rule=limit.rule,
                fingerprint=limit.fingerprint,
                observations=int(position == 0),  # the first limit accounts for the samples
                pod=labels.get("pod"),
                cluster_node=labels.get("node"),
            )


def _pair(signature: MetricSignature, labels: Mapping[str, str]) -> str:
    same = () if signature.divided_by is None else signature.divided_by.same
    return fingerprint(signature.id, {label: labels.get(label, "") for label in same})


def _key(name: str, labels: Mapping[str, str]) -> str:
    left_out = set(_REPLICA_LABELS)
    if not _OBJECT_LABELS.isdisjoint(labels):
        left_out |= _SCRAPER_LABELS
    if labels.get("container"):
        left_out |= _CONTAINER_LABELS
    shown = ",".join(f'{k}="{v}"' for k, v in labels.items() if k not in left_out)
    return bounded(f"{name}{{{shown}}}" if shown else name)


def _is_counter(name: str, kind: str | None) -> bool:
    if kind is not None:
        return kind == "counter"
    return name not in GAUGES and _COUNTER.fullmatch(name) is not None
