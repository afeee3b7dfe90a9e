"""Kubelets: from a pod that has been given a machine to one that is gone."""

from random import Random

import simpy

from pipeline.simulate.cluster.container import Container, Place
from pipeline.simulate.cluster.machine import Machine
from pipeline.simulate.cluster.pod import Pod, Slot
from pipeline.simulate.cluster.probes import Prober
from pipeline.simulate.cluster.pulling import LONGEST_BACK_OFF_S, Puller, machine_of
from pipeline.simulate.cluster.sandbox import ContainerRuntime
from pipeline.simulate.cluster.site import Site
from pipeline.simulate.cluster.volumes import Volumes
from pipeline.simulate.kernel import Steps

_FORGIVEN_AFTER_S = 600.0
"""A container that has run so long begins anew with its back-off."""


class Kubelet:
    """The kubelets of all machines."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._puller = Puller(site)
        self._runtime = ContainerRuntime(site)
        self._volumes = Volumes(site)
        self._prober = Prober(site)

    def bind(self, pod: Pod, machine: Machine) -> None:
        """Run a pod that the scheduler has given to a machine."""
        pod.machine, pod.unschedulable = machine, False
        self._site.pods.changed(pod)
        self._see_to(pod, self._pod(pod))

    def adopt(self, pod: Pod, machine: Machine) -> None:
        """Have a pod that runs already, ready and without a word."""
        pod.machine = machine
        pod.ip = self._site.network.connect(machine)
        self._volumes.at_once(pod)
        for slot in pod.slots.values():
            machine.images[slot.spec.image] = self._site.registry.size(slot.spec.image)
            slot.waiting = None
            if slot.spec.init:
                slot.exit_code, slot.exit_reason = 0, "Completed"
        for slot in pod.main_slots:
            container = self._started(pod, slot, at_once=True)
            self._see_to(pod, self._run(pod, slot, container))
        self._site.pods.changed(pod)

    def terminate(self, pod: Pod) -> None:
        """End a pod that has been deleted, and forget it."""
        if pod.terminating or pod.gone:
            return
        pod.terminating = True
        self._site.pods.changed(pod)
        if pod.machine is None:
            self._forget(pod)
        elif not pod.machine.lost:
            self._site.kernel.start(self._terminate(pod))

    def evict(self, pod: Pod, message: str) -> None:
        """End a pod for want of something on its machine; it stays, as failed."""
        if pod.terminating or pod.failed or pod.machine is None or pod.machine.lost:
            return
        pod.failed = "Evicted"
        self._site.tell(pod, "Evicted", message, warning=True)
        self._release_quota(pod)
        self._site.pods.changed(pod)
        self._site.kernel.start(self._evict(pod))

    def lose(self, machine: Machine) -> None:
        """Have a machine go without a word."""
        machine.lost = True
        for pod in self._site.pods.on(machine):
            _interrupt(pod)
            for container in tuple(pod.running.values()):
                container.vanish()
            pod.running.clear()

    def boot(self, machine: Machine) -> None:
        """Have a machine that was lost run what the API still wants there."""
        machine.lost = False
        for pod in self._site.pods.on(machine):
            if pod.terminating:
                self._forget(pod)
            elif not (pod.failed or pod.done):
                self._again_after_boot(pod)

    # A pod.

    def _pod(self, pod: Pod) -> Steps:
        chance = self._site.chance("pod", pod.uid)
        yield from self._site.gate.passed(chance.uniform(0.05, 0.4))
        yield from self._volumes.ready(pod, chance)
        yield from self._runtime.sandbox(pod, chance)
        for slot in pod.init_slots:
            yield from self._run(pod, slot, None)
            if pod.done:
                return
        for slot in pod.main_slots:
            slot.waiting = "ContainerCreating"
            self._see_to(pod, self._run(pod, slot, None))

    def _terminate(self, pod: Pod) -> Steps:
        chance = self._site.chance("terminate", pod.uid)
        yield from self._site.gate.passed(chance.uniform(0.02, 0.3))
        yield from self._stop(pod, chance)
        machine = machine_of(pod)
        yield self._site.kernel.wait(chance.uniform(0.3, 1.2) * machine.runtime_slowness)
        yield from self._site.gate.passed()
        if not machine.lost:
            self._forget(pod)

    def _evict(self, pod: Pod) -> Steps:
        chance = self._site.chance("evict", pod.uid)
        yield from self._stop(pod, chance)
        self._site.pods.unlink(pod)
        self._volumes.release(pod, chance)

    def _stop(self, pod: Pod, chance: Random) -> Steps:
        """Stop all containers: kindly, then not."""
        kernel = self._site.kernel
        _interrupt(pod)
        running = tuple(pod.running.values())
        for container in running:
            self._site.tell(pod, "Killing", f"Stopping container {container.spec.name}")
        slowness = machine_of(pod).runtime_slowness
        yield kernel.wait(chance.uniform(0.02, 0.2) * min(slowness, 100.0))
        for container in running:
            container.stop(15, "Completed")
        ended = simpy.AllOf(kernel.env, [container.done for container in running])
        yield ended | kernel.wait(pod.spec.grace_s)
        for container in running:
            if not container.done.triggered and not container.ended:
                container.stop(9, "Error")
            if container.done.triggered:
                self._ended(pod, pod.slots[container.spec.name], container)
        self._site.pods.changed(pod)

    def _forget(self, pod: Pod) -> None:
        if pod.gone:
            return
        self._release_quota(pod)
        self._site.pods.remove(pod)
        if pod.ip is not None:
            self._site.network.disconnect(pod.ip)
        if pod.machine is not None:
            self._volumes.release(pod, self._site.chance("detach", pod.uid))

    def _release_quota(self, pod: Pod) -> None:
        if pod.counted:
            pod.counted = False
            self._site.quota(pod.spec.namespace).release(pod.spec)

    def _again_after_boot(self, pod: Pod) -> None:
        self._site.pods.unlink(pod)
        if pod.ip is not None:
            self._site.network.disconnect(pod.ip)
        pod.unreachable, pod.ip = False, None
        for slot in pod.slots.values():
            slot.ready = False
            if slot.waiting is None:
                slot.waiting = "ContainerCreating"
                slot.restarts += 1
                slot.last_reason = "Error"
                slot.exit_code = slot.exit_reason = None
        message = "Pod sandbox changed, it will be killed and re-created."
        self._site.tell(pod, "SandboxChanged", message)
        self._site.pods.changed(pod)
        self._see_to(pod, self._pod(pod))

    # A container.

    def _run(self, pod: Pod, slot: Slot, container: Container | None) -> Steps:
        """Run a container as often as its restart policy wants it."""
        chance = self._site.chance("container", pod.uid, slot.spec.name)
        while True:
            if container is None:
                yield from self._puller.fetch(pod, slot, chance)
                yield from self._runtime.create(pod, slot, chance)
                container = self._started(pod, slot, at_once=False)
            if not container.done.triggered:
                yield container.done
            self._ended(pod, slot, container)
            if not self._wants_again(pod, slot):
                self._see_whether_done(pod)
                return
            self._site.pods.changed(pod)
            yield from self._back_off(pod, slot, container, chance)
            container = None

    def _started(self, pod: Pod, slot: Slot, *, at_once: bool) -> Container:
        spec, site = pod.spec, self._site
        place = Place(
            spec.namespace, spec.name, pod.uid, pod.ip or "", machine_of(pod), site.storage
        )
        if not at_once:
            site.tell(pod, "Created", f"Created container {slot.spec.name}")
            site.tell(pod, "Started", f"Started container {slot.spec.name}")
        slot.waiting = slot.exit_code = slot.exit_reason = None
        container = Container(
            site.kernel,
            place,
            slot.spec,
            restarts=slot.restarts,
            out_of_memory=lambda one: self._out_of_memory(pod, one),
        )
        pod.running[slot.spec.name] = container
        pod.started = pod.started or not slot.spec.init
        if not slot.spec.init:
            self._prober.attend(pod, slot, container, at_once=at_once)
        site.pods.changed(pod)
        return container

    def _ended(self, pod: Pod, slot: Slot, container: Container) -> None:
        slot.exit_code = container.done.value
        slot.exit_reason, slot.ready = container.reason, False
        if pod.running.get(slot.spec.name) is container:
            del pod.running[slot.spec.name]

    def _wants_again(self, pod: Pod, slot: Slot) -> bool:
        if slot.spec.init:
            return slot.exit_code != 0 and pod.spec.restart != "Never"
        return pod.spec.restart == "Always" or (
            pod.spec.restart == "OnFailure" and slot.exit_code != 0
        )

    def _see_whether_done(self, pod: Pod) -> None:
        codes = [slot.exit_code for slot in pod.main_slots]
        broken = any(slot.exit_code not in {0, None} for slot in pod.init_slots)
        if broken or all(code is not None for code in codes):
            pod.done = True
            self._release_quota(pod)
            self._volumes.release(pod, self._site.chance("detach", pod.uid))
        self._site.pods.changed(pod)

    def _back_off(self, pod: Pod, slot: Slot, container: Container, chance: Random) -> Steps:
        """Wait before a container is started again: at once, then 10 s, doubling to 300 s."""
        kernel = self._site.kernel
        if kernel.now - container.started_s >= _FORGIVEN_AFTER_S:
            slot.back_off_s = 0.0
        left = slot.back_off_s + chance.uniform(0.3, 2.0)
        if slot.back_off_s:
            slot.waiting = "CrashLoopBackOff"
            self._site.pods.changed(pod)
        slot.back_off_s = min(LONGEST_BACK_OFF_S, max(10.0, 2 * slot.back_off_s))
        look = chance.uniform(0.5, 1.5)
        while slot.waiting and left > look:
            yield kernel.wait(look)
            left -= look
            text = "Back-off restarting failed container"
            self._site.tell(pod, "BackOff", text, warning=True)
            look = chance.uniform(11.0, 16.0)
        yield kernel.wait(left)
        slot.last_reason = slot.exit_reason
        slot.restarts += 1

    def _out_of_memory(self, pod: Pod, container: Container) -> bool:
        """Have the machine's kernel kill the largest process.

        Returns whether it was a child of the program, which lives on.
        """
        container.oom_kills += 1
        anonymous = int(container.memory_bytes / 1024)
        child = container.spec.on_oom
        number = 1000 + int(pod.uid[:4], 16) % 60000
        message = (
            f"Memory cgroup out of memory: Killed process {number} (python3) "
            f"total-vm:{anonymous * 3}kB, anon-rss:{anonymous}kB, file-rss:0kB, shmem-rss:0kB, "
            f"UID:1000620000 pgtables:{anonymous // 300}kB oom_score_adj:985"
        )
        self._site.tell_machine(machine_of(pod), "OOMKilling", message, warning=True)
        return child is not None and child(container)

    def _see_to(self, pod: Pod, steps: Steps) -> simpy.Process:
        process = self._site.kernel.start(_until_interrupted(steps))
        callbacks = process.callbacks
        if callbacks is not None:
            callbacks.append(_excuse)
        pod.keepers = [one for one in pod.keepers if one.is_alive]
        pod.keepers.append(process)
        return process


def _interrupt(pod: Pod) -> None:
    for process in pod.keepers:
        if process.is_alive:
            process.interrupt()
    pod.keepers = []


def _until_interrupted(steps: Steps) -> Steps:
    try:
        yield from steps
    except simpy.Interrupt:
        return


def _excuse(event: simpy.Event) -> None:
    if not event.ok and isinstance(event.value, simpy.Interrupt):
        event.defused = True
