"""The demo: an embedded broker, all roles, a recorded outage replayed at speed, and what was found.

A shell: it starts processes and waits for them; the path from the file to the incident is the real
one (``replay``, ``run``, the incidents topic, the store).
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from rich.console import Console

from pipeline.broker.clients import quiet_library
from pipeline.broker.ensure import ensure_topics
from pipeline.broker.progress import wait_for_all
from pipeline.broker.revisions import Folded
from pipeline.broker.tail import follow
from pipeline.broker.topics import incidents
from pipeline.demo.broker import embedded_broker
from pipeline.drawing import incident_drawing, revision_line
from pipeline.errors import AftershockError
from pipeline.flow import Flow
from pipeline.records import Incident, canonical
from pipeline.replay import Replay
from pipeline.settings import Settings
from pipeline.store import Query, open_store
from pipeline.worker.roles import FLOW
from pipeline.worker.run import Crew, crew

RECORDING = "database-outage.jsonl.zst"
SESSION_TIMEOUT_S = 6.0
"""The embedded broker waits half of it when a worker joins."""
PATIENCE_S = 90.0
"""After the replay, for everything to reach the store; seconds of wall time."""


@dataclass(slots=True)
class Demo:
    """One run of the demo; results are left in a folder."""

    folder: Path
    speed: float
    """Event time over wall time of the replay."""
    console: Console
    flow_of: Callable[[Settings], Flow]
    _seen: dict[str, Incident] = field(default_factory=dict)

    def run(self) -> None:
        """Show it all; quits clean and leaves nothing running.

        Raises:
            AftershockError: the embedded broker is missing, a role ended, or nothing came.
        """
        quiet_library()
        self.folder.mkdir(parents=True, exist_ok=True)
        store = f"sqlite:///{(self.folder / 'incidents.db').absolute()}"
        for old in self.folder.glob("incidents.*"):
            old.unlink()
        with embedded_broker() as bootstrap:
            settings = _settings(bootstrap, store)
            ensure_topics(settings.kafka)
            self._say(f"embedded broker on {bootstrap}; starting {', '.join(FLOW)}")
            with crew(FLOW, environment=_environment(bootstrap, store)) as roles:
                self._replay(settings, roles)
        self._tell(store)

    def _replay(self, settings: Settings, roles: Crew) -> None:
        """Replay the recording, and print incidents from the topic as they come."""
        done = _Background(self._publisher(settings))
        self._say(
            f"replaying a recorded hour of JupyterHub, {self.speed:g} times as fast as it was"
        )
        done.start()
        topic = incidents(settings.kafka.topic_prefix)
        for message in follow(settings.kafka, topic, from_start=True):
            roles.check()
            incident = Folded().take(message) if message is not None else None
            if incident is not None:
                self._print(incident)
            if message is None and not done.is_alive():
                break
        done.check()

    def _publisher(self, settings: Settings) -> Callable[[], None]:
        def publish() -> None:
            with resources.as_file(resources.files("pipeline.demo") / "data" / RECORDING) as file:
                replay = Replay(
                    flow=self.flow_of(settings),
                    kafka=settings.kafka,
                    source="demo",
                    speed=self.speed,
                )
                replay.run([file])
            wait_for_all(settings.kafka, timeout_s=PATIENCE_S, say=lambda _line: None)

        return publish

    def _print(self, incident: Incident) -> None:
        before = self._seen.get(incident.id)
        if before is not None and incident.revision <= before.revision:
            return
        self._seen[incident.id] = incident
        if before is None or _as_told(incident) != _as_told(before):
            self.console.print(revision_line(incident, before), soft_wrap=True)

    def _tell(self, url: str) -> None:
        """Draw what lies in the store, and say where to look next."""
        store = open_store(url, create=False)
        try:
            found = [incident for incident in store.list(Query()) if incident.status != "merged"]
        finally:
            store.close()
        if not found:
            raise AftershockError("no incident reached the store: this is a bug, please tell us")
        export = self.folder / "incidents.jsonl"
        export.write_bytes(b"".join(canonical(incident) + b"\n" for incident in found))
        for incident in found:
            self.console.print()
            self.console.print(incident_drawing(incident))
        self._say(_NEXT.format(store=url, export=export, first=found[0].id[:6]))

    def _say(self, text: str) -> None:
        self.console.print(text, style="dim", soft_wrap=True)


class _Background(threading.Thread):
    """Work beside the main thread, whose trouble is not lost."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(name="replay", daemon=True)
        self._work = work
        self._trouble: AftershockError | None = None

    def run(self) -> None:
        """Do the work."""
        try:
            self._work()
        except AftershockError as trouble:
            self._trouble = trouble

    def check(self) -> None:
        """Raise what went wrong, if anything did."""
        if self._trouble is not None:
            raise self._trouble


def _as_told(incident: Incident) -> tuple[str, ...]:
    """Return what a person would notice: a growing count alone is no news."""
    cause = incident.causes[0].node if incident.causes else ""
    return (incident.status, incident.severity, cause, incident.title)


_NEXT = """
Results are left in {export} and {store}. Next:
  aftershock incidents list --store {store}
  aftershock incidents show {first} --store {store}
  aftershock topology show jupyterhub-openshift
  aftershock analyze YOUR-RECORDING.jsonl --topology jupyterhub-openshift"""


def _settings(bootstrap: str, store: str) -> Settings:
    return Settings.model_validate(
        {
            "kafka": {"bootstrap_servers": bootstrap},
            "worker": {"session_timeout_s": SESSION_TIMEOUT_S},
            "store": store,
        }
    )


def _environment(bootstrap: str, store: str) -> dict[str, str]:
    """Return the roles' environment: ours, without settings of ours, with those of the demo."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AFTERSHOCK_")}
    return kept | {
        "AFTERSHOCK_KAFKA__BOOTSTRAP_SERVERS": bootstrap,
        "AFTERSHOCK_WORKER__SESSION_TIMEOUT_S": str(SESSION_TIMEOUT_S),
        "AFTERSHOCK_STORE": store,
    }
