"""Closed minutes of a series → occurrences of "far from its own past"."""

from collections.abc import Iterator
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
                value = compared(series, samples)
                if value is not None:
                    occurrence = self._compare(key, series, samples, value)
            series.last = samples[-1]
            yield Judged(positions, occurrence)

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


def compared(series: Series, samples: list[tuple[int, float]]) -> float | None:
    """Return what a minute is compared by; ``None`` for a counter that has just begun."""
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
