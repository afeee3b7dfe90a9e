"""Closed minutes of a series → occurrences of "far from its own past"."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipeline.detect import baseline, seasons
from pipeline.detect.pack import Baseline, SignaturePack
from pipeline.detect.rules import Need, Rule
from pipeline.detect.samples import FORGET_AFTER, MINUTE, Series
from pipeline.detect.settings import DetectSettings
from pipeline.detect.tallies import Occurrence

_SECOND = 1_000_000
_LONGEST_RESOLUTION = 3600 * _SECOND
_ALL_KEPT = (1 << baseline.KEPT) - 1
_LAST_TWO = 0b11
_DIRECTIONS = {
    "up": "far above its past",
    "down": "far below its past",
    "both": "far from its past",
}


class Judged(NamedTuple):
    """A closed minute: its samples, and what they are a sign of."""

    positions: range
    occurrence: Occurrence | None


class Minutes:
    """Compares closed minutes with the minutes before them."""

    def __init__(self, pack: SignaturePack, settings: DetectSettings) -> None:
        self._kinds = {b.id: b for b in pack.baselines if not b.skip}
        self._settings = settings
        self.rules: dict[str, Rule] = {b.id: _rule(b) for b in self._kinds.values()}
        """What the episodes of each kind follow."""

    def has(self, kind: str) -> bool:
        """Tell whether the pack has a baseline."""
        return kind in self._kinds

    def judge(self, key: str, series: Series, start: int, end: int) -> Iterator[Judged]:
        """Judge the minutes of ``[start, end)``, in order, and remember them in the series."""
        for positions in series.minutes(start, end):
            samples = [(series.times[at], series.values[at]) for at in positions]
            if series.last is not None and samples[0][0] - series.last[0] >= FORGET_AFTER:
                series.last, series.history, series.deviant = None, b"", 0
            occurrence = None
            if series.baseline:
                value = _value(series, samples)
                if value is not None:
                    occurrence = self._compare(key, series, samples, value)
            series.last = samples[-1]
            yield Judged(positions, occurrence)

    def pass_over(self, all_series: Sequence[Series], end: int) -> list[int]:
        """Pass over the first minutes that are as usual; return how many samples each has.

        They are judged, and remembered but for the samples. 0: that series must be looked at
        (:meth:`judge`), since its minute may be unusual, or is not the only one that ends at or
        before ``end``. None of the series keeps samples of closed minutes. Many at once: nearly
        always all is as usual.
        """
        passed = [0] * len(all_series)
        by_size: dict[int, tuple[list[int], list[float]]] = {}
        for number, series in enumerate(all_series):
            samples = _only_minute(series, end)
            if samples and not series.baseline:
                passed[number] = samples
            elif samples and series.history and not series.deviant:
                value = _first_value(series, samples)
                if value is not None:
                    passed[number] = samples
                    numbers, values = by_size.setdefault(len(series.history), ([], []))
                    numbers.append(number)
                    values.append(value)
        for numbers, values in by_size.values():
            histories = [all_series[number].history for number in numbers]
            for number, usual, history in zip(
                numbers, *baseline.extended(histories, values), strict=True
            ):
                if usual:
                    all_series[number].history = history
                else:
                    passed[number] = 0
        return passed

    def _compare(
        self, key: str, series: Series, samples: list[tuple[int, float]], value: float
    ) -> Occurrence | None:
        kind = self._kinds[series.baseline]
        past = baseline.reference(baseline.remembered(series.history), series.deviant)
        found = None
        if past is not None and not baseline.is_within(value, past):
            found = baseline.deviation(value, past, kind.floor)
        deviant = found is not None and self._is_deviant(kind, found)
        before = series.deviant & _LAST_TWO
        series.history = baseline.remember(series.history, value)
        series.deviant = (series.deviant << 1 | deviant) & _ALL_KEPT
        if found is None or not deviant:
            return None
        time = samples[-1][0]
        usual = seasons.is_usual(series.seasons, time, value, found.median)
        series.seasons = seasons.noted(series.seasons, time, baseline.clamp(value))
        if usual:
            return None
        return Occurrence(
            time=time,
            text=f"{key} = {value:.6g}, before {found.median:.6g} ({found.sigmas:+.1f} σ)",
            onset=samples[0][0],
            observations=0 if series.owner else len(samples),
            score=abs(found.sigmas),
            suffices=before != 0 or (kind.at_once and self._is_huge(found)),
            resolution=_resolution(series, samples[0][0]),
        )

    def _is_deviant(self, kind: Baseline, found: baseline.Deviation) -> bool:
        far = abs(found.sigmas) >= self._settings.sigmas and found.change >= self._settings.change
        return far and found.beyond >= baseline.BEYOND and found.points(kind.direction)

    def _is_huge(self, found: baseline.Deviation) -> bool:
        far = abs(found.sigmas) >= self._settings.sigmas_at_once
        return far and found.beyond >= baseline.BEYOND_AT_ONCE


def _only_minute(series: Series, end: int) -> int:
    """Return how many samples the first minute has; 0 where more than that is to be judged."""
    times = series.times
    first = times[0]
    after = first - first % MINUTE + MINUTE
    samples = len(times) if times[-1] < after else bisect_left(times, after)
    if samples < len(times) and times[samples] < end:
        return 0
    if series.last is not None and first - series.last[0] >= FORGET_AFTER:
        return 0
    return samples


def _first_value(series: Series, samples: int) -> float | None:
    if not series.counter:
        values = series.values
        return baseline.mean(values if samples == len(values) else values[:samples])
    return _value(series, list(zip(series.times[:samples], series.values[:samples], strict=True)))


def _value(series: Series, samples: list[tuple[int, float]]) -> float | None:
    if not series.counter:
        return baseline.mean([value for _, value in samples])
    return baseline.rate(samples if series.last is None else [series.last, *samples])


def _resolution(series: Series, onset: int) -> int:
    """Return how far the onset may lie off: a sample tells of the time since the one before."""
    since = MINUTE if series.last is None else onset - series.last[0]
    return max(MINUTE, min(since, _LONGEST_RESOLUTION))


def _rule(kind: Baseline) -> Rule:
    return Rule(
        id=kind.id,
        title=f"{{name}} {_DIRECTIONS[kind.direction]}",
        symptom_class=kind.symptom_class,
        severity=kind.severity,
        quiet=int(kind.quiet_s * _SECOND),
        resolution=MINUTE,
        need=Need(single=False),
        only_whispers=kind.whisper,
        grain=MINUTE,
    )
