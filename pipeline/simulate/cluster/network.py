"""The pod network."""

from dataclasses import dataclass, field

from pipeline.simulate.cluster.machine import Machine


@dataclass(slots=True)
class Network:
    """Gives pods their addresses, and carries what they say."""

    sandboxes_fail: bool = False
    """Knob. No pod is connected any more; those that are stay so."""
    cut: dict[str, None] = field(default_factory=dict)
    """Knob. Machines whose pods nobody reaches."""
    _used: dict[str, None] = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)

    def carries(self, machine: str) -> bool:
        """Return whether pods on a machine can be reached."""
        return machine not in self.cut

    def connect(self, machine: Machine) -> str:
        """Return an address for a pod on a machine; old ones come round again."""
        while True:
            last = self._last[machine.name] = self._last.get(machine.name, 5) + 1
            subnet = 2 * (machine.number // 4) + (last // 240) % 2
            address = f"10.{128 + machine.number % 4}.{subnet}.{10 + last % 240}"
            if address not in self._used:
                self._used[address] = None
                return address

    def disconnect(self, address: str) -> None:
        """Take an address back."""
        self._used.pop(address, None)
