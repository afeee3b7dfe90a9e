"""A simulated cluster: its parts, and what the world around may ask of it and do to it."""

from collections.abc import Mapping, Sequence

from pipeline.simulate.cluster.container import Container
from pipeline.simulate.cluster.controllers import Controllers
from pipeline.simulate.cluster.eviction import EvictionManager
from pipeline.simulate.cluster.exporters import expose_cluster
from pipeline.simulate.cluster.kubelet import Kubelet
from pipeline.simulate.cluster.machine import DEFAULT_MACHINES, Machine
from pipeline.simulate.cluster.model import ContainerSpec, DeploymentSpec, PodSpec, PodView
from pipeline.simulate.cluster.network import Network
from pipeline.simulate.cluster.nodes import NodeController
from pipeline.simulate.cluster.operators import Operators
from pipeline.simulate.cluster.platform import deploy_platform
from pipeline.simulate.cluster.prometheus import Prometheus
from pipeline.simulate.cluster.quota import Quota
from pipeline.simulate.cluster.registry import Registry
from pipeline.simulate.cluster.scheduler import Scheduler
from pipeline.simulate.cluster.server import ApiServer
from pipeline.simulate.cluster.site import Site
from pipeline.simulate.cluster.storage import Storage
from pipeline.simulate.kernel import Kernel


class Cluster:
    """Masters and workers, and all that runs on them.

    Deploy and place what already runs before time begins; ``api`` is how programs ask for more.
    """

    def __init__(self, kernel: Kernel, *, machines: Sequence[str] = DEFAULT_MACHINES) -> None:
        self._site = site = Site(kernel, machines)
        self._kubelet = Kubelet(site)
        self._scheduler = Scheduler(site, self._kubelet)
        self._api = ApiServer(site, self._scheduler, self._kubelet)
        self._controllers = Controllers(site, self._api, self._scheduler, self._kubelet)
        self._nodes = NodeController(site, self._kubelet)
        self._eviction = EvictionManager(site, self._kubelet)
        self._prometheus = Prometheus(kernel, site.pods)
        self._operators = Operators(site)
        expose_cluster(site, self._prometheus, self._controllers, self._api.requests)
        self._prometheus.add_collector("operators", self._operators.collect)
        deploy_platform(site, self.deploy, self._operators)

    @property
    def api(self) -> ApiServer:
        """The API server.

        Knobs: ``down``, ``delay_s``, ``throttled``, ``silent_watches``; and ``tokens`` says whom
        a token belongs to.
        """
        return self._api

    @property
    def machines(self) -> Mapping[str, Machine]:
        """All machines by name; they are lost and come back by ``lose`` and ``recover``."""
        return self._site.machines

    @property
    def storage(self) -> Storage:
        """Claims and the backends behind them."""
        return self._site.storage

    @property
    def registry(self) -> Registry:
        """Where images are pulled from."""
        return self._site.registry

    @property
    def network(self) -> Network:
        """The pod network."""
        return self._site.network

    @property
    def scheduler(self) -> Scheduler:
        """Where pods are given their machines."""
        return self._scheduler

    @property
    def prometheus(self) -> Prometheus:
        """What scrapes; add targets."""
        return self._prometheus

    @property
    def operators(self) -> Operators:
        """The cluster operators; add one for a part of the platform."""
        return self._operators

    def count_oom_kills(self, *, on: bool) -> None:
        """Have the kubelets count whom the kernel kills for want of memory, as newer ones do."""
        self._site.counts_oom_kills = on

    def quota(self, namespace: str) -> Quota:
        """Return the quota of a namespace (of no bounds, unless some are set)."""
        return self._site.quota(namespace)

    def deploy(self, spec: DeploymentSpec) -> None:
        """Have a controller keep pods from now on."""
        self._controllers.deploy(spec)

    def rollout(
        self, namespace: str, name: str, containers: tuple[ContainerSpec, ...] | None = None
    ) -> None:
        """Begin the next revision of a deployment, with other containers or the same.

        Raises:
            KeyError: there is no such deployment.
        """
        self._controllers.rollout(namespace, name, containers)

    def place(self, spec: PodSpec) -> PodView:
        """Have a pod that already runs: no events, its programs start now.

        Its claims must be there (``storage.provide``).
        """
        pod = self._api.new_pod(spec)
        self._site.pods.add(pod)
        self._kubelet.adopt(pod, self._scheduler.choose(pod))
        return pod.view

    def pod(self, namespace: str, name: str) -> PodView | None:
        """Return a pod as it is now, or None."""
        pod = self._site.pods.get(namespace, name)
        return None if pod is None else pod.view

    def container(self, namespace: str, pod: str, name: str) -> Container | None:
        """Return a container that runs now, or None."""
        found = self._site.pods.get(namespace, pod)
        return None if found is None else found.running.get(name)

    def ready_pods(self, namespace: str, labels: Mapping[str, str]) -> list[PodView]:
        """Return the pods behind a service: ready, and with all of these labels."""
        return [
            pod.view
            for pod in self._site.pods.selected(namespace, labels)
            if pod.view.ready and not pod.terminating
        ]

    def reachable(self, ip: str) -> bool:
        """Return whether something at a pod's address can answer a connection at all.

        So it is when the pod runs, its machine is there, and the network carries. The program may
        still not listen.
        """
        pod = self._site.pods.at(ip)
        if pod is None or not pod.running or pod.machine is None:
            return False
        return not pod.machine.lost and self._site.network.carries(pod.machine.name)

    def kill(
        self, namespace: str, pod: str, container: str, *, signal: int = 9, reason: str = "Error"
    ) -> None:
        """Kill a container's program from outside; its restart policy says what follows.

        Nothing happens when it does not run.
        """
        found = self.container(namespace, pod, container)
        if found is not None:
            found.stop(signal, reason)

    def evict(self, namespace: str, pod: str, message: str) -> None:
        """Have the kubelet evict a pod: it ends, and is ``Failed`` for good."""
        found = self._site.pods.get(namespace, pod)
        if found is not None:
            self._kubelet.evict(found, message)

    def cordon(self, machine: str, *, on: bool = True) -> None:
        """Have the scheduler pass a machine by, or no more."""
        found = self._site.machines[machine]
        if found.cordoned == on:
            return
        found.cordoned = on
        reason = "NodeNotSchedulable" if on else "NodeSchedulable"
        told = f"Node {machine} status is now: {reason}"
        self._site.tell_machine(found, reason, told)
        if not on:
            self._scheduler.reconsider()

    def pods_on(self, machine: str) -> list[PodView]:
        """Return the pods that are bound to a machine."""
        return [pod.view for pod in self._site.pods.on(self._site.machines[machine])]

    def lose(self, machine: str) -> None:
        """Have a machine lose its power: nothing that runs there is heard of again."""
        self._nodes.lose(self._site.machines[machine])

    def recover(self, machine: str) -> None:
        """Have a lost machine boot: what the API still wants there starts again."""
        self._nodes.recover(self._site.machines[machine])
