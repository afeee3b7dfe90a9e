"""Signatures: what a rule of a pack says of log lines, events and metrics. The format, validated.

Spans are in seconds. What a pack holds besides is ``pack``. Pure; reading the file: ``load_pack``.
"""

import re
from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, model_validator

from pipeline.detect.rules import CLUSTER_NODE, Need, Rule, Target, node_pattern, variables_in
from pipeline.detect.tallies import BUCKET, KEPT_TIMES
from pipeline.records import Severity, TroubleClass

_SECOND = 1_000_000
BUCKET_S = BUCKET // _SECOND

REASON = "reason"
"""The variable that stands for the reason of an event, where a signature takes any."""
POD = "pod"
"""The group that names a new pod, in a signature that ``names_new_pods``."""
PAIR_US = 120_000_000
"""A ratio's two samples meet when they lie in the same span of this length: as long as the slowest
usual scrape, so that each span holds one of each."""
APART_FACTOR = 1.5
APART_MIN_S = 90.0
"""How far apart two samples over a limit may lie and still be one stretch: 1.5 × ``for_s``, and
at least this (a scrape interval of 60 s, and half as much again for jitter)."""


def _regex(text: str) -> str:
    try:
        pattern = re.compile(text)
    except re.error as trouble:
        raise ValueError(f"not a regular expression ({trouble})") from trouble
    if _NESTED.search(text):
        raise ValueError("a repeat inside a repeat takes exponential time: write it without")
    del pattern
    return text


_NESTED = re.compile(r"[+*]\)[+*{]|[+*]\)\?[+*{]")

Regex = Annotated[str, AfterValidator(_regex)]
Identifier = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=64)]
Title = Annotated[str, Field(min_length=1, max_length=100)]
Scenario = Annotated[str, Field(pattern=r"^S\d\d$")]
Strength = Annotated[float, Field(gt=0, le=1)]
Span = Annotated[float, Field(ge=0, le=86_400)]


