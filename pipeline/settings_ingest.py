"""Settings of the doors by which telemetry comes in while it happens."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from pipeline.settings_group import Group, Port, Seconds

_NAME = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class ClusterSettings(Group):
    """Which cluster, and what of it."""

    enabled: bool = True
    """Whether pods, their logs and events are read at all."""
    kubeconfig: Path | None = None
    """None: the pod's own service account inside a cluster, else the user's kubeconfig."""
    context: str | None = None
    """Of the kubeconfig; None: its current one."""
    namespaces: tuple[str, ...] = ()
    """Watched one by one, as a Role allows; none: those that the instances' parameter `namespace`
    names, or all at once, which needs a ClusterRole, where an instance names none."""
    watch_timeout_s: Seconds = 300.0
    """A watch is begun anew after about so long, in seconds: half-open connections end."""


class LogSettings(Group):
    """Following the logs of containers."""

    lines_per_s: Annotated[float, Field(gt=0)] = 2_000.0
    """What one container may write, on average; beyond it lines are dropped and counted."""
    burst_lines: Annotated[int, Field(ge=1)] = 20_000
    """What it may write at once."""
    idle_s: Seconds = 300.0
    """A stream that has been silent for about so long is opened anew: after a rotation the kubelet
    may go on without a word."""
    first_look_s: Annotated[float, Field(ge=0)] = 600.0
    """How far back the log of a container is read that was never read before, in seconds."""
    max_streams: Annotated[int, Field(ge=1)] = 2_000
    """Logs followed at once by one process; each is a connection to the API server."""


class PrometheusSettings(Group):
    """A Prometheus or Thanos that is asked for metrics."""

    url: str | None = None
    """``http(s)://host:port`` with any path before ``/api/v1``; None: no metrics from there."""
    token: SecretStr | None = None
    token_file: Path | None = None
    """Read again for each request: tokens of service accounts change."""
    cafile: Path | None = None
    """Authorities that may have signed its certificate (PEM); None: the system's."""
    queries: Path | None = None
    """Query set (YAML); None: the shipped one."""
    every_s: Seconds = 30.0
    """Between two rounds of all queries."""
    timeout_s: Seconds = 20.0
    delay_s: Annotated[float, Field(ge=0)] = 5.0
    """Asked for so long after the fact: a scrape takes a moment to be in the database."""
    back_s: Annotated[float, Field(ge=0)] = 3600.0
    """After an interruption, samples are asked for from so long ago on at most; never less than
    twice ``every_s`` and a little."""
    replica_labels: tuple[str, ...] = (
        "prometheus",
        "prometheus_replica",
        "thanos_replica",
        "receive_replica",
        "__replica__",
    )
    """Labels that tell replicas of one Prometheus apart: they are taken off, and one is believed at
    a time."""

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        if self.token is not None and self.token_file is not None:
            raise ValueError("give token or token_file, not both")
        return self


class IngestSettings(Group):
    """``aftershock ingest``: a cluster's telemetry as it happens."""

    source: _NAME = "ingest"
    """Name of these processes in batches and marks; each adds its shard (``ingest-0``)."""
    shard: Annotated[str, Field(pattern=r"^([0-9]+|auto)/[1-9][0-9]*$")] = "0/1"
    """Which share of the pods: ``0/3`` is the first of three processes; ``auto/3`` takes the number
    at the end of the host's name, as a StatefulSet gives it."""
    lease_namespace: str | None = None
    """Where the leases are kept by which several processes agree who reads events and metrics;
    None: the namespace of the pod."""
    cluster: ClusterSettings = ClusterSettings()
    logs: LogSettings = LogSettings()
    prometheus: PrometheusSettings = PrometheusSettings()
    metrics_api: Literal["auto", "on", "off"] = "auto"
    """CPU and memory from ``metrics.k8s.io``; auto: where no Prometheus is set."""
    batch_age_s: Seconds = 0.5
    """An observation waits at most so long for others of its node."""
    buffer_mib: Annotated[int, Field(ge=8, le=65_536)] = 96
    """What waits for the broker, in MiB; beyond it metrics, then logs are no longer read."""
    checkpoint_s: Seconds = 2.0
    """How often positions are remembered: what comes after is read back at a start."""


class AdaptSettings(Group):
    """``aftershock adapt``: what other collectors have put on topics."""

    topics: dict[str, str] = Field(default_factory=dict)
    """Topic → format (``fluent-bit``, ``vector``, ``otlp-logs`` …; ``auto`` tells by the shape)."""
    source: _NAME = "adapt"
    webhook_host: str = "127.0.0.1"
    webhook_port: Port = None
    """Where Alertmanager may post its alerts (``/alertmanager``); None: nowhere."""
    webhook_token: SecretStr | None = None
    """Which bearer token it must show."""
