"""What the hub counts of itself, as Prometheus reads it (``/hub/metrics``)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random

Exposed = tuple[str, dict[str, str], float, bool]
"""Name, labels, value, whether it is a counter."""

_NAMES: Mapping[str, str] = {
    "activity": "jupyterhub.apihandlers.users.ActivityAPIHandler",
    "callback": "oauthenticator.openshift.OpenShiftOAuthCallbackHandler",
    "login": "jupyterhub.handlers.login.LoginHandler",
    "metrics": "jupyterhub.handlers.metrics.MetricsHandler",
    "error": "jupyterhub.handlers.pages.ProxyErrorHandler",
    "page": "jupyterhub.handlers.pages.HomeHandler",
    "spawn": "jupyterhub.handlers.pages.SpawnHandler",
    "stop": "jupyterhub.apihandlers.users.UserServerAPIHandler",
    "stray": "jupyterhub.handlers.base.Template404",
    "suspected": "jupyterhub.handlers.base.UserUrlHandler",
    "token": "jupyterhub.apihandlers.auth.TokenAPIHandler",
    "users": "jupyterhub.apihandlers.users.UserListAPIHandler",
    "version": "jupyterhub.apihandlers.hub.RootAPIHandler",
}
_BEFORE: Mapping[tuple[str, str, str], tuple[float, float]] = {
    ("POST", "activity", "200"): (530, 12.2),
    ("GET", "token", "200"): (120, 2.1),
    ("GET", "callback", "302"): (4, 1.1),
    ("GET", "login", "200"): (420, 1.7),
    ("GET", "metrics", "200"): (410, 3.1),
    ("GET", "page", "200"): (9, 0.3),
    ("POST", "spawn", "302"): (4, 5.1),
}
"""By method, handler and code: requests in a day, and seconds spent on them."""


@dataclass(slots=True)
class Counted:
    """Number and sum of a histogram, with the labels of its series (made once)."""

    labels: dict[str, str]
    count: float = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Counters:
    """Counts since the process began."""

    servers: Callable[[], int]
    users: Callable[[], int]
    active: Callable[[], int] | None = None
    """How many users were active within a day; hubs since 3.1 tell."""
    requests: dict[tuple[str, str, str], Counted] = field(default_factory=dict)
    histograms: dict[tuple[str, str], Counted] = field(default_factory=dict)
    """By name and status."""

    def reset(self) -> None:
        """Begin anew, with a new process."""
        self.requests.clear()
        self.histograms.clear()

    def adopt(self, chance: Random) -> None:
        """Have counted for some days already, when time begins."""
        days = chance.uniform(1, 25)
        for (method, handler, code), (count, seconds) in _BEFORE.items():
            counted = self._of(method, handler, code)
            counted.count, counted.seconds = int(count * days), seconds * days
        for status, share in (("success", 1.0), ("failure", 0.03)):
            counted = self._histogram("server_spawn_duration_seconds", status)
            counted.count = int(days * 12 * share)
            counted.seconds = counted.count * 23.0

    def request(self, method: str, handler: str, code: int, seconds: float) -> None:
        """Count a request that has been answered."""
        counted = self._of(method, handler, str(code))
        counted.count += 1
        counted.seconds += seconds

    def observe(self, name: str, seconds: float, status: str = "") -> None:
        """Count one more of a histogram (named without the program's prefix)."""
        counted = self._histogram(name, status)
        counted.count += 1
        counted.seconds += seconds

    def expose(self) -> Iterable[Exposed]:
        """Yield what a scrape reads."""
        for counted in self.requests.values():
            name = "jupyterhub_request_duration_seconds"
            yield f"{name}_count", counted.labels, counted.count, True
            yield f"{name}_sum", counted.labels, counted.seconds, True
        for (short, _), counted in self.histograms.items():
            yield f"jupyterhub_{short}_count", counted.labels, counted.count, True
            yield f"jupyterhub_{short}_sum", counted.labels, counted.seconds, True
        yield "jupyterhub_running_servers", _NONE, self.servers(), False
        yield "jupyterhub_total_users", _NONE, self.users(), False
        if self.active is not None:
            yield "jupyterhub_active_users", _DAY, self.active(), False

    def _of(self, method: str, handler: str, code: str) -> Counted:
        key = (method, handler, code)
        if key not in self.requests:
            labels = {"method": method, "handler": _NAMES[handler], "code": code}
            self.requests[key] = Counted(labels)
        return self.requests[key]

    def _histogram(self, name: str, status: str) -> Counted:
        if (name, status) not in self.histograms:
            self.histograms[name, status] = Counted({"status": status} if status else {})
        return self.histograms[name, status]


_NONE: dict[str, str] = {}
_DAY = {"period": "24h"}
