"""What makes an episode a symptom, and what is said about it. Built from a pack, never changed."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.detect.tallies import BUCKET, KEPT_ABOUT, Tally
from pipeline.detect.usernames import in_pods
from pipeline.records import AmountUnit, Implication, Severity, SymptomClass

_VARIABLE = re.compile(r"\{([a-z_]+)\}")

CLUSTER_NODE = "cluster_node"
"""The variable that stands for each machine which the evidence's pods ran on."""
MAX_IMPLICATIONS = 16
"""Nodes that one symptom speaks about (machines multiply, and users' servers have several names;
100 bytes each)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """How much evidence makes a symptom. Spans in microseconds.

    More evidence never makes less of a symptom, whatever the order that it comes in: this is what
    lets a symptom be told at once and never be taken back.
    """

    at_least: int = 1
    """So many occurrences …"""
    within: int = 0
    """… within this span."""
    lasting: int = 0
    """Or: occurrences again and again for this long …"""
    apart: int = 0
    """… never further apart than this."""
    single: bool = True
    """False: only an occurrence that suffices by itself counts."""
    growing: bool = False
    """Occurrences are of growth since some earlier time: all of it must lie within the span."""

    def met(self, carry: list[int], tally: Tally) -> int | None:
        """Return when the evidence first suffices within the next tally, if it does.

        ``carry`` is what is remembered between the tallies of an episode, given in event order.
        """
        if not self.single:
            return tally.sufficed
        if self.lasting:
            return self._lasts(carry, tally)
        if self.at_least == 1:
            return tally.first
        if self.growing:
            return self._grew(carry, tally)
        for time in tally.times:
            carry.append(time)
            if len(carry) >= self.at_least and time - carry[-self.at_least] <= self.within:
                return time
        del carry[: -(self.at_least - 1)]
        return None

    def _grew(self, carry: list[int], tally: Tally) -> int | None:
        """Look at whole buckets, and from the sample before the growth on.

        A late sample can only show that something grew sooner after that, and within the bucket
        others may still be earlier or later: neither takes back what sufficed.
        """
        carry[:] = sorted([*carry, *tally.since])[-self.at_least :]
        end = (tally.last // BUCKET + 1) * BUCKET
        enough = len(carry) == self.at_least and end - carry[0] <= self.within
        return tally.last if enough else None

    def _lasts(self, carry: list[int], tally: Tally) -> int | None:
        start = carry[0] if carry and tally.first - carry[1] <= self.apart else tally.first
        carry[:] = [start, tally.last]
        if tally.last - start < self.lasting:
            return None
        late_enough = (time for time in tally.times if time - start >= self.lasting)
        return next(late_enough, tally.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A node that a signature speaks about, as a pattern: ``infrastructure/volume/{claim}``."""

    node: str
    strength: float
    at: re.Pattern[str] | None = None
    """Holds only for symptoms at nodes of this form; its groups are variables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One signature, limit or baseline, as the episodes need it. Spans in microseconds."""

    id: str
    title: str
    symptom_class: SymptomClass
    severity: Severity
    quiet: int
    """An episode ends when nothing has come for this long."""
    resolution: int
    """How far an onset may truly lie on either side, where the occurrence does not say."""
    need: Need = field(default_factory=Need)
    targets: tuple[Target, ...] = ()
    unit: AmountUnit | None = None
    """What its occurrences have amounts of."""
    major_from: float = math.inf
    """Score from which it is major, whatever the severity."""
    whispers: bool = False
    """What does not make a symptom is told all the same, as weak evidence."""
    only_whispers: bool = False
    """What makes a symptom is told as weak evidence."""
    names_new_pods: bool = False
    """Its pods are new ones: it is told as a roster."""
    about: str = ""
    """The variable of its targets that stands for each of those whom it is about; empty: none."""
    usernames: bool = False
    """Those are users by JupyterHub's names, and node ids have them as names of pods do."""
    grain: int = 1
    """Time closes in steps of this: what is decided in blocks of event time is not cut apart."""

    def implications(
        self, node: str, subject: Mapping[str, str], tally: Tally
    ) -> tuple[Implication, ...]:
        """Return the other nodes that a symptom at ``node`` speaks about, strongest first.

        Where it is about several (users whose servers did not start), one of them is at fault with
        the target's strength: they share it, also with those whose names it does not tell. Of more
        than eight (``KEPT_ABOUT``) nobody is singled out.
        """
        strengths: dict[str, float] = {}
        for target in self.targets:
            for named, strength in self._shared(target, node, subject, tally).items():
                strengths[named] = max(strengths.get(named, 0.0), strength)
        ranked = sorted(strengths.items(), key=lambda item: (-item[1], item[0]))
        return tuple(Implication(node=n, strength=s) for n, s in ranked[:MAX_IMPLICATIONS])

    def _shared(
        self, target: Target, node: str, subject: Mapping[str, str], tally: Tally
    ) -> Mapping[str, float]:
        about = self._about(target, tally)
        strengths: dict[str, float] = {}
        for one in about:
            for values in self._filled_in(subject, one):
                for named in _named(target, node, values, tally.cluster_nodes):
                    if named != node:
                        strengths[named] = strengths.get(named, 0.0) + target.strength / len(about)
        return strengths

    def _about(self, target: Target, tally: Tally) -> Sequence[str | None]:
        """Return whom a target is to be filled in with, one after the other; None: with nobody."""
        if not self.about or self.about not in variables_in(target.node):
            return [None]
        return tally.about if len(tally.about) < KEPT_ABOUT else []

    def _filled_in(
        self, subject: Mapping[str, str], one: str | None
    ) -> Iterable[Mapping[str, str]]:
        if one is None:
            return [subject]
        if not one:
            return []
        return [{**subject, self.about: n} for n in (in_pods(one) if self.usernames else (one,))]


def variables_in(pattern: str) -> frozenset[str]:
    """Return the variables of a node pattern."""
    return frozenset(_VARIABLE.findall(pattern))


def filled(pattern: str, value: str) -> str:
    """Return a node of a pattern, all its variables having one value."""
    return _VARIABLE.sub(lambda _: value, pattern)


def node_pattern(pattern: str) -> re.Pattern[str]:
    """Return what matches the nodes of a pattern such as ``jupyterhub/user/{user}``."""
    parts = _VARIABLE.split(pattern)
    literal = [re.escape(part) for part in parts[::2]]
    groups = [f"(?P<{name}>.+)" for name in parts[1::2]] + [""]
    return re.compile("".join(a + b for a, b in zip(literal, groups, strict=True)))


def _named(
    target: Target, node: str, subject: Mapping[str, str], cluster_nodes: Iterable[str]
) -> Iterable[str]:
    values = dict(subject)
    if target.at is not None:
        match = target.at.fullmatch(node)
        if match is None:
            return []
        values |= match.groupdict()
    wanted = variables_in(target.node)
    machines = cluster_nodes if CLUSTER_NODE in wanted else [""]
    if not wanted <= {*values, CLUSTER_NODE}:
        return []  # an optional group of the regex that did not take part
    return [
        _VARIABLE.sub(lambda m: {**values, CLUSTER_NODE: machine}[m[1]], target.node)  # noqa: B023 - used at once
        for machine in machines
    ]
