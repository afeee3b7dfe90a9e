"""Settings → a world → what was recorded of it, with labels.

In: which scenarios, which seed, what world. Out: records into a sink, and cases. What one recording
holds depends on its scenarios, its seed and the settings alone, not on what else is simulated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import blake2b
from math import ceil

from pipeline.errors import UsageError
from pipeline.simulate.cluster.cluster import Cluster
from pipeline.simulate.disturb import Disturbances, Disturbed
from pipeline.simulate.jupyterhub.deployment import Deployment
from pipeline.simulate.kernel import START, Kernel
from pipeline.simulate.labels import Label, Played, labels_of
from pipeline.simulate.recorder import Fields, Recorder, Sink
from pipeline.simulate.scenarios.scenario import Scenario, Stage

HOURS = 2.0
"""Length of a recording, unless its scenario needs longer or the settings say otherwise."""
QUIET_S = 1200.0
"""The least time before a fault: long enough to see what is usual."""
_GAP_S = 6 * 3600.0
"""Between two recordings, at least: longer than anything that one of them may leave open."""
_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S
_SLOTS = 40
"""Recordings of a seed; more than there are scenarios."""
SEEDS = 1000
"""Seeds so far apart begin on the same day."""
_SOON_S = 300.0
"""Of faults that come together, the others begin so long after the first, at most."""
_MOST_NOISE = 100.0
_USERS = range(1, 501)
_MOST_HOURS = 31 * 24.0


@dataclass(frozen=True, slots=True)
class Settings:
    """The world of a recording, and what goes wrong with taking it down."""

    users: int = 12
    hours: float | None = None
    """None: as long as the scenarios need."""
    noise: float = 1.0
    """How much goes on that has nothing to do with the hub: strangers' visits, a neighbour that
    fails now and then. 0: nothing."""
    disturbances: Disturbances = field(default_factory=Disturbances)


@dataclass(frozen=True)
class Recording:
    """What is simulated in one go: the scenarios' faults together, each once."""

    scenarios: tuple[Scenario, ...]
    seed: int
    settings: Settings

    @property
    def name(self) -> str:
        """Return what it is called: ``S01-seed1``, or ``S01+S17-seed1``."""
        return f"{'+'.join(scenario.id for scenario in self.scenarios)}-seed{self.seed}"

    @property
    def length_s(self) -> float:
        """Return how long it is, in seconds."""
        if self.settings.hours is not None:
            return self.settings.hours * _HOUR_S
        return max(HOURS * _HOUR_S, self.needs_s)

    @property
    def needs_s(self) -> float:
        """Return how long it has to be at least, in seconds."""
        late_s = _SOON_S if len(self.scenarios) > 1 else 0.0
        return QUIET_S + late_s + max(scenario.needs_s for scenario in self.scenarios)

    @cached_property
    def began(self) -> datetime:
        """Return when it begins: in the morning of a day that no other one of a run has.

        Recordings are read together, merged by time: they may not lie over each other.
        """
        days = ceil((self.length_s + _GAP_S) / _DAY_S)
        slot = int(self.scenarios[0].id.lstrip("S")) % _SLOTS
        return START + timedelta(days=days * (self.seed % SEEDS * _SLOTS + slot))

    @cached_property
    def world_seed(self) -> int:
        """Return a seed of its own: no two recordings have a pod's uid or a course in common."""
        return int.from_bytes(blake2b(self.name.encode(), digest_size=6).digest())


def check(recordings: Sequence[Recording]) -> None:
    """See whether recordings can be made.

    Raises:
        UsageError: a setting is out of its range, or too short for a scenario.
    """
    for recording in recordings:
        _check(recording.settings)
        if recording.length_s < recording.needs_s:
            raise UsageError(_too_short(recordings))


