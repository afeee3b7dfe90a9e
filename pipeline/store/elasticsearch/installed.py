"""Whether indices are, or will be, as documents need them; said before anything is written.

In: a client. Out: nothing, or one line of what to do. It changes nothing but that it creates the
index of a month, by the template that was installed.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from elasticsearch import AuthorizationException, BadRequestError, Elasticsearch, NotFoundError

from pipeline.errors import BrokenWorld
from pipeline.store.elasticsearch.access import explained, kind_of, told
from pipeline.store.elasticsearch.mappings import MANAGED_BY, VERSION
from pipeline.store.elasticsearch.templates import example, template_name

_ENSURE = "run `aftershock elasticsearch ensure`"


def check(client: Elasticsearch, where: str, alias: str) -> None:
    """Ask what a new index of ours would be like.

    Raises:
        BrokenWorld: it would not have our mapping; or the server is away, or refuses us.
    """
    with told(where):
        try:
            answer = client.indices.simulate_index_template(name=example(alias))
        except AuthorizationException:
            return  # a writer need not manage templates: each index is looked at as it is made
        trouble = shadowed(answer.body, alias, _best(client, alias))
    if trouble is not None:
        raise BrokenWorld(f"Elasticsearch {where}: {trouble}")


def shadowed(simulated: Mapping[str, Any], alias: str, best: str | None) -> str | None:
    """Return why a new index would not have our mapping, or None; ``best`` is who decides."""
    template = simulated.get("template") or {}
    if is_ours(template.get("mappings") or {}):
        return None
    if best is None or best == template_name(alias):
        return f"there are no templates of version {VERSION} for {alias}-* yet: {_ENSURE}"
    return (
        f"index template {best} has a higher priority than ours for {alias}-*: {_ENSURE} with a"
        f" higher elasticsearch.template_priority, or narrow the patterns of {best}"
    )


def prepare(client: Elasticsearch, where: str, index: str, alias: str) -> None:
    """See to it that an index is there, and has our mapping.

    Raises:
        BrokenWorld: it cannot be had, or somebody else made it.
    """
    with told(where):
        found = _mapping(client, index)
        if found is None:
            _create(client, where, index, alias)
            found = _mapping(client, index) or {}
    if not is_ours(found):
        raise BrokenWorld(
            f"Elasticsearch {where}: index {index} does not have our mapping (version {VERSION}):"
            f" {_ENSURE}; if it still says so, reindex what is of worth in it and delete it"
        )


def is_ours(mappings: Mapping[str, Any]) -> bool:
    """Return whether mappings are ours, and have all the fields of this version."""
    meta = mappings.get("_meta") or {}
    return meta.get("managed_by") == MANAGED_BY and int(meta.get("version", 0)) >= VERSION


def _best(client: Elasticsearch, alias: str) -> str | None:
    """Return the template that new indices of ours will have."""
    there = client.indices.get_index_template()["index_templates"]
    matching = [
        (int(each["index_template"].get("priority", 0)), str(each["name"]))
        for each in there
        if any(fnmatchcase(example(alias), one) for one in each["index_template"]["index_patterns"])
    ]
    return max(matching)[1] if matching else None


def _mapping(client: Elasticsearch, index: str) -> dict[str, Any] | None:
    try:
        answer = client.indices.get_mapping(index=index)
    except NotFoundError:
        return None
    (only,) = answer.body.values()
    mappings: dict[str, Any] = only["mappings"]
    return mappings


def _create(client: Elasticsearch, where: str, index: str, alias: str) -> None:
    check(client, where, alias)
    try:
        client.indices.create(index=index)
    except BadRequestError as trouble:
        kind = kind_of(trouble)
        if kind == "resource_already_exists_exception":
            return  # another worker was faster
        if kind == "invalid_alias_name_exception":
            raise BrokenWorld(
                f"Elasticsearch {where}: an index is called {alias!r}, as our alias must be: remove"
                " it, or set elasticsearch.alias"
            ) from trouble
        raise BrokenWorld(f"Elasticsearch {where}: {index}: {explained(trouble)}") from trouble
