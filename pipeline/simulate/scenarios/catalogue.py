"""All scenarios by their ids, and the choice among them."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType

from pipeline.errors import UsageError
from pipeline.simulate.scenarios.application import APPLICATION
from pipeline.simulate.scenarios.platform import PLATFORM
from pipeline.simulate.scenarios.scenario import Scenario

CATALOGUE: Mapping[str, Scenario] = MappingProxyType(
    {scenario.id: scenario for scenario in sorted((*PLATFORM, *APPLICATION), key=lambda s: s.id)}
)
"""``S01`` … ``S28``, in this order."""


def chosen(names: Sequence[str]) -> tuple[Scenario, ...]:
    """Return the scenarios that ids or names mean, each once, in the order of the catalogue.

    Raises:
        UsageError: nothing is called so.
    """
    ids = {_id_of(name) for name in names}
    return tuple(scenario for scenario in CATALOGUE.values() if scenario.id in ids)


def _id_of(name: str) -> str:
    by_name = {scenario.name: scenario.id for scenario in CATALOGUE.values()}
    short = {id_.lower().replace("s0", "s"): id_ for id_ in CATALOGUE}  # S1 is S01
    known = {**{id_.lower(): id_ for id_ in CATALOGUE}, **short, **by_name}
    found = known.get(name.lower())
    if found is None:
        near = {known[match] for match in get_close_matches(name.lower(), known, n=3, cutoff=0.5)}
        meant = " or ".join(f"{id_} ({CATALOGUE[id_].name})" for id_ in sorted(near))
        advice = f"did you mean {meant}?" if near else "`aftershock simulate --list` shows them all"
        raise UsageError(f"{name}: no such scenario; {advice}")
    return found
