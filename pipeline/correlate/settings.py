"""What correlation believes before it has seen anything: priors, powers, tolerances."""

from dataclasses import dataclass, field

from pipeline.records import Severity, SymptomClass
from topology.model import Kind

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrelateSettings:
    """Declared beliefs of the model (design §6). Rates are per second, times in seconds."""

    background_per_s: float = 1 / DAY_S
    """Rate at which a symptom comes by itself at a component: about one a day."""
    kind_prior: dict[Kind, float] = field(
        default_factory=lambda: {
            "component": 1.0,
            "platform": 0.7,  # many eyes on it, and it is shared: rarer than our own parts
            "infrastructure": 0.7,
            "external": 0.7,
            "endpoint": 0.2,  # a mere view of another node's traffic: seldom the cause
        }
    )
    """Factor on the background by the node's kind."""
    cause_power: dict[SymptomClass, float] = field(
        default_factory=lambda: {
            "availability": 1.0,
            "saturation": 1.0,
            "network": 1.0,
            "scheduling": 0.8,
            "auth": 0.8,
            "error": 0.8,
            "latency": 0.6,
            "traffic": 0.3,  # a change of load is more often an effect than a fault
            "unusual": 0.3,
        }
    )
    """How readily trouble of a class sets off trouble elsewhere."""
    effect_power: dict[SymptomClass, float] = field(
        default_factory=lambda: {
            "error": 1.0,
            "latency": 1.0,
            "availability": 0.8,
            "traffic": 0.8,
            "auth": 0.6,
            "network": 0.5,
            "scheduling": 0.5,
            "saturation": 0.4,  # a full volume is rarely the effect of a neighbour
            "unusual": 0.8,
        }
    )
    """How readily trouble of a class is set off from elsewhere."""
    severity_power: dict[Severity, float] = field(
        default_factory=lambda: {"minor": 0.3, "major": 1.0, "critical": 1.0}
    )
    """How readily trouble of a severity sets off trouble elsewhere: what is minor may be chance."""
    one_of_many: float = 0.05
    """How readily a member of a family (one user's server) sets off what is critical at a part that
    all share, of the strength that its edge has for lesser trouble: they see many come and go."""
    severity_weight: dict[Severity, float] = field(
        default_factory=lambda: {"minor": 0.34, "major": 1.0, "critical": 2.0}
    )
    """Weight of a symptom: in opening an incident (which takes 1.0: three different minor ones) and
    in its cause."""
    whisper_background: float = 10.0
    """Weak evidence comes by chance so many times as often as a symptom: ten a day at a node (on
    quiet simulated days, nine recordings of 37 minutes, it was 0.4 an hour at a user's server)."""
    whisper_power: float = 0.002
    """How readily weak evidence without an amount stands for a cause of what is strong."""
    whisper_weight: float = 0.1
    """Weight of a weak symptom in the cause; it opens nothing."""
    entry_factor: float = 2.0
    """What is felt at an entry node weighs this much more."""
    sight_delay_s: dict[str, float] = field(
        default_factory=lambda: {"logs": 1.0, "events": 30.0, "metrics": 60.0}
    )
    """How much later than the trouble a detector may see it: probes need three failures of 10 s,
    scrapes come each 30 to 60 s. So a cause may be seen after its effect."""
    clock_tolerance_s: float = 1.0
    """Difference between the clocks of two sources."""
    same_node_strength: float = 0.9
    same_node_typical_s: float = 10.0
    same_node_longest_s: float = 600.0
    """One trouble at a node brings others there: within seconds, at most a spawn timeout later."""
    spread: float = 0.2
    """Share of the delay density that is even up to the longest delay (the rest is exponential
    with the typical delay as its mean)."""
    join_at: float = 0.6
    """Two symptoms belong together when they have the same root with at least this probability."""
    something_else: float = 0.05
    """Probability left for a cause that no topology declares."""
    sharpness: float | None = None
    """Power that shares of causes are raised to, so that they are as sure as they prove to be; 1
    leaves them alone. None: as shipped (``calibration.yaml``)."""
    doubt: float | None = None
    """How many times the share of a cause that nobody listed counts, then; 1 leaves it alone. None:
    as shipped."""
    resolve_after_s: float = 300.0
    """Quiet time after the last sign of trouble until an incident counts as resolved."""
    rollout_s: float = 120.0
    """What is rolled out is away for so long at most: one or two minutes."""
    settle_s: float = 10.0
    """Event time that the opening waits, so that the cause is more than the first to be seen."""
    refresh_s: float = 30.0
    """Event time within which more of the same (a growing count) shows in the incident."""
    storm_from: int = 100
    """Symptoms in one component from which it is a storm: news of it waits for 3 to 30 s of event
    time (``storm.wait_s``), so that thousands a second cost no more than hundreds."""
    max_symptoms: int = 1_000
    """Active symptoms of one application: half a million pairs that may have set each other off, if
    each reaches all others, in arrays of 30 MB (``Weights``), thrice as much while they are
    explained, and 0.1 to 0.3 s of CPU time for that. More are counted and not used."""
    max_listed: int = 200
    """Symptoms listed in an incident (about 600 B each, 120 kB: well below a Kafka record)."""
