"""Interventions on signing in and on the servers of single users."""

from collections.abc import Callable

from pipeline.simulate.cluster.model import MIB
from pipeline.simulate.jupyterhub.user import User
from pipeline.simulate.kernel import Steps
from pipeline.simulate.scenarios.databases import start_at
from pipeline.simulate.scenarios.scenario import Case, Scenario, Stage
from pipeline.simulate.scenarios.spans import between, lasting, note_harm

OAUTH = "platform/openshift-oauth"
_EVEN = 0.5
_OFTEN = 0.7
_LOGINS_S = 150.0


def one_at_work(stage: Stage) -> User:
    """Return a user who is at work with a server when the recording begins."""
    users = stage.hub.running_users()
    here = [user for user in users if not stage.hub.people[user.name].away]
    return stage.chance.choice(here or users or stage.hub.users)


def newcomers(stage: Stage) -> None:
    """Have somebody log in every few minutes, all through the recording."""
    at = 120.0 + stage.chance.uniform(0, _LOGINS_S)
    while at < stage.end_s:
        stage.kernel.at(at, lambda: _log_in(stage))
        at += stage.chance.uniform(0.5, 1.5) * _LOGINS_S


def _log_in(stage: Stage) -> None:
    people = list(stage.hub.people.values())
    away = [person for person in people if person.away]
    person = stage.chance.choice(away or people)
    person.signed_in = False  # the cookie has expired
    if person.away:
        person.summon()
    else:
        stage.kernel.start(person.look_home())


# ── S05 ──────────────────────────────────────────────────────────────────────────────────────────


def _home_full(stage: Stage) -> Case:
    """A user's files fill the volume; the user starts the server anew, which does not help."""
    user = one_at_work(stage)
    case = lasting(stage, 1300, 2200, [f"infrastructure/volume/{user.claim}"])
    full_s = stage.chance.uniform(60, 300)

    def fill() -> None:
        claim = stage.cluster.storage.claim(stage.hub.namespace, user.claim)
        claim.fill((claim.size - claim.used + 1) / full_s)

    def clear() -> None:
        claim = stage.cluster.storage.claim(stage.hub.namespace, user.claim)
        claim.fill(0.0)
        claim.set_used(0.6 * claim.size)

    between(stage, case, fill, clear)
    again_s = case.start_s + full_s + stage.chance.uniform(30, 180)
    restart = stage.hub.people[user.name].restart_server
    start_at(stage, again_s, restart)
    return case


# ── S14, S15, S16 ────────────────────────────────────────────────────────────────────────────────


def _oauth_down(stage: Stage) -> Case:
    """The OAuth servers hang, or end as soon as they start."""
    case = lasting(stage, 600, 1200, [OAUTH])
    newcomers(stage)
    oauth = stage.hub.oauth
    if stage.chance.random() < _OFTEN:

        def stick() -> None:
            oauth.stuck.update(oauth.pods)
            oauth.stuck_again = True

        def loosen() -> None:
            oauth.stuck_again = False

        between(stage, case, stick, loosen)
        return case

    def fail() -> None:
        oauth.failing = True
        for pod in oauth.pods:
            stage.cluster.kill(oauth.namespace, pod, "oauth-openshift")

    def mend() -> None:
        oauth.failing = False

    between(stage, case, fail, mend)
    return case


def _bad_certificate(stage: Stage) -> Case:
    """The route shows a certificate that the hub does not trust."""
    case = lasting(stage, 900, 1500, [OAUTH])
    newcomers(stage)
    oauth = stage.hub.oauth

    def change() -> None:
        oauth.bad_certificate = True

    def change_back() -> None:
        oauth.bad_certificate = False

    between(stage, case, change, change_back)
    return case


def _token_expires(stage: Stage) -> Case:
    """A user has been logged in for 24 hours."""
    user = one_at_work(stage)
    case = lasting(stage, 400, 700, [OAUTH])
    stage.hub.people[user.name].keep(case.end_s)

    def expire() -> None:
        stage.hub.oauth.expires_s[user.name] = stage.kernel.now

    def look() -> Steps:
        # the hub asks again when the last answer is 300 s old, and only when the user comes by
        yield stage.kernel.wait(stage.chance.uniform(5, 60))
        stage.hub.hub.refreshed.pop(user.name, None)
        yield from stage.hub.people[user.name].look_home()

    stage.kernel.at(case.start_s, expire)
    start_at(stage, case.start_s, look)
    return case


# ── S17 ──────────────────────────────────────────────────────────────────────────────────────────


def _out_of_memory(stage: Stage) -> Case:
    """A kernel takes ever more memory; it is killed, or the whole server with it."""
    user = one_at_work(stage)
    notebook = stage.hub.notebooks[user.name]
    case = lasting(stage, 500, 1000, [user.node])
    stage.hub.people[user.name].keep(case.end_s)
    rate = stage.chance.uniform(5, 14) * MIB
    alone = stage.chance.random() < _EVEN

    def grow() -> None:
        notebook.kernel_alone = alone
        notebook.growth_bytes_s = rate
        if not notebook.kernels:
            notebook.start_kernel()

    def stop() -> None:
        notebook.growth_bytes_s = 0.0

    between(stage, case, grow, stop)
    return case


def _also(user_of: Callable[[Case], str]) -> Callable[[Stage, Case], None]:
    def finish(stage: Stage, case: Case) -> None:
        note_harm(stage, case)
        case.affected.add(user_of(case))

    return finish


SESSIONS = (
    Scenario(
        "S05",
        "home-volume-full",
        "The volume of one user fills up",
        _home_full,
        note_harm,
        needs_s=2400.0,
    ),
    Scenario("S14", "oauth-down", "The OAuth servers do not answer", _oauth_down, note_harm),
    Scenario(
        "S15",
        "oauth-certificate",
        "The OAuth server's certificate is not trusted",
        _bad_certificate,
        note_harm,
    ),
    Scenario("S16", "token-expires", "The token of one user expires", _token_expires, note_harm),
    Scenario(
        "S17",
        "kernel-out-of-memory",
        "A kernel of one user takes more memory than there is",
        _out_of_memory,
        _also(lambda case: case.root_cause[0]),
    ),
)
