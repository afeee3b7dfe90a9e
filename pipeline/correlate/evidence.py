"""Evidence: where trouble is, and since when: seen (a symptom), or supposed (a hidden fault)."""

from dataclasses import dataclass, field

from pipeline.correlate.settings import CorrelateSettings
from pipeline.records import Amount, Earlier, Severity, Symptom, SymptomClass, micros

_SECOND = 1_000_000

MENTIONED = 0.5
"""What is named with less than this share of what is named most is mentioned only."""

RECURS_WITHIN_S = 3600.0
"""Time without the same trouble that is counted before the first of its episodes."""

RISEN = 0.25
"""Share of its greatest step from which an extra quantity counts as risen; it may pause a step."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Trouble at one node.

    A symptom is seen. A hidden fault is supposed at a node that symptoms implicate but that has
    none of its own: it cannot be seen, or has gone before anybody looked.
    """

    id: str
    node: str
    symptom: Symptom | None
    """None for a hidden fault."""
    symptom_class: SymptomClass
    onset_s: float
    last_seen_s: float
    unsure_s: float
    """The trouble may have begun this much earlier than it was seen, or (by resolution) later."""
    ahead_s: float = 0.0
    """How much of that is because the clock that dated it is ahead (see ``clocks``)."""
    implicated: dict[str, float] = field(default_factory=dict)
    """Other nodes that it speaks about, with the probability that they are at fault."""
    cluster_nodes: tuple[str, ...] = ()
    """Machines that its pods ran on."""

    @property
    def order(self) -> tuple[float, str]:
        """Sort key: event order, ties by id."""
        return (self.onset_s, self.id)

    @property
    def severity(self) -> Severity:
        """How bad it looks; what is only supposed is as bad as it must be."""
        return "major" if self.symptom is None else self.symptom.severity

    @property
    def accused(self) -> tuple[str, ...]:
        """Other nodes that are at fault on its word alone; not those that it only mentions.

        A full home may mean that the backend of all homes is full, but it takes several homes.
        """
        least = MENTIONED * max(self.implicated.values(), default=0.0)
        return tuple(node for node, strength in self.implicated.items() if strength >= least)

    @property
    def earlier(self) -> Earlier | None:
        """What came before of the very same trouble there."""
        return None if self.symptom is None else self.symptom.earlier

    @property
    def recurs_per_s(self) -> float:
        """How often the very same trouble came there lately, as far as that is a habit.

        What comes again and again comes by itself, also where its node seldom has other trouble:
        one episode that is just over says nothing, and an hour without any counts as well.
        """
        if self.earlier is None:
            return 0.0
        span_s = self.onset_s - micros(self.earlier.since) / _SECOND
        return (self.earlier.count - 1) / (max(span_s, 0.0) + RECURS_WITHIN_S)

    @property
    def amount(self) -> Amount | None:
        """What can be accounted for along the edges."""
        return None if self.symptom is None else self.symptom.amount

    @property
    def is_whisper(self) -> bool:
        """Tell whether it is weak evidence only."""
        return self.symptom is not None and self.symptom.whisper

    @property
    def score(self) -> float:
        """Strength in robust sigmas; 0 where it has no number."""
        return 0.0 if self.symptom is None else self.symptom.score


def seen(symptom: Symptom, settings: CorrelateSettings, ahead_s: float = 0.0) -> Evidence:
    """Return the evidence that a symptom is; ``ahead_s``: how far its clock is ahead."""
    sight_delay_s = settings.sight_delay_s.get(symptom.detector, 0.0)
    return Evidence(
        id=symptom.id,
        node=symptom.node,
        symptom=symptom,
        symptom_class=symptom.symptom_class,
        onset_s=onset_s(symptom),
        last_seen_s=micros(symptom.last_seen) / _SECOND,
        unsure_s=symptom.resolution_s + sight_delay_s + settings.clock_tolerance_s + ahead_s,
        ahead_s=ahead_s,
        implicated={i.node: i.strength for i in symptom.implicates if i.node != symptom.node},
        cluster_nodes=symptom.cluster_nodes,
    )


def onset_s(symptom: Symptom) -> float:
    """Return when the trouble began, in seconds since 1970.

    Of what has an amount it is when that rose to its greatest step: the noise of a busy node often
    joins what comes after it, and is no part of that trouble.
    """
    told_s = micros(symptom.onset) / _SECOND
    amount = symptom.amount
    if amount is None or not amount.steps:
        return told_s
    number, peak = max(amount.steps, key=lambda step: (step[1], -step[0]))
    risen = {n for n, extra in amount.steps if extra >= RISEN * peak}
    while not risen.isdisjoint({number - 1, number - 2}):
        number -= 1 if number - 1 in risen else 2
    return max(told_s, float(number * amount.step_s))


def supposed(node: str, since_s: float, until_s: float, unsure_s: float) -> Evidence:
    """Return a hidden fault at a node."""
    return Evidence(
        f"hidden:{node}:{since_s:f}", node, None, "availability", since_s, until_s, unsure_s
    )