class PackModel(BaseModel):
    """Any part of a pack: what is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Implicated(PackModel):
    """Another node that a signature speaks about."""

    node: str
    """Node id; may hold variables: groups of the regex, of ``at``, or ``cluster_node``."""
    strength: Strength
    """Probability that it is at fault, given this symptom alone."""
    at: str | None = None
    """Only for symptoms at nodes of this form, such as ``jupyterhub/user/{user}``."""


class _Signature(PackModel):
    id: Identifier
    title: Title = "-"
    """What a person says at three in the morning; without node and time."""
    symptom_class: Annotated[TroubleClass, Field(alias="class")] = "error"
    severity: Severity = "minor"
    quiet_s: Annotated[float, Field(gt=BUCKET_S, le=86_400)] = 300.0
    """The episode ends when nothing has come for this long."""
    at_least: Annotated[int, Field(ge=1, le=KEPT_TIMES)] = 1
    within_s: Span = 60.0
    """So many occurrences within this span make a symptom; fewer are counted, and no symptom."""
    implicates: tuple[Implicated, ...] = ()
    suppress: bool = False
    """Known to be harmless: counted, and no symptom."""
    change: bool = False
    """No trouble, but a change (a rollout, a cordon …): told as a weak symptom of the class change,
    which correlation lists at the causes that it came before."""
    whisper: bool = False
    """Weak evidence only: a word about trouble that another node has."""
    at: tuple[str, ...] = ()
    """Holds only at nodes of these forms, such as ``jupyterhub/user/{user}``; empty: at any."""
    not_at: tuple[str, ...] = ()
    """Does not hold at nodes of these forms."""
    marks: tuple[Scenario, ...] = ()
    """Scenarios of the pack that show this; for a harmless one, those that are no trouble."""

    @model_validator(mode="after")
    def _spans_make_sense(self) -> Self:
        if not self.suppress and self.title == "-":
            raise ValueError("title is missing")
        if self.change and (self.suppress or self.implicates or self._says_what_kind()):
            raise ValueError("a change has no class, severity, implicates or suppress")
        if not BUCKET_S <= self.within_s <= self.quiet_s:
            raise ValueError(f"within_s must lie between {BUCKET_S} and quiet_s")
        return self

    @model_validator(mode="after")
    def _variables_are_known(self) -> Self:
        for implicated in self.implicates:
            known = self.variables
            known |= frozenset() if implicated.at is None else variables_in(implicated.at)
            unknown = sorted(variables_in(implicated.node) - known)
            if unknown:
                raise ValueError(
                    f"variable {{{unknown[0]}}} of an implicated node is not known: "
                    f"have one of {', '.join(sorted(known))}"
                )
        return self

    @property
    def subject_names(self) -> tuple[str, ...]:
        """Return what tells apart episodes of this signature at one node."""
        return ()

    @property
    def variables(self) -> frozenset[str]:
        """Return what may be filled into an implicated node."""
        return frozenset({CLUSTER_NODE, *self.subject_names})

    def _says_what_kind(self) -> bool:
        return not self.model_fields_set.isdisjoint({"symptom_class", "severity"})

    def need(self) -> Need:
        """Return how much evidence makes a symptom."""
        return Need(at_least=self.at_least, within=int(self.within_s * _SECOND))

    def rule(self, *, resolution_s: float, grain: int = 1) -> Rule:
        """Return the rule that the episodes follow."""
        return Rule(
            id=self.id,
            title=self.title,
            symptom_class="change" if self.change else self.symptom_class,
            severity=self.severity,
            quiet=int(self.quiet_s * _SECOND),
            resolution=int(resolution_s * _SECOND),
            need=self.need(),
            targets=tuple(_target(implicated) for implicated in self.implicates),
            only_whispers=self.change or self.whisper,
            grain=grain,
        )


KIND = "kind"
"""Name of what tells apart the episodes of a signature ``by_kind``."""


class LogSignature(_Signature):
    """Recognises log lines."""

    signal: Literal["log"]
    any_of: Annotated[tuple[Annotated[str, Field(min_length=2)], ...], Field(min_length=1)]
    """Literals, one of which is in every such line: a cheap look before anything else."""
    regex: Regex | None = None
    """Searched in the line; its named groups tell apart episodes."""
    min_level: Literal["debug", "info", "warning", "error", "critical"] | None = None
    """Only lines that claim this level or worse; a line without a level does not."""
    by_kind: bool = False
    """Each kind of line, with all masked that differs from time to time, is an episode's own."""
    about: str | None = None
    """Group of the regex that says whom a line is about. It tells no episodes apart: the names of
    an episode are gathered, and the nodes that they are implicated by share its strength."""
    usernames: bool = False
    """Whom it is about are users (``user:server`` where they have several) by the names that
    JupyterHub has for them; KubeSpawner writes them otherwise in names of pods, and so in node ids:
    both its ways are tried."""
    examples: Annotated[tuple[str, ...], Field(min_length=1)]
    counter_examples: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _about_is_a_group(self) -> Self:
        if self.about is not None and self.about not in re.compile(self.regex or "").groupindex:
            raise ValueError(f"about: the regex has no group (?P<{self.about}>…)")
        if self.usernames and self.about is None:
            raise ValueError("usernames is for a signature that says whom it is about")
        return self

    @property
    def subject_names(self) -> tuple[str, ...]:
        """Return the named groups of the regex that tell apart episodes."""
        kind = (KIND,) if self.by_kind else ()
        groups = re.compile(self.regex or "").groupindex
        return (*(group for group in groups if group != self.about), *kind)

    @property
    def variables(self) -> frozenset[str]:
        """Return what may be filled into an implicated node."""
        return super().variables | ({self.about} if self.about is not None else frozenset())

    def rule(self, *, resolution_s: float, grain: int = 1) -> Rule:
        """Return the rule that the episodes follow."""
        rule = super().rule(resolution_s=resolution_s, grain=grain)
        return replace(rule, about=self.about or "", usernames=self.usernames)


class EventExample(PackModel):
    """A Kubernetes event, as much as signatures look at."""

    reason: str
    type: str = "Warning"
    kind: str = "Pod"
    message: str = ""


