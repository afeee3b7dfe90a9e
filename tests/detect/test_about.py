"""A line about somebody names that server: those of one episode share what it says."""

from typing import Any

import pytest

from detect_laws import at, run
from pipeline.detect.detector import Detector
from pipeline.detect.usernames import escaped
from pipeline.records import Log, Signal

Detectors = dict[Signal, Detector[Any]]
NEVER = "[W 2026-03-02 10:00:00.000 JupyterHub user:812] {}'s server never showed up at http://x/"
SHARED = [
    (["ann@lab.org"], {"ann-40lab-2eorg": 0.5}),
    (["ann:gpu", "ann"], {"ann": 0.5}),
    (["ann", "bob", "ann"], {"ann": 0.25, "bob": 0.25}),
    ([f"user{number}" for number in range(9)], {}),
]


@pytest.mark.parametrize(("names", "servers"), SHARED)
def test_users_whose_servers_fail_share_what_the_hub_says(
    by_signal: Detectors, names: list[str], servers: dict[str, float]
) -> None:
    lines = [Log(time=at(n), message=NEVER.format(name)) for n, name in enumerate(names)]
    for told in (lines, lines[::-1]):
        symptom = run(by_signal["log"], told).symptoms[-1]
        named = {i.node.removeprefix("jupyterhub/user/"): i.strength for i in symptom.implicates}
        assert (symptom.count, named) == (len(names), servers)


@pytest.mark.parametrize(
    "pod", ["jupyterhub-nb-ann-40lab", "my-hub-nb-ann-40lab", "jupyter-ann-40lab"]
)
def test_the_name_of_a_pod_says_whose_it_is(by_signal: Detectors, pod: str) -> None:
    line = (
        f"[E 2026-03-02 10:00:00.000 JupyterHub spawner:2100] pod/{pod} did not start in 9 seconds!"
    )
    symptom = run(by_signal["log"], [Log(time=at(0), message=line)]).symptoms[-1]
    assert symptom.implicates[0].node == "jupyterhub/user/ann-40lab"


def test_a_line_that_does_not_say_who_takes_its_share(by_signal: Detectors) -> None:
    failed = ["Unhandled error starting ann's server: no", "Error in spawn"]
    (symptom,) = [
        s
        for s in run(by_signal["log"], [Log(time=at(0), message=m) for m in failed]).symptoms
        if s.state == "closed"
    ]
    assert [(i.node, i.strength) for i in symptom.implicates] == [("jupyterhub/user/ann", 0.25)]


def test_what_a_pod_s_name_cannot_hold_is_escaped() -> None:
    assert escaped("Mary-Ann_ö9") == "-4dary-2d-41nn-5f-c3-b69"
