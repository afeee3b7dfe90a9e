"""Requests between the parts: answers, and the ways in which none comes."""

from dataclasses import dataclass
from typing import Literal

from pipeline.simulate.kernel import Kernel, Steps

Handler = Literal[
    "activity", "token", "page", "login", "callback", "spawn", "stop", "users", "version", "stray"
]
"""What in the hub answers a request."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to the hub."""

    handler: Handler
    method: str
    uri: str
    """As the access log prints it, secrets scrubbed."""
    user: str = ""
    """Whom the cookie or token belongs to, if the database can be asked; raw name."""
    ip: str = ""
    target: str = ""
    """The user whom it is about (raw name)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    location: str = ""


Kind = Literal["refused", "unreachable", "reset", "timeout"]


class HttpError(Exception):
    """No answer: nobody listens, nobody is there, the other side died, or patience ended."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self.kind = kind


def within(kernel: Kernel, steps: Steps, seconds: float) -> Steps:
    """Wait for a request's answer, but no longer than ``seconds``; the server goes on with it.

    Raises:
        HttpError: there is none.
    """
    work = kernel.start(_caught(steps))
    yield work | kernel.wait(seconds)
    if not work.triggered:
        raise HttpError("timeout")
    if isinstance(work.value, HttpError):
        raise work.value
    return work.value


def _caught(steps: Steps) -> Steps:
    try:
        answer = yield from steps
    except HttpError as trouble:
        return trouble
    return answer
