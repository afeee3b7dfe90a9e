"""Event objects of the API → occurrences, each once, on the topic of events.

An event object is *updated* with a growing count: every update is an occurrence of its own, told by
(uid, count). A list shows all objects of the last hour again; what was published before, also by
an earlier process, is passed over.
"""

import json
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.ingest.cluster import Unusable, event_of
from pipeline.ingest.route import Router
from pipeline.live.cluster.api import Json
from pipeline.live.sink import Sink
from pipeline.records import Event, Rejected
from pipeline.rejection import in_parts

MAX_SEEN = 100_000
"""Event objects whose count is remembered (about 150 bytes each, 15 MB): an hour at 28 new ones a
second. Beyond it the one that was updated longest ago is forgotten."""


@dataclass(slots=True, kw_only=True)
class Events:
    """Takes what a watch of events brings."""

    sink: Sink
    router: Router
    machine_of: Callable[[str | None, str], str | None]
    """Where a pod (namespace, name) runs, as far as is known."""
    on_missed: Callable[[float], None]
    """Told that changes may have been missed, in so many seconds."""
    seen: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """Highest count that was published of each object, by uid; what changed last stands last. (A
    plain dict needs longer for its first key the more have been taken from before it.)"""
    counts: Counter[str] = field(default_factory=Counter)

    def listing(self) -> None:
        """Nothing to forget: objects are known one by one."""

    def page(self, items: list[Json]) -> None:
        """Take objects that exist."""
        for item in items:
            self._take(item)

    def listed(self) -> None:
        """Nothing to compare: an object that has expired says nothing."""

    def changed(self, kind: str, item: Json) -> None:
        """Take a change; that an object expires (after an hour) is no news."""
        if kind == "DELETED":
            self.seen.pop(str((item.get("metadata") or {}).get("uid")), None)
        else:
            self._take(item)

    def missed(self, seconds: float) -> None:
        """Hand on that updates may have been missed."""
        self.on_missed(seconds)

    def _take(self, item: Json) -> None:
        try:
            event = event_of(item)
        except Unusable as trouble:
            self._reject(item, str(trouble))
            return
        if self._known(event):
            self.counts["duplicate"] += 1
            return
        self.counts["observations"] += 1
        if event.kind == "Pod" and event.cluster_node is None:
            machine = self.machine_of(event.namespace, event.name)
            event = event.model_copy(update={"cluster_node": machine})
        node = self.router.node_of(event)
        if node is None:
            self.counts["unmapped"] += 1
            return
        self.sink.observe(node, event)

    def _known(self, event: Event) -> bool:
        uid = event.source_uid
        if uid is None:
            return False  # a list of a real server has none without
        before = self.seen.get(uid, 0)
        self.seen[uid] = max(before, event.count)
        self.seen.move_to_end(uid)
        while len(self.seen) > MAX_SEEN:
            self.seen.popitem(last=False)
        return event.count <= before

    def _reject(self, item: Json, what: str) -> None:
        meta = item.get("metadata") or {}
        self.counts["rejected"] += 1
        for part in in_parts(json.dumps(item).encode()):
            self.sink.rejected(
                Rejected(
                    code="invalid",
                    where=f"event {meta.get('namespace')}/{meta.get('name')}",
                    what=what,
                    value=part.content,
                    part=part.part,
                    last=part.last,
                )
            )
