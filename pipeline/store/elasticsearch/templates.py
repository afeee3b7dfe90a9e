"""What ``aftershock elasticsearch ensure`` installs; pure.

In: settings, whether the server knows lifecycle policies. Out: named bodies in the order in which
they must be installed, each as the server gives it back (settings nested, values as text), so that
what is there can be compared with what should be. The same bodies lie under
``deploy/elasticsearch/`` for those who install by hand.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.settings_elasticsearch import ElasticsearchSettings
from pipeline.store.elasticsearch.history import history_alias
from pipeline.store.elasticsearch.mappings import (
    ECS,
    INCIDENT,
    KUBERNETES,
    META,
    VERSION,
    history_mappings,
)

Kind = Literal["ilm-policy", "component-template", "index-template"]

_MERGE_AFTER_D = 62
"""Nobody revises an incident of the month before last: its index is merged to be small and fast."""
_MONTH_D = 31
"""An index's age counts from the first of its month; its last incident is that much younger."""

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """A thing on the server."""

    kind: Kind
    name: str
    body: Body


def pattern(alias: str) -> str:
    """Return what our index template matches: no more than the names that we make."""
    return f"{alias}-2*.01"


def example(alias: str) -> str:
    """Return an index name of ours, to ask what a new one would be like."""
    return f"{alias}-2000.01.01"


def template_name(alias: str) -> str:
    """Return the name of our index template; the components' begin with it."""
    return f"aftershock-{alias}"


def parts(settings: ElasticsearchSettings, *, lifecycle: bool) -> list[Part]:
    """Return all that must be there."""
    name = template_name(settings.alias)
    components: dict[str, Body] = {
        "settings": {"settings": {"index": _index_settings(settings)}},
        "ecs": {"mappings": {"dynamic": "strict", "properties": ECS}},
        "kubernetes": {"mappings": {"properties": KUBERNETES}},
        "incident": {"mappings": {"_meta": META, "properties": INCIDENT}},
    }
    if lifecycle:
        components["lifecycle"] = {"settings": {"index": {"lifecycle": _lifecycle(name)}}}
    made = [_component(f"{name}@{part}", template) for part, template in components.items()]
    policy = [Part("ilm-policy", name, {"policy": _policy(settings)})] if lifecycle else []
    history = _history(settings) if settings.history else []
    return [*policy, *made, Part("index-template", name, _index_template(settings)), *history]


def files(settings: ElasticsearchSettings) -> dict[str, str]:
    """Return file name → content: the body of each request, in the order of installation.

    All that there may be: whoever installs by hand leaves out what he has no use for.
    """
    every = parts(settings.model_copy(update={"history": True}), lifecycle=True)
    return {
        f"{number}-{part.kind}.{part.name}.json": json.dumps(part.body, indent=2) + "\n"
        for number, part in enumerate(every, start=1)
    }


def _component(name: str, template: Body) -> Part:
    return Part(
        "component-template", name, {"template": template, "version": VERSION, "_meta": META}
    )


def _history(settings: ElasticsearchSettings) -> list[Part]:
    """Return the history's own: settings and policy are those of the incidents."""
    alias = history_alias(settings.alias)
    incidents, name = template_name(settings.alias), template_name(alias)
    fields = f"{name}@fields"
    optional = [f"{incidents}@lifecycle", f"{name}@custom"]
    required = [f"{incidents}@settings", fields]
    return [
        _component(fields, {"mappings": history_mappings()}),
        Part("index-template", name, _template(settings, alias, required, optional)),
    ]


def _index_settings(settings: ElasticsearchSettings) -> Body:
    return {
        "number_of_shards": str(settings.shards),
        "number_of_replicas": str(settings.replicas),
        # a deleted incident may come again, in any revision: its version is not remembered
        "gc_deletes": "-1",
    }


def _lifecycle(policy: str) -> Body:
    return {"name": policy, "parse_origination_date": "true"}


def _policy(settings: ElasticsearchSettings) -> Body:
    phases: Body = {
        "warm": {
            "min_age": f"{_MERGE_AFTER_D}d",
            "actions": {"forcemerge": {"max_num_segments": 1}},
        }
    }
    if settings.retention_d is not None:
        phases["delete"] = {
            "min_age": f"{settings.retention_d + _MONTH_D}d",
            "actions": {"delete": {"delete_searchable_snapshot": True}},
        }
    return {"phases": phases, "_meta": META}


def _index_template(settings: ElasticsearchSettings) -> Body:
    name = template_name(settings.alias)
    optional = [f"{name}@lifecycle", f"{name}@custom"]
    required = [f"{name}@{part}" for part in ("settings", "ecs", "kubernetes", "incident")]
    return _template(settings, settings.alias, required, optional)


def _template(
    settings: ElasticsearchSettings, alias: str, required: list[str], optional: list[str]
) -> Body:
    return {
        "index_patterns": [pattern(alias)],
        "template": {"aliases": {alias: {}}},
        "composed_of": [*required, *optional],
        # the policy's where the server has none; a site's own settings, a pipeline for one
        "ignore_missing_component_templates": optional,
        "priority": settings.template_priority,
        "version": VERSION,
        "_meta": META,
    }
