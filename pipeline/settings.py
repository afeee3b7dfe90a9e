"""Settings: what a site decides, with unit and reason beside each.

Frozen values, checked when they are built. Building them reads nothing but the arguments: the
environment, the settings file and flags are gathered by :mod:`pipeline.settings_sources`.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic.dataclasses import dataclass as checked_dataclass
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from pipeline.correlate.settings import CorrelateSettings
from pipeline.detect.settings import DetectSettings
from pipeline.flow import Windows
from pipeline.settings_elasticsearch import ElasticsearchSettings
from pipeline.settings_group import Group, Port, Seconds
from pipeline.settings_ingest import AdaptSettings, IngestSettings
from pipeline.settings_kibana import KibanaSettings
from pipeline.settings_redact import RedactSettings

DEFAULT_TOPOLOGY = "jupyterhub-openshift"

_FORBID = ConfigDict(extra="forbid")
_HOURS = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_PARTITIONS = Annotated[int, Field(ge=1, le=1000)]


class Partitions(Group):
    """How many partitions each topic has: the limit of what can be done in parallel."""

    observations: _PARTITIONS = 8
    """Of each of the three observation topics (they are read together): detect workers at most."""
    symptoms: _PARTITIONS = 4
    """Correlate workers at most; an application lies in one partition."""
    incidents: _PARTITIONS = 4
    """Index workers at most."""


class Retention(Group):
    """How long topics keep what was published, in hours.

    Of compacted topics (incidents, topology) the latest revision of each stays; the others lose
    what was published so much wall time ago.
    """

    observations_h: _HOURS = 72.0
    """Long enough to repeat a weekend after a mistake."""
    symptoms_h: _HOURS = 168.0
    """Rare and small: a week."""
    rejected_h: _HOURS = 336.0
    """Somebody must have the time to look: two weeks."""
    incidents_h: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 2160.0
    """Event time after its end by which an incident leaves the topic, by a tombstone: 90 days;
    0: it stays for ever. An open one never leaves."""


class Security(Group):
    """How clients prove who they are, and the broker to them; the same for all clients."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    cafile: Path | None = None
    """Authorities that may have signed the broker's certificate (PEM); None: the system's."""
    certfile: Path | None = None
    """Our certificate (PEM), where the broker asks for one."""
    keyfile: Path | None = None
    """Its private key (PEM)."""
    key_password: SecretStr | None = None
    check_hostname: bool = True
    """Whether the certificate must name the host that was connected to."""
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = None
    """How SASL proves the password; needed with a SASL protocol."""
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    """Read the password from here instead: a mounted secret stays out of the environment."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise ValueError("give password or password_file, not both")
        if not self.protocol.startswith("SASL"):
            return self
        if self.mechanism is None or self.username is None:
            raise ValueError(f"{self.protocol} needs mechanism and username")
        if self.password is None and self.password_file is None:
            raise ValueError(f"{self.protocol} needs password or password_file")
        return self


class KafkaSettings(Group):
    """The broker, and the topics on it."""

    bootstrap_servers: Annotated[str, Field(pattern=r"^[^\s,]+(\s*,\s*[^\s,]+)*$")] = (
        "localhost:9092"
    )
    """``host:port``, several with commas; one that answers is enough."""
    topic_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] = "aftershock"
    """First part of the names of all topics and consumer groups: two sites share one broker."""
    partitions: Partitions = Partitions()
    replication: Annotated[int, Field(ge=1, le=100)] = 1
    """Copies of each partition; 3 in production (1 is all that a single broker can have)."""
    retention: Retention = Retention()
    compression: Literal["zstd", "gzip", "none"] = "zstd"
    """Of what we publish; logs shrink to a tenth."""
    connect_timeout_s: Seconds = 8.0
    """After this without an answer a command gives up, in seconds; roles that run try for ever."""
    delivery_timeout_s: Seconds = 120.0
    """A record that is not acknowledged for so long counts as failed, in seconds; longer than a
    rolling restart takes to elect a new leader."""
    security: Security = Security()


class WorkerSettings(Group):
    """What all roles have in common."""

    session_timeout_s: Annotated[float, Field(ge=1, le=1800)] = 30.0
    """A worker silent for so long loses its partitions to the others, in seconds: the time that
    a kill is felt. The embedded broker also waits half of it when a worker joins."""


class HealthSettings(Group):
    """Where each role answers ``/ready`` and ``/live``; None: it does not, 0: any free port."""

    host: str = "127.0.0.1"
    """Address to listen on; in a pod 0.0.0.0, since probes come from outside."""
    detect_port: Port = None
    correlate_port: Port = None
    index_port: Port = None
    ingest_port: Port = None
    """Also ``/metrics``: what ingest sees of each node, for Prometheus."""
    adapt_port: Port = None


class Instance(Group):
    """One instance of an application: a hub of its own in a namespace of its own, for one."""

    application: str
    """A shipped name or a file, as listed under ``topology``."""
    parameters: dict[str, str] = Field(default_factory=dict)
    """Values of the application's parameters (``instance``, ``namespace`` …)."""


