"""A whole JupyterHub as Open Data Hub deploys it, and the people who use it.

Make it before time begins; ``kernel.run`` then lets all of it live.
"""

from random import Random

from pipeline.simulate.cluster.cluster import Cluster
from pipeline.simulate.cluster.model import (
    GIB,
    MIB,
    ContainerSpec,
    DeploymentSpec,
    PodSpec,
    Probe,
    Runtime,
)
from pipeline.simulate.jupyterhub.client import Client
from pipeline.simulate.jupyterhub.culler import NAME as CULLER_NAME
from pipeline.simulate.jupyterhub.culler import Culler
from pipeline.simulate.jupyterhub.database import CLAIM, Database
from pipeline.simulate.jupyterhub.database import HOST as DB_NAME
from pipeline.simulate.jupyterhub.handlers import Handlers
from pipeline.simulate.jupyterhub.harm import Harm
from pipeline.simulate.jupyterhub.hub import Hub
from pipeline.simulate.jupyterhub.names import user_names
from pipeline.simulate.jupyterhub.neighbour import NAME as NEIGHBOUR_NAME
from pipeline.simulate.jupyterhub.neighbour import Neighbour
from pipeline.simulate.jupyterhub.notebook import Notebook
from pipeline.simulate.jupyterhub.oauth import TOKEN_S, OAuth
from pipeline.simulate.jupyterhub.people import Person
from pipeline.simulate.jupyterhub.process import ErrorPage, HubProcess
from pipeline.simulate.jupyterhub.proxy import Proxy
from pipeline.simulate.jupyterhub.scene import Scene, print_to
from pipeline.simulate.jupyterhub.scrapes import Scrapes
from pipeline.simulate.jupyterhub.servers import Servers
from pipeline.simulate.jupyterhub.strangers import visits
from pipeline.simulate.jupyterhub.user import User
from pipeline.simulate.jupyterhub.wording import choose
from pipeline.simulate.kernel import Kernel, Steps

HUB_NAME = "jupyterhub"
HUB_LABELS = {"app": "jupyterhub", "deploymentconfig": HUB_NAME, "component": "web"}
USER_LABELS = {"app": "jupyterhub", "component": "singleuser-server"}
IMAGE = "quay.io/thoth-station/s2i-minimal-notebook:v0.2.2"
_PRESENT = 0.6
"""Share of users who are at work when the recording begins."""
_ABSENT = 0.1
"""Share whose servers run, though they have left."""
_ARRIVES_S = 2400.0
"""Within about this time the others come."""


