"""Cluster operators: the platform's own word on whether its parts are well."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from pipeline.simulate.cluster.site import Site
from pipeline.simulate.kernel import Steps
from pipeline.simulate.recorder import About

_LOOKS_EVERY_S = 60.0
_INERTIA_S = 120.0
"""What is not well for so long is degraded."""


@dataclass(slots=True)
class Operator:
    """One of them."""

    name: str
    namespace: str
    deployment: str
    check: Callable[[], str | None]
    """What is not well (``OAuthServerDeploymentDegraded: 1 of 3 requested instances are
    unavailable``), or None."""
    since_s: float | None = None
    degraded: bool = False


@dataclass(slots=True)
class Operators:
    """All of them."""

    site: Site
    _operators: list[Operator] = field(default_factory=list)

    def add(self, name: str, check: Callable[[], str | None]) -> None:
        """Have an operator look after a part of the platform.

        Args:
            name: Of the cluster operator: ``authentication``, ``etcd`` …
            check: What is not well now, in the operator's words; None: all is.
        """
        deployment = f"{name}-operator"
        operator = Operator(name, f"openshift-{deployment}", deployment, check)
        self._operators.append(operator)
        self.site.kernel.start(self._look(operator))

    def collect(self, time: datetime) -> None:
        """Take down the conditions of all operators."""
        record = self.site.kernel.recorder.sample
        for one in self._operators:
            labels = {"job": "cluster-version-operator", "name": one.name}
            degraded = {**labels, "condition": "Degraded"}
            record(time, "cluster_operator_conditions", int(one.degraded), degraded)

    def _look(self, operator: Operator) -> Steps:
        kernel = self.site.kernel
        yield kernel.wait(kernel.chance("operator", operator.name).uniform(0, _LOOKS_EVERY_S))
        while True:
            yield from self.site.gate.passed()
            trouble = operator.check()
            if trouble is None:
                operator.since_s = None
            elif operator.since_s is None:
                operator.since_s = kernel.now
            lasts = operator.since_s is not None and kernel.now - operator.since_s >= _INERTIA_S
            if lasts != operator.degraded:
                operator.degraded = lasts
                self._tell(operator, trouble or "")
            yield kernel.wait(_LOOKS_EVERY_S)

    def _tell(self, operator: Operator, trouble: str) -> None:
        was, now = str(not operator.degraded), str(operator.degraded)
        told = (
            f"Status for clusteroperator/{operator.name} changed: Degraded changed from {was} to "
            f'{now} ("{trouble}")'
        )
        digits = self.site.kernel.chance("object", operator.deployment).getrandbits(128)
        about = About("Deployment", operator.namespace, operator.deployment, f"{digits:032x}")
        self.site.events.tell(about, "OperatorStatusChanged", told)
