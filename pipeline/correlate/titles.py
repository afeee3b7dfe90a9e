"""The one line that a person reads in a list, at three in the morning.

The cause with its node, then what is felt at an entry, then how much is affected, since when:
"Database cannot write, volume is full: jupyterhub/db; hub: fails to serve; 41 users affected since
10:14".
"""

from collections.abc import Iterable, Sequence

from pipeline.correlate.explain import Group
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.verdict import RANK
from pipeline.records import Symptom
from topology.model import NodeTemplate

MAX_TITLE = 160
"""Characters of a title."""
_TITLE_LENGTHS = (100, 60, 40, 24)
"""Characters that are left of a symptom's title, until the whole fits."""


def title_of(group: Group, cause: str, model: Likelihood) -> str:
    """Return the title of an incident."""
    felt = _felt(group, cause, model)
    affected = _affected(group, {cause} | ({felt.node} if felt else set()), model)
    since = f"since {group.anchor.onset:%H:%M}"
    what = f"{_listing(affected)} affected {since}" if affected else since
    told = ""
    for length in _TITLE_LENGTHS:
        parts = [_cause(group, cause, length)]
        if felt is not None:
            parts.append(f"{short(felt.node)}: {_cut(felt.title, length)}")
        told = "; ".join((*parts, what))
        if len(told) <= MAX_TITLE:
            break
    return _cut(told, MAX_TITLE)


def short(node: str) -> str:
    """Return a node's id without the instance or realm that it begins with."""
    return node.partition("/")[2] or node


def some(nodes: Sequence[str], shown: int = 2) -> str:
    """Return a few nodes, and how many more there are."""
    more = f" and {len(nodes) - shown} more" if len(nodes) > shown else ""
    return ", ".join(nodes[:shown]) + more


def leading(symptoms: Iterable[Symptom]) -> Symptom:
    """Return the symptom that says most: no whisper if there is one, the worst, the first."""
    return min(symptoms, key=lambda each: (each.whisper, -RANK[each.severity], each.onset, each.id))


def _cause(group: Group, cause: str, length: int) -> str:
    own = group.at(cause)
    if own:
        return f"{_capital(_cut(leading(own).title, length))}: {cause}"
    by = leading(group.naming(cause) or group.told)
    return f"Suspected: {cause}, by “{_cut(by.title, length)}” at {short(by.node)}"


def _felt(group: Group, cause: str, model: Likelihood) -> Symptom | None:
    """Return the worst of what is felt where users come in; one of a family's nodes is no news."""
    felt = [
        symptom for symptom in group.told if symptom.node != cause and model.is_entry(symptom.node)
    ]
    single = [symptom for symptom in felt if not _is_family(_template(symptom.node, model))]
    return leading(single) if single else None


def _affected(group: Group, but: set[str], model: Likelihood) -> list[str]:
    """Return what else is affected: families counted, and the only node of its kind by its name."""
    nodes = sorted({symptom.node for symptom in group.told} - but)
    families: dict[str, list[str]] = {}
    for node in nodes:
        template = _template(node, model)
        families.setdefault(_plural(template), []).append(node)
    ranked = sorted(families.items(), key=lambda item: (-len(item[1]), item[0]))
    return [short(of[0]) if len(of) == 1 else f"{len(of)} {plural}" for plural, of in ranked]


def _plural(template: NodeTemplate | None) -> str:
    """Return what many nodes of a family are called: ``hub/user/{user}`` are users."""
    if template is None or not _is_family(template):
        return "parts"
    segments = template.id.split("/")
    at = next(place for place, segment in enumerate(segments) if "{" in segment)
    name = segments[at - 1] if at else segments[at].partition("{")[2].partition("}")[0]
    return f"{name}s"


def _is_family(template: NodeTemplate | None) -> bool:
    return template is not None and "{" in template.id


def _template(node: str, model: Likelihood) -> NodeTemplate | None:
    return model.graph.application.template_of(node)


def _listing(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
