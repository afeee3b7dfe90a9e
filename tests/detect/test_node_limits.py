"""A signature may hold at nodes of some forms only."""

import pytest

from detect_laws import at, closed_to
from pipeline.detect.load_pack import load_pack
from pipeline.detect.pack import SignaturePack
from pipeline.detect.registry import NodeDetectors
from pipeline.records import Log

LINE = "psycopg2.OperationalError: server closed the connection unexpectedly"


def told_at(detectors: NodeDetectors, node: str, message: str) -> list[str]:
    detector = detectors.at("log", node)
    facts = detector.new_facts()
    detector.apply(facts, [Log(time=at(0), message=message)], closed_to(0))
    return [symptom.signature for symptom in detector.revisions(facts, node, closed_to(0))]


@pytest.fixture(scope="module")
def shipped() -> NodeDetectors:
    return NodeDetectors(load_pack("jupyterhub", {"instance": "lab"}))


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ("lab/hub", ["database-connection-lost"]),
        ("elsewhere", ["database-connection-lost"]),
        ("lab/user/alice", []),  # her own program, and her own database
        ("other/user/alice", ["database-connection-lost"]),
    ],
)
def test_the_database_is_not_blamed_in_users_logs(
    shipped: NodeDetectors, node: str, told: list[str]
) -> None:
    assert told_at(shipped, node, LINE) == told


def test_nodes_of_one_form_share_their_detector(shipped: NodeDetectors) -> None:
    alice, bob = (shipped.at("log", f"lab/user/{name}") for name in ("alice", "bob"))
    assert alice is bob
    assert alice is not shipped.at("log", "lab/hub")


def test_a_form_is_the_whole_node() -> None:
    signature = {
        "id": "a",
        "signal": "log",
        "title": "t",
        "any_of": ["boom"],
        "at": ["lab/user/{user}"],
        "not_at": ["lab/user/root"],
        "examples": ["boom"],
    }
    pack = SignaturePack.model_validate({"pack": "p", "version": 1, "signatures": [signature]})
    detectors = NodeDetectors(pack)
    nodes = ["lab/user/eve", "lab/user/root", "lab/user", "a/lab/user/eve"]
    assert [told_at(detectors, node, "boom") for node in nodes] == [["a"], [], [], []]
