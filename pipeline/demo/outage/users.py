"""User servers: reports of activity, browser tabs, and the token checks behind them.

A server reports to the hub every five minutes; when that fails it tries again, ever more slowly,
for a minute. It checks a browser's token with the hub and remembers the answer for five minutes,
so that each user feels a dead database at a time of their own.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.demo.outage.hub import Hub
from pipeline.demo.outage.world import LENGTH, User, World, stamp

ACTIVITY_S = 300.0
TOKEN_CACHE_S = 300.0
_RETRY_S = 60.0
_SITE = "/opt/app-root/lib/python3.8/site-packages"
_REFUSED = f"""Error notifying Hub of activity
Traceback (most recent call last):
  File "{_SITE}/jupyterhub/singleuser/mixins.py", line 405, in notify
    await client.fetch(req)
tornado.httpclient.HTTPClientError: HTTP 403: Forbidden"""
_GAVE_UP = f"""Error notifying Hub of activity
Traceback (most recent call last):
  File "{_SITE}/jupyterhub/singleuser/mixins.py", line 432, in keep_activity_updated
    await self.notify_activity()
  File "{_SITE}/jupyterhub/utils.py", line 182, in exponential_backoff
    raise TimeoutError(fail_message)
TimeoutError: Failed to notify Hub of activity"""


@dataclass(frozen=True, slots=True)
class Server:
    """One user's server."""

    world: World
    hub: Hub
    user: User

    def line(self, now: float, level: str, where: str, text: str) -> None:
        """Log a record of the server."""
        indented = text.replace("\n", "\n    ")
        record = f"[{level} {stamp(now)} SingleUserLabApp {where}] {indented}"
        self.world.recorder.log(now, self.user.pod, record)

    def access(self, now: float, status: int, request: str) -> None:
        """Log the access line of a request that a browser made."""
        level = "I" if status < 400 else "W"  # noqa: PLR2004 - HTTP; 502 is a warning there
        method, _, uri = request.partition(" ")
        who = f"{self.user.name}@{self.user.address}"
        taken = self.world.delay(1.6 if status < 400 else 28)  # noqa: PLR2004 - HTTP
        text = f"{status} {method} {self.user.path}{uri} ({who}) {taken:.2f}ms"
        self.line(now, level, "log:181", text)


def report_activity(server: Server, start: float, stop: float = LENGTH) -> Iterator[float]:
    """Tell the hub every five minutes (give or take a tenth) that somebody works here."""
    chance = server.world.chance
    now = start
    while now < stop:
        yield now
        wait, given_up = 1.0, now + _RETRY_S
        while not _report(server, now):
            now += wait * chance.uniform(0.6, 1.0) + 0.02
            if now > given_up:
                server.line(now, "E", "mixins:434", _GAVE_UP)
                break
            wait = min(wait * 2, 15.0)
            yield now
        now += ACTIVITY_S * chance.uniform(0.9, 1.1)


def _report(server: Server, now: float) -> bool:
    hub, user = server.hub, server.user
    request = f"POST /hub/api/users/{user.name}/activity"
    known = hub.find_user(now)
    if known:
        who = f"{user.name}@{user.pod.ip}"
        hub.answer(now, 200, request, who, ms=server.world.delay(22), handler="users")
    else:
        refused = server.world.delay(3)
        hub.answer(now + 0.001, 403, request, f"@{user.pod.ip}", ms=refused, handler="users")
        server.line(now + 0.006, "E", "mixins:412", _REFUSED)
    return known


def keep_tab_open(server: Server, start: float, stop: float, period: float) -> Iterator[float]:
    """Ask for sessions and kernels while a tab is open; after a failure ask less often."""
    chance = server.world.chance
    now, wait, checked = start, period, start - TOKEN_CACHE_S * chance.random()
    clock = 1_772_443_000_000  # browsers add milliseconds, against caches
    while now < stop:
        yield now
        if now - checked >= TOKEN_CACHE_S and _check_token(server, now):
            checked = now
        failed = now - checked >= TOKEN_CACHE_S
        for what in ("sessions", "kernels"):
            at = now + chance.uniform(0.01, 0.06)
            request = f"GET /api/{what}?{clock + int(now * 1000)}"
            server.access(at, 502 if failed else 200, request)
        wait = min(wait * chance.uniform(1.4, 2.2), 120.0) if failed else period
        now += wait * chance.uniform(0.97, 1.03)


def _check_token(server: Server, now: float) -> bool:
    hub, ip = server.hub, server.user.pod.ip
    request = "GET /hub/api/authorizations/token/[secret]"
    if hub.find_user(now):
        who = f"{server.user.name}@{ip}"
        hub.answer(now, 200, request, who, ms=server.world.delay(16), handler="auth")
        return True
    hub.fail(now, request, ip, "apihandlers/auth.py")
    told = "Upstream failure verifying auth token: [500] Internal Server Error"
    server.line(now + 0.009, "E", "auth:326", told)
    server.line(now + 0.009, "W", "auth:327", '{"status": 500, "message": "Internal Server Error"}')
    return False


def work(server: Server, start: float, stop: float) -> Iterator[float]:
    """Save a notebook now and then; start a kernel, lose the tab for a moment."""
    chance = server.world.chance
    now = start
    while True:
        now += chance.expovariate(1 / 140)
        if now >= stop:
            return
        yield now
        _work_once(server, now, chance)


def _work_once(server: Server, now: float, chance: random.Random) -> None:
    kernel = server.world.recorder.uid()
    done = chance.random()
    if done < 0.8:  # noqa: PLR2004 - people mostly save
        server.line(now, "I", "handlers:168", "Saving file at /analysis.ipynb")
    elif done < 0.9:  # noqa: PLR2004 - sometimes they start something
        server.line(now, "I", "kernelmanager:179", f"Kernel started: {kernel}")
    else:
        server.line(now, "I", "multikernelmanager:210", f"Starting buffering for {kernel}:{kernel}")


def visit_hub(hub: Hub, user: User, start: float) -> Iterator[float]:
    """Open the hub's home page; if the hub does not know who it is, log in again."""
    yield start
    who = f"{user.name}@{user.address}"
    page = "GET /hub/home"
    if hub.find_user(start):
        hub.answer(start, 200, page, who, ms=hub.world.delay(28), handler="pages")
        return
    nobody = f"@{user.address}"
    home = "GET /hub/home -> /hub/login?next=%2Fhub%2Fhome"
    hub.answer(start + 0.001, 302, home, nobody, ms=hub.world.delay(3), handler="pages")
    asked = "GET /hub/oauth_login?next=%2Fhub%2Fhome"
    yield start + 0.4
    login = f"{asked} -> https://oauth-openshift.apps.example.com/oauth/authorize?[secret]"
    hub.answer(start + 0.4, 302, login, nobody, ms=hub.world.delay(2), handler="login")
    yield start + 3.1
    back = "GET /hub/oauth_callback?code=[secret]&state=[secret]"
    hub.find_user(start + 3.1)
    hub.fail(start + 3.1, back, user.address, "handlers/login.py")
