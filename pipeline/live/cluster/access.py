"""Before anything is read: may we? One clear line where not.

A server that has just started refuses valid tokens for a moment, so a refusal is believed only when
it comes again.
"""

import asyncio

from pipeline.errors import AftershockError, BrokenWorld
from pipeline.live.cluster.api import ClusterApi, Refused

TRIES = 4
PAUSE_S = 1.5
_UNAUTHORIZED, _FORBIDDEN = 401, 403


async def check_access(api: ClusterApi, paths: dict[str, str]) -> None:
    """Ask for one object of each path (path → what it is, for people).

    Raises:
        AftershockError: the server does not let us, again and again; what to do is in the text.
        BrokenWorld: no server answers.
    """
    for path, what in paths.items():
        await _check(api, path, what)


async def _check(api: ClusterApi, path: str, what: str) -> None:
    trouble: Refused | BrokenWorld | None = None
    for attempt in range(TRIES):
        if attempt:
            await asyncio.sleep(PAUSE_S)
        try:
            await api.get(path, {"limit": "1"})
        except (Refused, BrokenWorld) as again:
            trouble = again
        else:
            return
    if isinstance(trouble, Refused) and trouble.status == _UNAUTHORIZED:
        raise AftershockError(
            f"{api.server} does not accept our token: is it right, and not expired?"
            " See ingest.cluster.kubeconfig"
        ) from None
    if isinstance(trouble, Refused) and trouble.status == _FORBIDDEN:
        raise AftershockError(
            f"{what} may not be listed ({trouble.message}): apply"
            " deploy/kubernetes/ingest-rbac.yaml, or name in ingest.cluster.namespaces what a Role"
            " allows"
        ) from None
    raise BrokenWorld(f"{what}: {trouble}") from None
