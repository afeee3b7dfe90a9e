"""What dumps say of pods, and whose a log is: from pod objects, paths and file names; pure.

Facts come in any order and more than once (several dumps, several pods of one name): the result
does not depend on it. It must not guess: what nothing tells stays unknown.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

from pipeline.records import Event

MAX_PODS = 200_000
"""Pods that are remembered: at some 500 bytes each, 100 MB."""

_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?", re.ASCII)
_NOBODY = frozenset(
    {
        "all",
        "container",
        "containers",
        "current",
        "kubectl",
        "kubernetes",
        "log",
        "logs",
        "out",
        "output",
        "pod",
        "pods",
        "previous",
        "stderr",
        "stdout",
        "untitled",
    }
)
"""Names that people give to a file, or a folder, of logs, and that name no pod."""
_PACKED = re.compile(r"(?:\.(?:log|txt|out|gz|zst))+$")
_PREVIOUS = re.compile(r"[._-](?:previous|prev)$")
_CONTAINER_ID = re.compile(r"-[0-9a-f]{64}$")
_PLACES = (
    # oc adm inspect, must-gather
    re.compile(
        r"namespaces/(?P<namespace>[^/]+)/pods/(?P<pod>[^/]+)/(?P<container>[^/]+)/(?:[^/]+/)?logs/"
        r"(?:(?:current|previous)(?:\.insecure)?(?:\.log)?|rotated/[^/]+)(?:\.gz|\.zst)?$"
    ),
    # a machine's /var/log/pods and /var/log/containers
    re.compile(
        r"(?:^|/)(?P<namespace>[a-z0-9-]+)_(?P<pod>[a-z0-9.-]+)_[0-9a-f-]{32,36}/"
        r"(?P<container>[^/]+)/\d+\.log[^/]*$"
    ),
)
_TREE = re.compile(
    r"(?:^|/)(?:(?:must-gather|inspect)\.local[^/]*/|[^/]*-sha256-[0-9a-f]{12,64}/"
    r"|namespaces/[^/]+/[^/]+/|cluster-scoped-resources/|must-gather\.logs?$)"
)
_TREE_OBJECTS = re.compile(
    r"namespaces/[^/]+/(?:core/(?:events|pods)\.(?:yaml|json)|core/events/[^/]+\.(?:yaml|json)"
    r"|pods/(?P<pod>[^/]+)/(?P=pod)\.(?:yaml|json))$"
)


class Whose(NamedTuple):
    """Which container wrote a log, as far as it is known."""

    namespace: str | None
    pod: str | None
    container: str | None


class Facts(NamedTuple):
    """What a pod object tells; of two, the greater is believed: it is the younger."""

    created: str
    uid: str
    machine: str
    container: str
    """Whose log ``kubectl logs`` shows unless told otherwise."""


NOTHING = Facts("", "", "", "")


class Pods:
    """All that has been said of pods."""

    def __init__(self) -> None:
        self._facts: dict[tuple[str, str], Facts] = {}
        self._namespaces: dict[str, set[str]] = {}

    def __len__(self) -> int:
        """Return how many pods have told their facts."""
        return len(self._facts)

    def learn(self, pod: Mapping[str, Any]) -> bool:
        """Take a pod object; return whether it was one."""
        meta, spec = _mapping(pod.get("metadata")), _mapping(pod.get("spec"))
        name, namespace = meta.get("name"), meta.get("namespace")
        if not _is_word(name) or not _is_word(namespace):
            return False
        told = (
            meta.get("creationTimestamp"),
            meta.get("uid"),
            spec.get("nodeName"),
            _default_container(meta, spec),
        )
        facts = Facts(*(value if _is_word(value) else "" for value in told))
        key = namespace, name
        if len(self._facts) < MAX_PODS or key in self._facts:
            self._facts[key] = max(facts, self._facts.get(key, NOTHING))
            self._namespaces.setdefault(name, set()).add(namespace)
        return True

    def learn_event(self, event: Event) -> None:
        """Take from an event in which namespace a pod is, or was."""
        room = len(self._namespaces) < MAX_PODS or event.name in self._namespaces
        if event.kind == "Pod" and event.namespace is not None and room:
            self._namespaces.setdefault(event.name, set()).add(event.namespace)

    def facts(self, namespace: str | None, pod: str | None) -> Facts:
        """Return what is known of a pod."""
        return self._facts.get((namespace or "", pod or ""), NOTHING)

    def namespace_of(self, pod: str | None) -> str | None:
        """Return the namespace of a pod, where just one is known to have it."""
        known = self._namespaces.get(pod or "", set())
        return next(iter(known)) if len(known) == 1 else None

    def completed(self, whose: Whose) -> Whose:
        """Add what pod objects and events tell."""
        namespace = whose.namespace or self.namespace_of(whose.pod)
        container = whose.container or self.facts(namespace, whose.pod).container or None
        return Whose(namespace, whose.pod, container)

    def by_name(self, parts: tuple[str, ...], folder: str | None) -> Whose:
        """Return whose a log is that is named by :func:`parts_of` and lies in a folder."""
        if len(parts) == 3:  # noqa: PLR2004 - all three are named
            return _of_three(*parts)
        first, second = parts[0], parts[1] if len(parts) > 1 else None
        if second is not None and first in self._namespaces.get(second, set()):
            return self.completed(Whose(first, second, None))
        if second is None and folder in self._namespaces and first not in self._namespaces:
            return self.completed(Whose(None, folder, first))
        told = self.completed(Whose(None, first, second))
        namespace = told.namespace or self.nobody(folder).namespace
        return self.completed(told._replace(namespace=namespace))

    def nobody(self, folder: str | None) -> Whose:
        """Return what a folder alone tells: it may be called as its namespace is."""
        usable = folder is not None and folder not in _NOBODY and "." not in folder
        named = usable and _NAME.fullmatch(folder or "") is not None
        return Whose(folder if named else None, None, None)


def parts_of(file_name: str) -> tuple[str, ...]:
    """Return the names that a file's name consists of, one to three; none where it names no pod.

    Names in Kubernetes have no underscore: ``POD.log``, ``POD_CONTAINER.log`` and
    ``NAMESPACE_POD_CONTAINER.log`` cannot be taken for one another.
    """
    stem = _PREVIOUS.sub("", _PACKED.sub("", file_name))
    parts = tuple(stem.split("_"))
    good = len(parts) <= 3 and all(_NAME.fullmatch(part) for part in parts)  # noqa: PLR2004
    return parts if good and stem not in _NOBODY else ()


def place_of(path: str) -> Whose | None:
    """Return whose log lies at a path, where tools put logs at places that say it."""
    for place in _PLACES:
        if found := place.search(path):
            return Whose(found["namespace"], found["pod"], found["container"])
    return None


def in_tree(path: str) -> bool:
    """Return whether a path lies in a must-gather, or in what ``oc adm inspect`` has written."""
    return _TREE.search(path) is not None


def is_tree_object(path: str) -> bool:
    """Return whether events or pods lie at a path of such a tree."""
    return _TREE_OBJECTS.search(path) is not None


def _of_three(first: str, second: str, third: str) -> Whose:
    if _CONTAINER_ID.search(third):  # /var/log/containers has pod, namespace, container and its id
        return Whose(second, first, _CONTAINER_ID.sub("", third))
    return Whose(first, second, third)


def _default_container(meta: Mapping[str, Any], spec: Mapping[str, Any]) -> object:
    named = _mapping(meta.get("annotations")).get(_DEFAULT_CONTAINER)
    containers = spec.get("containers")
    first = containers[0] if isinstance(containers, list) and containers else {}
    return named or _mapping(first).get("name")


def _is_word(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value.isprintable()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
