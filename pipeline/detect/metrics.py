"""Metric samples of one node → symptoms: limits at once, baselines by closed minutes.

A limit looks at each sample as it comes; whatever comes later can add to what it found and never
take it back. A baseline compares each closed minute that has samples with the minutes before it.
A sample is accounted for by the first limit that looks at its series, else by the baseline.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter

from pipeline.detect import increases, service, undecided
from pipeline.detect.episodes import Track, track
from pipeline.detect.fingerprints import bounded
from pipeline.detect.limits import (
    Candidate,
    Limits,
    Pair,
    divided,
    limit_rules,
    occurrence_of,
    pair_end,
    pair_key,
)
from pipeline.detect.metric_facts import (
    MAX_PAIRS,
    MAX_SERVICES,
    MetricFacts,
    keep_for_requests,
    live,
)
from pipeline.detect.minutes import Minutes
from pipeline.detect.pack import SignaturePack
from pipeline.detect.publishing import Publisher, reconcile
from pipeline.detect.requests import close
from pipeline.detect.rows import packed, unpacked
from pipeline.detect.samples import FORGET_AFTER, MINUTE, Series
from pipeline.detect.series import Catalogue, Description, Limit, ServiceSeries
from pipeline.detect.service import Service, Services
from pipeline.detect.settings import DetectSettings
from pipeline.detect.tallies import Occurrence, note
from pipeline.detect.undecided import Decided
from pipeline.detect.usual_minutes import pass_over
from pipeline.records import Metric, Observation, Signal, Symptom, micros

_SECOND = 1_000_000
_TIME = attrgetter("time")


class MetricDetector:
    """Recognises symptoms in metric samples."""

    signal: Signal = "metric"

    def __init__(self, pack: SignaturePack, settings: DetectSettings) -> None:
        self._catalogue = Catalogue(pack)
        self._limits = Limits(pack)
        self._decided = Decided(self._limits)
        self._minutes = Minutes(pack, settings)
        self._services = Services(settings)
        self._settings = settings
        self._publisher = Publisher(
            detector="metrics",
            rules=limit_rules(pack) | self._minutes.rules | service.rules(settings.service_sigmas),
            every_us=int(settings.publish_every_s * _SECOND),
        )

    def new_facts(self) -> MetricFacts:
        """Return the facts of a node of which nothing has been seen."""
        return MetricFacts()

    def apply(
        self, facts: MetricFacts, observations: Sequence[Observation], closed_to: int
    ) -> None:
        """Add samples to the facts; each is counted in exactly one bucket."""
        facts.received += len(observations)
        for when, scrape in groupby(observations, key=_TIME):  # as a rule all have one time
            time = micros(when)
            if time < closed_to:
                facts.late += sum(1 for _ in scrape)
            else:
                self._take(facts, scrape, time)

    def _take(self, facts: MetricFacts, scrape: Iterable[Observation], time: int) -> None:
        """Take samples of one time. No calls for what nothing but a baseline looks at: most are."""
        describe, all_series, kept = self._catalogue.describe, facts.series, 0
        for sample in scrape:
            if not isinstance(sample, Metric):
                raise TypeError(f"not a metric sample: {sample.signal}")
            described = describe(sample.name, tuple(sample.labels.items()), sample.type)
            series = all_series.get(described.key) if described.only_baseline else None
            if series is None or series.owner or series.increases:  # new, or of an older pack
                self._account(facts, described, sample.value, time)
            elif not (times := series.times) or times[-1] < time:
                times.append(time)
                series.values.append(sample.value)
                kept += 1
            elif series.keep(time, sample.value) is None:
                facts.duplicate += 1
            else:
                kept += 1
        if kept:
            facts.undecided.kept(time, kept)

    def _account(self, facts: MetricFacts, described: Description, value: float, time: int) -> None:
        for rule, pair in described.divides:
            self._divide(facts, rule, pair, time=time, by=value)
        keep_for_requests(facts, described, value, time)
        if described.service is not None:
            self._keep_for_service(facts, described.service, value, time)
        elif described.matters:
            self._keep(facts, described, value, time)
        elif described.request_part is None:
            facts.no_symptom += 1

    def revisions(self, facts: MetricFacts, node: str, closed_to: int) -> list[Symptom]:
        """Close what ``closed_to`` closes; return the symptom revisions due."""
        self._settle(facts, closed_to)
        return self._publisher.revisions(facts, node, closed_to, live(facts))

    def notify_at(self, facts: MetricFacts) -> int | None:
        """Return the ``closed_to`` from which a minute, a ratio or an episode closes."""
        ends = list(undecided.ends(facts.undecided, facts.settled))
        ends += [pair.end for pair in facts.pairs.values()]
        ends += [(min(s.open) + 1) * MINUTE for s in facts.services.values() if s.open]
        episode = self._publisher.notify_at(facts, live(facts))
        return min(ends if episode is None else [*ends, episode], default=None)

    def counts(self, facts: MetricFacts) -> dict[str, int]:
        """Return how many samples ended in which bucket."""
        counts = self._publisher.counts(facts, live(facts))
        waiting = sum(c.observations for pair in facts.pairs.values() for c in pair.waiting)
        of_services = sum(s.waiting for s in facts.services.values())
        of_series = self._decided.count(facts.undecided, facts.settled, facts.tracks)
        counts["waiting"] += of_series + waiting + of_services
        return counts

    def dump(self, facts: MetricFacts) -> bytes:
        """Return the facts as a row holds them."""
        return packed(facts)

    def load(self, snapshot: bytes) -> MetricFacts:
        """Return the facts of a snapshot."""
        facts = unpacked(snapshot, MetricFacts)
        changed = self._publisher.without_unknown(facts) | self._without_unknown(facts)
        facts.undecided = self._decided.undecided(facts.series, facts.requests.counters)
        if changed:
            reconcile(facts, self.counts(facts))
        return facts

    def _without_unknown(self, facts: MetricFacts) -> bool:
        """Forget what a newer pack does not look at; return whether there was any."""
        gone = [key for key, series in facts.series.items() if not self._is_known(series)]
        for key in gone:
            del facts.series[key]
        older = [s for s in facts.series.values() if s.increases and s.times and not s.asked]
        for series in older:  # what they grew by is told already, by another count
            series.times.clear()
            series.values.clear()
        for series in facts.series.values():
            series.asked = tuple(a for a in series.asked if self._limits.is_increase(a.rule))
        unpaired = [key for key, pair in facts.pairs.items() if not self._limits.has(pair.rule)]
        for key in unpaired:
            del facts.pairs[key]
        return bool(gone or older or unpaired)

    def _is_known(self, series: Series) -> bool:
        owned = not series.owner or self._limits.has(series.owner)
        return owned and (not series.baseline or self._minutes.has(series.baseline))

    def _keep(self, facts: MetricFacts, described: Description, value: float, time: int) -> None:
        series = self._series(facts, described)
        if series is None:
            facts.overflow += 1
            return
        series.asked = described.asked  # by this pack
        at = series.keep(time, value)
        if at is None:
            facts.duplicate += 1
        elif not self._decided.looks_back(series):
            facts.undecided.kept(time, int(self._decided.is_fine(series, at)))
        if at is not None:
            for limit in described.limits:
                self._look(facts, described, limit, at)

    def _series(self, facts: MetricFacts, described: Description) -> Series | None:
        """Return the facts of a series, which begin anew when other limits look at it than did."""
        known, key = facts.series.get(described.key), described.key
        if known is not None:
            if (known.owner, known.increases) == (described.owner, described.increases):
                return known
            before = sum(self.counts(facts).values())
            self._decided.forget(facts.undecided, facts.series, key)
            facts.no_symptom += before - sum(self.counts(facts).values())
        if len(facts.series) >= self._settings.max_series:
            return None
        series = facts.series[key] = _new_series(described)
        if self._decided.looks_back(series):
            facts.undecided.looking_back[key] = series
        return series

    def _keep_for_service(
        self, facts: MetricFacts, series: ServiceSeries, value: float, time: int
    ) -> None:
        known = facts.services.get(series.view)
        if known is None:
            if len(facts.services) >= MAX_SERVICES:
                facts.overflow += 1
                return
            known = facts.services[series.view] = Service(series.view)
        kept = known.put(series.quantity, time, value)
        if kept is None:
            facts.overflow += 1
        elif not kept:
            facts.duplicate += 1

    def _look(self, facts: MetricFacts, described: Description, limit: Limit, at: int) -> None:
        """Let a limit look at a new sample."""
        series = facts.series[described.key]
        if limit.pair is not None:
            self._look_at_ratio(facts, limit, self._candidate(described, limit, series, at))
        elif limit.increases:
            if series.growth_by(at):
                new = Track(rule=limit.rule, subject=limit.subject, name="")
                track(facts, limit.fingerprint, new, self._settings.max_fingerprints)
        elif self._limits.over(limit.rule, series.values[at]):
            self._tell(facts, limit.rule, self._candidate(described, limit, series, at))

    def _look_at_ratio(self, facts: MetricFacts, limit: Limit, found: Candidate) -> None:
        pair = self._pair(facts, limit.rule, limit.pair or "", found.time)
        if pair is None:
            facts.overflow += found.observations
        elif self._limits.over_ratio(pair, found.value):
            self._tell(facts, limit.rule, found)
        else:
            pair.waiting.append(found)

    def _candidate(
        self, described: Description, limit: Limit, series: Series, at: int
    ) -> Candidate:
        return Candidate(
            time=series.times[at],
            value=series.values[at],
            series=described.key,
            fingerprint=limit.fingerprint,
            subject=limit.subject,
            observations=int(series.owner == limit.rule),
            pod=described.pod,
            cluster_node=described.cluster_node,
        )

    def _divide(
        self, facts: MetricFacts, rule: str, pair_name: str, *, time: int, by: float
    ) -> None:
        pair = self._pair(facts, rule, pair_name, time)
        if pair is None:
            return
        divided(pair, by)
        over = [found for found in pair.waiting if self._limits.over_ratio(pair, found.value)]
        if over:
            pair.waiting = [found for found in pair.waiting if found not in over]
            for found in over:
                self._tell(facts, rule, found)

    def _pair(self, facts: MetricFacts, rule: str, name: str, time: int) -> Pair | None:
        key = pair_key(name, time)
        pair = facts.pairs.get(key)
        if pair is None and len(facts.pairs) < MAX_PAIRS:
            pair = facts.pairs[key] = Pair(rule=rule, end=pair_end(time))
        return pair

    def _tell(self, facts: MetricFacts, rule: str, found: Candidate) -> None:
        new = Track(rule=rule, subject=found.subject, name="")
        self._note(facts, found.fingerprint, new, occurrence_of(found))

    def _note(
        self, facts: MetricFacts, fingerprint: str, new: Track, occurrence: Occurrence
    ) -> None:
        known = track(facts, fingerprint, new, self._settings.max_fingerprints)
        if known is None:
            facts.overflow += occurrence.observations
        else:
            note(known.buckets, occurrence)

    def _settle(self, facts: MetricFacts, closed_to: int) -> None:
        """Close the minutes and the spans that no allowed sample can fall into any more."""
        for key in [key for key, pair in facts.pairs.items() if pair.end <= closed_to]:
            pair = facts.pairs.pop(key)
            facts.no_symptom += sum(found.observations for found in pair.waiting)
        closed = closed_to - closed_to % MINUTE
        if closed <= facts.settled:
            return
        self._settle_requests(facts, closed)
        for known in facts.services.values():
            self._settle_service(facts, known, closed)
        self._settle_all_series(facts, closed)
        facts.settled = closed

    def _settle_all_series(self, facts: MetricFacts, closed: int) -> None:
        """Close minutes; only those that may be unusual are looked at one by one, in order."""
        looking_back = facts.undecided.looking_back
        closing = [
            series
            for key, series in facts.series.items()
            if (times := series.times) and times[0] < closed and key not in looking_back
        ]
        decided = pass_over(closing, closed, self._decided.fine)
        facts.no_symptom += decided
        facts.undecided.samples -= decided
        first = undecided.NEVER
        for key, series in list(facts.series.items()):
            times = series.times
            if key in looking_back:
                self._settle_series(facts, key, series, closed)
            elif times:
                if times[0] < closed:
                    self._settle_plain(facts, key, series, closed)
                if times and times[0] < first:
                    first = times[0]
            if not times and closed - (series.last or (closed, 0))[0] >= FORGET_AFTER:
                del facts.series[key]
                looking_back.pop(key, None)
        facts.undecided.first = first

    def _settle_plain(self, facts: MetricFacts, key: str, series: Series, closed: int) -> None:
        """Close the minutes of a series that does not look back."""
        closing = range(bisect_left(series.times, closed))
        facts.undecided.samples -= self._decided.fine(series, closing)
        self._settle_series(facts, key, series, closed)

    def _settle_series(self, facts: MetricFacts, key: str, series: Series, closed: int) -> None:
        for asked, growth in increases.increases(key, series, facts.settled, closed):
            known = facts.tracks.get(asked.fingerprint)
            if known is None:
                facts.overflow += asked.observations
            else:
                note(known.buckets, growth)
        for positions, occurrence in self._minutes.judge(key, series, facts.settled, closed):
            if series.owner:
                facts.no_symptom += self._decided.fine(series, positions)
            elif occurrence is None:
                facts.no_symptom += len(positions)
            if occurrence is not None:
                new = Track(rule=series.baseline, subject={}, name=series.name)
                self._note(facts, bounded(f"baseline:{key}"), new, occurrence)
        series.forget(closed)

    def _settle_requests(self, facts: MetricFacts, closed: int) -> None:
        """Judge the requests of closed minutes; their samples are accounted for as they close."""
        minutes, own = close(facts.requests, closed, self._catalogue.telling)
        facts.undecided.recount(facts.requests.counters)
        facts.no_symptom += own
        for minute in minutes:
            known = facts.derived.get(minute.view)
            if known is None:
                if len(facts.derived) >= MAX_SERVICES:
                    facts.requests.crowded += 1
                    continue
                known = facts.derived[minute.view] = Service(minute.view)
            for quantity, value in minute.gauges.items():
                known.put(quantity, minute.time, value)
            for judgement in self._services.judge(known, closed):
                for found in judgement.found:
                    new = Track(rule=found.rule, subject={}, name="")
                    self._note(
                        facts, found.fingerprint, new, replace(found.occurrence, observations=0)
                    )

    def _settle_service(self, facts: MetricFacts, known: Service, closed: int) -> None:
        for judgement in self._services.judge(known, closed):
            facts.no_symptom += judgement.samples - len(judgement.found)
            for found in judgement.found:
                new = Track(rule=found.rule, subject={}, name="")
                self._note(facts, found.fingerprint, new, found.occurrence)


def _new_series(described: Description) -> Series:
    return Series(
        name=described.name,
        baseline="" if described.baseline is None else described.baseline.id,
        owner=described.owner,
        counter=described.counter,
        increases=described.increases,
    )
