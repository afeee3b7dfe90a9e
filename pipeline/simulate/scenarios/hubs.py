"""Interventions on the hub's own process and its proxy; and two that only look like trouble."""

from contextlib import suppress

from pipeline.simulate.cluster.model import MIB, ApiError, ApiRefusedError, ApiTimeoutError
from pipeline.simulate.jupyterhub.http import HttpError, Request
from pipeline.simulate.kernel import Steps
from pipeline.simulate.scenarios.bustle import bustle
from pipeline.simulate.scenarios.databases import delete_pod
from pipeline.simulate.scenarios.scenario import Case, Scenario, Stage
from pipeline.simulate.scenarios.sessions import newcomers, one_at_work
from pipeline.simulate.scenarios.spans import between, lasting, note_harm

HUB = "jupyterhub/hub"
PROXY = "jupyterhub/proxy"
_EVEN = 0.5
_WORKERS = 3
_HEAP = (
    "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
    "Uncaught Exception: write EPIPE",
    "Uncaught Exception: read ECONNRESET",
)


# ── S19 ──────────────────────────────────────────────────────────────────────────────────────────


def _overloaded(stage: Stage) -> Case:
    """Somebody's script lists all users, again and again; each answer takes seconds to make."""
    case = lasting(stage, 700, 1300, [HUB])
    usual = stage.hub.handlers.costs_s["users"]

    def begin() -> None:
        stage.hub.handlers.costs_s["users"] = stage.chance.uniform(8, 13)
        for number in range(_WORKERS):
            stage.kernel.start(_ask_on(stage, case, number))

    def end() -> None:
        stage.hub.handlers.costs_s["users"] = usual
        delete_pod(stage, "jupyterhub")  # or else it works off what has piled up

    between(stage, case, begin, end)
    return case


def _ask_on(stage: Stage, case: Case, number: int) -> Steps:
    request = Request(
        "users", "GET", "/hub/api/users?include_stopped_servers=1", user="usage-report",
        ip=f"10.129.3.{20 + number}",
    )  # fmt: skip
    while stage.kernel.now < case.end_s:
        with suppress(HttpError):  # it asks again, as scripts do
            yield from stage.hub.client.call(request)
        yield stage.kernel.wait(stage.chance.uniform(0.5, 3))


# ── S20 ──────────────────────────────────────────────────────────────────────────────────────────


def _spawns_abort_hub(stage: Stage) -> Case:
    """The hub is to end after some failed spawns in a row; then no spawn succeeds any more."""
    stage.hub.hub.knobs.failure_limit = stage.chance.choice((3, 4, 5))
    bustle(stage)
    if stage.chance.random() < _EVEN:
        return _quota_gone(stage)
    return _image_gone(stage)


def _quota_gone(stage: Stage) -> Case:
    case = lasting(stage, 800, 1300, ["infrastructure/quota"])
    _rush(stage, case)
    quota = stage.cluster.quota(stage.hub.namespace)
    usual = quota.hard["limits.cpu"]

    def shrink() -> None:
        # what runs may stay; whoever stops does not come back
        quota.hard["limits.cpu"] = 0.25 * quota.used.get("limits.cpu", 0.0)

    def widen() -> None:
        quota.hard["limits.cpu"] = usual

    between(stage, case, shrink, widen)
    return case


def _image_gone(stage: Stage) -> Case:
    """The image is pushed anew, and cannot be pulled: the hub notices after 600 s each."""
    case = lasting(stage, 1500, 2100, ["infrastructure/registry"])
    _rush(stage, case)
    registry = stage.cluster.registry

    def begin() -> None:
        registry.push(stage.hub.image)
        registry.down = True

    def end() -> None:
        registry.down = False

    between(stage, case, begin, end)
    return case


def _rush(stage: Stage, case: Case) -> None:
    """Have some more people want servers at once, as after a lecture's beginning."""
    for _ in range(8):
        at = case.start_s + stage.chance.uniform(5, 240)
        stage.kernel.at(at, lambda: _somebody_comes(stage))


def _somebody_comes(stage: Stage) -> None:
    servers = stage.hub.hub.servers
    waiting = [
        person
        for name, person in stage.hub.people.items()
        if person.away and servers[name].ip is None
    ]
    if waiting:
        stage.chance.choice(waiting).summon()
        return
    here = [user for user in stage.hub.running_users() if servers[user.name].pending is None]
    if here:
        person = stage.hub.people[stage.chance.choice(here).name]
        stage.kernel.start(person.restart_server())


# ── S21 ──────────────────────────────────────────────────────────────────────────────────────────


