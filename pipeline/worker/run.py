"""Several roles at once: each a child process of a supervisor.

In: roles and the flags that their commands are given. When one role ends, all end. Signals are
handed on. The children hold the read end of a pipe as their standard input and end when it ends,
so they never outlive the supervisor, not even if it is killed.
"""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from pipeline.clock import monotonic
from pipeline.errors import AftershockError, UsageError
from pipeline.worker.roles import LAST_RESORT_S, ROLES, Role

LOOK_S = 0.1
"""How often the children are looked at."""


@dataclass(slots=True)
class Crew:
    """The running roles."""

    children: dict[Role, subprocess.Popen[bytes]] = field(default_factory=dict)

    def check(self) -> None:
        """Say whether all roles are running.

        Raises:
            AftershockError: one has ended, and which.
        """
        for role, child in self.children.items():
            code = child.poll()
            if code is not None:
                how = f"code {code}" if code >= 0 else signal.Signals(-code).name
                raise AftershockError(f"{role} has ended ({how}): all roles are stopped")

    def stop(self) -> None:
        """End all roles; kill what does not end in time."""
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
            if child.stdin is not None:
                child.stdin.close()
        deadline = monotonic() + LAST_RESORT_S + 2
        for child in self.children.values():
            try:
                child.wait(max(0.1, deadline - monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@contextmanager
def crew(
    roles: Sequence[Role], flags: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Crew]:
    """Run roles while the context lasts: ``aftershock ROLE FLAGS…`` each.

    ``environment`` is the whole environment of the children (None: ours).
    """
    running = Crew()
    try:
        for role in roles:
            running.children[role] = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "pipeline", role, "--lifeline", *flags],
                stdin=subprocess.PIPE,
                env=None if environment is None else dict(environment),
            )
        yield running
    finally:
        running.stop()


def supervise(roles: Sequence[Role], flags: Sequence[str] = ()) -> None:
    """Run roles until SIGTERM or SIGINT.

    Raises:
        AftershockError: a role has ended by itself.
    """
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    with crew(roles, flags) as running:
        while not stop.wait(LOOK_S):
            running.check()


def roles_of(text: str) -> list[Role]:
    """Return the roles of a comma separated list.

    Raises:
        UsageError: one is not a role.
    """
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [name for name in wanted if name not in ROLES]
    if unknown or not wanted:
        raise UsageError(
            f"--roles {text!r}: choose from {', '.join(ROLES)}, with commas between them"
        )
    return [role for role in ROLES if role in wanted]
