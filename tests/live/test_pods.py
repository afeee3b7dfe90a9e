"""What a pod object says, also where it says little."""

from datetime import UTC, datetime

import pytest

from pipeline.ingest.cluster import Unusable
from pipeline.live.logs.pods import pod_of

META = {"namespace": "ns", "name": "p", "uid": "u", "creationTimestamp": "2026-03-02T10:00:00Z"}


def status(**state: object) -> dict[str, object]:
    return {"containerStatuses": [{"name": "main", "restartCount": 2, **state}]}


def test_a_pod_that_has_just_been_made_runs_nowhere() -> None:
    pod = pod_of({"metadata": META})
    assert (pod.key, pod.cluster_node, pod.containers, pod.ended) == ("ns/p/u", None, (), False)


@pytest.mark.parametrize(
    ("state", "started", "running"),
    [
        ({"state": {"waiting": {"reason": "ContainerCreating"}}}, False, False),
        ({"state": {"running": {"startedAt": "2026-03-02T10:00:05Z"}}}, True, True),
        ({"state": {"terminated": {"exitCode": 1}}}, True, False),
        ({"state": {"waiting": {}}, "lastState": {"terminated": {"exitCode": 1}}}, True, False),
        ({"state": None, "lastState": None}, False, False),
    ],
)
def test_a_container_has_a_log_once_it_has_run(
    state: dict[str, object], *, started: bool, running: bool
) -> None:
    (container,) = pod_of({"metadata": META, "status": status(**state)}).containers
    assert (container.started, container.running, container.restarts) == (started, running, 2)


@pytest.mark.parametrize("where", ["state", "lastState"])
def test_it_is_known_when_a_container_ended_unless_it_runs(where: str) -> None:
    over = {"terminated": {"exitCode": 1, "finishedAt": "2026-03-02T10:00:05Z"}}
    (container,) = pod_of({"metadata": META, "status": status(**{where: over})}).containers
    assert container.finished == datetime(2026, 3, 2, 10, 0, 5, tzinfo=UTC)
    again = status(**{where: over, "state": {"running": {}}})
    assert pod_of({"metadata": META, "status": again}).containers[0].finished is None


def test_init_containers_come_first_and_claims_are_sorted() -> None:
    volumes = [{"persistentVolumeClaim": {"claimName": name}} for name in "ba"] + [{"emptyDir": {}}]
    raw = {"initContainerStatuses": [{"name": "wait"}], **status()}
    pod = pod_of({"metadata": META, "spec": {"volumes": volumes}, "status": raw})
    assert [container.name for container in pod.containers] == ["wait", "main"]
    assert pod.claims == ("a", "b")


@pytest.mark.parametrize("lost", list(META))
def test_a_pod_without_an_identity_is_unusable(lost: str) -> None:
    with pytest.raises(Unusable):
        pod_of({"metadata": {name: value for name, value in META.items() if name != lost}})
