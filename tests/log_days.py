"""A hub's log as it is on any day, for tests of what is unusual in logs."""

from collections.abc import Iterator, Sequence
from random import Random

from detect_laws import at
from pipeline.records import Log

POD = "jupyterhub-124-x7k2p"


def quiet_hub(
    chance: Random, minutes: int, *, users: int = 40, start: float = 0.0, loop: bool = True
) -> list[Log]:
    """Return a hub's log: route loop each 5 s, scrapes, activity of users, now and then a spawn."""
    lines = [line for part in _parts(chance, minutes * 60, users, loop=loop) for line in part]
    return sorted((said(start + s, text) for s, text in lines), key=lambda log: log.time)


def said(second: float, text: str) -> Log:
    """Return one line; ``{t}`` in it becomes the time of day."""
    time = at(round(second, 3))
    stamp = f"{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03}"
    message = text.replace("{t}", stamp).replace("{clock}", stamp[11:])
    return Log(time=time, pod=POD, container="jupyterhub", message=message)


def hub(level: str, text: str) -> str:
    """Return a line as the hub writes it."""
    return f"[{level} {{t}} JupyterHub base:89] {text}"


Lines = Iterator[tuple[float, str]]


def _parts(chance: Random, seconds: int, users: int, *, loop: bool) -> Sequence[Lines]:
    return (
        _route_loop(chance, seconds) if loop else iter(()),
        _scrapes(chance, seconds),
        _activity(chance, seconds, users),
        _visits(chance, seconds),
        _tracebacks(chance, seconds),
    )


def _route_loop(chance: Random, seconds: int) -> Lines:
    for second in range(0, seconds, 5):
        late = second + chance.random()
        user = f"u{chance.randrange(9)}"
        proxy = "[ConfigProxy] \x1b[32minfo\x1b[39m: 201 POST /api/routes/user"
        yield late, f"{{clock}} {proxy}/{user}/public "
        yield late + 0.01, f"/user/{user}/public"


def _scrapes(chance: Random, seconds: int) -> Lines:
    for second in range(7, seconds, 30):
        took = f"{chance.uniform(1, 20):.2f}ms"
        yield (
            second + chance.random(),
            hub("I", f"200 GET /hub/metrics (@::ffff:10.129.6.{chance.randrange(250)}) {took}"),
        )


def _activity(chance: Random, seconds: int, users: int) -> Lines:
    for user in range(users):
        second = chance.uniform(0, 300)
        while second < seconds:
            path = f"/hub/api/users/u{user}/activity"
            took = f"{chance.uniform(9, 90):.2f}ms"
            yield second, hub("I", f"200 POST {path} (u{user}@10.131.3.{user}) {took}")
            second += 300 * chance.uniform(0.9, 1.1)


def _visits(chance: Random, seconds: int) -> Lines:
    second = chance.expovariate(1 / 400)
    while second < seconds:
        user = f"u{chance.randrange(40)}"
        took = chance.uniform(20, 90)
        yield second, hub("I", f"User logged in: {user}")
        yield second + 1, hub("I", f"302 POST /hub/spawn/{user} ({user}@10.1.2.3) 12.50ms")
        yield second + 2, hub("I", f"Attempting to create pod jupyterhub-nb-{user}, with timeout 3")
        yield second + took, hub("I", f"User {user} took {took:.3f} seconds to start")
        yield second + took + 1, hub("I", f"Adding user {user} to proxy /user/{user}/")
        if chance.random() < 0.3:
            yield second + 10, hub("W", f"User {user} is slow to start (timeout=10)")
        if chance.random() < 0.3:
            yield (
                second + 99,
                hub("W", f"404 GET /favicon{chance.randrange(9)}.ico (@10.1.2.3) 1ms"),
            )
        second += chance.expovariate(1 / 400)


def _tracebacks(chance: Random, seconds: int) -> Lines:
    """Yield, every other hour, a record whose traceback does no harm."""
    second = chance.uniform(0, 3600)
    while second < seconds:
        yield second, hub("W", "Stream closed while handling /hub/api/users/u1/server/progress")
        yield second, "    Traceback (most recent call last):"
        yield second, '      File "/opt/web.py", line 1704, in _execute'
        yield second, "    tornado.iostream.StreamClosedError: Stream is closed"
        second += chance.uniform(3600, 7200)
