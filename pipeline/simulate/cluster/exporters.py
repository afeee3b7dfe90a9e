"""What the cluster tells of itself in metrics: kube-state-metrics, kubelets, machines, the API."""

from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from pipeline.simulate.cluster.controllers import Controllers
from pipeline.simulate.cluster.machine import Machine
from pipeline.simulate.cluster.pod import Pod, Slot
from pipeline.simulate.cluster.prometheus import Prometheus
from pipeline.simulate.cluster.requests import Requests
from pipeline.simulate.cluster.site import Site

Labels = dict[str, str]
_SCRAPE_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class KubeState:
    """kube-state-metrics: how objects stand, as the API tells of them."""

    site: Site
    controllers: Controllers
    _conditions: dict[str, tuple[Labels, ...]] = field(default_factory=dict)

    def collect(self, time: datetime) -> None:
        """Take down how all objects stand."""
        for pod in self.site.pods:
            self._pod(time, pod)
        for machine in self.site.machines.values():
            self._machine(time, machine)
        self._quotas(time)
        self._deployments(time)

    def _pod(self, time: datetime, pod: Pod) -> None:
        record, labels = self.site.kernel.recorder.sample, pod.labels
        view = pod.view
        ready = {**labels, "condition": "true"}
        record(time, "kube_pod_status_ready", int(view.ready), ready)
        record(time, "kube_pod_status_phase", 1, {**labels, "phase": view.phase})
        if pod.unschedulable:
            record(time, "kube_pod_status_unschedulable", 1, labels)
        if pod.terminating:
            record(time, "kube_pod_deletion_timestamp", int(time.timestamp()) - 1, labels)
        if pod.failed:
            record(time, "kube_pod_status_reason", 1, {**labels, "reason": pod.failed})
        for slot in pod.slots.values():
            self._container(time, pod, slot)

    def _container(self, time: datetime, pod: Pod, slot: Slot) -> None:
        record, labels = self.site.kernel.recorder.sample, slot.labels
        if slot.spec.init:
            running = slot.spec.name in pod.running
            if running or slot.waiting:
                record(time, "kube_pod_init_container_status_running", int(running), labels)
            return
        begin = "kube_pod_container_status_"
        record(time, f"{begin}restarts_total", slot.restarts, labels, counter=True)
        if slot.spec.memory_limit is not None:
            limit = {**labels, "resource": "memory"}
            record(time, "kube_pod_container_resource_limits", slot.spec.memory_limit, limit)
        reasons = {
            "waiting_reason": slot.waiting,
            "terminated_reason": slot.exit_reason,
            "last_terminated_reason": slot.last_reason,
        }
        for name, reason in reasons.items():
            if reason is not None:
                record(time, f"{begin}{name}", 1, {**labels, "reason": reason})

    def _machine(self, time: datetime, machine: Machine) -> None:
        record = self.site.kernel.recorder.sample
        labels = self._conditions.get(machine.name)
        if labels is None:
            names = ("Ready", "MemoryPressure", "DiskPressure")
            labels = self._conditions[machine.name] = tuple(
                {"node": machine.name, "condition": name, "status": "true"} for name in names
            )
        values = (machine.ready, machine.memory_pressure, machine.disk_pressure)
        for one, value in zip(labels, values, strict=True):
            record(time, "kube_node_status_condition", int(value), one)
        if machine.cordoned:
            record(time, "kube_node_spec_unschedulable", 1, {"node": machine.name})

    def _quotas(self, time: datetime) -> None:
        record = self.site.kernel.recorder.sample
        for quota in self.site.quotas():
            for resource, hard in quota.hard.items():
                labels = {"namespace": quota.namespace, "resourcequota": quota.name}
                labels |= {"resource": resource}
                record(time, "kube_resourcequota", hard, {**labels, "type": "hard"})
                used = round(quota.used.get(resource, 0.0), 6)
                record(time, "kube_resourcequota", used, {**labels, "type": "used"})

    def _deployments(self, time: datetime) -> None:
        record = self.site.kernel.recorder.sample
        for kept in self.controllers:
            labels = {"namespace": kept.spec.namespace}
            available = self.controllers.available(kept)
            if kept.spec.kind == "DeploymentConfig":
                labels["deploymentconfig"] = kept.spec.name
                name = "openshift_deploymentconfig_status_replicas_available"
                record(time, name, available, labels)
            elif kept.spec.kind == "Deployment":
                labels["deployment"] = kept.spec.name
                record(time, "kube_deployment_status_replicas_available", available, labels)


