"""Controllers of DeploymentConfigs and Deployments: they keep pods, and roll out new ones."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.simulate.cluster.kubelet import Kubelet
from pipeline.simulate.cluster.model import (
    ApiError,
    ContainerSpec,
    DeploymentSpec,
    PodSpec,
    Runtime,
)
from pipeline.simulate.cluster.pod import Pod
from pipeline.simulate.cluster.scheduler import Scheduler
from pipeline.simulate.cluster.server import ApiServer
from pipeline.simulate.cluster.site import Listener, Site
from pipeline.simulate.kernel import Steps
from pipeline.simulate.recorder import About

_ACCEPT_S = 600.0
"""So long a rollout waits for its pods to become ready."""
_OWNERS = {
    "DeploymentConfig": "ReplicationController",
    "Deployment": "ReplicaSet",
    "Static": "Node",
}
"""What owns the pods, by the kind of the deployment."""
_DEPLOYER = "quay.io/openshift/origin-deployer:4.6"


@dataclass(slots=True, eq=False)
class Kept:
    """A deployment and how it stands."""

    spec: DeploymentSpec
    revision: int
    containers: dict[int, tuple[ContainerSpec, ...]]
    """By revision."""
    want: dict[int, int] = field(default_factory=dict)
    """How many pods of which revision."""
    syncing: bool = False
    rolling: bool = False


class Controllers(Listener):
    """Keeps what has been deployed."""

    def __init__(self, site: Site, api: ApiServer, scheduler: Scheduler, kubelet: Kubelet) -> None:
        self._site, self._api, self._scheduler, self._kubelet = site, api, scheduler, kubelet
        self._kept: dict[tuple[str, str], Kept] = {}
        self._owners: dict[tuple[str, str], Kept] = {}
        """By namespace and name of the replication controller or replica set."""
        site.pods.listeners.append(self)

    def __iter__(self) -> Iterator[Kept]:
        return iter(self._kept.values())

    def deploy(self, spec: DeploymentSpec) -> None:
        """Keep pods from now on."""
        kept = Kept(spec, spec.revision, {spec.revision: spec.containers})
        kept.want[spec.revision] = spec.replicas
        self._kept[spec.namespace, spec.name] = kept
        self._owners[spec.namespace, self._owner(kept, spec.revision)] = kept
        if spec.running:
            for pod_spec in self._first(kept):
                pod = self._api.new_pod(pod_spec)
                self._kubelet.adopt(pod, self._scheduler.choose(pod))
        else:
            self._sync_soon(kept)

    def rollout(
        self, namespace: str, name: str, containers: tuple[ContainerSpec, ...] | None
    ) -> None:
        """Begin the next revision.

        Raises:
            KeyError: there is no such deployment.
        """
        kept = self._kept[namespace, name]
        before = kept.revision
        kept.revision += 1
        kept.containers[kept.revision] = containers or kept.containers[before]
        kept.want[kept.revision] = 0
        self._owners[namespace, self._owner(kept, kept.revision)] = kept
        if kept.spec.kind == "DeploymentConfig":
            self._deployer(kept, before)
        else:
            self._site.kernel.start(self._replace(kept, before))

    def available(self, kept: Kept) -> int:
        """Return how many pods of a deployment are ready."""
        return sum(pod.view.ready for pod in self._pods(kept))

    def pod_changed(self, pod: Pod) -> None:
        """Replace a pod that is over."""
        owner = pod.spec.owner
        if owner is None or pod.active:
            return
        kept = self._owners.get((pod.spec.namespace, owner[1]))
        if kept is not None and kept.spec.kind != "Static":
            self._sync_soon(kept)

    # Keeping.

    def _first(self, kept: Kept) -> Iterator[PodSpec]:
        spec = kept.spec
        if spec.kind != "Static":
            for _ in range(spec.replicas):
                yield self._pod(kept, spec.revision, machine=spec.machine)
            return
        for machine in self._site.machines.values():
            if machine.master:
                yield self._pod(kept, spec.revision, machine=machine.name)

    def _sync_soon(self, kept: Kept) -> None:
        if not kept.syncing:
            kept.syncing = True
            self._site.kernel.start(self._sync(kept))

    def _sync(self, kept: Kept) -> Steps:
        """Create what is missing and delete what is too many, until all is as wanted."""
        back_off = 5.0
        chance = self._site.chance("sync", kept.spec.namespace, kept.spec.name)
        yield self._site.kernel.wait(chance.uniform(0.05, 0.4))
        while True:
            yield from self._site.gate.passed()
            try:
                self._sync_now(kept)
            except ApiError as error:
                about = self._about(kept, kept.revision)
                told = f"Error creating: {error.message}"
                self._site.events.tell(about, "FailedCreate", told, warning=True)
                yield self._site.kernel.wait(back_off)
                back_off = min(300.0, 2 * back_off)
            else:
                kept.syncing = False
                return

    def _sync_now(self, kept: Kept) -> None:
        for revision, want in kept.want.items():
            about = self._about(kept, revision)
            pods = [pod for pod in self._pods(kept, revision) if pod.active]
            for pod in pods[want:]:
                self._site.events.tell(about, "SuccessfulDelete", f"Deleted pod: {pod.spec.name}")
                self._kubelet.terminate(pod)
            for _ in range(want - len(pods)):
                created = self._api.submit(self._pod(kept, revision)).spec.name
                self._site.events.tell(about, "SuccessfulCreate", f"Created pod: {created}")

    def _pods(self, kept: Kept, revision: int | None = None) -> list[Pod]:
        revisions = kept.want if revision is None else (revision,)
        owners = {self._owner(kept, one) for one in revisions}
        return [
            pod
            for pod in self._site.pods.within(kept.spec.namespace)
            if pod.spec.owner is not None
            and pod.spec.owner[1] in owners
            and not pod.spec.name.endswith("-deploy")
        ]

    # Rolling out.

    def _deployer(self, kept: Kept, before: int) -> None:
        """Have a pod of its own roll out a DeploymentConfig: the old go before the new come."""
        spec, now = kept.spec, kept.revision

        def program(runtime: Runtime) -> Steps:
            yield self._site.kernel.wait(0.6 * runtime.slowness())
            runtime.log(f"--> Scaling {spec.name}-{before} down to zero")
            self._scale(kept, before, 0)
            while self._pods(kept, before):
                yield self._site.kernel.wait(1.0)
            runtime.log(f"--> Scaling {spec.name}-{now} to 1 before performing acceptance check")
            self._scale(kept, now, spec.replicas)
            if (yield from self._all_ready(kept, now)):
                runtime.log("--> Success")
                return 0
            rc = f"{spec.namespace}/{spec.name}-{now}"
            runtime.log(
                f"error: update acceptor rejected {spec.name}-{now}: pods for rc '{rc}' took "
                f"longer than {_ACCEPT_S:.0f} seconds to become available"
            )
            self._scale(kept, now, 0)
            self._scale(kept, before, spec.replicas)
            return 1

        told = f'Created new replication controller "{spec.name}-{now}" for version {now}'
        self._site.events.tell(self._about(kept, None), "DeploymentCreated", told)
        container = ContainerSpec("deployment", _DEPLOYER, program, cpu_request=0.01)
        pod = PodSpec(
            f"{spec.name}-{now}-deploy",
            spec.namespace,
            (container,),
            labels={"openshift.io/deployer-pod-for.name": f"{spec.name}-{now}"},
            restart="Never",
        )
        self._site.kernel.start(self._submitted(pod))

    def _submitted(self, spec: PodSpec) -> Steps:
        yield from self._site.gate.passed()
        self._api.submit(spec)

    def _replace(self, kept: Kept, before: int) -> Steps:
        """Roll out a Deployment: the new are ready before the old go."""
        yield from self._site.gate.passed()
        self._scale(kept, kept.revision, kept.spec.replicas)
        if (yield from self._all_ready(kept, kept.revision)):
            self._scale(kept, before, 0)

    def _all_ready(self, kept: Kept, revision: int) -> Steps:
        kernel = self._site.kernel
        until = kernel.now + _ACCEPT_S
        while kernel.now < until:
            ready = sum(pod.view.ready and pod.active for pod in self._pods(kept, revision))
            if ready >= kept.spec.replicas:
                return True
            yield kernel.wait(1.0)
        return False

    def _scale(self, kept: Kept, revision: int, want: int) -> None:
        had, kept.want[revision] = kept.want[revision], want
        name = self._owner(kept, revision)
        if kept.spec.kind == "DeploymentConfig":
            reason = "ReplicationControllerScaled"
            told = f'Scaled replication controller "{name}" from {had} to {want}'
        else:
            way = "up" if want > had else "down"
            reason, told = "ScalingReplicaSet", f"Scaled {way} replica set {name} to {want}"
        self._site.events.tell(self._about(kept, None), reason, told)
        self._sync_soon(kept)

    # Names.

    def _about(self, kept: Kept, revision: int | None) -> About:
        """Return the deployment as an object, or a revision of it."""
        spec = kept.spec
        kind: str = spec.kind
        name = spec.name
        if revision is not None:
            kind, name = _OWNERS[spec.kind], self._owner(kept, revision)
        digits = self._site.kernel.chance("object", kind, spec.namespace, name).getrandbits(128)
        return About(kind, spec.namespace, name, f"{digits:032x}")

    def _owner(self, kept: Kept, revision: int) -> str:
        spec = kept.spec
        if spec.kind == "DeploymentConfig":
            return f"{spec.name}-{revision}"
        if spec.kind == "Static":
            return f"static {spec.name}"
        digits = self._site.kernel.chance("template", spec.namespace, spec.name, str(revision))
        return f"{spec.name}-{digits.getrandbits(36):09x}"

    def _pod(self, kept: Kept, revision: int, machine: str | None = None) -> PodSpec:
        spec, owner = kept.spec, self._owner(kept, revision)
        if spec.kind == "Static":
            return self._spec_of(kept, revision, f"{spec.name}-{machine}", machine)
        name = f"{owner}-{self._site.letters(5, spec.namespace, owner)}"
        return self._spec_of(kept, revision, name, machine)

    def _spec_of(self, kept: Kept, revision: int, name: str, machine: str | None) -> PodSpec:
        spec, owner = kept.spec, self._owner(kept, revision)
        labels = dict(spec.labels)
        if spec.kind == "DeploymentConfig":
            labels |= {"deploymentconfig": spec.name, "deployment": owner}
        return PodSpec(
            name,
            spec.namespace,
            kept.containers[revision],
            labels=labels,
            claims=spec.claims,
            owner=(_OWNERS[spec.kind], owner),
            machine=machine,
            grace_s=spec.grace_s,
        )
