"""The platform's own pods: API servers, etcd, the image registry; and its operators."""

from collections.abc import Callable
from datetime import datetime

from pipeline.simulate.cluster.model import MIB, ContainerSpec, DeploymentSpec, Runtime
from pipeline.simulate.cluster.operators import Operators
from pipeline.simulate.cluster.site import Site
from pipeline.simulate.kernel import Steps

_SLOW_S = 0.4
"""From here on API servers and etcd write of slow requests."""
_VERY_SLOW_S = 5.0
"""From here on their operators say that they are degraded."""
_COMPLAINS = 0.6
"""Share of slow requests whose clients do not wait for the answer."""


def deploy_platform(
    site: Site, deploy: Callable[[DeploymentSpec], None], operators: Operators
) -> None:
    """Have the platform's pods run, and its operators look after them."""
    specs = (
        ("kube-apiserver", "openshift-kube-apiserver", _api_server(site), 1900 * MIB),
        ("etcd", "openshift-etcd", _etcd(site), 1100 * MIB),
    )
    for name, namespace, program, memory in specs:
        image = f"quay.io/openshift-release-dev/ocp-v4.0-art-dev:{name}"
        container = ContainerSpec(name, image, program, memory_request=memory, cpu_request=0.3)
        labels = {"app": name}
        deploy(DeploymentSpec(name, namespace, (container,), kind="Static", labels=labels))
    registry = ContainerSpec(
        "registry", "quay.io/openshift-release-dev/ocp-v4.0-art-dev:registry", _registry(site)
    )
    deploy(
        DeploymentSpec(
            "image-registry",
            "openshift-image-registry",
            (registry,),
            kind="Deployment",
            replicas=2,
            labels={"docker-registry": "default"},
        )
    )
    operators.add("etcd", lambda: _slow(site, "EtcdMembersDegraded: etcd is slow to answer"))
    operators.add("kube-apiserver", lambda: _slow(site, "NodeInstallerDegraded: timed out"))
    operators.add("storage", lambda: _storage_trouble(site))
    operators.add("network", lambda: _network_trouble(site))


def klog(level: str, time: datetime, where: str, text: str) -> str:
    """Return a line as Kubernetes' own programs write it."""
    return f"{level}{time:%m%d %H:%M:%S.%f}       1 {where}] {text}"


def _api_server(site: Site) -> Callable[[Runtime], Steps]:
    def program(runtime: Runtime) -> Steps:
        chance = site.chance("kube-apiserver", runtime.machine)
        runtime.memory_bytes, runtime.cpu_cores = 1800 * MIB, 0.5
        while True:
            yield site.kernel.wait(chance.expovariate(1 / 40))
            delay = site.gate.delay_s * chance.lognormvariate(0, 0.3)
            if site.gate.down:
                continue
            if delay > _SLOW_S:
                runtime.log(_trace(site, delay, chance.getrandbits(30)))
            if delay > 3 * _SLOW_S and chance.random() < _COMPLAINS:
                told = (
                    "apiserver received an error that is not an metav1.Status: "
                    '&errors.errorString{s:"context canceled"}'
                )
                runtime.log(klog("E", site.kernel.time, "status.go:71", told))
                told = "apiserver was unable to write a JSON response: http: Handler timeout"
                runtime.log(klog("E", site.kernel.time, "writers.go:117", told))

    return program


def _trace(site: Site, delay: float, number: int) -> str:
    time = site.kernel.time
    took = round(delay * 1000)
    told = (
        f'Trace[{number}]: "List etcd3" key:/pods/opf-jupyterhub,resourceVersion:,limit:500,'
        f"continue: ({time:%d-%b-%Y %H:%M:%S}.000) (total time: {took}ms):\n"
        f"Trace[{number}]: [{delay:.9f}s] [{delay:.9f}s] END"
    )
    return klog("I", time, "trace.go:205", told)


def _etcd(site: Site) -> Callable[[Runtime], Steps]:
    def program(runtime: Runtime) -> Steps:
        chance = site.chance("etcd", runtime.machine)
        runtime.memory_bytes, runtime.cpu_cores = 1000 * MIB, 0.3
        while True:
            yield site.kernel.wait(chance.expovariate(1 / 30))
            delay = site.gate.delay_s * chance.lognormvariate(0, 0.3)
            if delay > _SLOW_S and not site.gate.down:
                runtime.log(
                    f"{site.kernel.time:%Y-%m-%d %H:%M:%S.%f} W | etcdserver: read-only range "
                    'request "key:\\"/kubernetes.io/pods/opf-jupyterhub/\\" range_end:'
                    '\\"/kubernetes.io/pods/opf-jupyterhub0\\" " with result "range_response_'
                    f'count:{chance.randrange(40, 160)}" took too long ({delay:.9f}s) to execute'
                )

    return program


def _registry(site: Site) -> Callable[[Runtime], Steps]:
    def program(runtime: Runtime) -> Steps:
        chance = site.chance("image-registry", runtime.pod)
        runtime.memory_bytes, runtime.cpu_cores = 90 * MIB, 0.02
        while True:
            yield site.kernel.wait(chance.expovariate(1 / 300))
            time = site.kernel.time
            runtime.log(
                f'time="{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond * 1000:09d}Z" level=info '
                "msg=response go.version=go1.13.15 http.request.method=GET "
                "http.request.uri=/healthz http.response.status=200"
            )

    return program


def _slow(site: Site, trouble: str) -> str | None:
    return trouble if site.gate.delay_s > _VERY_SLOW_S else None


def _storage_trouble(site: Site) -> str | None:
    broken = [one.name for one in site.storage.backends.values() if one.broken]
    return f"CephClusterDegraded: {', '.join(broken)} does not answer" if broken else None


def _network_trouble(site: Site) -> str | None:
    if not site.network.sandboxes_fail:
        return None
    return (
        'RolloutHung: DaemonSet "openshift-ovn-kubernetes/ovnkube-node" rollout is not making '
        "progress"
    )
