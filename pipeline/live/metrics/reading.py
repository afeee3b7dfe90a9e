"""Metrics from where they are, by one process at a time: Prometheus, else ``metrics.k8s.io``."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipeline.live.metrics.metrics_api import MetricsApiPoller
from pipeline.live.metrics.poller import MetricsPoller
from pipeline.live.metrics.prometheus import Prometheus
from pipeline.live.metrics.queries import Query, load_queries, namespace_pattern
from pipeline.live.outbox.positions import restored_queries
from pipeline.live.pause import in_the_end
from pipeline.live.shared import Shared
from pipeline.settings import Settings

SLACK = timedelta(seconds=10)
"""Beyond their usual lag, metrics are this late without being late."""


def queries_of(settings: Settings, namespaces: tuple[str | None, ...]) -> tuple[Query, ...]:
    """Return the queries to ask; none without a Prometheus.

    Raises:
        UsageError: the query set cannot be used.
    """
    prometheus = settings.ingest.prometheus
    if prometheus.url is None:
        return ()
    names = [name for name in namespaces if name is not None]
    return load_queries(prometheus.queries, {"namespace": namespace_pattern(names)})


@dataclass(slots=True, kw_only=True)
class MetricReading:
    """Reads metrics while :meth:`run` runs; it may be run again."""

    shared: Shared
    queries: tuple[Query, ...]
    _ended: Counter[str] = field(default_factory=Counter, init=False)
    """What pollers counted that have ended."""
    _poller: MetricsPoller | MetricsApiPoller | None = field(default=None, init=False)

    async def run(self) -> None:
        """Ask until cancelled; at once done where there is nobody to ask."""
        ingest = self.shared.settings.ingest
        try:
            if self.queries:
                async with Prometheus(ingest.prometheus) as prometheus:
                    self._poller = await self._prometheus(prometheus)
                    await self._poller.run()
            elif ingest.metrics_api != "off":
                self._poller = self._metrics_api()
                await self._poller.run()
        finally:
            if self._poller is not None:
                self._ended.update(self._poller.counts)
                self._poller = None
            self.shared.trouble("metrics", None)

    def positions(self) -> Mapping[str, datetime]:
        """Return how far each query is; nothing while another process asks them."""
        return self._poller.positions() if isinstance(self._poller, MetricsPoller) else {}

    def behind(self, now: datetime) -> datetime | None:
        """Return how far metrics are, where they are further behind than they usually are."""
        if self._poller is None:
            return None
        # samples come later than lines, and inside the allowed lateness: it is what that is for
        reached = self._poller.progress() + self._poller.usual_lag() + SLACK
        return reached if reached < now else None

    def counts(self) -> Counter[str]:
        """Return what became of all samples."""
        return self._ended + (Counter() if self._poller is None else self._poller.counts)

    async def _prometheus(self, prometheus: Prometheus) -> MetricsPoller:
        kafka = self.shared.settings.kafka
        start = await in_the_end(
            lambda: restored_queries(kafka), lambda trouble: self.shared.trouble("metrics", trouble)
        )
        return MetricsPoller(
            queries=self.queries,
            prometheus=prometheus,
            settings=self.shared.settings.ingest.prometheus,
            sink=self.shared.sink,
            router=self.shared.router,
            source=self.shared.source,
            start=start,
            on_trouble=lambda trouble: self.shared.trouble("metrics", trouble),
            tell=self.shared.say,
        )

    def _metrics_api(self) -> MetricsApiPoller:
        asked_for = self.shared.settings.ingest.metrics_api == "on"
        return MetricsApiPoller(
            api=self.shared.api,
            namespaces=[name for name in self.shared.namespaces if name is not None],
            every_s=self.shared.settings.ingest.prometheus.every_s,
            sink=self.shared.sink,
            router=self.shared.router,
            # where nobody asked for it, a cluster without it is no trouble
            on_trouble=lambda trouble: self.shared.trouble(
                "metrics", trouble if asked_for else None
            ),
        )
