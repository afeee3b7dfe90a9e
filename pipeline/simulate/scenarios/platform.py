"""Interventions on the platform: API, quota, room, registry, network, storage; and machines.

Each lays hands on one mechanism of the cluster and takes them off again after a while; who is
harmed finds that out by itself (``Deployment.hit``).
"""

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import count

from pipeline.simulate.cluster.model import (
    GIB,
    MIB,
    ApiError,
    ApiRefusedError,
    ApiTimeoutError,
    ContainerSpec,
    PodSpec,
    Runtime,
)
from pipeline.simulate.jupyterhub.scene import HUB
from pipeline.simulate.kernel import Steps
from pipeline.simulate.scenarios.bustle import bustle
from pipeline.simulate.scenarios.machines import MACHINES
from pipeline.simulate.scenarios.scenario import Case, Scenario, Stage
from pipeline.simulate.scenarios.spans import between, lasting, note_harm

_SPARK = "quay.io/opendatahub/spark-cluster-image:2.4.3"
_SPARK_WORKERS = 6
_TRAINER = "quay.io/lab/trainer:2021.4"
_TRAINING = "ml-training"
_CALL_S = 30.0
_EVEN = 0.5


def _heads(stage: Stage) -> bool:
    return stage.chance.random() < _EVEN


# ── other people's pods ──────────────────────────────────────────────────────────────────────────


def _works(stage: Stage, memory: float, cores: float) -> ContainerSpec:
    """Return a container that works until it is told to stop."""

    def program(runtime: Runtime) -> Steps:
        runtime.memory_bytes, runtime.cpu_cores = memory, cores
        yield stage.kernel.env.event()

    return ContainerSpec("worker", "", program)


def _come_and_go(stage: Stage, case: Case, specs: Iterable[PodSpec], every_s: float) -> Steps:
    """Have other people's pods created one after the other, and deleted when the case ends.

    One that is refused is asked for again and again.
    """
    api, created = stage.cluster.api, list[PodSpec]()
    for spec in specs:
        while stage.kernel.now < case.end_s:
            yield stage.kernel.wait(every_s * stage.chance.uniform(0.5, 1.5))
            try:
                yield from api.create_pod(spec, timeout_s=_CALL_S)
            except (ApiError, ApiRefusedError, ApiTimeoutError):
                continue
            created.append(spec)
            break
        else:
            break
    yield stage.kernel.wait(case.end_s - stage.kernel.now)
    for spec in created:
        try:
            yield from api.delete_pod(spec.namespace, spec.name, timeout_s=_CALL_S)
        except (ApiError, ApiRefusedError, ApiTimeoutError):
            continue


# ── S06 ──────────────────────────────────────────────────────────────────────────────────────────


def _quota_exhausted(stage: Stage) -> Case:
    """Somebody lowers the quota, or another application of the namespace uses it up."""
    case = lasting(stage, 1000, 1800, ["infrastructure/quota"])
    bustle(stage)
    quota = stage.cluster.quota(stage.hub.namespace)
    resource = stage.chance.choice(("limits.cpu", "limits.memory"))
    usual, share = quota.hard[resource], stage.chance.uniform(0.6, 0.95)

    def lower() -> None:
        # what runs may go on, but nothing new fits
        quota.hard[resource] = float(int(share * quota.used.get(resource, 0.0)))

    def restore() -> None:
        quota.hard[resource] = usual

    def use_up() -> None:
        free = usual - quota.used.get(resource, 0.0)
        specs = _spark(stage, resource, free / (_SPARK_WORKERS + 0.5))
        stage.kernel.start(_come_and_go(stage, case, specs, every_s=3.0))

    if _heads(stage):
        between(stage, case, lower, restore)
    else:
        stage.kernel.at(case.start_s, use_up)
    return case


