"""What people do: log in, start a server, work in a tab, leave; and how they take it when it fails.

Whoever meets an error tries again after a while, ever less patiently, and gives up for some hours.
"""

from dataclasses import dataclass

from pipeline.simulate.jupyterhub.client import Client
from pipeline.simulate.jupyterhub.http import Answer, Handler, Request
from pipeline.simulate.jupyterhub.hub import Hub, Server
from pipeline.simulate.jupyterhub.notebook import Notebook
from pipeline.simulate.jupyterhub.scene import Scene, quoted
from pipeline.simulate.kernel import START, Steps

WORKING_S = 10.0
BACKGROUND_S = 60.0
MORNING, EVENING = 7.5, 19.0
MOST_PATIENCE_S = 120.0
SPAWN_PATIENCE_S = 720.0
_ERROR = 400
_SERVER_ERROR = 500
_CLOCK_MS = 1_772_443_000_000  # browsers add the time to addresses, against caches
_FILES = ("analysis.ipynb", "train.ipynb", "Untitled.ipynb", "notes.md", "report.ipynb")


@dataclass(frozen=True, slots=True)
class Habits:
    """How somebody works."""

    tab_s: float
    """How often the tab asks: a tab in the foreground more often."""
    session_s: float
    """How long a sitting lasts, on average."""
    away_s: float
    """How long it is until the next."""
    tidy: bool
    """Stops the server when done."""


