"""A rollout whose new pod fails while the older ones do well is named, with the numbers."""

from detect_laws import at
from pipeline.assembly import flow_of
from pipeline.flow import InProcess
from pipeline.records import FEEDS, Batch, Event, Incident, Log, Mark, Observation
from pipeline.settings import Settings

NODE = "jupyterhub/proxy"
OLDER = ("proxy-7f9c6-a", "proxy-7f9c6-b")
NEW = "proxy-5d4b8-x"
ROLLED_OUT_S = 1_200


def told(second: float, reason: str, message: str, pod: str | None = None) -> Event:
    kind, name = ("Deployment", "proxy") if pod is None else ("Pod", pod)
    kind = "ReplicaSet" if reason == "SuccessfulCreate" else kind
    return Event(time=at(second), kind=kind, name=name, reason=reason, message=message)


def rollout(*, in_trouble: tuple[str, ...]) -> list[Observation]:
    """Return 40 minutes of pods that write, one of them new, and what Kubernetes says of them."""
    seen: list[Observation] = [
        told(ROLLED_OUT_S, "ScalingReplicaSet", "Scaled up replica set proxy-5d4b8 to 1"),
        told(ROLLED_OUT_S + 1, "SuccessfulCreate", f"Created pod: {NEW}"),
    ]
    for second in range(0, 2_400, 20):
        writers = OLDER if second <= ROLLED_OUT_S else (*OLDER, NEW)
        seen += [Log(time=at(second), message="200 GET /", pod=pod) for pod in writers]
    for second in range(ROLLED_OUT_S + 30, 2_400, 40):
        message = "Back-off restarting failed container"
        seen += [told(second, "BackOff", message, pod) for pod in in_trouble]
    return sorted(seen, key=lambda each: each.time)


def incident(observations: list[Observation]) -> Incident:
    core = InProcess(flow_of(Settings.model_validate({"topology": "jupyterhub-openshift"})))
    for each in observations:
        core.run([Batch(source="s", node=NODE, observations=(each,))])
    core.run([Mark(source="s", time=at(100_000), feeds=tuple(FEEDS), final=True)])
    (found,) = core.latest.values()
    return found


def judged(found: Incident) -> str:
    reasons = found.causes[0].reasons
    return next(reason.text for reason in reasons if reason.code == "change-judged")


def test_a_new_pod_in_trouble_alone_points_to_the_rollout() -> None:
    assert judged(incident(rollout(in_trouble=(NEW,)))) == (
        "points to “rolled out or scaled” at jupyterhub/proxy: 1 of 1 new pods are in trouble;"
        " 0 of 2 older ones beside them (by chance: 0.33)"
    )


def test_trouble_of_older_pods_too_speaks_against_it() -> None:
    assert judged(incident(rollout(in_trouble=(NEW, *OLDER)))) == (
        "against “rolled out or scaled” at jupyterhub/proxy: 1 of 1 new pods are in trouble;"
        " 2 of 2 older ones beside them (by chance: 1.00)"
    )
