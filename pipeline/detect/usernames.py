"""Names of users, as they stand in names of pods and so in node ids.

KubeSpawner has two schemes: ``escape``, the only one before version 7, and ``safe``, since then
what a hub uses unless its settings say otherwise. A line of the hub's log does not tell which.
"""

import hashlib
import re

_TO_ESCAPE = re.compile(r"[^a-z0-9]")
_SAFE = re.compile(r"[a-z](?:-?[a-z0-9])*")
_RUN = re.compile(r"[^a-z0-9]+")
_LONGEST = 48
_HASHED = 8
"""Hexadecimal digits of SHA-256 that keep apart names which look alike."""
_KEPT = _LONGEST - len("---") - _HASHED


def in_pods(name: str) -> tuple[str, ...]:
    """Return what a user's server may be called in the name of its pod, by either scheme.

    ``name`` is JupyterHub's: of the user, or ``user:server`` where a user has several. Templates
    for names of pods may leave out the server. Not followed: names that are longer than 48 bytes
    only together with the server's, which are shortened once more.
    """
    user, _, server = name.partition(":")
    users = (escaped(user), safe(user))
    servers = zip(users, (escaped(server), safe(server)), strict=True) if server else ()
    return tuple(dict.fromkeys([*users, *("--".join(both) for both in servers)]))


def escaped(name: str) -> str:
    """Return a name as the scheme ``escape`` writes it.

    Lower-case letters and digits of ASCII stay; of all else each byte of UTF-8 becomes a hyphen and
    two hexadecimal digits.
    """
    return _TO_ESCAPE.sub(lambda found: "".join(f"-{b:02x}" for b in found[0].encode()), name)


def safe(name: str) -> str:
    """Return a name as the scheme ``safe`` writes it.

    What is a name of a Kubernetes object without two hyphens in a row stays. Else what is left
    when all but lower-case letters and digits has become hyphens is told apart by a hash.
    """
    if len(name) <= _LONGEST and _SAFE.fullmatch(name):
        return name
    kept = _RUN.sub("-", name.lower()).lstrip("-")[:_KEPT].rstrip("-")
    if kept and not kept[0].isalpha():
        kept = f"x-{kept[: _KEPT - 2]}"
    return f"{kept or 'x'}---{hashlib.sha256(name.encode()).hexdigest()[:_HASHED]}"
