"""Probes: the kubelet asks containers how they are."""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.simulate.cluster.container import Container
from pipeline.simulate.cluster.model import Probe
from pipeline.simulate.cluster.pod import Pod, Slot
from pipeline.simulate.cluster.site import Site
from pipeline.simulate.kernel import Steps


@dataclass(frozen=True, slots=True)
class Prober:
    """Runs the probes of containers; what follows is seen by whoever reads the pod's state."""

    site: Site

    def attend(self, pod: Pod, slot: Slot, container: Container, *, at_once: bool) -> None:
        """Probe a container that has just been started, until it ends.

        Args:
            pod: The pod.
            slot: The container's place in it.
            container: The run.
            at_once: It runs already when time begins, and is ready.
        """
        readiness, liveness = slot.spec.readiness, slot.spec.liveness
        slot.ready = readiness is None or at_once
        if readiness is not None:
            self.site.kernel.start(self._readiness(pod, slot, container, readiness))
        if liveness is not None:
            self.site.kernel.start(self._liveness(pod, slot, container, liveness))

    def _readiness(self, pod: Pod, slot: Slot, container: Container, probe: Probe) -> Steps:
        def told(failures: int) -> None:
            ready = failures == 0 or (slot.ready and failures < probe.failures)
            if ready != slot.ready:
                slot.ready = ready
                self.site.pods.changed(pod)

        yield from self._probe(pod, container, (probe, "Readiness"), told)

    def _liveness(self, pod: Pod, slot: Slot, container: Container, probe: Probe) -> Steps:
        def told(failures: int) -> None:
            if failures == probe.failures:
                name = slot.spec.name
                message = f"Container {name} failed liveness probe, will be restarted"
                self.site.tell(pod, "Killing", message)
                self.site.kernel.start(self._end(pod, container))

        yield from self._probe(pod, container, (probe, "Liveness"), told)

    def _end(self, pod: Pod, container: Container) -> Steps:
        container.stop(15, "Error")
        yield container.done | self.site.kernel.wait(pod.spec.grace_s)
        container.stop(9, "Error")

    def _probe(
        self, pod: Pod, container: Container, what: tuple[Probe, str], told: Callable[[int], None]
    ) -> Steps:
        """Probe each period, and tell how many probes in a row have failed."""
        kernel, (probe, kind) = self.site.kernel, what
        chance = self.site.chance("probe", kind, pod.uid)
        yield kernel.wait(probe.initial_s + chance.uniform(0.1, min(9.9, probe.period_s)))
        failures = 0
        while not (container.ended or pod.terminating):
            text = _asked(probe, container)
            failures = failures + 1 if text is not None else 0
            if text is not None:
                self.site.tell(pod, "Unhealthy", f"{kind} probe failed: {text}", warning=True)
            told(failures)
            yield kernel.wait(probe.period_s)


def _asked(probe: Probe, container: Container) -> str | None:
    """Return what a probe fails with now, or None."""
    if probe.work_s * container.slowness() > probe.timeout_s:
        return probe.late
    return probe.check()
