"""Pod objects as the API gives them → what live ingest needs of them; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.ingest.cluster import Unusable, instant_of

Json = Mapping[str, Any]

_ENDED = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class ContainerView:
    """One container of a pod."""

    name: str
    restarts: int
    started: bool
    """It has run, or runs: there is a log."""
    running: bool
    began: datetime | None
    """When the running or last instance began."""
    finished: datetime | None = None
    """When the last instance ended; None: it runs, or nobody says."""


@dataclass(frozen=True, slots=True)
class PodView:
    """A pod at one moment."""

    namespace: str
    name: str
    uid: str
    cluster_node: str | None
    created: datetime
    ended: bool
    """None of its containers will run again."""
    leaving: bool
    """It has been told to go."""
    claims: tuple[str, ...]
    containers: tuple[ContainerView, ...]
    """Init containers first."""

    @property
    def key(self) -> str:
        """Namespace, name and uid: a name may come again, as another pod."""
        return f"{self.namespace}/{self.name}/{self.uid}"


def pod_of(raw: Json) -> PodView:
    """Return what a pod object says.

    Raises:
        Unusable: it has no name, uid or time of creation.
    """
    meta, spec, status = (_mapping(raw.get(part)) for part in ("metadata", "spec", "status"))
    namespace, name, uid = (meta.get(part) for part in ("namespace", "name", "uid"))
    if not (isinstance(namespace, str) and isinstance(name, str) and isinstance(uid, str)):
        raise Unusable("a pod without namespace, name or uid")
    return PodView(
        namespace=namespace,
        name=name,
        uid=uid,
        cluster_node=spec.get("nodeName") or None,
        created=instant_of(str(meta.get("creationTimestamp"))),
        ended=status.get("phase") in _ENDED,
        leaving=meta.get("deletionTimestamp") is not None,
        claims=tuple(sorted(_claims(spec))),
        containers=tuple(_containers(status)),
    )


def _claims(spec: Json) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        claim = _mapping(_mapping(volume).get("persistentVolumeClaim")).get("claimName")
        if isinstance(claim, str):
            yield claim


def _containers(status: Json) -> Iterator[ContainerView]:
    for kind in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for each in status.get(kind) or ():
            state, last = _mapping(each.get("state")), _mapping(each.get("lastState"))
            instances = (state.get("running"), state.get("terminated"), last.get("terminated"))
            instance = next((each for each in instances if each is not None), None)
            running = state.get("running") is not None
            yield ContainerView(
                name=str(each.get("name")),
                restarts=int(each.get("restartCount") or 0),
                started=instance is not None,
                running=running,
                began=_time(_mapping(instance).get("startedAt")),
                finished=None if running else _time(_mapping(instance).get("finishedAt")),
            )


def _time(stamp: object) -> datetime | None:
    try:
        return instant_of(stamp) if isinstance(stamp, str) else None
    except Unusable:
        return None  # some runtimes say year 1 of a container that never ran


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}