class Person:
    """A user's hands and browser."""

    def __init__(self, scene: Scene, notebook: Notebook, hub: Hub, client: Client) -> None:
        self._scene, self._notebook, self._hub, self._client = scene, notebook, hub, client
        self._kernel = scene.kernel
        self.user = notebook.user
        self._chance = scene.kernel.chance("person", self.user.name)
        pick = self._chance.random()
        self.habits = Habits(
            tab_s=WORKING_S if pick < 0.12 else BACKGROUND_S,  # noqa: PLR2004 - most tabs wait
            session_s=self._chance.uniform(1.0, 4.0) * 3600,
            away_s=self._chance.uniform(0.8, 5.0) * 3600,
            tidy=self._chance.random() < 0.3,  # noqa: PLR2004 - most leave it to the culler
        )
        self.signed_in = True
        """Whether the browser's cookie is good."""
        self.away = False
        """Whether nobody sits at the browser."""
        self._summons = scene.kernel.env.event()
        self._leaves = False
        self._stays_until_s = 0.0

    @property
    def _server(self) -> Server:
        return self._hub.servers[self.user.name]

    def live(self, *, present: bool, first_s: float) -> Steps:
        """Come and go, all day long.

        Args:
            present: At work, with a server, when time begins.
            first_s: When to come first, for those who are not.
        """
        if present:
            yield from self._sit(self._chance.expovariate(1 / self.habits.session_s))
            first_s = self._pause_s()
        while True:
            yield from self._be_away(first_s)
            yield from self.visit()
            first_s = self._pause_s()

    def summon(self) -> None:
        """Have somebody who is away come now."""
        if not self._summons.triggered:
            self._summons.succeed()

    def dismiss(self) -> None:
        """Have somebody who works leave at the next occasion, with the server running on."""
        self._leaves = True

    def keep(self, until_s: float) -> None:
        """Have somebody who works stay until then."""
        self._stays_until_s = until_s

    def _be_away(self, seconds: float) -> Steps:
        self.away, self._leaves = True, False
        self._summons = self._kernel.env.event()
        yield self._summons | self._kernel.wait(seconds)
        self.away = False

    def _pause_s(self) -> float:
        return self._chance.expovariate(1 / self.habits.away_s) + self._until_morning()

    def _until_morning(self) -> float:
        """Return how long the night still lasts, for those who sleep at night."""
        hour = (START.hour + self._kernel.now / 3600) % 24
        if MORNING <= hour < EVENING:
            return 0.0
        return ((MORNING - hour) % 24 + self._chance.expovariate(1 / 1.2)) * 3600

    def visit(self) -> Steps:
        """Come: get a server, work, leave."""
        got = yield from self.come()
        if got:
            yield from self._sit(self._chance.expovariate(1 / self.habits.session_s))
        else:
            yield self._kernel.wait(self._chance.uniform(1200, 3600))

    # ── come ─────────────────────────────────────────────────────────────────────────────────

    def come(self) -> Steps:
        """Log in and start a server, trying again some times; return whether there is one."""
        pause = self._chance.uniform(15, 40)
        for _ in range(self._chance.randrange(3, 7)):
            if (yield from self._come_once()):
                return True
            yield self._kernel.wait(pause)
            pause = min(pause * self._chance.uniform(1.3, 2.2), 300.0)
        return False

    def _come_once(self) -> Steps:
        answer = yield from self._browse("GET", "/hub/home")
        if answer.status >= _ERROR:
            return False
        if answer.status == 302 or not self.signed_in:  # noqa: PLR2004 - Found: log in first
            self.signed_in = False
            if not (yield from self.log_in()):
                return False
        return (yield from self._get_server())

    def restart_server(self) -> Steps:
        """Stop the server and start it anew, as people do when something does not work."""
        uri = f"/hub/api/users/{quoted(self.user.name)}/server"
        yield from self._browse("DELETE", uri, handler="stop")
        yield self._kernel.wait(self._chance.uniform(8, 20))
        yield from self.come()

    def log_in(self) -> Steps:
        """Go to the OAuth server and come back with its code; return whether that did it."""
        for uri in ("/hub/login", "/hub/oauth_login?next=%2Fhub%2Fhome"):
            answer = yield from self._browse("GET", uri, handler="login")
            if answer.status >= _ERROR:
                return False
            yield self._kernel.wait(self._chance.uniform(0.4, 1.5))
        yield self._kernel.wait(self._chance.uniform(1, 8))  # the name, the password
        uri = "/hub/oauth_callback?code=[secret]&state=[secret]"
        answer = yield from self._browse("GET", uri, handler="callback")
        self.signed_in = answer.status < _ERROR
        return self.signed_in

    def _get_server(self) -> Steps:
        server = self._server
        if server.ip is not None and server.pending is None:
            return (yield from self._open())
        answer = yield from self._browse("GET", "/hub/spawn")
        if answer.status >= _ERROR:
            return False
        yield self._kernel.wait(self._chance.uniform(2, 12))  # an image, a size
        answer = yield from self._browse("POST", "/hub/spawn", handler="spawn")
        if answer.status != 302:  # noqa: PLR2004 - Found: it is pending, or there
            return False
        return (yield from self._wait_for_server())

    def _wait_for_server(self) -> Steps:
        """Look at the progress bar."""
        began, server = self._kernel.now, self._server
        uri = f"/hub/spawn-pending/{quoted(self.user.name)}"
        answer = yield from self._browse("GET", uri)
        while answer.status < _ERROR and self._kernel.now - began < SPAWN_PATIENCE_S:
            yield self._kernel.wait(2.0)
            if server.pending is None:
                break
        if server.ip is not None:
            return (yield from self._open())
        yield from self._browse("GET", uri)
        return False

    def _open(self) -> Steps:
        status = yield from self._ask("GET", "/lab")
        return status < _ERROR

    # ── work ─────────────────────────────────────────────────────────────────────────────────

    def _sit(self, seconds: float) -> Steps:
        """Work for a while; the tab asks, saves, and goes on in spite of errors."""
        until = self._kernel.now + seconds
        wait, failed_s = self.habits.tab_s, 0.0
        while self._kernel.now < max(until, self._stays_until_s) and not self._leaves:
            yield self._kernel.wait(wait * self._chance.uniform(0.97, 1.03))
            worked = yield from self._poll()
            if worked:
                wait, failed_s = self.habits.tab_s, 0.0
                self._do_something(wait)
                continue
            failed_s += wait
            wait = min(max(wait, 10.0) * self._chance.uniform(1.4, 2.2), MOST_PATIENCE_S)
            if failed_s > self._chance.uniform(150, 600):
                if not (yield from self.come()):
                    return
                wait, failed_s = self.habits.tab_s, 0.0
        yield from self._leave()

    def _poll(self) -> Steps:
        """Have the tab ask what it asks all the time; return whether it was answered."""
        for what in ("sessions", "kernels"):
            stamp = _CLOCK_MS + int(self._kernel.now * 1000)
            status = yield from self._ask("GET", f"/api/{what}?{stamp}")
            if status >= _ERROR:
                return False
        return True

    def _do_something(self, waited_s: float) -> None:
        if self._chance.random() > waited_s / 140.0:
            return
        done = self._chance.random()
        if done < 0.8:  # noqa: PLR2004 - people mostly save
            self._notebook.save(self._chance.choice(_FILES))
            self._notebook.work()
        elif done < 0.86:  # noqa: PLR2004 - sometimes they start something
            self._notebook.start_kernel()
        elif done < 0.9:  # noqa: PLR2004 - seldom they look for trouble with the hub
            self._kernel.start(self.look_home())
        else:
            self._notebook.lose_tab()

    def look_home(self) -> Steps:
        """Open the hub's page, and log in again where it asks for that."""
        answer = yield from self._browse("GET", "/hub/home")
        if answer.status == 302:  # noqa: PLR2004 - Found: log in first
            yield from self.log_in()

    def _leave(self) -> Steps:
        if not self.habits.tidy or self._leaves:
            return
        uri = f"/hub/api/users/{quoted(self.user.name)}/server"
        yield from self._browse("DELETE", uri, handler="stop")

    # ── asking ───────────────────────────────────────────────────────────────────────────────

    def _ask(self, method: str, uri: str) -> Steps:
        """Ask the server; return the status."""
        answer: Answer | None = yield from self._client.reach_server(
            self.user.name, f"{self.user.path}{uri}"
        )
        if answer is None:
            status: int = yield from self._notebook.serve(method, uri)
        else:
            status = answer.status
        if status >= _SERVER_ERROR and self._server.wanted:
            self._scene.hit(self.user.node)
        return status

    def _browse(self, method: str, uri: str, *, handler: Handler = "page") -> Steps:
        request = Request(
            handler,
            method,
            uri,
            user=self.user.name if self.signed_in else "",
            ip=self.user.address,
            target=self.user.name,
        )
        answer: Answer = yield from self._client.browse(request)
        if answer.status >= _SERVER_ERROR:
            self._scene.hit(self.user.node)
        return answer
