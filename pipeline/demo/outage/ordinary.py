"""What happens every day: routes, probes, a first login, a server culled, a noisy neighbour."""

from collections.abc import Iterator

from pipeline.demo.outage.hub import Hub
from pipeline.demo.outage.users import ACTIVITY_S, Server, keep_tab_open, report_activity, work
from pipeline.demo.outage.world import LENGTH, User, World, every, when

PROMETHEUS = "::ffff:10.129.6.124"
_IMAGE = "registry.example.com/opf/s2i-minimal-notebook:v0.2.2"


def publish_routes(world: World, hub: Hub) -> Iterator[float]:
    """The hub's route publisher, nearly all of its log: it sees a port that it did not set."""
    user = world.users[0]
    name = user.name.replace("@", "%40")
    for now in every(world.chance, 5.0, 0.004, start=1.2):
        yield now
        host = f"{user.pod.ip}:8080"
        rest = "path='', params='', query='', fragment=''"
        world.recorder.log(now, world.hub, f"ParseResult(scheme='http', netloc='{host}', {rest})")
        mismatch = f"http://{user.pod.ip}:9090!=http://{host}"
        world.recorder.log(now + 0.001, world.hub, mismatch)
        world.recorder.log(now + 0.001, world.hub, f"/user/{name}/public")
        hub.proxy(now + 0.004, f"201 POST /api/routes/user/{name}/public")


def probe(world: World, hub: Hub) -> Iterator[float]:
    """The prober and the scraper come by every minute; neither needs the database."""
    start = 7 + 40 * world.chance.random()
    for now in every(world.chance, 60.0, 0.001, start=start):
        yield now
        prober = "@::ffff:10.128.0.9"
        moved = "GET / -> /hub/"
        hub.answer(now, 302, moved, prober, ms=world.delay(0.7), handler="base")
        login = "GET /hub/ -> /hub/login"
        hub.answer(now + 0.02, 302, login, prober, ms=world.delay(0.9), handler="pages")
        hub.answer(now + 0.04, 200, "GET /hub/login", prober, ms=world.delay(4), handler="login")
        scrape = "GET /metrics -> /hub/metrics"
        hub.answer(now + 9, 302, scrape, f"@{PROMETHEUS}", ms=world.delay(2.4), handler="base")
        page = "GET /hub/metrics"
        hub.answer(now + 9.01, 200, page, f"@{PROMETHEUS}", ms=world.delay(7), handler="metrics")


def tidy_up(world: World, hub: Hub) -> Iterator[float]:
    """The hub's own background job."""
    for now in every(world.chance, ACTIVITY_S, 0.001, start=300 * world.chance.random()):
        yield now
        hub.background(now)


def cull(world: World, hub: Hub) -> Iterator[float]:
    """Every ten minutes the culler looks for servers that nobody uses; once it finds one."""
    culled = False
    for now in every(world.chance, 600.0, 0.002, start=430 + 50 * world.chance.random()):
        yield now
        asked = "GET /hub/api/users"
        if not hub.find_user(now):
            address = f"@{world.culler.ip}"
            hub.answer(now + 0.001, 403, asked, address, ms=world.delay(3), handler="users")
            _culler_fails(world, now + 0.01)
            continue
        who = f"jupyterhub-idle-culler@{world.culler.ip}"
        hub.answer(now, 200, asked, who, ms=world.delay(45), handler="users")
        if not culled and now > 1200:  # noqa: PLR2004 - by then it has been away for three days
            culled = True
            yield now + 0.2
            _cull(world, hub, now + 0.2)


def _culler_fails(world: World, now: float) -> None:
    time = when(now).strftime("%y%m%d %H:%M:%S")
    told = (
        f"[E {time} ioloop:761] Exception in callback functools.partial(<function cull_idle>)\n"
        "    Traceback (most recent call last):\n"
        '      File "/opt/app-root/lib/python3.8/site-packages/jupyterhub_idle_culler/__init__.py",'
        " line 392, in cull_idle\n"
        "        resp = await fetch(req)\n"
        "    tornado.httpclient.HTTPClientError: HTTP 403: Forbidden"
    )
    world.recorder.log(now, world.culler, told)


def _cull(world: World, hub: Hub, now: float) -> None:
    user = world.absentee
    time = when(now).strftime("%y%m%d %H:%M:%S")
    idle = f"Culling server {user.name} (inactive for 3 days, 0:04:11)"
    world.recorder.log(now, world.culler, f"[I {time} __init__:149] {idle}")
    hub.proxy(now + 0.05, f"Removing route {user.path}")
    hub.proxy(now + 0.05, f"204 DELETE /api/routes{user.path}")
    deleted = f"DELETE /hub/api/users/{user.name}/server"
    who = f"jupyterhub-idle-culler@{world.culler.ip}"
    stopping = "Stopping container notebook"
    world.recorder.event(now + 0.4, user.pod, "Killing", stopping, normal=True)
    server = Server(world, hub, user)
    server.line(now + 0.6, "C", "notebookapp:1820", "received signal 15, stopping")
    server.line(now + 0.6, "I", "notebookapp:2130", "Shutting down 0 kernels")
    stopped = f"User {user.name} server took 4.212 seconds to stop"
    hub.line(now + 4.6, "I", "base:1043", stopped)
    hub.answer(now + 4.6, 204, deleted, who, ms=4380.5, handler="users")


