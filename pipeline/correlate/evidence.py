"""Evidence: a symptom where it was seen, or at the node that it implicates."""

from dataclasses import dataclass

from pipeline.correlate.settings import CorrelateSettings
from pipeline.records import Implication, Symptom, micros

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence at one node.

    A symptom that implicates another node ("OperationalError in the hub's log implicates the
    database") gives a second piece there, ``implied``: so a node that cannot be seen, or whose own
    symptoms come late, takes part in the explanation like any other.
    """

    id: str
    node: str
    symptom: Symptom
    implied: Implication | None
    onset_s: float
    last_seen_s: float
    unsure_s: float
    """The trouble may have begun this much earlier than it was seen, or (by resolution) later."""

    @property
    def order(self) -> tuple[float, str]:
        """Sort key: event order, ties by id."""
        return (self.onset_s, self.id)


def evidence_of(symptom: Symptom, settings: CorrelateSettings) -> tuple[Evidence, ...]:
    """Return the evidence that a symptom gives: at its own node first, then at implicated ones."""
    onset = micros(symptom.onset) / _SECOND
    last_seen = micros(symptom.last_seen) / _SECOND
    unsure = (
        symptom.resolution_s
        + settings.sight_delay_s.get(symptom.detector, 0.0)
        + settings.clock_tolerance_s
    )
    seen = Evidence(symptom.id, symptom.node, symptom, None, onset, last_seen, unsure)
    implied = (
        Evidence(
            f"{symptom.id}>{implication.node}",
            implication.node,
            symptom,
            implication,
            onset,
            last_seen,
            unsure,
        )
        for implication in symptom.implicates
        if implication.node != symptom.node
    )
    return (seen, *implied)
