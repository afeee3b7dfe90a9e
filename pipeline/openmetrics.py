"""Numbers → the text that Prometheus and its kin read (OpenMetrics 1.0); pure.

In: families of samples. Out: text. An older reader of the Prometheus format takes it too; it then
does not know the type of the counters, whose family has no ``_total`` in its name.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Sample = tuple[Mapping[str, str], float]
"""Labels and value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """All samples of one name."""

    name: str
    type: Literal["gauge", "counter"]
    help: str
    samples: Sequence[Sample]


def text_of(families: Iterable[Family]) -> str:
    """Return the families as text, in their order."""
    return "".join(f"{line}\n" for family in families for line in _lines(family)) + "# EOF\n"


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {_escaped(family.help)}"
    yield f"# TYPE {family.name} {family.type}"
    suffix = "_total" if family.type == "counter" else ""
    for labels, value in family.samples:
        told = ",".join(f'{name}="{_escaped(text)}"' for name, text in sorted(labels.items()))
        shown = f"{{{told}}}" if told else ""
        yield f"{family.name}{suffix}{shown} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
