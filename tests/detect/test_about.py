"""A line about somebody names that server: those of one episode share what it says."""

from typing import Any

import pytest

from detect_laws import at, run
from pipeline.detect.detector import Detector
from pipeline.detect.usernames import in_pods
from pipeline.records import Log, Signal

Detectors = dict[Signal, Detector[Any]]
NEVER = "[W 2026-03-02 10:00:00.000 JupyterHub user:812] {}'s server never showed up at http://x/"
SHARED = [
    (["ann@lab.org"], {"ann-40lab-2eorg": 0.5, "ann-lab-org---ae22cab1": 0.5}),
    (["ann:gpu", "ann"], {"ann": 0.5, "ann--gpu": 0.25}),
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


IN_PODS = [
    ("ann", ["ann"]),
    ("mary-ann", ["mary-2dann", "mary-ann"]),
    ("ann:gpu", ["ann", "ann--gpu"]),
    ("Mary-Ann_ö9", ["-4dary-2d-41nn-5f-c3-b69", "mary-ann-9---4640e488"]),
    ("9lives", ["9lives", "x-9lives---bc867356"]),
    ("ö", ["-c3-b6", "x---6dbd11fd"]),
    ("a--b", ["a-2d-2db", "a-b---90827a2e"]),
    (49 * "x", [49 * "x", f"{37 * 'x'}---55bb9823"]),
]
"""As KubeSpawner 7.1.0 writes them."""


@pytest.mark.parametrize(("name", "written"), IN_PODS)
def test_a_name_is_written_as_either_scheme_of_kubespawner_does(
    name: str, written: list[str]
) -> None:
    assert list(in_pods(name)) == written
