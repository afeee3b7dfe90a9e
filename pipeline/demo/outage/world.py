"""Pods, times, the outage, and the recorder that takes down what happens.

Times are seconds since the recording's start. Pure: nothing is read or written here.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LENGTH = 3600.0
NAMESPACE = "opf-jupyterhub"


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod with the one container that speaks."""

    name: str
    container: str
    machine: str
    ip: str
    uid: str


@dataclass(frozen=True, slots=True)
class User:
    """A user and the pod of the user's server."""

    name: str
    pod: Pod
    address: str
    """Where the user's browser calls from, as the hub sees it."""

    @property
    def path(self) -> str:
        """The user's path in URLs."""
        return f"/user/{self.name.replace('@', '%40')}"


@dataclass(frozen=True, slots=True)
class Outage:
    """When the database does not answer, and how it refuses."""

    dies: float
    starts: tuple[float, ...]
    """When its container is started again; each start but the last fails at once."""
    ready: float

    def down(self, now: float) -> bool:
        """Return whether a query fails now."""
        return self.dies <= now < self.ready

    def refusal(self, now: float) -> str:
        """Return what a client that connects now is told."""
        if now >= self.starts[-1] + 2:
            return "FATAL:  the database system is starting up\n"
        return (
            "could not connect to server: Connection refused\n"
            '\tIs the server running on host "jupyterhub-db" (172.30.41.9) and accepting\n'
            "\tTCP/IP connections on port 5432?\n"
        )


@dataclass(slots=True)
class Recorder:
    """Takes down logs, events and samples in the form of recorded observations."""

    chance: random.Random
    lines: list[tuple[datetime, int, str]] = field(default_factory=list)
    _uids: dict[tuple[str, ...], tuple[str, str]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def log(self, now: float, pod: Pod, text: str) -> None:
        """Take down what a pod prints: each line is a record of its own, as on the machine."""
        for number, line in enumerate(text.split("\n")):
            self._add(
                when(now + number * 2e-5),
                signal="log",
                namespace=NAMESPACE,
                pod=pod.name,
                pod_uid=pod.uid,
                container=pod.container,
                cluster_node=pod.machine,
                message=line,
            )

    def event(self, now: float, pod: Pod, reason: str, message: str, *, normal: bool) -> None:
        """Take down a Kubernetes event about a pod; equal ones count up, as in Kubernetes."""
        time = when(float(int(now)))
        key = (pod.uid, reason, message)
        first, uid = self._uids.setdefault(key, (rfc3339(time), self.uid()))
        self._counts[uid] = self._counts.get(uid, 0) + 1
        self._add(
            time,
            signal="event",
            namespace=NAMESPACE,
            kind="Pod",
            name=pod.name,
            uid=pod.uid,
            reason=reason,
            type="Normal" if normal else "Warning",
            message=message,
            count=self._counts[uid],
            first_time=first,
            source_uid=uid,
            cluster_node=pod.machine,
        )

    def sample(
        self, now: float, name: str, value: float, labels: dict[str, str], *, counter: bool = False
    ) -> None:
        """Take down one sample of a series."""
        self._add(
            when(now),
            signal="metric",
            name=name,
            value=round(value, 3),
            labels=labels,
            type="counter" if counter else "gauge",
        )

    def uid(self) -> str:
        """Return a new identifier in the form of Kubernetes'."""
        digits = f"{self.chance.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def written(self) -> str:
        """Return all that was taken down as JSON lines, oldest first."""
        return "".join(f"{line}\n" for _, _, line in sorted(self.lines))

    def _add(self, time: datetime, **fields: str | float | dict[str, str]) -> None:
        if not START <= time < START + timedelta(seconds=LENGTH):
            return  # actors run on a little past both ends
        record = {"time": rfc3339(time), **fields}
        text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        self.lines.append((time, len(self.lines), text))


def when(now: float) -> datetime:
    """Return the instant of ``now``, to the microsecond."""
    return START + timedelta(microseconds=int(now * 1e6))


def rfc3339(time: datetime) -> str:
    """Return an instant as text, with as many digits as it has."""
    return time.isoformat().replace("+00:00", "Z")


def stamp(now: float) -> str:
    """Return a time as Jupyter's programs print it."""
    return when(now).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def every(chance: random.Random, period: float, jitter: float, *, start: float) -> Iterator[float]:
    """Yield times a period apart, each step longer or shorter by up to its share ``jitter``."""
    now = start
    while now < LENGTH:
        yield now
        now += period * (1 + jitter * (2 * chance.random() - 1))


@dataclass(frozen=True, slots=True)
class World:
    """Everyone who takes part."""

    recorder: Recorder
    outage: Outage
    hub: Pod
    database: Pod
    culler: Pod
    neighbour: Pod
    users: tuple[User, ...]
    newcomer: User
    """Logs in for the first time during the hour; one of the users from then on."""
    absentee: User
    """Has been away for days; the server is culled during the hour."""

    @property
    def chance(self) -> random.Random:
        """The one source of chance."""
        return self.recorder.chance

    @property
    def everyone(self) -> tuple[User, ...]:
        """All users with a server at some time of the hour."""
        return (*self.users, self.newcomer, self.absentee)

    def delay(self, typical_ms: float) -> float:
        """Return how long something took, in milliseconds: mostly typical, seldom long."""
        return typical_ms * self.chance.lognormvariate(0, 0.35)


_NAMES = ("alice", "bob", "carol", "dave", "erin", "frank", "trudy")
_PLACES = ("wrk-2", "wrk-1", "wrk-4", "wrk-2", "wrk-3", "wrk-4", "wrk-1")


def _user(recorder: Recorder, number: int) -> User:
    name = f"{_NAMES[number]}@example.com"
    pod = Pod(
        name=f"jupyterhub-nb-{name.replace('@', '-40').replace('.', '-2e')}",
        container="notebook",
        machine=_PLACES[number],
        ip=f"10.{128 + number % 4}.{2 + number}.{recorder.chance.randrange(11, 250)}",
        uid=recorder.uid(),
    )
    return User(name, pod, f"::ffff:10.{128 + number % 3}.0.{1 + number % 2}")


def new_world(seed: int) -> World:
    """Return the cast and the outage for a seed."""
    recorder = Recorder(random.Random(seed))  # noqa: S311 - a story, not a secret
    chance = recorder.chance
    users = tuple(_user(recorder, number) for number in range(len(_NAMES)))
    dies = 2113 + chance.uniform(0, 9)
    killed = dies + chance.uniform(26, 31)  # the third liveness probe that fails
    starts = [killed + 2.2]
    for back_off in (10, 20, 40, 80):  # the kubelet doubles its patience
        starts.append(starts[-1] + 3 + back_off + chance.uniform(0, 2.5))
    return World(
        recorder=recorder,
        outage=Outage(dies, tuple(starts), ready=starts[-1] + chance.uniform(36, 42)),
        hub=Pod("jupyterhub-124-x7k2p", "jupyterhub", "wrk-1", "10.131.3.17", recorder.uid()),
        database=Pod("jupyterhub-db-1-abcde", "postgresql", "wrk-3", "10.129.2.41", recorder.uid()),
        culler=Pod(
            "jupyterhub-idle-culler-6d5f9c7b84-q4w2z",
            "jupyterhub-idle-culler",
            "wrk-2",
            "10.130.1.7",
            recorder.uid(),
        ),
        neighbour=Pod(
            "ray-operator-5c9d7f6b4f-mz8ln", "ray", "wrk-4", "10.128.4.90", recorder.uid()
        ),
        users=users[:5],
        newcomer=users[5],
        absentee=users[6],
    )