def first_login(world: World, hub: Hub, start: float) -> Iterator[float]:
    """A newcomer logs in; the claim is being made, so for two seconds nothing can be placed."""
    user = world.newcomer
    yield start
    _log_in(world, hub, user, start)
    _place(world, user, start + 6)
    up = start + 25 + world.chance.uniform(0, 6)
    _serve(world, hub, user, asked=start + 6, up=up)
    server = Server(world, hub, user)
    yield from merged(
        report_activity(server, up + 2),
        keep_tab_open(server, up + 3, LENGTH, 10.0),
        work(server, up, LENGTH),
    )


def merged(*actors: Iterator[float]) -> Iterator[float]:
    """Let several actors act as one, each at its own times."""
    due = [(next(actor), number, actor) for number, actor in enumerate(actors)]
    while due:
        due.sort(key=lambda one: one[:2])
        now, number, actor = due.pop(0)
        yield now
        following = next(actor, None)
        if following is not None:
            due.append((following, number, actor))


def _log_in(world: World, hub: Hub, user: User, now: float) -> None:
    nobody, who = f"@{user.address}", f"{user.name}@{user.address}"
    authorize = "https://oauth-openshift.apps.example.com/oauth/authorize?[secret]"
    login = f"GET /hub/oauth_login -> {authorize}"
    hub.answer(now, 302, login, nobody, ms=world.delay(2), handler="login")
    hub.line(now + 2.7, "I", "base:757", f"User logged in: {user.name}")
    callback = "GET /hub/oauth_callback?code=[secret]&state=[secret] -> /hub/spawn"
    hub.answer(now + 2.7, 302, callback, who, ms=world.delay(240), handler="login")
    hub.answer(now + 3, 200, "GET /hub/spawn", who, ms=world.delay(35), handler="pages")


def _place(world: World, user: User, now: float) -> None:
    pod, record = user.pod, world.recorder
    unbound = "0/9 nodes are available: 9 pod has unbound immediate PersistentVolumeClaims."
    full_name = f"opf-jupyterhub/{pod.name}"
    record.event(now, pod, "FailedScheduling", unbound, normal=False)
    record.event(now + 1, pod, "FailedScheduling", unbound, normal=False)
    placed = f"Successfully assigned {full_name} to {pod.machine}"
    record.event(now + 2.4, pod, "Scheduled", placed, normal=True)
    volume = f'AttachVolume.Attach succeeded for volume "pvc-{record.uid()}"'
    record.event(now + 5, pod, "SuccessfulAttachVolume", volume, normal=True)
    address = f"Add eth0 [{pod.ip}/23]"
    record.event(now + 9, pod, "AddedInterface", address, normal=True)
    there = f'Container image "{_IMAGE}" already present on machine'
    record.event(now + 10, pod, "Pulled", there, normal=True)
    record.event(now + 10.5, pod, "Created", "Created container notebook", normal=True)
    record.event(now + 11, pod, "Started", "Started container notebook", normal=True)


def _serve(world: World, hub: Hub, user: User, *, asked: float, up: float) -> None:
    who = f"{user.name}@{user.address}"
    claim = f"Attempting to create pvc {user.pod.name}-pvc, with timeout 3"
    hub.line(asked - 0.3, "I", "spawner:2057", claim)
    creating = f"Attempting to create pod {user.pod.name}, with timeout 3"
    hub.line(asked, "I", "spawner:2019", creating)
    spawn = f"POST /hub/spawn -> /hub/spawn-pending/{user.name}"
    hub.answer(asked + 1, 302, spawn, who, ms=world.delay(1008), handler="pages")
    slow = f"User {user.name} is slow to start (timeout=10)"
    hub.line(asked + 10, "W", "base:1055", slow)
    server = Server(world, hub, user)
    server.line(up - 1.4, "I", "mixins:552", "Starting jupyterhub-singleuser server version 1.4.0")
    took = f"User {user.name} took {up - asked:.3f} seconds to start"
    hub.line(up, "I", "base:990", took)
    target = f"http://{user.pod.ip}:8080"
    hub.line(up, "I", "proxy:286", f"Adding user {user.name} to proxy {user.path}/ => {target}")
    hub.proxy(up + 0.003, f"Adding route {user.path} -> {target}")
    hub.proxy(up + 0.004, f"201 POST /api/routes{user.path}")
    hub.line(up + 0.006, "I", "users:745", f"Server {user.name} is ready")


def neighbour(world: World) -> Iterator[float]:
    """An operator in the same namespace that restarts by itself; nobody's concern here."""
    pod, record = world.neighbour, world.recorder
    for now in every(world.chance, 45.0, 0.3, start=11.0):
        yield now
        time = when(now).strftime("%m%d %H:%M:%S.%f")
        took = f"Throttling request took {world.chance.uniform(1, 7):.9f}s"
        asked = "request: GET:https://172.30.0.1:443/apis/apps/v1?timeout=32s"
        record.log(now, pod, f"I{time}       1 request.go:655] {took}, {asked}")
        if 1490 < now < 1550:  # noqa: PLR2004 - once in this hour, as every ninety minutes
            lost = "Back-off restarting failed container"
            record.event(now + 3, pod, "BackOff", lost, normal=False)
            record.event(now + 15, pod, "Started", "Started container ray", normal=True)
