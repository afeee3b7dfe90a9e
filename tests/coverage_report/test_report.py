"""What the coverage report says of what came, what was lost and what never came."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from pipeline.coverage import Report, Rows, Seen, report_of
from pipeline.detect.coverage import MINUTE, Coverage, Losses, Stretch
from pipeline.detect.partition import NodeRow
from pipeline.detect.rows import packed
from pipeline.records import micros
from topology.load import load
from topology.model import Application, Edge, NodeTemplate
from topology.versions import Timeline

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)

APPLICATION = Application(
    name="shop",
    nodes=(
        NodeTemplate(id="shop/web", observed=("logs", "events")),
        NodeTemplate(id="shop/db", observed=("metrics",)),
        NodeTemplate(id="shop/user/{user}", observed=("logs", "metrics")),
        NodeTemplate(id="cloud", observed=()),
        NodeTemplate(id="disk/{name}", observed=("metrics",)),
    ),
    edges=(
        Edge(cause="shop/db", effect="shop/web"),
        Edge(cause="cloud", effect="shop/db"),
        Edge(cause="disk/{name}", effect="shop/user/{user}"),
        Edge(cause="disk/of-db", effect="shop/db"),
    ),
)


def row(
    node: str, signal: str, received: int = 1, coverage: Coverage | None = None
) -> tuple[bytes, bytes]:
    facts = NodeRow(
        node, 1, {"received": received}, msgspec.Raw(packed(Coverage())), coverage or Coverage()
    )
    return f"0|node|{signal}|{node}".encode(), packed(facts)


def watermark(high: int) -> tuple[bytes, bytes]:
    return b"0|partition", b'{"watermark": {"high": %d}}' % high


def report(*rows: tuple[bytes, bytes], versions: Sequence[Application] = (APPLICATION,)) -> Report:
    collected = Rows()
    for key, value in rows:
        collected.take(key, value)
    return report_of(collected, [Timeline.of(versions)], NOW)


def seen(told: Report, node: str, signal: str) -> Seen:
    (signals,) = [each.signals for each in told.nodes if each.id == node]
    (found,) = [each for each in signals if each.signal == signal]
    return found


def test_what_is_declared_and_never_came_is_a_blind_spot() -> None:
    told = report(row("shop/web", "log"), row("shop/db", "metric", received=0))
    assert told.blind_spots == [
        ("disk/of-db", "metric"),
        ("shop/db", "metric"),
        ("shop/web", "event"),
    ]


def test_of_a_family_every_instance_that_was_seen_is_looked_at() -> None:
    told = report(row("shop/user/ann", "log"), row("shop/user/bob", "metric"))
    users = [spot for spot in told.blind_spots if spot[0].startswith("shop/user")]
    assert users == [("shop/user/ann", "metric"), ("shop/user/bob", "log")]


def test_what_comes_without_being_declared_is_shown_and_fine() -> None:
    told = report(row("shop/db", "log"))
    assert not seen(told, "shop/db", "log").declared
    assert ("shop/db", "log") not in told.blind_spots


def test_a_node_of_no_application_is_shown_as_such() -> None:
    (stray,) = [node for node in report(row("stray", "log")).nodes if node.id == "stray"]
    assert stray.applications == ()


def test_a_node_that_cannot_be_seen_is_there_without_signals() -> None:
    (cloud,) = [node for node in report().nodes if node.id == "cloud"]
    assert cloud.signals == ()


@pytest.mark.parametrize(
    ("came", "dark"),
    [
        ([], {"shop/db → shop/web", "cloud → shop/db", "disk/{name} → shop/user/{user}"}),
        (["shop/db"], {"disk/{name} → shop/user/{user}"}),
        (["shop/user/ann", "shop/web"], {"cloud → shop/db"}),
    ],
)
def test_an_edge_is_dark_when_nothing_came_of_either_end(came: list[str], dark: set[str]) -> None:
    told = report(*[row(node, "log") for node in came])
    shown = {f"{edge.cause} → {edge.effect}" for edge in told.dark_edges}
    assert shown - {"disk/of-db → shop/db"} == dark


def test_silence_is_counted_up_to_the_watermark() -> None:
    late = Coverage(first=5, last=70)
    told = report(row("shop/web", "log", coverage=late), watermark(100), watermark(90))
    assert told.silent_us(seen(told, "shop/web", "log")) == 30
    assert told.silent_us(seen(told, "shop/web", "event")) is None


def test_gaps_that_touch_are_one_stretch_and_losses_add_up() -> None:
    recent = {n: Stretch(n * MINUTE, (n + 1) * MINUTE, 2, 10) for n in (1, 2, 5)}
    losses = {"rate-limited": Losses(recent, Stretch(0, 9, 3, 7, uncounted=1))}
    told = report(row("shop/web", "log", coverage=Coverage(1, 2, losses)))
    found = seen(told, "shop/web", "log")
    (missed,) = found.missed
    assert missed.stretches == (
        Stretch(MINUTE, 3 * MINUTE, 4, 20),
        Stretch(5 * MINUTE, 6 * MINUTE, 2, 10),
    )
    assert (found.lost, found.uncounted, missed.total.gaps) == (37, 1, 9)


def test_the_order_of_rows_does_not_matter() -> None:
    rows = [row(f"shop/user/{n}", signal) for n in range(9) for signal in ("log", "metric")]
    mixed = random.Random(1).sample(rows, len(rows))
    assert report(*mixed) == report(*rows)


def test_a_part_of_the_report_is_about_some_nodes_or_blind_spots_only() -> None:
    told = report(row("shop/user/ann", "log"), row("shop/web", "log"))
    assert [node.id for node in told.of_nodes("shop/*").nodes] == [
        "shop/db",
        "shop/user/ann",
        "shop/web",
    ]
    blind = told.of_blind()
    assert blind.blind_spots == told.blind_spots
    assert all(seen.blind for node in blind.nodes for seen in node.signals)


def test_of_a_shipped_application_all_nodes_without_variables_are_looked_for() -> None:
    told = report_of(Rows(), [Timeline.of([load("jupyterhub-openshift")])], NOW)
    nodes = {node.id for node in told.nodes}
    assert {"jupyterhub/hub", "jupyterhub/db", "infrastructure/volume/jupyterhub-db"} <= nodes
    assert not any("{" in node for node in nodes)


@pytest.mark.parametrize(
    ("at", "blind"), [(None, "old"), (NOW, "old"), (NOW + timedelta(hours=1), "new")]
)
def test_a_version_promises_nothing_before_its_time(at: datetime | None, blind: str) -> None:
    old = Application(name="shop", nodes=(NodeTemplate(id="old", observed=("logs",)),))
    new = Application(
        name="shop",
        valid_from=NOW + timedelta(hours=1),
        nodes=(NodeTemplate(id="new", observed=("logs",)),),
    )
    rows = [] if at is None else [watermark(micros(at))]
    assert report(*rows, versions=[new, old]).blind_spots == [(blind, "log")]
