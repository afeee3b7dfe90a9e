"""An application as a drawing: for the terminal (rich) and as Mermaid text. Pure.

In the terminal, arrows are grouped by where they come from; below a cause stand its effects. An
edge to or from some instances of a family only (``infrastructure/volume/jupyterhub-db``) is drawn
at the family and says which.
"""

import networkx as nx
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from topology import ids
from topology.model import Application, Edge, NodeTemplate

DRAWN = "drawing"
"""Source of the edges that are drawn solid; all others are dashed."""

_Below = dict[str, list[tuple[str, str, Edge]]]
"""Effects of each cause: which, of what instances, by which edge."""

_OBSERVED, _UNOBSERVED = "●", "○"
_COLOURS = {
    "component": "green",
    "platform": "blue",
    "infrastructure": "yellow",
    "endpoint": "cyan",
    "external": "magenta",
}


def terminal(application: Application) -> RenderableType:
    """Return a drawing for the terminal: what is there, then who can break whom."""
    sources = list(dict.fromkeys(edge.source for edge in application.edges))
    trees = [_tree(application, source) for source in sources]
    return Group(_heading(application), Text(), _nodes(application), *trees)


def mermaid(application: Application) -> str:
    """Return the graph as a Mermaid flowchart; nodes that cannot be seen are grey."""
    names = {template.id: f"n{number}" for number, template in enumerate(application.nodes)}
    lines = ["flowchart TD"]
    for template in application.nodes:
        label = f"<b>{_safe(template.id)}</b>"
        if template.title:
            label += f"<br/>{_safe(template.title)}"
        shape = f'(["{label}"])' if template.entry else f'["{label}"]'
        lines.append(f"    {names[template.id]}{shape}:::{_class_of(template)}")
    for edge in application.edges:
        cause, effect, note = _folded(application, edge)
        arrow = "-->" if edge.source == DRAWN else "-.->"
        label = _safe(f"{_figures(edge)}{' · ' + note if note else ''}")
        lines.append(f'    {names[cause]} {arrow}|"{label}"| {names[effect]}')
    lines += [
        "    classDef component fill:#d5e8d4,stroke:#5a8a54,color:#111",
        "    classDef platform fill:#dae8fc,stroke:#5b7dab,color:#111",
        "    classDef infrastructure fill:#fff2cc,stroke:#b8964a,color:#111",
        "    classDef endpoint fill:#e1f5f5,stroke:#4f9c9c,color:#111",
        "    classDef external fill:#f3e1f5,stroke:#93579c,color:#111",
        "    classDef unobserved fill:#f5f5f5,stroke:#888,color:#555,stroke-dasharray:4",
    ]
    return "\n".join(lines) + "\n"


def _heading(application: Application) -> Text:
    values = [
        f"{name} = {'any' if value is None else value}"
        for name, value in sorted(application.parameters.items())
    ]
    heading = Text(application.name, style="bold")
    if application.title:
        heading.append(f"  {application.title}", style="not bold")
    heading.append(f"  version {application.version}", style="not bold dim")
    if values:
        heading.append(f"\n{', '.join(values)}", style="not bold dim")
    legend = (
        f"{_OBSERVED} can be observed  {_UNOBSERVED} cannot  → strength · typical to longest delay"
    )
    heading.append(f"\n{legend}", style="not bold dim")
    return heading


def _nodes(application: Application) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("node", "kind", "observed", ""):
        table.add_column(column, overflow="fold", no_wrap=column == "node")
    for template in application.nodes:
        observed = ", ".join(template.observed) if template.observed else "not observed"
        entry = "[bold]users come in here[/bold]" if template.entry else ""
        table.add_row(_label(template), template.kind, observed, entry)
    return table


def _label(template: NodeTemplate) -> str:
    sign = _OBSERVED if template.observed else _UNOBSERVED
    colour = _COLOURS[template.kind]
    family = " [dim]1 … n[/dim]" if ids.variables(ids.parse(template.id)) else ""
    return f"[{colour}]{sign} {escape(template.id)}[/{colour}]{family}"


def _tree(application: Application, source: str) -> Tree:
    below: _Below = {}
    for edge in application.edges:
        if edge.source == source:
            cause, effect, note = _folded(application, edge)
            below.setdefault(cause, []).append((effect, note, edge))
    graph: nx.DiGraph[str] = nx.DiGraph(
        (cause, effect) for cause, found in below.items() for effect, _, _ in found
    )
    deep = nx.is_directed_acyclic_graph(graph)
    tops = [cause for cause in below if not deep or graph.in_degree(cause) == 0]
    tree = Tree(f"\n[bold]{escape(source)}[/bold] [dim]cause → effect[/dim]", guide_style="dim")
    for top in tops:
        _grow(application, tree.add(_by_id(application, top)), top, below, deep=deep)
    return tree


def _grow(application: Application, branch: Tree, cause: str, below: _Below, *, deep: bool) -> None:
    """Hang the effects below a cause, and theirs below them: once, and not where edges go round."""
    for effect, note, edge in below.pop(cause, []):
        some = f" [dim]({escape(note)})[/dim]" if note else ""
        figures = f"[dim]{edge.kind}[/dim] {_figures(edge)}"
        why = f"\n[dim]{escape(edge.because)}[/dim]" if edge.because else ""
        twig = branch.add(f"→ {_by_id(application, effect)}{some}  {figures}{why}")
        if deep:
            _grow(application, twig, effect, below, deep=deep)


def _by_id(application: Application, node_id: str) -> str:
    template = application.template_of(node_id)
    return _label(template) if template is not None else escape(node_id)


def _folded(application: Application, edge: Edge) -> tuple[str, str, str]:
    """Return the templates that an edge leads from and to, and which instances it is about."""
    ends: list[str] = []
    notes: list[str] = []
    for node_id in (edge.cause, edge.effect):
        template = application.template_of(node_id)
        folded = template.id if template is not None else node_id
        ends.append(folded)
        if folded != node_id:
            notes.append(node_id.rpartition("/")[2])
    if edge.via is not None:
        notes.append("the machine that its pods ran on")
    return ends[0], ends[1], ", ".join(notes)


def _figures(edge: Edge) -> str:
    delay = f"{_duration(edge.delay.typical_s)} to {_duration(edge.delay.longest_s)}"
    return f"{edge.strength:g} · {delay}"


def _duration(seconds: float) -> str:
    return f"{seconds:g} s"


def _class_of(template: NodeTemplate) -> str:
    return template.kind if template.observed else "unobserved"


_ENTITIES = str.maketrans(
    {"#": "#35;", "&": "#38;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "{": "#123;", "}": "#125;"}
)


def _safe(text: str) -> str:
    """Return text that Mermaid takes within quotes."""
    return text.translate(_ENTITIES)