def play(recording: Recording, sink: Sink) -> list[Label]:
    """Simulate a recording; its records go into ``sink``. Returns the cases.

    Records come nearly in order of time.
    """
    recorder = Recorder(sink)
    kernel = _Kernel(recorder, recording)
    disturbances = recording.settings.disturbances
    disturbed = Disturbed(_distinct(sink, recording), disturbances, kernel.chance)
    recorder.sink = disturbed.take
    cluster = Cluster(kernel)
    hub = Deployment(
        kernel, cluster, users=recording.settings.users, noise=recording.settings.noise
    )
    stages = [
        Stage(
            kernel, cluster, hub, kernel.chance("scenario", scenario.id), begin_s, kernel.length_s
        )
        for scenario, begin_s in zip(recording.scenarios, _begins(recording, kernel), strict=True)
    ]
    cases = [one.play(stage) for one, stage in zip(recording.scenarios, stages, strict=True)]
    kernel.run()
    for scenario, stage, case in zip(recording.scenarios, stages, cases, strict=True):
        scenario.finish(stage, case)
    disturbed.close()
    played = [Played(one, case) for one, case in zip(recording.scenarios, cases, strict=True)]
    return labels_of(recording.name, recording.began, played, skew_s=disturbances.skew_s)


class _Kernel(Kernel):
    """A kernel whose days are those of its recording."""

    def __init__(self, recorder: Recorder, recording: Recording) -> None:
        super().__init__(recorder, seed=recording.world_seed, length_s=recording.length_s)
        self._began = recording.began

    @property
    def time(self) -> datetime:
        """Return the present instant, to the microsecond."""
        return self._began + timedelta(microseconds=round(self.now * 1e6))


def _begins(recording: Recording, kernel: Kernel) -> list[float]:
    """Return when the faults begin: after a quiet time, and early enough to unfold."""
    chance = kernel.chance("begin")
    latest_s = QUIET_S + recording.length_s - recording.needs_s
    first_s = chance.uniform(
        min(latest_s, recording.length_s * 0.3), min(latest_s, recording.length_s / 2)
    )
    others = recording.scenarios[1:]
    return [first_s, *(first_s + chance.uniform(0, _SOON_S) for _ in others)]


def _distinct(sink: Sink, recording: Recording) -> Sink:
    """Return a sink that makes event objects differ from those of other recordings.

    What lives longer than pods (machines, claims) has the same uid in all of them.
    """
    mark = f"{recording.world_seed:012x}"

    def take(time: datetime, fields: Fields) -> None:
        if fields["signal"] == "event":
            fields = {**fields, "source_uid": f"{mark}-{fields['source_uid']}"}
        sink(time, fields)

    return take


def _check(settings: Settings) -> None:
    if settings.users not in _USERS:
        raise UsageError(f"--users {settings.users}: give a number from 1 to {_USERS[-1]}")
    if settings.hours is not None and not 0 < settings.hours <= _MOST_HOURS:
        raise UsageError(f"--hours {settings.hours:g}: give more than 0, at most {_MOST_HOURS:g}")
    if not 0 <= settings.noise <= _MOST_NOISE:
        raise UsageError(f"--noise {settings.noise:g}: give a factor, from 0 to {_MOST_NOISE:g}")
    disturbances = settings.disturbances
    shares = {"--no-logs-of": disturbances.no_logs_of, "--duplicates": disturbances.duplicates}
    for flag, share in shares.items():
        if not 0 <= share <= 1:
            raise UsageError(f"{flag} {share:g}: give a share, from 0 to 1")
    spans = {"--skew": disturbances.skew_s, "--late": disturbances.late_s}
    for flag, seconds in spans.items():
        if not 0 <= seconds <= _HOUR_S:
            raise UsageError(f"{flag} {seconds:g}: give seconds, from 0 to {_HOUR_S:g}")


def _too_short(recordings: Sequence[Recording]) -> str:
    longest = max(recordings, key=lambda recording: recording.needs_s)
    ids = "+".join(scenario.id for scenario in longest.scenarios)
    hours = ceil(longest.needs_s / _HOUR_S * 10) / 10
    return (
        f"--hours {longest.settings.hours:g}: too short for {ids}, whose course takes"
        f" {ceil((longest.needs_s - QUIET_S) / 60)} minutes, after {QUIET_S / 60:g} of quiet;"
        f" give {hours:g} or more, or leave it out"
    )
