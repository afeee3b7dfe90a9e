"""What a namespace may use, and how it is refused more."""

from dataclasses import dataclass, field

from pipeline.simulate.cluster.model import GIB, MIB, ApiError, PodSpec

Amounts = dict[str, float]
"""By resource: cores, bytes, numbers."""


@dataclass(slots=True)
class Quota:
    """The resource quota of a namespace."""

    namespace: str
    name: str = "default"
    """Knob: the object's name, which the refusal says."""
    hard: Amounts = field(default_factory=dict)
    """Knob: bounds of ``limits.cpu``, ``limits.memory``, ``requests.cpu``, ``requests.memory``
    and ``pods``; others are unbounded."""
    used: Amounts = field(default_factory=dict)

    def admit(self, spec: PodSpec) -> None:
        """Count a new pod.

        Raises:
            ApiError: it is beyond the quota (403); nothing has been counted.
        """
        needs = needs_of(spec)
        over = [
            resource
            for resource in sorted(self.hard)
            if self.used.get(resource, 0) + needs.get(resource, 0) > self.hard[resource] + 1e-9
            and needs.get(resource, 0) > 0
        ]
        if over:
            raise ApiError(403, "Forbidden", self._refusal(spec.name, needs, over))
        for resource, amount in needs.items():
            self.used[resource] = self.used.get(resource, 0) + amount

    def release(self, spec: PodSpec) -> None:
        """Count a pod no longer: it is gone, or has ended for good."""
        for resource, amount in needs_of(spec).items():
            self.used[resource] = max(0.0, self.used.get(resource, 0) - amount)

    def _refusal(self, name: str, needs: Amounts, over: list[str]) -> str:
        def told(amounts: Amounts) -> str:
            return ",".join(f"{one}={quantity(one, amounts.get(one, 0))}" for one in over)

        return (
            f'pods "{name}" is forbidden: exceeded quota: {self.name}, requested: {told(needs)}, '
            f"used: {told(self.used)}, limited: {told(self.hard)}"
        )


def needs_of(spec: PodSpec) -> Amounts:
    """Return what a pod counts for. A limit that is not set is that of the request."""
    working = [container for container in spec.containers if not container.init]
    return {
        "limits.cpu": sum(one.cpu_limit or one.cpu_request for one in working),
        "limits.memory": sum(one.memory_limit or one.memory_request for one in working),
        "requests.cpu": sum(one.cpu_request for one in working),
        "requests.memory": sum(one.memory_request for one in working),
        "pods": 1,
    }


def quantity(resource: str, amount: float) -> str:
    """Return an amount as Kubernetes writes it: ``250m``, ``3``, ``512Mi``, ``4Gi``."""
    if resource.endswith("memory"):
        whole = round(amount / MIB)
        return f"{whole * MIB // GIB}Gi" if whole % 1024 == 0 and whole else f"{whole}Mi"
    thousandths = round(amount * 1000)
    return str(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"