def _all_finite(group: object, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        if isinstance(value, Mapping):
            _all_finite(group, {f"{name}.{key}": part for key, part in value.items()})
        elif isinstance(value, int | float) and not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name}: must be a number from 0 on, not {value}")


@checked_dataclass(frozen=True, kw_only=True, config=_FORBID)
class WindowSettings(Windows):
    """Spans of event time, in seconds, and how long a silent source is waited for."""

    source_timeout_s: float = 60.0
    """A source that sends no mark for so long (wall time) is dropped from the watermark. Ingest
    marks each second; a restart of it takes less than a minute."""

    @model_validator(mode="after")
    def _sane(self) -> Self:
        _all_finite(self, asdict(self))
        return self


@checked_dataclass(frozen=True, kw_only=True, config=_FORBID)
class DetectGroup(DetectSettings):
    """Detection (see :class:`DetectSettings`)."""

    @model_validator(mode="after")
    def _sane(self) -> Self:
        _all_finite(self, asdict(self))
        return self


@checked_dataclass(frozen=True, kw_only=True, config=_FORBID)
class CorrelateGroup(CorrelateSettings):
    """Correlation (see :class:`CorrelateSettings`)."""

    @model_validator(mode="after")
    def _sane(self) -> Self:
        _all_finite(self, asdict(self))
        return self


class Settings(BaseSettings):
    """All settings of all roles and commands."""

    model_config = SettingsConfigDict(
        env_prefix="AFTERSHOCK_",
        env_nested_delimiter="__",
        env_ignore_empty=True,  # a variable that is set to nothing counts as not set
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        nested_model_default_partial_update=False,
    )

    store: str = "sqlite:///aftershock.db"
    """Where incidents are kept: ``sqlite:///file.db`` (``sqlite:////absolute.db``), or
    Elasticsearch: ``https://host:9200``, or ``cloud:ID`` with a cloud id."""
    keep_aged: bool | None = None
    """Whether incidents stay in the store that have left the topic by age (see
    ``kafka.retention.incidents_h``). Not set: SQLite lets them go, a file must not grow for ever;
    Elasticsearch keeps them, its lifecycle policy decides."""
    topology: Annotated[tuple[str, ...], NoDecode, Field(min_length=1)] = (DEFAULT_TOPOLOGY,)
    """The applications: shipped names or files, comma separated. Files of one application with
    different ``valid_from`` are versions of its graph."""
    instances: tuple[Instance, ...] = ()
    """Instances of those applications with parameters; an application without any runs once, with
    its defaults. A cluster may run a hundred hubs in as many namespaces."""
    elasticsearch: ElasticsearchSettings = ElasticsearchSettings()
    kibana: KibanaSettings = KibanaSettings()
    """Where ``store`` names one."""
    kafka: KafkaSettings = KafkaSettings()
    windows: WindowSettings = WindowSettings()
    detect: DetectGroup = DetectGroup()
    correlate: CorrelateGroup = CorrelateGroup()
    worker: WorkerSettings = WorkerSettings()
    ingest: IngestSettings = IngestSettings()
    adapt: AdaptSettings = AdaptSettings()
    redact: RedactSettings = RedactSettings()
    health: HealthSettings = HealthSettings()

    @classmethod
    def settings_customise_sources(  # noqa: PLR0917 - the base class calls it so
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Build from arguments alone: sources are gathered where each can be named."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @field_validator("topology", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        if isinstance(given, str):
            return [part.strip() for part in given.split(",") if part.strip()]
        return given

    @model_validator(mode="after")
    def _instances_known(self) -> Self:
        for instance in self.instances:
            if instance.application not in self.topology:
                raise ValueError(
                    f"instances: {instance.application!r} is not listed under topology"
                    f" ({', '.join(self.topology)}); add it there"
                )
        return self

    @property
    def applications(self) -> tuple[Instance, ...]:
        """The applications to load, in the order in which they are listed."""
        return tuple(
            instance
            for name in self.topology
            for instance in (
                [known for known in self.instances if known.application == name]
                or [Instance(application=name)]
            )
        )

    @property
    def keeps_aged(self) -> bool:
        """Whether the store keeps incidents that have left the topic by age."""
        return not self.store.startswith("sqlite:") if self.keep_aged is None else self.keep_aged

    def with_parameters(self, parameters: Mapping[str, str]) -> Self:
        """Return the same with every application loaded once, with these parameters (``--set``)."""
        if not parameters:
            return self
        given = dict(parameters)
        instances = tuple(Instance(application=name, parameters=given) for name in self.topology)
        return self.model_copy(update={"instances": instances})
