"""How the hub answers requests, and what a database that fails makes of them.

A request that needs the database while it fails: the user cannot be looked up, which is printed
with its traceback, and nobody is logged in. So reports of activity are refused (403), pages send
the browser to log in again, and whatever asks the database itself fails (500).
"""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.simulate.jupyterhub.http import Answer, HttpError, Request
from pipeline.simulate.jupyterhub.hub import Hub, Server
from pipeline.simulate.jupyterhub.oauth import OAuth
from pipeline.simulate.jupyterhub.scene import HUB, about, quoted
from pipeline.simulate.jupyterhub.servers import SLOW_S, Servers
from pipeline.simulate.jupyterhub.tracebacks import (
    database_error,
    database_traceback,
    frame,
)
from pipeline.simulate.kernel import Steps

REFRESH_AGE_S = 300.0
_SERVER_ERROR = 500
_CLIENT_ERROR = 400
_COST_S = {
    "activity": 0.012,
    "token": 0.009,
    "page": 0.02,
    "login": 0.004,
    "callback": 0.05,
    "spawn": 0.03,
    "stop": 0.02,
    "users": 0.02,
    "version": 0.001,
    "stray": 0.003,
}
_WHERE = {
    "token": ("jupyterhub/apihandlers/auth.py", 40, "get", "orm_token = orm.APIToken.find("),
    "callback": ("oauthenticator/oauth2.py", 224, "get", "user = await self.login_user()"),
}
_PLAIN = ("jupyterhub/handlers/base.py", 1203, "get", "user = self._user_from_orm(name)")


@dataclass(slots=True)
class _Case:
    """One request being answered."""

    request: Request
    life: int
    began_s: float
    user: str = ""
    """Who asks, once that is known."""
    error: str | None = None
    """What the look-up of the user failed with."""