def _spark(stage: Stage, resource: str, each: float) -> Iterator[PodSpec]:
    """Yield the workers of a Spark cluster, then executors: as many as ever there is room for."""
    ending = "".join(stage.chance.choices("bcdfghjklmnpqrstvwxz2456789", k=5))
    small = 0.5 if resource == "limits.cpu" else 0.5 * GIB
    for number in count():
        name = f"w-{number}" if number < _SPARK_WORKERS else f"exec-{number}"
        amount = each if number < _SPARK_WORKERS else small
        cores, memory = (amount, GIB) if resource == "limits.cpu" else (0.5, amount)
        works = _works(stage, memory=0.4 * GIB, cores=0.4)
        container = ContainerSpec(
            "worker",
            _SPARK,
            works.program,
            cpu_limit=cores,
            memory_limit=memory,
            memory_request=0.5 * GIB,
            cpu_request=0.2,
        )
        yield PodSpec(f"spark-cluster-{ending}-{name}", stage.hub.namespace, (container,))


# ── S07 ──────────────────────────────────────────────────────────────────────────────────────────


def _no_room(stage: Stage) -> Case:
    """A training fills all machines, or all of them are cordoned for maintenance."""
    case = lasting(stage, 1300, 2000, ["infrastructure/capacity"])
    bustle(stage)
    workers = [one.name for one in stage.cluster.machines.values() if not one.master]

    def cordon(*, on: bool) -> None:
        for number, name in enumerate(workers):
            at = stage.kernel.now + 4.0 * number
            stage.kernel.at(at, partial(stage.cluster.cordon, name, on=on))

    def train() -> None:
        specs = [_trainer(stage, name, number) for number, name in enumerate(workers)]
        specs += [_evaluation(stage, number) for number in range(2 * len(workers))]
        stage.kernel.start(_come_and_go(stage, case, specs, every_s=0.6))

    if _heads(stage):
        stage.kernel.at(case.start_s, train)
    else:
        between(stage, case, lambda: cordon(on=True), lambda: cordon(on=False))
    return case


def _trainer(stage: Stage, machine: str, number: int) -> PodSpec:
    """Return a part of a training that takes what its machine has left."""
    asked = stage.cluster.scheduler.asked()[machine]
    left = max(0.5, stage.cluster.machines[machine].cpu - asked.cpu - 0.1)
    works = _works(stage, memory=12 * GIB, cores=0.8 * left)
    container = ContainerSpec(
        "trainer", _TRAINER, works.program, cpu_request=left, memory_request=16 * GIB
    )
    return PodSpec(f"resnet-sweep-{number}", _TRAINING, (container,), machine=machine)


def _evaluation(stage: Stage, number: int) -> PodSpec:
    """Return a part that waits for room, and takes what others leave."""
    works = _works(stage, memory=0.3 * GIB, cores=0.2)
    container = ContainerSpec("evaluation", _TRAINER, works.program, cpu_request=0.25)
    return PodSpec(f"resnet-sweep-eval-{number}", _TRAINING, (container,))


# ── S08 ──────────────────────────────────────────────────────────────────────────────────────────


def _images_unavailable(stage: Stage) -> Case:
    """The notebooks' image has a new version that cannot be pulled, or hardly so."""
    case = lasting(stage, 1200, 2000, ["infrastructure/registry"])
    bustle(stage)
    registry = stage.cluster.registry
    images = dict.fromkeys(
        container.image for user in stage.hub.users for container in user.manifest().containers
    )
    usual = registry.bytes_per_s
    how = stage.chance.choice(("down", "missing", "slow"))
    pushed: list[str] = []

    def begin() -> None:
        pushed.extend(registry.push(image) for image in images)
        if how == "down":
            registry.down = True
        elif how == "missing":
            registry.missing.update(dict.fromkeys(pushed))
        else:
            registry.bytes_per_s = stage.chance.uniform(0.7, 2.0) * MIB

    def end() -> None:
        registry.down, registry.bytes_per_s = False, usual
        for image in pushed:
            registry.missing.pop(image, None)

    between(stage, case, begin, end)
    return case


# ── S12, S13, S22 ────────────────────────────────────────────────────────────────────────────────


def _note_hub(stage: Stage, case: Case) -> None:
    """Note who was harmed; the hub was, which can neither see nor do what it has to."""
    case.affected.add(HUB)
    note_harm(stage, case)


