"""Requests to the hub, and what a dead database makes of them (JupyterHub 1.4).

A request that needs the database while it is dead: the user cannot be looked up, which is logged
with its traceback. After that, reports of activity are refused (403: nobody is logged in), pages
send the browser to log in again, and whatever asks the database itself fails (500).
"""

from dataclasses import dataclass, field

from pipeline.demo.outage.world import World, stamp, when

_SITE = "/opt/app-root/lib/python3.6/site-packages"
_SQLALCHEMY = f"""\
  File "{_SITE}/sqlalchemy/engine/base.py", line 2336, in _wrap_pool_connect
    return fn()
  File "{_SITE}/sqlalchemy/pool/base.py", line 304, in unique_connection
    return _ConnectionFairy._checkout(self)
  File "{_SITE}/sqlalchemy/engine/default.py", line 508, in connect
    return self.dbapi.connect(*cargs, **cparams)
  File "{_SITE}/psycopg2/__init__.py", line 127, in connect
    conn = _connect(dsn, connection_factory=connection_factory, **kwasync)"""
_CLOSED = (
    "server closed the connection unexpectedly\n"
    "\tThis probably means the server terminated abnormally\n"
    "\tbefore or while processing the request.\n"
)
_MORE = "(Background on this error at: http://sqlalche.me/e/13/e3q8)"


_BEFORE: dict[tuple[str, str, str], tuple[int, float]] = {
    ("GET", "auth", "200"): (11873, 201.4),
    ("GET", "auth", "500"): (3, 0.1),
    ("GET", "login", "200"): (41209, 171.8),
    ("GET", "login", "302"): (388, 21.3),
    ("GET", "login", "500"): (2, 0.1),
    ("GET", "metrics", "200"): (40772, 301.2),
    ("GET", "pages", "200"): (911, 29.4),
    ("POST", "users", "200"): (53102, 1204.6),
    ("POST", "users", "403"): (12, 0.1),
}
"""What the hub has counted in the four weeks since it was started."""


@dataclass(slots=True)
class Hub:
    """The hub process: answers, logs, and counts its requests."""

    world: World
    requests: dict[tuple[str, str, str], tuple[int, float]] = field(default_factory=_BEFORE.copy)
    """Count and summed seconds of requests so far, by method, handler and code."""
    _connected: bool = True
    """Whether the pool still holds a connection from before the database died."""

    def line(self, now: float, level: str, where: str, text: str) -> None:
        """Log a record; further lines are indented, as Jupyter's formatter does."""
        indented = text.replace("\n", "\n    ")
        record = f"[{level} {stamp(now)} JupyterHub {where}] {indented}"
        self.world.recorder.log(now, self.world.hub, record)

    def proxy(self, now: float, text: str, level: str = "info") -> None:
        """Log a line of the proxy, which runs in the hub's container: time of day only."""
        colour = {"info": 32, "error": 31}[level]
        time = when(now).strftime("%H:%M:%S.%f")[:-3]
        line = f"{time} [ConfigProxy] \x1b[{colour}m{level}\x1b[39m: {text}"
        self.world.recorder.log(now, self.world.hub, line)

    def answer(
        self, now: float, status: int, request: str, who: str, *, ms: float, handler: str
    ) -> None:
        """Log the access line of a request and count it under its handler."""
        level = "E" if status >= 500 else "W" if status >= 400 else "I"  # noqa: PLR2004 - HTTP
        self.line(now, level, "log:189", f"{status} {request} ({who}) {ms:.2f}ms")
        key = (request.split(" ", 1)[0], handler, str(status))
        count, seconds = self.requests.get(key, (0, 0.0))
        self.requests[key] = (count + 1, seconds + ms / 1000)

    def find_user(self, now: float) -> bool:
        """Look up who is calling; return whether the database answered."""
        if not self.world.outage.down(now):
            self._connected = True
            return True
        if self._connected:  # the first query after its death finds the old connection closed
            self._connected = False
            lost = f"(psycopg2.OperationalError) {_CLOSED}\n[SQL: SELECT 1]\n{_MORE}"
            told = f"Database connection error, attempting to reconnect: {lost}"
            self.line(now - 0.002, "E", "orm:757", told)
        failed = f"""\
  File "{_SITE}/jupyterhub/handlers/base.py", line 82, in prepare
    await self.get_current_user()
  File "{_SITE}/jupyterhub/orm.py", line 624, in find
    prefix_match = prefix_match.filter(cls.user_id != None)"""
        self.line(
            now, "E", "base:89", f"Failed to get current user\n{self._traceback(now, failed)}"
        )
        return False

    def fail(self, now: float, request: str, ip: str, handler: str) -> None:
        """Answer 500: the handler itself asked the database."""
        method, uri = request.split(" ", 1)
        failed = f"""\
  File "{_SITE}/tornado/web.py", line 1704, in _execute
    result = await result
  File "{_SITE}/jupyterhub/{handler}", line 40, in {method.lower()}"""
        asked = (
            f"HTTPServerRequest(protocol='http', host='10.131.3.17:8081', method='{method}', "
            f"uri='{uri}', version='HTTP/1.1', remote_ip='{ip}')"
        )
        told = f"Uncaught exception {request} ({ip})\n{asked}\n{self._traceback(now, failed)}"
        self.line(now + 0.002, "E", "web:1789", told)
        rolled = f"Rolling back session due to database error {self._error(now)}"
        self.line(now + 0.003, "W", "base:150", rolled)
        headers = f'{{\n  "Host": "10.131.3.17:8081",\n  "X-Forwarded-For": "{ip}"\n}}'
        self.line(now + 0.004, "E", "log:181", headers)
        name = handler.rpartition("/")[2].removesuffix(".py")
        self.answer(now + 0.005, 500, request, f"@{ip}", ms=self.world.delay(14), handler=name)

    def background(self, now: float) -> None:
        """Every five minutes the hub compares routes and writes down who was active."""
        self.proxy(now, "200 GET /api/routes")
        if not self.world.outage.down(now):
            return
        job = "<bound method JupyterHub.update_last_activity of <jupyterhub.app.JupyterHub object>>"
        failed = f'  File "{_SITE}/jupyterhub/app.py", line 2420, in update_last_activity'
        told = f"Exception in callback {job}\n{self._traceback(now, failed)}"
        self.line(now + 0.012, "E", "ioloop:907", told)

    def _error(self, now: float) -> str:
        return f"(psycopg2.OperationalError) {self.world.outage.refusal(now)}\n{_MORE}"

    def _traceback(self, now: float, failed: str) -> str:
        refusal = self.world.outage.refusal(now)
        return (
            f"Traceback (most recent call last):\n{_SQLALCHEMY}\n"
            f"psycopg2.OperationalError: {refusal}\n\n"
            "The above exception was the direct cause of the following exception:\n\n"
            f"Traceback (most recent call last):\n{failed}\n{_SQLALCHEMY}\n"
            f"sqlalchemy.exc.OperationalError: {self._error(now)}\n"
        )
