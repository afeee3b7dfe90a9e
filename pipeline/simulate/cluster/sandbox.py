"""What a container runtime does before a program runs: sandboxes, and creating containers."""

from dataclasses import dataclass
from random import Random

from pipeline.simulate.cluster.pod import Pod, Slot
from pipeline.simulate.cluster.pulling import machine_of
from pipeline.simulate.cluster.site import Site
from pipeline.simulate.kernel import Steps

_CREATE_TIMEOUT_S = 120.0
_SANDBOX_TIMEOUT_S = 240.0
_SANDBOX_SHARE = 0.15
"""Of a slow runtime's waits, so many are met by a sandbox: its image is always there."""
_NOTHING = 1e-9
_PORTION_S = 13.0
"""The kubelet asks again about so often."""


@dataclass(frozen=True, slots=True)
class ContainerRuntime:
    """The container runtime of every machine, as slow as the machine's load makes it."""

    site: Site

    def sandbox(self, pod: Pod, chance: Random) -> Steps:
        """Wait until a pod has its sandbox and an address; for good, when it never has."""
        machine = machine_of(pod)
        while not (yield from self._sandbox_made(pod, chance)):
            yield self.site.kernel.wait(chance.uniform(10.0, 15.0))
        pod.ip = self.site.network.connect(machine)
        self.site.tell(pod, "AddedInterface", f"Add eth0 [{pod.ip}/23]")
        self.site.pods.changed(pod)

    def create(self, pod: Pod, slot: Slot, chance: Random) -> Steps:
        """Wait until a container has been created.

        The runtime works on when the kubelet gives up on an answer, and says so when it is asked
        for the same container again.
        """
        kernel, machine = self.site.kernel, machine_of(pod)
        work = chance.uniform(0.25, 0.6)
        begun, late = kernel.now, False
        while work > 0:
            slowness = machine.runtime_slowness
            portion = min(work * slowness, _PORTION_S)
            yield kernel.wait(portion)
            work -= portion / slowness
            if work > _NOTHING and kernel.now - begun >= _CREATE_TIMEOUT_S:
                self._late(pod, slot, again=late)
                late = True

    def _late(self, pod: Pod, slot: Slot, *, again: bool) -> None:
        deadline = "context deadline exceeded"
        name = f"k8s_{slot.spec.name}_{pod.spec.name}_{pod.spec.namespace}_{pod.uid}"
        message = f"Error: {deadline}"
        if again:
            message = (
                "Error: Kubelet may be retrying requests that are timing out in CRI-O due to "
                f"system load: {deadline}: error reserving ctr name {name}_{slot.restarts} for id "
                f"{pod.uid.replace('-', '') * 2}: name is reserved"
            )
        self.site.tell(pod, "Failed", message, warning=True)
        slot.waiting = "CreateContainerError"
        self.site.pods.changed(pod)

    def _sandbox_made(self, pod: Pod, chance: Random) -> Steps:
        kernel, machine = self.site.kernel, machine_of(pod)
        begun = kernel.now
        if self.site.network.sandboxes_fail:
            yield kernel.wait(chance.uniform(20.5, 24.0))
            self._failed(pod, _no_annotation(pod, chance))
            return False
        work = chance.uniform(0.5, 1.4)
        while work > 0:
            slowness = max(1.0, machine.runtime_slowness * _SANDBOX_SHARE)
            portion = min(work * slowness, _PORTION_S)
            yield kernel.wait(portion)
            work -= portion / slowness
            if work > _NOTHING and kernel.now - begun >= _SANDBOX_TIMEOUT_S:
                self._failed(pod, "code = DeadlineExceeded desc = context deadline exceeded")
                return False
        return True

    def _failed(self, pod: Pod, why: str) -> None:
        message = f"Failed to create pod sandbox: rpc error: {why}"
        self.site.tell(pod, "FailedCreatePodSandBox", message, warning=True)


def _no_annotation(pod: Pod, chance: Random) -> str:
    """Return how the network plug-ins say that the network has no answer for a pod."""
    place = f"{pod.spec.namespace}/{pod.spec.name}"
    sandbox = f"{chance.getrandbits(256):064x}"
    name = f"k8s_{pod.spec.name}_{pod.spec.namespace}_{pod.uid}_0({sandbox})"
    return (
        f"code = Unknown desc = failed to create pod network sandbox {name}: Multus: [{place}]: "
        'error adding container to network "ovn-kubernetes": delegateAdd: error invoking '
        'DelegateAdd - "ovn-k8s-cni-overlay": error in getting result from AddNetwork: CNI '
        f"request failed with status 400: '[{place} {sandbox}] [{place} {sandbox}] failed to get "
        "pod annotation: timed out waiting for the condition\n'"
    )
