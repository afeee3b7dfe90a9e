"""Signature packs: which trouble is recognised, as data. The format, validated.

A pack has *signatures* (of logs, events and metrics: ``signatures``), *baselines* (which kinds of
metric are compared with their own past) and *scenarios* (the known failures, which signatures
mark). Spans are in seconds. Pure; reading the file is ``load_pack``.
"""

import re
from fnmatch import translate
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pipeline.detect.signatures import (
    BUCKET_S,
    EventSignature,
    Identifier,
    LogSignature,
    MetricSignature,
    PackModel,
    Regex,
    Scenario,
    Signature,
    Title,
)
from pipeline.records import Severity, TroubleClass


class Baseline(PackModel):
    """A kind of metric that is compared with its own past; the first that matches decides."""

    id: Identifier
    match: Annotated[tuple[str, ...], Field(min_length=1)]
    """Globs of metric names."""
    skip: bool = False
    """Not compared: states, limits, constants."""
    symptom_class: Annotated[TroubleClass, Field(alias="class")] = "unusual"
    severity: Severity = "minor"
    direction: Literal["up", "down", "both"] = "both"
    """Which deviation is trouble."""
    floor: Annotated[float, Field(gt=0)] = 0.1
    """Least standard deviation that is believed, in the metric's unit."""
    whisper: bool = False
    """Weak evidence only: far from its past is what such a metric often is, and seldom trouble."""
    at_once: bool = False
    """One minute suffices where it is very far off; else it takes two of three."""
    quiet_s: Annotated[float, Field(gt=BUCKET_S, le=86_400)] = 660.0

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The globs as one pattern."""
        return re.compile("|".join(translate(glob) for glob in self.match))


class RequestFamily(PackModel):
    """Counters or histograms that count the requests of one service, however they are named."""

    id: Identifier
    histograms: tuple[str, ...] = ()
    """Names of durations in seconds, without ``_count``, ``_sum`` and ``_bucket``."""
    counters: tuple[str, ...] = ()
    """Names of counters of requests, for services that do not tell durations."""
    failed: dict[str, Regex] = Field(default_factory=dict)
    """Labels, any of which matches, end to end, where requests failed; empty: it does not tell."""
    ignore: dict[str, Regex] = Field(default_factory=dict)
    """Labels, any of which matches where it is no request: watches that last for minutes."""
    by: tuple[str, ...] = ()
    """Labels that make views of their own, such as the caller."""

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not (self.histograms or self.counters):
            raise ValueError("name histograms, counters, or both")
        return self


class SignaturePack(PackModel):
    """A loaded pack."""

    pack: Identifier
    version: Annotated[int, Field(ge=1)]
    parameters: dict[str, str] = Field(default_factory=dict)
    """Parameters of node patterns (``${instance}``) with their defaults."""
    scenarios: dict[Scenario, Title] = Field(default_factory=dict)
    """The failures that are known of the application, each in one line."""
    signatures: tuple[Signature, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    requests: tuple[RequestFamily, ...] = ()
    """Requests of services: extra waiting and failing are told as amounts."""

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        seen: set[str] = set()
        families = [family.id for family in self.requests]
        for name in [*(s.id for s in self.signatures), *(b.id for b in self.baselines), *families]:
            if name in seen:
                raise ValueError(f"two signatures have the id {name}")
            seen.add(name)
        return self

    @model_validator(mode="after")
    def _marked_scenarios_are_known(self) -> Self:
        for signature in self.signatures:
            unknown = sorted(set(signature.marks) - set(self.scenarios))
            if unknown:
                raise ValueError(
                    f"signature {signature.id} marks {unknown[0]}, which is not among scenarios"
                )
        return self

    @property
    def logs(self) -> tuple[LogSignature, ...]:
        """The signatures of log lines, in order."""
        return tuple(s for s in self.signatures if isinstance(s, LogSignature))

    @property
    def events(self) -> tuple[EventSignature, ...]:
        """The signatures of events, in order."""
        return tuple(s for s in self.signatures if isinstance(s, EventSignature))

    @property
    def metrics(self) -> tuple[MetricSignature, ...]:
        """The limits on metrics, in order."""
        return tuple(s for s in self.signatures if isinstance(s, MetricSignature))