class EventSignature(_Signature):
    """Recognises Kubernetes events."""

    signal: Literal["event"]
    reasons: tuple[str, ...] = ()
    """Empty: any, which is left to the last and then tells apart episodes; the message decides."""
    type: Literal["Normal", "Warning"] | None = None
    kinds: tuple[str, ...] = ()
    """Kinds of the object that the event is about; empty: any."""
    message: Regex | None = None
    """Searched in the message; its named groups tell apart episodes."""
    names_new_pods: bool = False
    """A change that says which pods are new: the group ``pod`` is one, and tells no episodes
    apart. It is not listed as a change, but other changes are judged by it."""
    examples: Annotated[tuple[EventExample, ...], Field(min_length=1)]
    counter_examples: tuple[EventExample, ...] = ()

    @model_validator(mode="after")
    def _looks_at_something(self) -> Self:
        if not self.reasons and self.message is None:
            raise ValueError("name reasons, or a message for events of any reason")
        return self

    @model_validator(mode="after")
    def _new_pods_have_names(self) -> Self:
        named = POD in re.compile(self.message or "").groupindex
        if self.names_new_pods and not (self.change and named):
            raise ValueError("names_new_pods is for a change whose message has a group (?P<pod>…)")
        return self

    def rule(self, *, resolution_s: float, grain: int = 1) -> Rule:
        """Return the rule that the episodes follow."""
        rule = super().rule(resolution_s=resolution_s, grain=grain)
        return replace(rule, names_new_pods=self.names_new_pods)

    @property
    def subject_names(self) -> tuple[str, ...]:
        """Return the named groups of the message's regex, and the reason where it may be any."""
        groups = tuple(re.compile(self.message or "").groupindex)
        if self.names_new_pods:
            groups = tuple(group for group in groups if group != POD)
        return groups if self.reasons else (REASON, *groups)


class Sample(PackModel):
    """A metric sample, as much as signatures look at."""

    name: str
    value: float
    labels: dict[str, str] = Field(default_factory=dict)


class Selector(PackModel):
    """Which series: names, and labels that match a regex from end to end (absent is empty)."""

    metrics: Annotated[tuple[str, ...], Field(min_length=1)]
    where: dict[str, Regex] = Field(default_factory=dict)


class Divisor(Selector):
    """What a value is divided by: a series of the same node with the same values of labels."""

    same: tuple[str, ...] = ()


class Comparison(PackModel):
    """What a value must fulfil to be over the limit; exactly one of these."""

    equals: float | None = None
    at_least: float | None = None
    less_than: float | None = None
    increases: bool = False
    """The counter has grown; it counts by how much. After a fall all of its value has grown."""

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        given = [self.equals is not None, self.at_least is not None, self.less_than is not None]
        if sum([*given, self.increases]) != 1:
            raise ValueError("name exactly one of equals, at_least, less_than, increases")
        return self


class MetricSignature(_Signature, Selector):
    """A limit on a metric."""

    signal: Literal["metric"]
    quiet_s: Annotated[float, Field(gt=BUCKET_S, le=86_400)] = 660.0
    """Two intervals of data in five-minute bins, and slack."""
    limit: Comparison
    divided_by: Divisor | None = None
    for_s: Span = 0.0
    by: tuple[str, ...] = ()
    """Labels that tell apart episodes at one node."""
    examples: Annotated[tuple[tuple[Sample, ...], ...], Field(min_length=1)]
    """Samples that, repeated for as long as it takes, make the symptom."""
    counter_examples: tuple[tuple[Sample, ...], ...] = ()

    @model_validator(mode="after")
    def _ratio_has_no_increase(self) -> Self:
        if self.divided_by is not None and self.limit.increases:
            raise ValueError("increases cannot be asked of a ratio")
        if self.suppress or self.change:
            raise ValueError("suppress and change are for logs and events")
        return self

    @property
    def subject_names(self) -> tuple[str, ...]:
        """Return the labels that tell apart episodes."""
        return self.by

    def need(self) -> Need:
        """Return for how long the limit must be broken, or how much a counter must grow."""
        if not self.for_s:
            return replace(super().need(), growing=self.limit.increases)
        apart = max(APART_FACTOR * self.for_s, APART_MIN_S)
        return Need(lasting=int(self.for_s * _SECOND), apart=int(apart * _SECOND))


Signature = Annotated[LogSignature | EventSignature | MetricSignature, Discriminator("signal")]


def _target(implicated: Implicated) -> Target:
    at = None if implicated.at is None else node_pattern(implicated.at)
    return Target(node=implicated.node, strength=implicated.strength, at=at)
