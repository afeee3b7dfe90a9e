"""Pulling images, and backing off from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from pipeline.simulate.cluster.machine import Machine
from pipeline.simulate.cluster.model import MIB
from pipeline.simulate.cluster.pod import Pod, Slot
from pipeline.simulate.cluster.site import Site
from pipeline.simulate.kernel import Steps

LONGEST_BACK_OFF_S = 300.0
_PORTION_S = 10.0
"""A pull looks so often how fast the registry is now."""


@dataclass(frozen=True, slots=True)
class Puller:
    """Gets the image of a container to its machine."""

    site: Site

    def fetch(self, pod: Pod, slot: Slot, chance: Random) -> Steps:
        """Wait until the image is there; for good, when it never comes."""
        image = slot.spec.image
        machine = machine_of(pod)
        for back_off in back_offs():
            if image in machine.images and not always_pulled(image):
                told = f'Container image "{image}" already present on machine'
                self.site.tell(pod, "Pulled", told)
                return
            self.site.tell(pod, "Pulling", f'Pulling image "{image}"')
            begun = self.site.kernel.now
            failure = yield from self._pull(machine, image, chance)
            if failure is None:
                took = duration(self.site.kernel.now - begun)
                self.site.tell(pod, "Pulled", f'Successfully pulled image "{image}" in {took}')
                return
            self._failed(pod, slot, failure)
            yield from self._back_off(pod, slot, back_off, chance)

    def _pull(self, machine: Machine, image: str, chance: Random) -> Steps:
        kernel, registry = self.site.kernel, self.site.registry
        with machine.pulls.request() as turn:
            yield turn
            yield kernel.wait(chance.uniform(0.2, 0.9))
            failure = registry.refusal(image)
            if failure is not None:
                if "timeout" in failure:
                    yield kernel.wait(30.0)
                return failure
            left = 0.0 if image in machine.images else registry.size(image)
            while left > 0:
                rate = max(0.01 * MIB, registry.bytes_per_s / machine.overloaded)
                portion = min(_PORTION_S, left / rate)
                yield kernel.wait(portion)
                left -= portion * rate
                if left > 1 and registry.down:
                    return "rpc error: code = Unknown desc = error copying blob: unexpected EOF"
        machine.images[image] = registry.size(image)
        return None

    def _failed(self, pod: Pod, slot: Slot, failure: str) -> None:
        image = slot.spec.image
        self.site.tell(pod, "Failed", f'Failed to pull image "{image}": {failure}', warning=True)
        self.site.tell(pod, "Failed", "Error: ErrImagePull", warning=True)
        slot.waiting = "ErrImagePull"
        self.site.pods.changed(pod)

    def _back_off(self, pod: Pod, slot: Slot, seconds: float, chance: Random) -> Steps:
        """Wait; whenever the kubelet looks at the pod meanwhile, it says why nothing happens."""
        left = seconds + chance.uniform(0.1, 2.5)
        look = chance.uniform(1.0, 4.0)
        while left > look:
            yield self.site.kernel.wait(look)
            left -= look
            self.site.tell(pod, "BackOff", f'Back-off pulling image "{slot.spec.image}"')
            self.site.tell(pod, "Failed", "Error: ImagePullBackOff", warning=True)
            if slot.waiting != "ImagePullBackOff":
                slot.waiting = "ImagePullBackOff"
                self.site.pods.changed(pod)
            look = chance.uniform(11.0, 16.0)
        yield self.site.kernel.wait(left)


def always_pulled(image: str) -> bool:
    """Return whether the kubelet asks the registry at each start.

    So it does where no tag is given, or ``latest``.
    """
    name = image.rpartition("/")[2]
    return ":" not in name or name.endswith(":latest")


def back_offs() -> Iterator[float]:
    """Yield how long the kubelet waits after each failure: 10 s, doubling to 300 s."""
    seconds = 10.0
    while True:
        yield seconds
        seconds = min(LONGEST_BACK_OFF_S, 2 * seconds)


def duration(seconds: float) -> str:
    """Return a duration as Go prints it: ``1m35.204s``, ``812.5ms``."""
    if seconds < 1:
        return f"{seconds * 1000:.6f}".rstrip("0").rstrip(".") + "ms"
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{rest:.9f}".rstrip("0").rstrip(".") + "s"
    text = f"{minutes}m{text}" if minutes or hours else text
    return f"{hours}h{text}" if hours else text


def machine_of(pod: Pod) -> Machine:
    """Return the machine that a pod is bound to.

    Raises:
        ValueError: it is bound to none yet.
    """
    if pod.machine is None:
        raise ValueError(f"pod {pod.spec.name} is on no machine yet")
    return pod.machine