class Handlers:
    """Answers requests in the hub's event loop."""

    def __init__(self, hub: Hub, servers: Servers, oauth: OAuth) -> None:
        self._hub, self._servers, self._oauth = hub, servers, oauth
        self.costs_s = dict(_COST_S)
        """Knob. Processor time that an answer takes."""
        self._answers: dict[str, Callable[[_Case], Steps]] = {
            "activity": self._activity,
            "token": self._token,
            "page": self._page,
            "login": self._login,
            "callback": self._callback,
            "spawn": self._spawn,
            "stop": self._stop,
            "users": self._users,
            "version": self._version,
            "stray": self._stray,
        }

    def serve(self, request: Request) -> Steps:
        """Answer a request.

        Raises:
            HttpError: the process ended before it did.
        """
        hub = self._hub
        if not hub.listening:
            raise HttpError("refused")
        case = _Case(request, hub.life, hub.kernel.now)
        yield from hub.loop.turn(about(hub.chance, self.costs_s[request.handler]))
        hub.alive(case.life)
        if request.handler not in {"version", "login", "stray"}:
            yield from self._look_up(case)
        answer: Answer = yield from self._answers[request.handler](case)
        hub.alive(case.life)
        self.access(case.request, answer, case.user, hub.kernel.now - case.began_s)
        return answer

    def access(self, request: Request, answer: Answer, user: str, seconds: float) -> None:
        """Print the access line, and count the request."""
        hub, status = self._hub, answer.status
        level = "E" if status >= _SERVER_ERROR else "W" if status >= _CLIENT_ERROR else "I"
        location = f" -> {answer.location}" if answer.location else ""
        seconds += about(hub.chance, 0.0012)
        told = f"{status} {request.method} {request.uri}{location} ({user}@{request.ip}) "
        hub.line(level, "access", f"{told}{1000 * seconds:.2f}ms")
        hub.counters.request(request.method, request.handler, status, seconds)

    # ── who is it ────────────────────────────────────────────────────────────────────────────

    def _look_up(self, case: _Case) -> Steps:
        hub, wording = self._hub, self._hub.scene.wording
        case.error = yield from hub.query()
        hub.alive(case.life)
        if case.error is None:
            case.user = case.request.user
            return
        hub.scene.hit(HUB)
        failed = "\n".join(
            (
                frame(
                    wording,
                    ("jupyterhub/handlers/base.py", 82),
                    "prepare",
                    "await self.get_current_user()",
                ),
                frame(
                    wording,
                    ("jupyterhub/orm.py", 624),
                    "find",
                    "prefix_match = cls.find_prefix(db, token)",
                ),
            )
        )
        trace = database_traceback(wording, case.error, failed)
        hub.line("E", "no-user", f"Failed to get current user\n{trace}")
        if wording.era > 0:
            hub.line("E", "rollback-early", "Rolling back session due to database error")

    def _fail(self, case: _Case, error: str, *, database: bool = True) -> Answer:
        """Answer 500, with all that is printed then."""
        hub, request, wording = self._hub, case.request, self._hub.scene.wording
        hub.scene.hit(HUB)
        path, line, inside, code = _WHERE.get(request.handler, _PLAIN)
        failed = "\n".join(
            (
                frame(wording, ("tornado/web.py", 1704), "_execute", "result = await result"),
                frame(wording, (path, line), inside, code),
            )
        )
        host = f"{hub.runtime.ip if hub.runtime else '10.131.3.17'}:8081"
        trace = f"Traceback (most recent call last):\n{failed}\n{error}"
        if database:
            trace = database_traceback(wording, error, failed)
        asked = (
            f"HTTPServerRequest(protocol='http', host='{host}', method='{request.method}', "
            f"uri='{request.uri}', version='HTTP/1.1', remote_ip='{request.ip}')"
        )
        told = f"Uncaught exception {request.method} {request.uri} ({request.ip})"
        hub.line("E", "uncaught", f"{told}\n{asked}\n{trace}")
        if database:
            rolled = f"Rolling back session due to database error {database_error(wording, error)}"
            hub.line("W", "rollback", rolled)
        hub.line(
            "E", "headers", f'{{\n  "Host": "{host}",\n  "X-Forwarded-For": "{request.ip}"\n}}'
        )
        return Answer(_SERVER_ERROR)

    def _stray(self, _: _Case) -> Steps:
        yield from ()
        return Answer(404)

    # ── what servers and services ask ────────────────────────────────────────────────────────

    def _activity(self, case: _Case) -> Steps:
        if not case.user:
            return Answer(403)
        error = yield from self._hub.query(write=True)
        self._hub.alive(case.life)
        return Answer(200) if error is None else self._fail(case, error)

    def _token(self, case: _Case) -> Steps:
        yield from ()  # nothing to wait for
        if case.error is not None:
            # old hubs ask again, in the handler; newer ones know only that nobody is logged in
            if self._hub.scene.wording.era == 0:
                return self._fail(case, case.error)
            return Answer(403)
        return Answer(200)

    def _version(self, _case: _Case) -> Steps:
        yield from ()  # nothing to wait for
        return Answer(200)

    def _users(self, case: _Case) -> Steps:
        if not case.user:
            return Answer(403)
        error = yield from self._hub.query()
        return Answer(200) if error is None else self._fail(case, error)

    # ── what browsers ask ────────────────────────────────────────────────────────────────────

    def _page(self, case: _Case) -> Steps:
        if not case.user:
            return self._to_login(case)
        fresh = yield from self._refresh(case, force=False)
        if not fresh:
            return self._to_login(case)
        server = self._hub.servers.get(case.user)
        if server is not None and server.failed and case.request.uri.startswith("/hub/spawn-pend"):
            told = f"Preventing implicit spawn for {case.user} because last spawn failed: "
            self._hub.line("E", "prevented", told + server.failed.split("\n")[0])
            return Answer(_SERVER_ERROR)
        return Answer(200)

    def _to_login(self, case: _Case) -> Answer:
        following = case.request.uri.replace("/", "%2F")
        return Answer(302, f"/hub/login?next={following}")

    def _login(self, case: _Case) -> Steps:
        yield from ()  # nothing to wait for
        if "oauth_login" in case.request.uri:
            authorize = "https://oauth-openshift.apps.example.com/oauth/authorize?[secret]"
            return Answer(302, authorize)
        return Answer(200)

    def _callback(self, case: _Case) -> Steps:
        """Exchange the code for a token, look up whose it is, write it down."""
        hub, name = self._hub, case.request.target
        case.user = ""
        failure = yield from self._oauth.exchange(name)
        hub.alive(case.life)
        if failure is not None:
            if failure.ssl:
                hub.line("W", "ssl", failure.ssl)
            if failure.told:
                hub.line("E", "oauth", failure.told)
            hub.scene.hit(HUB)
            return self._fail(case, failure.error, database=False)
        error = case.error or (yield from hub.query(write=True))
        hub.alive(case.life)
        if error is not None:
            return self._fail(case, error)
        case.user = name
        hub.refreshed[name] = hub.kernel.now
        hub.line("I", "logged-in", f"User logged in: {name}")
        return Answer(302, "/hub/spawn")

    def _refresh(self, case: _Case, *, force: bool) -> Steps:
        """Ask whether the user's token still holds, unless that was asked lately."""
        hub, name = self._hub, case.user
        asked = hub.refreshed.get(name, -REFRESH_AGE_S)
        if not force and hub.kernel.now - asked < REFRESH_AGE_S:
            return True
        holds = yield from self._oauth.holds(name)
        hub.alive(case.life)
        if holds:
            hub.refreshed[name] = hub.kernel.now
            return True
        told = f"User {name} has stale auth info. Login is required to refresh."
        hub.line("W", "expired", told)
        hub.scene.hit(HUB)
        hub.scene.hit(f"jupyterhub/user/{hub.servers[name].user.escaped}")
        server = hub.servers[name]
        if server.ip is not None and server.pending is None:
            # as this deployment's hook does: who is no longer known has no server
            self._servers.stop(server)
        return False

    def _spawn(self, case: _Case) -> Steps:
        hub = self._hub
        if not case.user:
            return self._to_login(case)
        fresh = yield from self._refresh(case, force=True)
        if not fresh:
            return self._to_login(case)
        server = hub.servers[case.user]
        pending = f"/hub/spawn-pending/{quoted(case.user)}"
        if server.pending is not None:
            return Answer(400 if server.pending == "stop" else 302, pending)
        if server.ip is not None:
            return Answer(302, f"{server.user.path}/")
        done = self._servers.spawn(server)
        yield done | hub.kernel.wait(1.0)
        hub.alive(case.life)
        if done.triggered and server.failed is not None:
            return Answer(200)  # the form again, with the error in it
        return Answer(302, pending)

    def _stop(self, case: _Case) -> Steps:
        if not case.user:
            return Answer(403)
        hub = self._hub
        server = hub.servers.get(case.request.target)
        if server is None or server.ip is None:
            return Answer(404)
        if server.pending is not None:
            return Answer(202 if server.pending == "stop" else 400)
        return (yield from self._stopped(case, server))

    def _stopped(self, case: _Case, server: Server) -> Steps:
        hub = self._hub
        server.wanted = False
        done = self._servers.stop(server)
        yield done | hub.kernel.wait(SLOW_S)
        hub.alive(case.life)
        if done.triggered:
            return Answer(204)
        self._servers.slow_to_stop(server)
        return Answer(202)
