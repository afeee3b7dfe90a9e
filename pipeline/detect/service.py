"""Well-known service metrics of one node → extra waiting and extra failures (design §6).

Requests, their mean duration and the share that fails are told together, so they are judged
together, by closed minutes: how many seconds more did all requests wait than usual, and how many
more failed. The doubt of both is that of a count: of ``n`` requests with a spread of ``s`` each,
the mean is unsure by ``s/√n``; of ``n`` requests that usually fail with probability ``p``,
``n·p`` fail, give or take ``√(n·p·(1−p))``. Weak deviations are told as whispers.
"""

import math
import struct
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.detect import baseline
from pipeline.detect.fingerprints import bounded
from pipeline.detect.rules import Need, Rule
from pipeline.detect.samples import FORGET_AFTER, MINUTE
from pipeline.detect.settings import DetectSettings
from pipeline.detect.tallies import Extras, Occurrence

_SECOND = 1_000_000
_MILLION = 1_000_000

Array = NDArray[np.float64]
_REQUESTS, _ERRORS, _MEAN = 0, 1, 2

Quantity = Literal["count", "rate", "errors", "successes", "mean", "p50", "p90", "p95", "p99"]
DURATIONS: tuple[Quantity, ...] = ("mean", "p50", "p90", "p95", "p99")
"""The first of them that is there says how long requests take."""

QUANTITIES: dict[str, Quantity] = {
    "request_count": "count",
    "requests_per_second": "rate",
    "request_error_ratio": "errors",
    "request_success_ratio": "successes",
    "request_duration_seconds": "mean",
    "request_duration_p50_seconds": "p50",
    "request_duration_p90_seconds": "p90",
    "request_duration_p95_seconds": "p95",
    "request_duration_p99_seconds": "p99",
}
"""By metric name."""

KEPT = 288
"""Closed minutes remembered (a day, where samples come each five minutes); 12 bytes each."""
MAX_OPEN = 64
"""Minutes with samples that are not closed yet: the lateness and some more."""
SHARE_OF_TAIL = 0.99
"""Of its past deviations, that which a strong one must exceed: long-tailed noise stays quiet …"""
BEYOND_TAIL = 1.25
"""… by this factor."""
MAJOR = 2.0
"""So many times the threshold is major."""
MEAN_FLOOR_SHARE = 0.05
MEAN_FLOOR_S = 0.001
"""A mean is never surer than this share of itself, and this many seconds: clocks, scheduling."""
_MAD_PER_SIGMA = 0.6745
_HALF = 0.5
"""Least standard error of a count of failures: counts are whole numbers."""
_LATE = 1.5
"""Samples so many intervals apart still count as of that interval."""
_LAST_TWO = 0b11
_ALL_KEPT = (1 << KEPT) - 1
_BYTES = KEPT // 8
_MAX_SCORE = 1e6

INTERVALS = (60, 300, 1800)
"""Classes of distance between samples, in seconds: what a step of amounts is, and 2.2 of which
without deviation end an episode."""
_QUIET = 2.2


class Bin(NamedTuple):
    """One closed minute of a service; NaN where a number is missing."""

    requests: float
    errors: float
    """Share of the requests that failed."""
    mean: float
    """Mean duration in seconds."""


class Service(msgspec.Struct, array_like=True):
    """What is known of the requests of one node (or of one pod, or as one caller sees them)."""

    view: str
    """The labels that tell it apart: ``{caller="x"}``; mostly empty."""
    open: dict[int, dict[str, list[tuple[int, float]]]] = msgspec.field(default_factory=dict)
    """By minute and quantity: samples in order of time and value."""
    history: bytes = b""
    """Closed bins, oldest first, three numbers of four bytes each."""
    waited: bytes | int = b""
    """A bit for each of them with strong extra waiting, the latest is bit 0 of the first byte …"""
    failed: bytes | int = b""
    """… and with many more failures. 288 bits, which no row holds but as bytes; rows of an older
    release, in JSON, have the number."""
    last: int | None = None
    """Time of the latest sample of a closed minute."""

    def __post_init__(self) -> None:
        """Bring facts of an older release into the form of this one."""
        self.waited, self.failed = _kept(_bits(self.waited)), _kept(_bits(self.failed))

    def put(self, quantity: Quantity, time: int, value: float) -> bool | None:
        """Keep a sample; False when it is already there, None when there is no room."""
        minute = time // MINUTE
        if minute not in self.open and len(self.open) >= MAX_OPEN:
            return None
        samples = self.open.setdefault(minute, {}).setdefault(quantity, [])
        if (time, value) in samples:
            return False
        samples.append((time, value))
        samples.sort()
        return True

    @property
    def waiting(self) -> int:
        """Samples that are not judged yet."""
        return sum(len(found) for samples in self.open.values() for found in samples.values())