@dataclass(slots=True)
class MachineMetrics:
    """The kubelet of a machine (with cAdvisor), and its node exporter."""

    site: Site
    machine: Machine
    chance: Random

    def kubelet(self, time: datetime) -> None:
        """Take down what containers use and how full volumes are."""
        record, name = self.site.kernel.recorder.sample, self.machine.name
        up = {"job": "kubelet", "node": name, "instance": f"{self.machine.address}:10250"}
        record(time, "up", int(not self.machine.lost), up)
        if self.machine.lost:
            return
        for pod in self.site.pods.on(self.machine):
            self._containers(time, pod)
            if pod.running:
                self._volumes(time, pod)

    def node_exporter(self, time: datetime) -> None:
        """Take down load and memory of the machine."""
        record, machine = self.site.kernel.recorder.sample, self.machine
        labels = {"job": "node-exporter", "instance": f"{machine.name}:9100"}
        record(time, "up", int(not machine.lost), labels)
        if machine.lost:
            return
        cores = used = 0.0
        for pod in self.site.pods.on(machine):
            for container in pod.running.values():
                cores += container.cpu_cores
                used += container.memory_bytes
        load = (1.2 + cores) * self.chance.uniform(0.85, 1.2)
        load += (machine.overloaded - 1) * machine.cpu * 0.4 * self.chance.uniform(0.9, 1.1)
        free = max(0.0, machine.memory - machine.foreign_memory - used)
        record(time, "node_load1", round(load, 2), labels)
        record(time, "node_memory_MemAvailable_bytes", int(free), labels)

    def _containers(self, time: datetime, pod: Pod) -> None:
        record, uniform = self.site.kernel.recorder.sample, self.chance.uniform
        for name, container in pod.running.items():
            labels = {**pod.slots[name].labels, "node": self.machine.name}
            memory = int(container.memory_bytes * uniform(0.99, 1.0))
            record(time, "container_memory_working_set_bytes", memory, labels)
            seconds = round(container.shown_cpu_seconds(uniform(0.8, 1.2)), 3)
            record(time, "container_cpu_usage_seconds_total", seconds, labels, counter=True)
            if self.site.counts_oom_kills:  # gone with the container, so only those it outlives
                kills = container.oom_kills
                record(time, "container_oom_events_total", kills, labels, counter=True)

    def _volumes(self, time: datetime, pod: Pod) -> None:
        record = self.site.kernel.recorder.sample
        for name in pod.spec.claims:
            claim = self.site.storage.claim(pod.spec.namespace, name)
            if claim.backend.broken:
                continue  # the kubelet's call for the numbers hangs
            labels = {"namespace": claim.namespace, "persistentvolumeclaim": name}
            labels["node"] = self.machine.name
            used = int(claim.used)
            record(time, "kubelet_volume_stats_used_bytes", used, labels)
            record(time, "kubelet_volume_stats_capacity_bytes", int(claim.size), labels)
            record(time, "kubelet_volume_stats_available_bytes", int(claim.size) - used, labels)


@dataclass(slots=True)
class ApiMetrics:
    """The API servers of the masters."""

    site: Site
    requests: Requests
    interval_s: float

    def collect(self, time: datetime) -> None:
        """Take down whether each answers, and what the first has answered."""
        record, gate = self.site.kernel.recorder.sample, self.site.gate
        base = {"job": "apiserver", "namespace": "default", "service": "kubernetes"}
        self.requests.others(self.interval_s / 60)
        first = True
        for machine in self.site.machines.values():
            if not machine.master:
                continue
            labels = {**base, "instance": f"{machine.address}:6443"}
            up = not (gate.down or machine.lost or gate.delay_s > _SCRAPE_TIMEOUT_S)
            record(time, "up", int(up), labels)
            if first and up:
                for name, own, value, counter in self.requests.expose():
                    record(time, name, value, {**labels, **own}, counter=counter)
                first = False


def expose_cluster(
    site: Site, prometheus: Prometheus, controllers: Controllers, requests: Requests
) -> None:
    """Have the cluster's own metrics scraped."""
    prometheus.add_collector("kube-state-metrics", KubeState(site, controllers).collect)
    for machine in site.machines.values():
        one = MachineMetrics(site, machine, site.kernel.chance("metrics", machine.name))
        prometheus.add_collector("kubelet", one.kubelet)
        prometheus.add_collector("node-exporter", one.node_exporter)
    api = ApiMetrics(site, requests, prometheus.interval_s)
    prometheus.add_collector("apiserver", api.collect)
