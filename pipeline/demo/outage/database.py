"""What the database's pod and its probes show; its own log is nearly silent, as in the image."""

from pipeline.demo.outage.world import World

_READINESS = (
    "Readiness probe failed: psql: could not connect to server: Connection refused\n"
    '\tIs the server running on host "127.0.0.1" and accepting\n'
    "\tTCP/IP connections on port 5432?\n"
)
_STARTING = (
    "pg_ctl: another server might be running; trying to start server anyway\n"
    "waiting for server to start....LOG:  redirecting log output to logging collector process\n"
    'HINT:  Future log output will appear in directory "pg_log".'
)
_FAILED = " stopped waiting\npg_ctl: could not start server\nExamine the log output."
_RECOVERING = "Readiness probe failed: psql: FATAL:  the database system is starting up\n"
_IMAGE = (
    'Container image "registry.example.com/rhscl/postgresql-96-rhel7:1" already present on machine'
)


def play(world: World) -> None:
    """Record the death of the database and its return."""
    _die(world)
    for start in world.outage.starts[:-1]:
        _start_in_vain(world, start)
    _come_back(world, world.outage.starts[-1])


def _die(world: World) -> None:
    """The server is gone, its container is not: the probes find out, and the kubelet kills it."""
    recorder, pod, outage = world.recorder, world.database, world.outage
    killed = outage.starts[0] - 2.2
    liveness = f"Liveness probe failed: dial tcp {pod.ip}:5432: connect: connection refused"
    for back in (20.0, 10.0, 0.0):
        recorder.event(killed - back, pod, "Unhealthy", liveness, normal=False)
    ready = killed - world.chance.uniform(21, 27)
    while ready < killed:
        if ready > outage.dies:
            recorder.event(ready, pod, "Unhealthy", _READINESS, normal=False)
        ready += 10
    restarted = "Container postgresql failed liveness probe, will be restarted"
    recorder.event(killed, pod, "Killing", restarted, normal=True)


def _start(world: World, start: float) -> None:
    recorder, pod = world.recorder, world.database
    recorder.event(start - 0.4, pod, "Pulled", _IMAGE, normal=True)
    recorder.event(start - 0.2, pod, "Created", "Created container postgresql", normal=True)
    recorder.event(start, pod, "Started", "Started container postgresql", normal=True)
    recorder.log(start + 0.7, pod, _STARTING)


def _start_in_vain(world: World, start: float) -> None:
    recorder, pod, starts = world.recorder, world.database, world.outage.starts
    _start(world, start)
    recorder.log(start + 2.6, pod, _FAILED)
    told = start + 3.4
    following = starts[starts.index(start) + 1]
    while told < following - 1:
        message = "Back-off restarting failed container"
        recorder.event(told, pod, "BackOff", message, normal=False)
        told += world.chance.uniform(11, 16)


def _come_back(world: World, start: float) -> None:
    """It replays its write-ahead log for half a minute before it takes connections."""
    _start(world, start)
    probe = start + world.chance.uniform(5, 9)
    while probe < world.outage.ready - 0.5:
        world.recorder.event(probe, world.database, "Unhealthy", _RECOVERING, normal=False)
        probe += 10
    world.recorder.log(world.outage.ready, world.database, " done\nserver started")