class Found(NamedTuple):
    """A deviation of a closed minute."""

    rule: str
    fingerprint: str
    occurrence: Occurrence


class Judgement(NamedTuple):
    """What became of a closed minute's samples."""

    samples: int
    found: tuple[Found, ...]


def rules(sigmas: float) -> dict[str, Rule]:
    """Return the rules that the episodes follow: one of each kind for each class of interval."""
    return {
        rule.id: rule
        for interval in INTERVALS
        for rule in (
            _rule("requests-wait", interval, sigmas),
            _rule("requests-fail", interval, sigmas),
        )
    }


def _rule(kind: str, interval: int, sigmas: float) -> Rule:
    waits = kind == "requests-wait"
    return Rule(
        id=_rule_id(kind, interval),
        title="requests wait longer than usual" if waits else "more requests fail than usual",
        symptom_class="latency" if waits else "error",
        severity="minor",
        major_from=MAJOR * sigmas,
        quiet=int(_QUIET * interval) * _SECOND,
        resolution=interval * _SECOND,
        need=Need(single=False),
        unit="seconds" if waits else "failures",
        whispers=True,
        grain=MINUTE,
    )


def _rule_id(kind: str, interval: int) -> str:
    return kind if interval == INTERVALS[0] else f"{kind}-{interval}s"


