"""A running container: the program's view of the world, and the world's hold on the program."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import simpy

from pipeline.simulate.cluster.machine import Machine
from pipeline.simulate.cluster.model import ContainerSpec, Stop
from pipeline.simulate.cluster.storage import Storage
from pipeline.simulate.kernel import Kernel, Steps

_KILLED = 128
SIGKILL = 9


@dataclass(frozen=True, slots=True)
class Place:
    """Where a container runs."""

    namespace: str
    pod: str
    pod_uid: str
    ip: str
    machine: Machine
    storage: Storage


class Container:
    """One run of a container (``model.Runtime``); started again, it is another."""

    def __init__(
        self,
        kernel: Kernel,
        place: Place,
        spec: ContainerSpec,
        *,
        restarts: int,
        out_of_memory: Callable[["Container"], bool],
    ) -> None:
        self.spec = spec
        self.place = place
        self.restarts = restarts
        self.started_s = kernel.now
        self.ended = False
        self.oom_kills = 0
        """Processes of it that the machine's kernel has killed at the memory limit."""
        self.reason = "Completed"
        """Why it ended, as its state says."""
        self.done = kernel.env.event()
        """Fires when it has ended, with the exit code; never when its machine is lost."""
        self._kernel = kernel
        self._out_of_memory = out_of_memory
        self._memory = 24.0 * 1024**2
        self._cores = 0.0
        self._seconds = 0.0
        self._counted_s = kernel.now
        self._shown = self._shown_of = 0.0
        self._threads: dict[simpy.Process, None] = {}
        self._main = kernel.start(self._run())
        self._main.callbacks.append(_excuse)

    # What the program sees.

    @property
    def namespace(self) -> str:
        """Namespace of the pod."""
        return self.place.namespace

    @property
    def pod(self) -> str:
        """Name of the pod."""
        return self.place.pod

    @property
    def pod_uid(self) -> str:
        """Identifier of the pod."""
        return self.place.pod_uid

    @property
    def container(self) -> str:
        """Name of the container."""
        return self.spec.name

    @property
    def machine(self) -> str:
        """Name of the machine."""
        return self.place.machine.name

    @property
    def ip(self) -> str:
        """Address of the pod."""
        return self.place.ip

    @property
    def memory_bytes(self) -> float:
        """Working set. Beyond the limit the kernel of the machine kills."""
        return self._memory

    @memory_bytes.setter
    def memory_bytes(self, amount: float) -> None:
        self._memory = max(0.0, amount)
        limit = self.spec.memory_limit
        if limit is None or self._memory <= limit or self.ended:
            return
        self._memory = limit
        if not self._out_of_memory(self):
            self.stop(9, "OOMKilled")

    @property
    def cpu_cores(self) -> float:
        """Cores in use."""
        return self._cores

    @cpu_cores.setter
    def cpu_cores(self, cores: float) -> None:
        self.cpu_seconds()
        limit = self.spec.cpu_limit
        self._cores = cores if limit is None else min(cores, limit)

    def cpu_seconds(self) -> float:
        """Return the processor time that it has taken so far."""
        now = self._kernel.now
        self._seconds += self._cores * (now - self._counted_s)
        self._counted_s = now
        return self._seconds

    def shown_cpu_seconds(self, stir: float) -> float:
        """Return its counter of processor time, which no load makes grow quite evenly.

        Args:
            stir: By which factor it has grown since the last look, against the mean.
        """
        seconds = self.cpu_seconds()
        self._shown += (seconds - self._shown_of) * stir
        self._shown_of = seconds
        return self._shown

    def log(self, text: str) -> None:
        """Print; several lines are several records."""
        if not self.ended:
            self._kernel.recorder.log(self._kernel.time, self, text)

    def start(self, steps: Steps) -> simpy.Process:
        """Let a thread of the program run; it ends with the container."""
        process = self._kernel.start(_thread(steps))
        callbacks = process.callbacks
        if callbacks is not None:
            callbacks.append(_excuse)
            callbacks.append(lambda _event: self._threads.pop(process, None))
            self._threads[process] = None
        return process

    def claim_error(self, claim: str) -> str | None:
        """Return what writing to a mounted claim fails with, or None."""
        found = self.place.storage.find(self.place.namespace, claim)
        return "No such file or directory" if found is None else found.error()

    def slowness(self) -> float:
        """Return by which factor work takes longer on its machine now."""
        return self.place.machine.overloaded

    # What the machine does.

    def stop(self, signal: int, reason: str) -> None:
        """Send a signal: 15 is the program's to heed, 9 ends it at once."""
        if self.ended:
            return
        if self._is_speaking():
            self._kernel.start(self._stop_later(signal, reason))
        else:
            self._stop(Stop(_signal(signal), reason))

    def vanish(self) -> None:
        """End without a word to anybody: the machine is gone."""
        self._end(None, Stop(9, "NodeLost"))

    def _is_speaking(self) -> bool:
        active = self._kernel.env.active_process
        return active is not None and (active is self._main or active in self._threads)

    def _stop_later(self, signal: int, reason: str) -> Steps:
        yield self._kernel.wait(0)
        self._stop(Stop(_signal(signal), reason))

    def _stop(self, stop: Stop) -> None:
        if self.ended:
            return
        self.reason = stop.reason
        if stop.signal == SIGKILL:
            self._end(_KILLED + stop.signal, stop)
        elif self._main.is_alive:
            self._main.interrupt(stop)

    def _run(self) -> Steps:
        try:
            code = yield from self.spec.program(self)
        except simpy.Interrupt as interrupt:
            stop = interrupt.cause
            code = _KILLED + (stop.signal if isinstance(stop, Stop) else 15)
        if not self.ended:
            code = code if isinstance(code, int) else 0
            if self.reason in {"Completed", "Error"}:
                self.reason = "Error" if code else "Completed"
            self._end(code, Stop(15, self.reason))

    def _end(self, code: int | None, stop: Stop) -> None:
        if self.ended:
            return
        self.cpu_cores = 0.0
        self.ended = True
        active = self._kernel.env.active_process
        for process in (self._main, *self._threads):
            if process.is_alive and process is not active:
                process.interrupt(stop)
        if code is not None:
            self.done.succeed(code)


def _thread(steps: Steps) -> Steps:
    try:
        return (yield from steps)
    except simpy.Interrupt as interrupt:
        if not isinstance(interrupt.cause, Stop):
            raise
    return None


def _excuse(event: simpy.Event) -> None:
    """A process that was stopped before it took its first step has not failed."""
    if not event.ok and isinstance(event.value, simpy.Interrupt):
        event.defused = True


def _signal(number: int) -> Literal[15, 9]:
    return 9 if number == SIGKILL else 15
