"""``aftershock elasticsearch ensure``: templates and policy → server; what is not ours stays.

In: a client, settings. Out: for each part what became of it, with the lines that differ. Doing it
again changes nothing. It must not touch what has no ``_meta`` of ours, nor what a newer version of
this program installed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from elasticsearch import ApiError, Elasticsearch, NotFoundError

from pipeline.errors import UsageError
from pipeline.settings_elasticsearch import ElasticsearchSettings
from pipeline.store.elasticsearch.access import connect, told
from pipeline.store.elasticsearch.difference import difference
from pipeline.store.elasticsearch.history import history_alias
from pipeline.store.elasticsearch.installed import check
from pipeline.store.elasticsearch.mappings import (
    MANAGED_BY,
    VERSION,
    Fields,
    history_mappings,
    mappings,
)
from pipeline.store.elasticsearch.templates import Body, Part, parts, pattern

State = Literal["as it should be", "created", "changed"]

_NO_LIFECYCLE = frozenset({400, 404, 405, 410})
"""How distributions and serverless without it answer: the path is not known there."""
_MONTH = re.compile(r"-[0-9]{4}\.[0-9]{2}\.01")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one part (or would, in a dry run)."""

    kind: str
    name: str
    state: State
    lines: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return it for programs."""
        return {
            "kind": self.kind,
            "name": self.name,
            "state": self.state,
            "difference": list(self.lines),
        }


def ensure(url: str, settings: ElasticsearchSettings, *, dry_run: bool = False) -> list[Outcome]:
    """Install what is missing, change what differs.

    Raises:
        UsageError: something is there under our names that is not ours, or newer than we are.
        BrokenWorld: the server is away, or refuses.
    """
    client, where = connect(url, settings)
    try:
        with told(where):
            return _Ensuring(client, where, settings, dry_run=dry_run).run()
    finally:
        client.close()


class _Ensuring:
    def __init__(
        self, client: Elasticsearch, where: str, settings: ElasticsearchSettings, *, dry_run: bool
    ) -> None:
        self._client = client
        self._where = where
        self._settings = settings
        self._dry_run = dry_run
        self._mappings = {settings.alias: mappings()}
        if settings.history:
            self._mappings[history_alias(settings.alias)] = history_mappings()

    def run(self) -> list[Outcome]:
        """Look at everything before anything is changed."""
        for alias in self._mappings:
            self._refuse_foreign_alias(alias)
        wanted = parts(self._settings, lifecycle=self._has_lifecycle())
        there = [self._there(part) for part in wanted]
        for part, body in zip(wanted, there, strict=True):
            self._refuse_foreign(part, body)
        outcomes = [self._part(part, body) for part, body in zip(wanted, there, strict=True)]
        for alias, fields in self._mappings.items():
            outcomes += list(self._indices(alias, fields))
            if not self._dry_run:
                check(self._client, self._where, alias)
        return outcomes

    def _part(self, part: Part, there: Body | None) -> Outcome:
        lines = difference(there or {}, part.body)
        if there is not None and not lines:
            return Outcome(part.kind, part.name, "as it should be")
        if not self._dry_run:
            self._install(part)
        state: State = "created" if there is None else "changed"
        return Outcome(part.kind, part.name, state, tuple(lines))

    def _indices(self, alias: str, wanted: Fields) -> Iterator[Outcome]:
        """Add the fields of a new version to the months that are there."""
        answer = self._client.indices.get_mapping(
            index=pattern(alias), ignore_unavailable=True, allow_no_indices=True
        )
        for index, found in sorted(answer.body.items()):
            meta = found["mappings"].get("_meta") or {}
            if meta.get("managed_by") != MANAGED_BY:
                raise UsageError(
                    f"Elasticsearch {self._where}: index {index} was made without our template:"
                    " reindex what is of worth in it and delete it"
                )
            lines = difference(found["mappings"], wanted)
            if lines and not self._dry_run and int(meta.get("version", 0)) <= VERSION:
                self._client.indices.put_mapping(
                    index=index, meta=wanted["_meta"], properties=wanted["properties"]
                )
            state: State = "changed" if lines else "as it should be"
            yield Outcome("index", index, state, tuple(lines))

    def _has_lifecycle(self) -> bool:
        try:
            self._client.ilm.get_lifecycle()
        except ApiError as trouble:
            if trouble.status_code in _NO_LIFECYCLE:
                return False
            raise
        return True

    def _there(self, part: Part) -> Body | None:
        try:
            match part.kind:
                case "ilm-policy":
                    policy = self._client.ilm.get_lifecycle(name=part.name)[part.name]
                    return {"policy": policy["policy"]}
                case "component-template":
                    found = self._client.cluster.get_component_template(name=part.name)
                    component: Body = found["component_templates"][0]["component_template"]
                    return component
                case "index-template":
                    found = self._client.indices.get_index_template(name=part.name)
                    template: Body = found["index_templates"][0]["index_template"]
                    return template
        except NotFoundError:
            return None

    def _install(self, part: Part) -> None:
        body: Any = part.body
        match part.kind:
            case "ilm-policy":
                self._client.ilm.put_lifecycle(name=part.name, policy=body["policy"])
            case "component-template":
                self._client.cluster.put_component_template(
                    name=part.name,
                    template=body["template"],
                    version=body["version"],
                    meta=body["_meta"],
                )
            case "index-template":
                self._client.indices.put_index_template(
                    name=part.name,
                    index_patterns=body["index_patterns"],
                    template=body["template"],
                    composed_of=body["composed_of"],
                    ignore_missing_component_templates=body["ignore_missing_component_templates"],
                    priority=body["priority"],
                    version=body["version"],
                    meta=body["_meta"],
                )

    def _refuse_foreign(self, part: Part, there: Body | None) -> None:
        if there is None:
            return
        meta: Mapping[str, Any] = there.get("_meta") or there.get("policy", {}).get("_meta") or {}
        if meta.get("managed_by") != MANAGED_BY:
            raise UsageError(
                f"Elasticsearch {self._where}: {part.kind} {part.name} is not ours (no _meta of"
                " ours), and stays: rename it, or set elasticsearch.alias"
            )
        if int(meta.get("version", 0)) > VERSION:
            raise UsageError(
                f"Elasticsearch {self._where}: {part.kind} {part.name} was installed by a newer"
                " aftershock: use that one"
            )

    def _refuse_foreign_alias(self, alias: str) -> None:
        """Only our months may be behind an alias: searches would find the others', too."""
        try:
            answer = self._client.indices.get(index=alias)
        except NotFoundError:
            return  # it comes with the first month
        if alias in answer.body:
            raise UsageError(
                f"Elasticsearch {self._where}: an index is called {alias!r}, as our alias must be:"
                " remove it, or set elasticsearch.alias"
            )
        for index, found in sorted(answer.body.items()):
            writes = bool(found["aliases"].get(alias, {}).get("is_write_index"))
            if not _MONTH.fullmatch(index.removeprefix(alias)) or writes:
                how = " as the index that it writes to" if writes else ""
                raise UsageError(
                    f"Elasticsearch {self._where}: alias {alias} also points to {index}{how}; we"
                    " write to each month by its name, and nothing else may be behind the alias:"
                    " remove that index from it, or set elasticsearch.alias"
                )
