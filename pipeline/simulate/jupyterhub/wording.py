"""How the programs' versions word what they print: line numbers, names, paths, phrases.

A deployment runs one version of each; which, the seed decides. The places are those of the
``log`` calls in the releases named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

_PLACES: Mapping[str, tuple[str, str, str]] = {
    "access": ("log:189", "log:189", "log:191"),
    "add": ("proxy:286", "proxy:286", "proxy:330"),
    "add-failed": ("base:931", "base:985", "base:1012"),
    "add-stopping": ("base:932", "base:986", "base:1013"),
    "anybody": ("app:1839", "app:1926", "app:1984"),
    "api-retry": ("proxy:851", "proxy:840", "proxy:899"),
    "callback": ("ioloop:907", "ioloop:905", "ioloop:919"),
    "checked": ("proxy:347", "proxy:346", "proxy:392"),
    "db-failed": ("app:1711", "app:1785", "app:1843"),
    "db-lost": ("orm:745", "orm:883", "orm:930"),
    "expired": ("base:332", "base:330", "base:348"),
    "failures": ("base:976", "base:1030", "base:1057"),
    "failures-abort": ("base:983", "base:1037", "base:1064"),
    "gone": ("app:2194", "app:2508", "app:2581"),
    "headers": ("log:181", "log:181", "log:183"),
    "initialized": ("app:2526", "app:2840", "app:2928"),
    "listening": ("app:2774", "app:3089", "app:3178"),
    "logged-in": ("base:762", "base:816", "base:837"),
    "no-ssl": ("proxy:699", "proxy:687", "proxy:746"),
    "no-user": ("base:85", "base:101", "base:96"),
    "not-there": ("app:2178", "app:2492", "app:2565"),
    "not-up": ("user:767", "user:864", "user:933"),
    "oauth": ("oauth2:213", "oauth2:389", "oauth2:412"),
    "pod-create": ("spawner:1805", "spawner:2405", "spawner:2511"),
    "pod-delete": ("spawner:1955", "spawner:2716", "spawner:2849"),
    "pod-found": ("spawner:1822", "spawner:2425", "spawner:2531"),
    "pod-gone": ("spawner:1969", "spawner:2732", "spawner:2865"),
    "pod-stays": ("spawner:2002", "spawner:2804", "spawner:2937"),
    "pod-unseen": ("spawner:1926", "spawner:2677", "spawner:2810"),
    "prevented": ("pages:319", "pages:261", "pages:257"),
    "proxy-start": ("proxy:703", "proxy:691", "proxy:750"),
    "proxy-stopped": ("proxy:786", "proxy:775", "proxy:834"),
    "pvc-create": ("spawner:1840", "spawner:2445", "spawner:2551"),
    "pvc-exists": ("spawner:1852", "spawner:2461", "spawner:2567"),
    "ready": ("users:677", "users:753", "users:768"),
    "reflect": ("reflector:201", "reflector:274", "reflector:282"),
    "reflect-gave-up": ("reflector:266", "reflector:351", "reflector:363"),
    "reflect-halt": ("spawner:1731", "spawner:2326", "spawner:2389"),
    "reflect-retry": ("reflector:270", "reflector:355", "reflector:367"),
    "reflect-timeout": ("reflector:261", "reflector:343", "reflector:352"),
    "remove": ("proxy:309", "proxy:310", "proxy:356"),
    "rollback": ("base:1256", "base:1313", "base:1342"),
    "rollback-early": ("", "base:103", "base:98"),
    "route-missing": ("proxy:371", "proxy:370", "proxy:416"),
    "route-stale": ("proxy:423", "proxy:422", "proxy:468"),
    "running": ("app:2849", "app:3156", "app:3245"),
    "signal": ("app:2937", "app:3251", "app:3336"),
    "slow-init": ("app:2542", "app:2856", "app:2943"),
    "slow-respond": ("base:1040", "base:1095", "base:1122"),
    "slow-start": ("base:1008", "base:1063", "base:1090"),
    "slow-stop": ("base:1148", "base:1203", "base:1230"),
    "ssl": ("iostream:1407", "iostream:1416", "iostream:1361"),
    "stopped": ("base:1072", "base:1127", "base:1154"),
    "suspected": ("base:1349", "base:1409", "base:1444"),
    "timeout": ("user:710", "user:808", "user:877"),
    "took": ("base:909", "base:963", "base:990"),
    "took-stop": ("base:1115", "base:1170", "base:1197"),
    "uncaught": ("web:1789", "web:1798", "web:1875"),
    "unhandled": ("user:718", "user:815", "user:884"),
    "using": ("app:2489", "app:2801", "app:2889"),
    "version": ("app:2459", "app:2771", "app:2859"),
    # the users' servers
    "nb-activity": ("mixins:538", "mixins:579", "extension:427"),
    "nb-access": ("log:189", "log:189", "log:191"),
    "nb-buffer": ("kernelmanager:222", "kernelmanager:230", "kernelmanager:356"),
    "nb-connect": ("auth:334", "auth:413", "auth:480"),
    "nb-gave-up": ("mixins:563", "mixins:604", "extension:452"),
    "nb-hub": ("mixins:449", "mixins:490", "extension:338"),
    "nb-info": ("notebookapp:1823", "serverapp:1798", "serverapp:1951"),
    "nb-interval": ("mixins:556", "mixins:597", "extension:445"),
    "nb-kernel": ("kernelmanager:179", "kernelmanager:192", "kernelmanager:321"),
    "nb-refused": ("auth:351", "auth:430", "auth:506"),
    "nb-refused-text": ("auth:356", "auth:435", "auth:511"),
    "nb-restart": ("restarter:110", "restarter:120", "restarter:152"),
    "nb-save": ("handlers:168", "handlers:174", "handlers:186"),
    "nb-save-failed": ("fileio:155", "fileio:158", "fileio:206"),
    "nb-serving": ("notebookapp:2257", "serverapp:2672", "serverapp:2717"),
    "nb-shutdown": ("notebookapp:1820", "serverapp:2094", "serverapp:2315"),
    "nb-start": ("mixins:576", "mixins:648", "extension:463"),
    "nb-upstream": ("auth:361", "auth:440", "auth:516"),
    "nb-upstream-text": ("auth:366", "auth:445", "auth:521"),
}

_OLD_REFUSED = (
    "could not connect to server: {why}\n"
    '\tIs the server running on host "{host}" ({ip}) and accepting\n'
    "\tTCP/IP connections on port 5432?\n"
)
_NEW_CONNECTION = 'connection to server at "{host}" ({ip}), port 5432 failed: '


@dataclass(frozen=True, slots=True)
class Wording:
    """The versions of one deployment."""

    era: int
    """0: JupyterHub 1.4, kubespawner 0.14; 1: 2.3 and 4.1; 2: 4.0 and 6.2."""
    server_app: str
    """What the users' servers call themselves."""
    postgres: str
    """``9.6`` or ``13``: paths, prefix of its lines, how it shuts down."""
    postgres_speaks: bool
    """Whether it logs to standard error; else its lines go to files in its volume."""

    @property
    def hub_version(self) -> str:
        """JupyterHub's release."""
        return ("1.4.2", "2.3.1", "4.0.2")[self.era]

    @property
    def spawner_version(self) -> str:
        """KubeSpawner's release."""
        return ("0.14.1", "4.1.0", "6.2.0")[self.era]

    @property
    def site(self) -> str:
        """Where Python packages are in the images."""
        python = ("3.6", "3.8", "3.9")[self.era]
        return f"/opt/app-root/lib/python{python}/site-packages"

    @property
    def sqlalchemy(self) -> str:
        """Where SQLAlchemy sends who wants to know more."""
        return (
            "(Background on this error at: http://sqlalche.me/e/13/e3q8)",
            "(Background on this error at: https://sqlalche.me/e/14/e3q8)",
            "(Background on this error at: https://sqlalche.me/e/20/e3q8)",
        )[self.era]

    def place(self, what: str) -> str:
        """Return module and line of a ``log`` call."""
        return _PLACES[what][self.era]

    def pod(self, namespace: str, name: str) -> str:
        """Return how KubeSpawner names a pod in its messages."""
        return name if self.era == 0 else f"{namespace}/{name}"

    def in_vain(self, namespace: str, name: str, what: str) -> str:
        """Return what KubeSpawner says of a pod that did not do something in time."""
        named = f"pod/{name}" if self.era == 0 else f"pod {namespace}/{name}"
        return f"{named} did not {what}!"

    def refused(self, why: str, *, host: str, ip: str) -> str:
        """Return libpq's words for a connection that does not come about."""
        if self.era < 2:  # noqa: PLR2004 - libpq 14 came with the newest era
            return _OLD_REFUSED.format(why=why, host=host, ip=ip)
        told = f"{why}\n\tIs the server running on that host and accepting TCP/IP connections?\n"
        return _NEW_CONNECTION.format(host=host, ip=ip) + told

    def fatal(self, text: str, *, host: str, ip: str) -> str:
        """Return libpq's words for a server that is there and says no."""
        told = f"FATAL:  {text}\n"
        if self.era < 2:  # noqa: PLR2004 - as above
            return told
        return _NEW_CONNECTION.format(host=host, ip=ip) + told


def choose(chance: Random) -> Wording:
    """Return the versions of a deployment."""
    era = chance.choice((0, 0, 1, 2))
    apps = (
        ("SingleUserNotebookApp", "SingleUserLabApp"),
        ("SingleUserLabApp", "SingleUserServerApp"),
        ("JupyterHubSingleUser",),
    )[era]
    return Wording(
        era=era,
        server_app=chance.choice(apps),
        postgres=chance.choice(("9.6", "9.6", "13") if era == 0 else ("9.6", "13", "13")),
        postgres_speaks=chance.random() < 0.25,  # noqa: PLR2004 - most leave the default
    )