def _proxy_dies(stage: Stage) -> Case:
    """The proxy dies, again and again; each time it comes back without routes."""
    case = lasting(stage, 240, 720, [PROXY])
    told = stage.chance.choice(_HEAP)
    at = case.start_s
    while at < case.end_s:
        stage.kernel.at(at, lambda: stage.hub.proxy.die(stage.chance.choice((1, 134, 137)), told))
        at += stage.chance.uniform(12, 70)
    return case


# ── S24 ──────────────────────────────────────────────────────────────────────────────────────────


def _wrong_state(stage: Stage) -> Case:
    """A user's pod goes, and the hub goes on believing in it, until it is started anew."""
    user = one_at_work(stage)
    case = lasting(stage, 700, 1300, [HUB])
    stage.hub.people[user.name].keep(case.end_s)  # or else there may be no server to lose

    def lose() -> None:
        stage.hub.hub.knobs.believes.add(user.name)
        stage.kernel.start(_delete(stage, user.pod_name))

    def mend() -> None:
        stage.hub.hub.knobs.believes.discard(user.name)
        delete_pod(stage, "jupyterhub")

    between(stage, case, lose, mend)
    return case


def _delete(stage: Stage, pod: str) -> Steps:
    try:
        yield from stage.cluster.api.delete_pod(stage.hub.namespace, pod, timeout_s=30.0)
    except (ApiError, ApiRefusedError, ApiTimeoutError):
        return


# ── S25 ──────────────────────────────────────────────────────────────────────────────────────────


def _hub_crashes(stage: Stage) -> Case:
    """The hub leaks memory until it is killed, or is rolled out with a broken configuration."""
    case = lasting(stage, 700, 1300, [HUB])
    knobs = stage.hub.hub.knobs
    if stage.chance.random() < _EVEN:
        rate = stage.chance.uniform(2.2, 6) * MIB

        def leak() -> None:
            knobs.leak_bytes_s = rate

        def mend() -> None:
            knobs.leak_bytes_s = 0.0

        between(stage, case, leak, mend)
        return case

    def roll_out() -> None:
        knobs.broken_config = stage.chance.choice(_BROKEN)
        stage.cluster.rollout(stage.hub.namespace, "jupyterhub")

    def roll_back() -> None:
        knobs.broken_config = None

    between(stage, case, roll_out, roll_back)
    return case


_BROKEN = (
    "ModuleNotFoundError: No module named 'oauthenticator'",
    "KeyError: 'JUPYTERHUB_CRYPT_KEY'",
    "AttributeError: 'LazyConfigValue' object has no attribute 'profile_list'",
)


# ── S27, S28: nothing is at fault ────────────────────────────────────────────────────────────────


def _culling(stage: Stage) -> Case:
    """Some people have been away for long; the culler stops their servers."""
    case = lasting(stage, 900, 1300, [])
    newcomers(stage)
    count = min(stage.chance.randrange(2, 5), max(1, len(stage.hub.users) // 3))

    def leave() -> None:
        for user in stage.hub.running_users()[-count:]:
            stage.hub.people[user.name].dismiss()

    def age() -> None:
        for name, person in stage.hub.people.items():
            if person.away and stage.hub.hub.servers[name].ip is not None:
                idle_s = stage.hub.culler.timeout_s * stage.chance.uniform(0.96, 1.02)
                notebook = stage.hub.notebooks[name]
                notebook.active_s = min(notebook.active_s, stage.kernel.now - idle_s)

    stage.kernel.at(max(1.0, case.start_s - 200.0), leave)
    stage.kernel.at(case.start_s, age)
    return case


def _redeploy(stage: Stage) -> Case:
    """The hub is rolled out anew, as planned."""
    case = lasting(stage, 300, 600, [])
    roll_out = stage.cluster.rollout
    stage.kernel.at(case.start_s, lambda: roll_out(stage.hub.namespace, "jupyterhub"))
    return case


HUBS = (
    Scenario("S19", "hub-overloaded", "The hub has more to do than it can", _overloaded, note_harm),
    Scenario(
        "S20",
        "spawn-failures-abort-hub",
        "Failed spawns end the hub",
        _spawns_abort_hub,
        note_harm,
        needs_s=2400.0,
    ),
    Scenario("S21", "proxy-dies", "The proxy dies and loses its routes", _proxy_dies, note_harm),
    Scenario(
        "S24",
        "hub-state-wrong",
        "The hub believes in a server that is gone",
        _wrong_state,
        note_harm,
    ),
    Scenario("S25", "hub-crashes", "The hub's process does not stay up", _hub_crashes, note_harm),
    Scenario(
        "S27", "culling", "Idle servers are culled", _culling, needs_s=1400.0, benign=True
    ),
    Scenario(
        "S28", "planned-redeploy", "The hub is rolled out anew", _redeploy, needs_s=900.0,
        benign=True,
    ),
)  # fmt: skip
