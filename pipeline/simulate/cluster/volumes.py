"""Attaching and mounting volumes, for which a pod waits before anything else."""

from dataclasses import dataclass
from random import Random

from pipeline.simulate.cluster.pod import Pod
from pipeline.simulate.cluster.pulling import machine_of
from pipeline.simulate.cluster.site import Site
from pipeline.simulate.cluster.storage import Claim
from pipeline.simulate.kernel import Steps

_PATIENCE_S = 123.0
"""So long the kubelet waits for volumes before it says so; and again."""
_MOUNT_TIMEOUT_S = 120.0
_LOOK_S = 10.0


@dataclass(frozen=True, slots=True)
class Volumes:
    """Brings volumes to machines and takes them away."""

    site: Site

    def ready(self, pod: Pod, chance: Random) -> Steps:
        """Wait until all claims of a pod are mounted; for good, when one never is."""
        for name in pod.spec.claims:
            claim = self.site.storage.claim(pod.spec.namespace, name)
            waits = _Waits(self.site, pod, claim, self.site.kernel.now + _PATIENCE_S)
            yield from self._attach(pod, claim, waits, chance)
            yield from self._mount(pod, claim, waits, chance)

    def at_once(self, pod: Pod) -> None:
        """Have the claims of a pod that already runs attached."""
        for name in pod.spec.claims:
            claim = self.site.storage.claim(pod.spec.namespace, name)
            claim.attached = machine_of(pod).name

    def release(self, pod: Pod, chance: Random) -> None:
        """Detach what nobody on the machine uses any more: in a while."""
        for name in pod.spec.claims:
            claim = self.site.storage.find(pod.spec.namespace, name)
            if claim is not None and claim.attached is not None:
                wait = chance.uniform(1.0, 6.0) * claim.backend.slow
                self.site.kernel.start(self._detach(claim, wait))

    def _detach(self, claim: Claim, wait_s: float) -> Steps:
        yield self.site.kernel.wait(wait_s)
        yield from self.site.gate.passed()
        if not any(
            pod.machine is not None and pod.machine.name == claim.attached
            for pod in self._users(claim)
        ):
            claim.attached = None

    def _users(self, claim: Claim) -> list[Pod]:
        return [
            pod
            for pod in self.site.pods.within(claim.namespace)
            if claim.name in pod.spec.claims and not (pod.failed or pod.done)
        ]

    def _attach(self, pod: Pod, claim: Claim, waits: "_Waits", chance: Random) -> Steps:
        machine = machine_of(pod).name
        told = False
        while claim.attached not in {None, machine}:
            if not told:
                self.site.tell(pod, "FailedAttachVolume", self._refusal(pod, claim), warning=True)
            told = True
            yield from waits.wait(_LOOK_S)
        if claim.attached is None:
            claim.attached = machine
            yield from self.site.gate.passed()
            yield from waits.wait(chance.uniform(0.4, 2.0) * claim.backend.slow)
            message = f'AttachVolume.Attach succeeded for volume "{claim.volume}" '
            self.site.tell(pod, "SuccessfulAttachVolume", message)

    def _refusal(self, pod: Pod, claim: Claim) -> str:
        others = [other.spec.name for other in self._users(claim) if other is not pod]
        begin = f'Multi-Attach error for volume "{claim.volume}" Volume is already '
        if others:
            return f"{begin}used by pod(s) {', '.join(others)}"
        return f"{begin}exclusively attached to one node and can't be attached to another"

    def _mount(self, pod: Pod, claim: Claim, waits: "_Waits", chance: Random) -> Steps:
        while True:
            takes = chance.uniform(0.3, 1.5) * claim.backend.slow
            if takes < _MOUNT_TIMEOUT_S and not claim.backend.broken:
                yield from waits.wait(takes)
                return
            yield from waits.wait(_MOUNT_TIMEOUT_S)
            message = (
                f'MountVolume.MountDevice failed for volume "{claim.volume}" : rpc error: '
                "code = DeadlineExceeded desc = context deadline exceeded"
            )
            self.site.tell(pod, "FailedMount", message, warning=True)
            yield from waits.wait(chance.uniform(1.0, 20.0))


@dataclass(slots=True)
class _Waits:
    """The kubelet's patience with a volume."""

    site: Site
    pod: Pod
    claim: Claim
    complains_s: float

    def wait(self, seconds: float) -> Steps:
        """Wait; whenever patience is at an end, the kubelet says what it waits for."""
        until = self.site.kernel.now + seconds
        while self.complains_s <= until:
            yield self.site.kernel.wait(self.complains_s - self.site.kernel.now)
            name = self.claim.name.removesuffix("-pvc")
            message = (
                f"Unable to attach or mount volumes: unmounted volumes=[{name}], unattached "
                f"volumes=[{name} default-token-{self.pod.uid[:5]}]: timed out waiting for the "
                "condition"
            )
            self.site.tell(self.pod, "FailedMount", message, warning=True)
            self.complains_s = self.site.kernel.now + _PATIENCE_S + 13
        yield self.site.kernel.wait(until - self.site.kernel.now)