def _api_down(stage: Stage) -> Case:
    """Nobody listens at the API server's address."""
    case = lasting(stage, 150, 700, ["platform/openshift-api"])
    bustle(stage)
    api = stage.cluster.api
    between(stage, case, lambda: setattr(api, "down", True), lambda: setattr(api, "down", False))
    return case


def _api_slow(stage: Stage) -> Case:
    """Etcd is slow, and with it the API; or the API sheds load as well."""
    case = lasting(stage, 900, 1700, ["platform/openshift-api"])
    bustle(stage)
    api = stage.cluster.api
    delay_s = stage.chance.uniform(4.0, 9.0)
    sheds = stage.chance.random() < _EVEN / 2

    def begin() -> None:
        api.delay_s, api.throttled = delay_s, sheds

    def end() -> None:
        api.delay_s, api.throttled = 0.0, False

    between(stage, case, begin, end)
    return case


def _watches_silent(stage: Stage) -> Case:
    """The API's watch cache stands still: pods come and go, and the hub is told of nothing."""
    case = lasting(stage, 1500, 2400, ["platform/openshift-api"])
    bustle(stage)
    api = stage.cluster.api
    between(
        stage,
        case,
        lambda: setattr(api, "silent_watches", True),
        lambda: setattr(api, "silent_watches", False),
    )
    return case


# ── S23, S26 ─────────────────────────────────────────────────────────────────────────────────────


def _network_plugin_fails(stage: Stage) -> Case:
    """The network plug-in connects no new pod any more."""
    case = lasting(stage, 1200, 2000, ["infrastructure/network"])
    bustle(stage)
    network = stage.cluster.network
    between(
        stage,
        case,
        lambda: setattr(network, "sandboxes_fail", True),
        lambda: setattr(network, "sandboxes_fail", False),
    )
    return case


def _storage_backend(stage: Stage) -> Case:
    """What serves the users' homes is full, or answers with errors."""
    case = lasting(stage, 1000, 1800, ["infrastructure/storage"])
    bustle(stage)
    backend = stage.cluster.storage.backends["cephfs"]
    what = stage.chance.choice(("full", "full", "broken"))
    between(
        stage, case, lambda: setattr(backend, what, True), lambda: setattr(backend, what, False)
    )
    return case


_HERE = (
    Scenario(
        id="S06",
        name="quota-exhausted",
        title="The namespace's quota is used up: new servers are refused",
        play=_quota_exhausted,
        finish=note_harm,
        needs_s=2000,
    ),
    Scenario(
        id="S07",
        name="no-room",
        title="No machine has room: new servers wait to be scheduled",
        play=_no_room,
        finish=note_harm,
        needs_s=2200,
    ),
    Scenario(
        id="S08",
        name="image-unavailable",
        title="The registry does not give the servers' image, or too slowly",
        play=_images_unavailable,
        finish=note_harm,
        needs_s=2200,
    ),
    Scenario(
        id="S12",
        name="api-down",
        title="The Kubernetes API is down: the hub loses sight and ends",
        play=_api_down,
        finish=_note_hub,
        needs_s=1500,
    ),
    Scenario(
        id="S13",
        name="api-slow",
        title="The Kubernetes API takes seconds for each answer",
        play=_api_slow,
        finish=_note_hub,
        needs_s=1900,
    ),
    Scenario(
        id="S22",
        name="watch-silent",
        title="The API's watches fall silent: the hub is out of step with its pods",
        play=_watches_silent,
        finish=_note_hub,
        needs_s=2600,
    ),
    Scenario(
        id="S23",
        name="network-plugin-fails",
        title="The pod network connects no new pods",
        play=_network_plugin_fails,
        finish=note_harm,
        needs_s=2200,
    ),
    Scenario(
        id="S26",
        name="storage-backend-full",
        title="The storage behind all users' volumes is full or fails",
        play=_storage_backend,
        finish=note_harm,
        needs_s=2000,
    ),
)

PLATFORM: tuple[Scenario, ...] = tuple(sorted((*_HERE, *MACHINES), key=lambda one: one.id))
"""In the order of their ids."""