class Deployment:
    """All parts, for scenarios to lay their hands on."""

    def __init__(
        self,
        kernel: Kernel,
        cluster: Cluster,
        *,
        namespace: str = "opf-jupyterhub",
        users: int = 30,
        noise: float = 1.0,
    ) -> None:
        self.kernel, self.cluster, self.namespace = kernel, cluster, namespace
        self.image = IMAGE
        """What users' servers run."""
        self.harm = Harm(kernel)
        self.wording = choose(kernel.chance("wording"))
        cluster.count_oom_kills(on=self.wording.era > 0)  # a cluster of its hub's time
        chance = kernel.chance("deployment")
        self.scene = scene = Scene(kernel, cluster, namespace, self.wording, self.hit)
        self.database = Database(kernel, cluster, namespace, self.wording, self.hit)
        self.proxy = Proxy(scene)
        self.hub = Hub(scene, self.database, self.proxy)
        self.servers = Servers(self.hub)
        self.oauth = OAuth(scene)
        self.handlers = Handlers(self.hub, self.servers, self.oauth)
        self.client = Client(self.hub, self.handlers)
        self.proxy.error_page = ErrorPage(self.hub).serve
        self.process = HubProcess(self.hub, self.servers)
        self.notebooks: dict[str, Notebook] = {}
        self.culler = Culler(scene, self.hub, self.client, self.notebooks)
        self._set_quota(users)
        self.oauth.deploy()
        self._deploy(chance)
        self.users: list[User] = []
        self.people: dict[str, Person] = {}
        """By the user's raw name."""
        self._add_users(users, chance)
        Scrapes(scene, self.hub, self.handlers).add(HUB_LABELS)
        if noise > 0:
            cluster.deploy(self._neighbour())
            kernel.start(visits(scene, self.client, noise))

    # ── who is harmed ────────────────────────────────────────────────────────────────────────

    def hit(self, node: str) -> None:
        """Note that a node has really been harmed, now."""
        self.harm.note(node)

    def harmed_between(self, start_s: float, end_s: float) -> list[str]:
        """Return the nodes that were harmed in a time, sorted."""
        return self.harm.between(start_s, end_s)

    # ── what scenarios often do ──────────────────────────────────────────────────────────────

    def pod_of(self, deployment: str) -> str | None:
        """Return the name of the (first) pod of the hub, the database or the culler."""
        labels = {"deploymentconfig": deployment}
        if deployment == CULLER_NAME:
            labels = {"app": CULLER_NAME}
        pods = self.cluster.ready_pods(self.namespace, labels)
        return pods[0].name if pods else None

    def kill_hub(self, reason: str = "Error") -> None:
        """Kill the hub's process; its container starts again."""
        runtime = self.hub.runtime
        if runtime is not None:
            self.cluster.kill(self.namespace, runtime.pod, HUB_NAME, signal=9, reason=reason)

    def kill_database(self, reason: str = "Error") -> None:
        """Kill the database's server; its container starts again."""
        runtime = self.database.runtime
        if runtime is not None:
            self.cluster.kill(self.namespace, runtime.pod, "postgresql", signal=9, reason=reason)

    def running_users(self) -> list[User]:
        """Return the users whose servers run, as the hub knows."""
        servers = self.hub.servers
        return [user for user in self.users if servers[user.name].ip is not None]

    # ── making it ────────────────────────────────────────────────────────────────────────────

    def _set_quota(self, users: int) -> None:
        quota = self.cluster.quota(self.namespace)
        quota.name = "opf-jupyterhub-custom"
        quota.hard.update(
            {
                "limits.cpu": max(180.0, 20 + 1.5 * users),
                "limits.memory": max(800.0, 40 + 3.0 * users) * GIB,
                "requests.cpu": max(120.0, 20 + 0.5 * users),
                "requests.memory": max(600.0, 40 + 1.0 * users) * GIB,
            }
        )

    def _deploy(self, chance: Random) -> None:
        size = GIB
        self.cluster.storage.provide(
            self.namespace, CLAIM, size, used=chance.uniform(0.3, 0.55) * size, backend="rbd"
        )
        for spec in (self._database(chance), self._hub(chance), self._culler()):
            self.cluster.deploy(spec)

    @property
    def _postgres_image(self) -> str:
        version = self.wording.postgres.replace(".", "")
        return f"registry.redhat.io/rhscl/postgresql-{version}-rhel7:latest"

    def _database(self, chance: Random) -> DeploymentSpec:
        container = ContainerSpec(
            name="postgresql",
            image=self._postgres_image,
            program=self.database.program,
            memory_limit=1 * GIB,
            cpu_limit=1.0,
            readiness=Probe(self.database.readiness, initial_s=5.0),
            liveness=Probe(self.database.liveness, initial_s=30.0),
        )
        return DeploymentSpec(
            name=DB_NAME,
            namespace=self.namespace,
            containers=(container,),
            revision=chance.randrange(1, 9),
            labels={"app": "jupyterhub", "deploymentconfig": DB_NAME},
            claims=(CLAIM,),
        )

    def _hub(self, chance: Random) -> DeploymentSpec:
        wait = ContainerSpec(
            name="wait-for-database",
            image=self._postgres_image,
            program=self._wait_for_database,
            init=True,
        )
        image = f"quay.io/odh-jupyterhub/jupyterhub-img:v{self.wording.hub_version}"
        container = ContainerSpec(
            name=HUB_NAME,
            image=image,
            program=self.process.program,
            memory_limit=1 * GIB,
            cpu_limit=1.0,
        )
        return DeploymentSpec(
            name=HUB_NAME,
            namespace=self.namespace,
            containers=(wait, container),
            revision=chance.randrange(3, 180),
            labels=HUB_LABELS,
        )

    def _wait_for_database(self, runtime: Runtime) -> Steps:
        """Ask the database each second until it answers."""
        session = self.database.open()
        runtime.memory_bytes = 8 * MIB
        try:
            while True:
                reply = self.database.ask(session)
                if reply.kind == "hang":
                    reply = yield from self.database.wait(session, write=False)
                if reply.kind == "ok":
                    return 0
                print_to(runtime, f"psql: {reply.text}".rstrip("\n"))
                yield self.kernel.wait(1.0)
        finally:
            self.database.close(session)

    def _culler(self) -> DeploymentSpec:
        container = ContainerSpec(
            name=CULLER_NAME,
            image="quay.io/odh-jupyterhub/jupyterhub-idle-culler:latest",
            program=self.culler.program,
            memory_limit=200 * MIB,
            memory_request=50 * MIB,
            cpu_request=0.02,
            cpu_limit=0.2,
        )
        labels = {"app": CULLER_NAME}
        return DeploymentSpec(
            CULLER_NAME, self.namespace, (container,), kind="Deployment", labels=labels
        )

    def _neighbour(self) -> DeploymentSpec:
        container = ContainerSpec(
            name="ray",
            image="docker.io/rayproject/ray:1.2.0",
            program=Neighbour(self.scene).program,
            memory_limit=1 * GIB,
            cpu_request=0.05,
            cpu_limit=1.0,
        )
        labels = {"app": NEIGHBOUR_NAME}
        return DeploymentSpec(
            NEIGHBOUR_NAME, self.namespace, (container,), kind="Deployment", labels=labels
        )

    # ── users ────────────────────────────────────────────────────────────────────────────────

    def _add_users(self, users: int, chance: Random) -> None:
        fates = [(number + 0.5) / users for number in range(users)]
        chance.shuffle(fates)
        for number, name in enumerate(user_names(users, self.kernel.chance("names"))):
            self._add_user(number, name, fates[number])

    def _add_user(self, number: int, name: str, fate: float) -> None:
        chance = self.kernel.chance("user", name)
        user = User(
            name=name,
            address=f"::ffff:10.{128 + number % 4}.{number // 200}.{1 + number % 2}",
            manifest=lambda: self._manifest(user, notebook),
            trouble=lambda: notebook.trouble(),  # noqa: PLW0108 - it is made below
        )
        notebook = self.notebooks[name] = Notebook(self.scene, user, self.client)
        self.users.append(user)
        server = self.hub.know(user)
        person = self.people[name] = Person(self.scene, notebook, self.hub, self.client)
        until_s = chance.uniform(0.15, 1.0) * TOKEN_S
        self.oauth.grant(name, max(until_s, self.kernel.length_s + 60.0))
        present = fate < _PRESENT
        if fate < _PRESENT + _ABSENT:
            self._claim(user, chance)
            view = self.cluster.place(user.manifest())
            server.ip = user.ip = view.ip
            server.wanted = True
            self.hub.refreshed[name] = -chance.uniform(0, 300)
        elif chance.random() < 0.75:  # noqa: PLR2004 - most have been here before
            self._claim(user, chance)
        person.away = not present
        if not present:
            person.signed_in = chance.random() < 0.4  # noqa: PLR2004 - cookies of yesterday
            notebook.active_s = -chance.uniform(0.1, 0.97) * self.culler.timeout_s
        first_s = chance.expovariate(1 / _ARRIVES_S)
        if fate < _PRESENT + _ABSENT:
            first_s = chance.uniform(1, 10) * 3600
        self.kernel.start(person.live(present=present, first_s=first_s))

    def _claim(self, user: User, chance: Random) -> None:
        size = 2 * GIB
        used = min(0.82, chance.lognormvariate(-1.6, 0.7)) * size
        self.cluster.storage.provide(self.namespace, user.claim, size, used=used)

    def _manifest(self, user: User, notebook: Notebook) -> PodSpec:
        container = ContainerSpec(
            name="notebook",
            image=self.cluster.registry.resolve(self.image),
            program=notebook.program,
            memory_limit=2 * GIB,
            memory_request=512 * MIB,
            cpu_limit=1.0,
            cpu_request=0.25,
            on_oom=notebook.kill_kernel,
        )
        return PodSpec(
            name=user.pod_name,
            namespace=self.namespace,
            containers=(container,),
            labels=USER_LABELS,
            claims=(user.claim,),
            restart="OnFailure",
            grace_s=10.0,
        )
