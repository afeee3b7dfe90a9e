"""How long requests take at the API server, and what it counts of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from pipeline.simulate.cluster.gate import Gate

Exposed = tuple[str, dict[str, str], float, bool]
"""A sample: name, labels, value, and whether it is a counter."""

_USUAL_S = 0.018
_BOUNDS = (0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0)
_OTHERS = (
    ("GET", "configmaps", 900),
    ("LIST", "pods", 240),
    ("PUT", "leases", 1500),
    ("PATCH", "events", 300),
)
"""What the rest of the cluster asks, in requests a minute."""
_LOOKED_AT = 24
"""So many requests of others are drawn a scrape; they stand for all."""
_TIMEOUT_S = 60.0


@dataclass(slots=True)
class _Verb:
    counts: list[float] = field(default_factory=lambda: [0.0] * (len(_BOUNDS) + 1))
    seconds: float = 0.0


@dataclass(slots=True)
class Requests:
    """What the API server's metrics are made of."""

    chance: Random
    gate: Gate
    _codes: dict[tuple[str, str, int], float] = field(default_factory=dict)
    _verbs: dict[str, _Verb] = field(default_factory=dict)

    def latency(self, chance: Random) -> float:
        """Return how long a request takes now."""
        usual = _USUAL_S * chance.lognormvariate(0, 0.5)
        return usual + self.gate.delay_s * chance.lognormvariate(-0.045, 0.3)

    def note(self, verb: str, resource: str, code: int, took: float, *, times: float = 1.0) -> None:
        """Count requests that have been answered."""
        key = (verb, resource, code)
        self._codes[key] = self._codes.get(key, 0.0) + times
        if verb == "WATCH":
            return  # a watch lasts as long as its client wants it
        one = self._verbs.setdefault(verb, _Verb())
        one.seconds += took * times
        place = next((n for n, bound in enumerate(_BOUNDS) if took <= bound), len(_BOUNDS))
        one.counts[place] += times

    def others(self, minutes: float) -> None:
        """Count what other clients have asked in the minutes before now."""
        if self.gate.down:
            return
        for verb, resource, rate in _OTHERS:
            times = rate * minutes * self.chance.uniform(0.93, 1.07) / _LOOKED_AT
            for _ in range(_LOOKED_AT):
                took = self.latency(self.chance)
                code = 504 if took > _TIMEOUT_S else 200
                self.note(verb, resource, code, min(took, _TIMEOUT_S), times=times)

    def expose(self) -> Iterator[Exposed]:
        """Yield the samples of a scrape."""
        for (verb, resource, code), count in self._codes.items():
            labels = {"verb": verb, "resource": resource, "code": str(code)}
            yield "apiserver_request_total", labels, round(count), True
        for verb, one in self._verbs.items():
            yield from _histogram(verb, one)


def _histogram(verb: str, one: _Verb) -> Iterator[Exposed]:
    name = "apiserver_request_duration_seconds"
    total = 0.0
    for bound, count in zip((*map(str, _BOUNDS), "+Inf"), one.counts, strict=True):
        total += count
        yield f"{name}_bucket", {"verb": verb, "le": bound}, round(total), True
    yield f"{name}_sum", {"verb": verb}, round(one.seconds, 3), True
    yield f"{name}_count", {"verb": verb}, round(total), True
