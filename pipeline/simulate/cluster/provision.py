"""Binding new claims to new volumes."""

from dataclasses import dataclass

from pipeline.simulate.cluster.scheduler import Scheduler
from pipeline.simulate.cluster.site import Site
from pipeline.simulate.cluster.storage import Claim
from pipeline.simulate.kernel import Steps
from pipeline.simulate.recorder import About

_TIMEOUT_S = 150.0


@dataclass(frozen=True, slots=True)
class Provisioner:
    """The controllers that have a backend make volumes."""

    site: Site
    scheduler: Scheduler

    def create(self, namespace: str, name: str, size: float, backend: str) -> Claim:
        """Create a claim; it is bound in a while.

        Raises:
            ApiError: there is one of that name (409).
        """
        claim = self.site.storage.create(namespace, name, size, backend)
        self.site.kernel.start(self._provision(claim))
        return claim

    def _provision(self, claim: Claim) -> Steps:
        chance = self.site.chance("provision", claim.uid)
        place = f"{claim.namespace}/{claim.name}"
        yield from self.site.gate.passed(chance.uniform(0.02, 0.1))
        self._tell(
            claim,
            "ExternalProvisioning",
            "waiting for a volume to be created, either by external provisioner "
            f'"{claim.backend.driver}" or manually created by system administrator',
        )
        told = f'External provisioner is provisioning volume for claim "{place}"'
        back_off = 1.0
        while True:
            self._tell(claim, "Provisioning", told)
            takes = chance.uniform(0.6, 1.6) * claim.backend.slow
            if takes < _TIMEOUT_S and not claim.backend.broken:
                break
            yield self.site.kernel.wait(_TIMEOUT_S)
            failed = f'failed to provision volume with StorageClass "{claim.backend.name}": rpc '
            failed += "error: code = DeadlineExceeded desc = context deadline exceeded"
            self._tell(claim, "ProvisioningFailed", failed, warning=True)
            yield self.site.kernel.wait(back_off)
            back_off = min(300.0, 2 * back_off)
        yield self.site.kernel.wait(takes)
        yield from self.site.gate.passed()
        claim.bound = True
        self._tell(
            claim, "ProvisioningSucceeded", f"Successfully provisioned volume {claim.volume}"
        )
        self.scheduler.reconsider()

    def _tell(self, claim: Claim, reason: str, message: str, *, warning: bool = False) -> None:
        about = About("PersistentVolumeClaim", claim.namespace, claim.name, claim.uid)
        self.site.events.tell(about, reason, message, warning=warning)
