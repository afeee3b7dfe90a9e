"""What detection keeps of gaps and silence reaches a person, whoever is killed in between."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from pipeline.broker.producer import ObservationPublisher
from pipeline.broker.topics import observations
from pipeline.records import FEEDS, Gap, Mark, canonical
from pipeline.settings import KafkaSettings
from servers import children
from servers.site import Site
from servers.waiting import until

AT = datetime.fromisoformat("2026-03-02T10:05:00Z")
LIVE = {"observations": 0, "published": 0, "unmapped": 0, "duplicate": 4, "lost": 700}


@pytest.fixture
def publisher(site: Site) -> ObservationPublisher:
    kafka = KafkaSettings(bootstrap_servers=site.bootstrap_servers, topic_prefix=site.prefix)
    return ObservationPublisher(kafka)


def lose(publisher: ObservationPublisher, site: Site, numbers: range) -> None:
    """Tell of gaps as a live source does: seven lines each, then a mark."""
    for number in numbers:
        gap = Gap(
            source="ingest-0",
            node="jupyterhub/hub",
            signal="log",
            since=AT + timedelta(seconds=number),
            until=AT + timedelta(seconds=number + 1),
            lost=7,
            reason="rate-limited",
            what="hub",
        )
        publisher.again(observations(site.prefix, "log"), gap.node.encode(), canonical(gap))
    publisher.mark(Mark(source="ingest-0", time=AT, feeds=FEEDS, counts=LIVE))
    publisher.flush()


def told(site: Site, *arguments: str) -> Any:  # noqa: ANN401 - whatever the command says
    done = site.command(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def logs_of_hub(site: Site) -> dict[str, Any]:
    (hub,) = told(site, "coverage", "--node", "jupyterhub/hub")["nodes"]
    signals: dict[str, dict[str, Any]] = hub["signals"]
    return signals["log"]


def test_gaps_are_counted_once_through_kills_and_disturb_no_sum(
    site: Site, outage: Path, publisher: ObservationPublisher
) -> None:
    workers = {role: site.start(role) for role in ("detect", "correlate", "index")}
    site.ready("detect")
    site.replay(str(outage))
    for round_ in range(3):
        lose(publisher, site, range(100 * round_, 100 * round_ + 100))
        children.kill(workers["detect"])
        workers["detect"] = site.start("detect")
    until(lambda: logs_of_hub(site)["lost"] >= 2_100, within_s=60, what="all gaps")

    (gaps,) = logs_of_hub(site)["gaps"]
    assert (gaps["gaps"], gaps["lost"]) == (300, 2_100)
    assert [(each["since"], each["gaps"]) for each in gaps["stretches"]] == [
        ("2026-03-02T10:05:00Z", 300)
    ]
    accounts = told(site, "accounting")
    assert accounts["reconciles"]
    assert accounts["gaps"] == {"rate-limited": {"gaps": 300, "lost": 2_100, "uncounted": 0}}


def test_a_recording_of_some_signals_leaves_the_others_blind(site: Site, outage: Path) -> None:
    site.run()
    site.replay(str(outage))

    report = told(site, "coverage")
    blind = {(spot["node"], spot["signal"]) for spot in report["blind"]}

    assert ("infrastructure/quota", "metric") in blind
    assert ("jupyterhub/hub", "log") not in blind
    assert not [node for node in report["nodes"] if "{" in node["node"]]
    metrics = site.command("coverage", "--openmetrics").stdout
    families = {family.name: family for family in text_string_to_metric_families(metrics)}
    counted = {
        (sample.labels["node"], sample.labels["signal"])
        for sample in families["aftershock_coverage_blind"].samples
    }
    assert counted == blind
