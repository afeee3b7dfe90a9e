"""People who come, and who start their servers anew: without them nobody meets a failed spawn.

It goes on through the whole recording, before the fault as after it.
"""

from collections.abc import Callable
from functools import partial
from random import Random

from pipeline.simulate.jupyterhub.http import Request
from pipeline.simulate.jupyterhub.scene import quoted
from pipeline.simulate.jupyterhub.user import User
from pipeline.simulate.kernel import Steps
from pipeline.simulate.scenarios.scenario import Stage

_FIRST_S = 200.0
_USERS_WITH_NO_NEED = 40
"""So many users come often enough by themselves."""
_COMES = 0.6
"""Share of those who come, among all who start a server."""
_STOPS_S = 90.0
"""So long somebody waits for the server to stop, before starting it anew."""


def bustle(stage: Stage) -> None:
    """Have somebody start a server every few minutes, and twice soon after the fault begins."""
    chance = stage.kernel.chance("bustle", *stage.hub.people)
    soon = [stage.begin_s + chance.uniform(20, 120), stage.begin_s + chance.uniform(150, 420)]
    for at in soon:
        stage.kernel.at(at, _somebody(stage, chance))
    mean_s = 420.0 * max(1.0, len(stage.hub.users) / _USERS_WITH_NO_NEED)
    at = _FIRST_S
    while at < stage.end_s:
        stage.kernel.at(at, _somebody(stage, chance))
        at += chance.uniform(0.5, 1.5) * mean_s


def restart(stage: Stage, node: str, at_s: float) -> None:
    """Have the user of a node start the server anew at a time."""
    user = next((one for one in stage.hub.users if one.node == node), None)
    if user is not None:
        stage.kernel.at(at_s, partial(_begin, stage, user))


def _begin(stage: Stage, user: User) -> None:
    stage.kernel.start(_start_server(stage, user))


def _somebody(stage: Stage, chance: Random) -> Callable[[], None]:
    def act() -> None:
        servers = stage.hub.hub.servers
        idle = [user for user in stage.hub.users if servers[user.name].pending is None]
        away = [user for user in idle if servers[user.name].ip is None]
        here = [user for user in idle if servers[user.name].ip is not None]
        comes = away if away and (not here or chance.random() < _COMES) else here
        if comes:
            user = chance.choice(comes)
            _begin(stage, user)

    return act


def _start_server(stage: Stage, user: User) -> Steps:
    server = stage.hub.hub.servers[user.name]
    if server.ip is not None:
        request = Request(
            "stop",
            "DELETE",
            f"/hub/api/users/{quoted(user.name)}/server",
            user=user.name,
            ip=user.address,
            target=user.name,
        )
        yield from stage.hub.client.browse(request)
        until = stage.kernel.now + _STOPS_S
        while server.ip is not None and stage.kernel.now < until:
            yield stage.kernel.wait(2.0)
    if server.ip is None:
        yield from stage.hub.people[user.name].come()