class Services:
    """Judges closed minutes of services."""

    def __init__(self, settings: DetectSettings) -> None:
        self._settings = settings

    def judge(self, service: Service, closed: int) -> Iterator[Judgement]:
        """Judge the minutes that end at or before ``closed``, in order; remember and drop them."""
        for minute in sorted(number for number in service.open if (number + 1) * MINUTE <= closed):
            samples = service.open.pop(minute)
            times = [time for values in samples.values() for time, _ in values]
            if service.last is not None and min(times) - service.last >= FORGET_AFTER:
                service.last, service.history, service.waited, service.failed = None, b"", b"", b""
            yield Judgement(len(times), tuple(self._judge(service, samples, max(times))))
            service.last = max(times)

    def _judge(
        self, service: Service, samples: dict[str, list[tuple[int, float]]], time: int
    ) -> Iterator[Found]:
        since = MINUTE if service.last is None else time - service.last
        now = _bin(samples, since / _SECOND)
        past = np.frombuffer(service.history, dtype="<f4").reshape(-1, 3).astype(np.float64)
        waited = self._waiting(now, _reference(past, _bits(service.waited)))
        failed = self._failing(now, _reference(past, _bits(service.failed)))
        for deviation in (waited, failed):
            if deviation is not None and deviation.sigmas >= self._settings.whisper_sigmas:
                yield _found(service, deviation, time, since)
        service.history = _remember(service.history, now)
        service.waited = _kept(_bits(service.waited) << 1 | _is_strong(waited))
        service.failed = _kept(_bits(service.failed) << 1 | _is_strong(failed))

    def _waiting(self, now: Bin, past: Array | None) -> "_Deviation | None":
        """Return the extra waiting: (mean − usual mean) · requests, in seconds."""
        if past is None or math.isnan(now.mean) or now.requests <= 0:
            return None
        known = past[~np.isnan(past[:, _MEAN]) & (past[:, _REQUESTS] > 0)]
        if len(known) < baseline.ENOUGH:
            return None
        requests, means = known[:, _REQUESTS], known[:, _MEAN]
        usual = _at(means, 0.5)
        spread = _at(np.abs(means - usual) * np.sqrt(requests), 0.5) / _MAD_PER_SIGMA
        floor = max(MEAN_FLOOR_SHARE * usual, MEAN_FLOOR_S)
        sigma = max(spread / math.sqrt(now.requests), floor)
        sigmas = (now.mean - usual) / sigma
        past_sigmas = (means - usual) / np.maximum(spread / np.sqrt(requests), floor)
        return self._deviation(
            "requests-wait",
            sigmas,
            past_sigmas,
            extra=(now.mean - usual) * now.requests,
            error=sigma * now.requests,
            text=f"mean {now.mean:.4g} s of {now.requests:.6g} requests, usually {usual:.4g} s",
        )

    def _failing(self, now: Bin, past: Array | None) -> "_Deviation | None":
        """Return the extra failures: failures − usual share · requests."""
        if past is None or math.isnan(now.errors) or now.requests <= 0:
            return None
        known = past[~np.isnan(past[:, _ERRORS]) & (past[:, _REQUESTS] > 0)]
        if len(known) < baseline.ENOUGH:
            return None
        requests, shares = known[:, _REQUESTS], known[:, _ERRORS]
        # the worst hundredth is left out: an outage is not what is usual
        calm = np.argsort(shares, kind="stable")[: len(known) - -(-len(known) // 100)]
        failures = shares * requests
        usual = (float(failures[calm].sum()) + 0.5) / (float(requests[calm].sum()) + 1.0)
        sigma = math.sqrt(usual * (1.0 - usual) * now.requests + _HALF**2)
        extra = (now.errors - usual) * now.requests
        sigmas = extra / sigma
        past_sigmas = (failures - usual * requests) / np.sqrt(
            usual * (1.0 - usual) * requests + _HALF**2
        )
        return self._deviation(
            "requests-fail",
            sigmas,
            past_sigmas,
            extra=extra,
            error=sigma,
            text=f"{now.errors:.3%} of {now.requests:.6g} requests failed, usually {usual:.3%}",
        )

    def _deviation(
        self, kind: str, sigmas: float, past: Array, *, extra: float, error: float, text: str
    ) -> "_Deviation":
        least = self._settings.service_sigmas
        if sigmas >= least:
            tail = BEYOND_TAIL * _at(past, SHARE_OF_TAIL)
            sigmas *= least / max(least, tail)
        return _Deviation(
            kind=kind,
            sigmas=min(sigmas, _MAX_SCORE),
            strong=sigmas >= least,
            extra=extra,
            error=error,
            text=text,
        )


class _Deviation(NamedTuple):
    kind: str
    sigmas: float
    """Standard errors; shortened in proportion where the tail of its past reaches far."""
    strong: bool
    extra: float
    error: float
    text: str


def _is_strong(deviation: _Deviation | None) -> bool:
    return deviation is not None and deviation.strong


def _bits(kept: bytes | int) -> int:
    return kept if isinstance(kept, int) else int.from_bytes(kept, "little")


def _kept(bits: int) -> bytes:
    """Return bits as they are kept: without those that are too old, and without zeros."""
    return (bits & _ALL_KEPT).to_bytes(_BYTES, "little").rstrip(b"\0")


def _found(service: Service, deviation: _Deviation, time: int, since: int) -> Found:
    interval = next((i for i in INTERVALS if since <= _LATE * i * _SECOND), INTERVALS[-1])
    step = (time - 1) // (interval * _SECOND)  # the interval ends at the sample's time
    rule = _rule_id(deviation.kind, interval)
    before = service.waited if deviation.kind == "requests-wait" else service.failed
    again = _bits(before) & _LAST_TWO != 0  # one alone may be chance: it takes two of three
    return Found(
        rule=rule,
        fingerprint=bounded(rule + service.view),
        occurrence=Occurrence(
            time=time,
            text=f"{deviation.text} ({deviation.sigmas:+.1f} σ)",
            onset=time - min(since, interval * _SECOND) // 2,
            score=deviation.sigmas,
            suffices=deviation.strong and again,
            resolution=interval * _SECOND // 2,
            extra=Extras(
                step=interval,
                error=round(deviation.error * _MILLION),
                amounts={step: round(deviation.extra * _MILLION)},
            ),
        ),
    )


def _bin(samples: dict[str, list[tuple[int, float]]], since_s: float) -> Bin:
    """Put a minute's samples together.

    Without a count of requests, each sample counts as one: then the spread is that of the means.
    """
    values = {name: [value for _, value in found] for name, found in samples.items()}
    mean = next((_mean(values[name]) for name in DURATIONS if name in values), math.nan)
    requests = 1.0
    if "count" in values:
        requests = math.fsum(values["count"])
    elif "rate" in values:
        requests = _mean(values["rate"]) * since_s
    errors = _mean(values.get("errors"))
    if math.isnan(errors):
        errors = 1.0 - _mean(values.get("successes"))
    return Bin(requests, errors, mean)


def _mean(values: Sequence[float] | None) -> float:
    return baseline.mean(values) if values else math.nan


def _reference(past: Array, deviant: int) -> Array | None:
    """Return the bins that a new one is compared with (see ``baseline.reference``)."""
    rows = baseline.reference(range(len(past)), deviant)
    return None if rows is None else past[list(rows) if deviant else slice(rows[0], rows[-1] + 1)]


def _at(values: Array, share: float) -> float:
    """Return the value at a share of the sorted values (a quantile, without interpolation)."""
    at = min(len(values) - 1, int(share * len(values)))
    return float(np.partition(values, at)[at])


def _remember(history: bytes, one: Bin) -> bytes:
    numbers = (value if math.isnan(value) else baseline.clamp(value) for value in one)
    return (history + struct.pack("<3f", *numbers))[-12 * KEPT :]
