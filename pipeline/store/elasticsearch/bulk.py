"""Documents → server: in requests of bounded size, repeated until each has an answer.

In: actions. Out: those that were refused for what they are, each with the server's reason; all
others are done, or it raises. It must not know what the documents mean.
"""

import json
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from elasticsearch import ApiError, ConnectionError, Elasticsearch, TransportError  # noqa: A004

from pipeline import clock
from pipeline.errors import BrokenWorld
from pipeline.store.elasticsearch.access import explained
from pipeline.store.elasticsearch.answers import judged

MAX_ACTIONS = 250
"""In one request: more do not make it faster."""
AT_ONCE = 2
"""Requests under way: the server works on one while it takes the other. In which order they are
done does not matter: each document has its version, or is never written again."""
MAX_TRIES = 6
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 4.0
"""Before the second try, doubled up to the longest: 8 s in all at most. Whoever called then backs
off by his own rule, and tries again."""
SUSPECT_BYTES = 256 * 1024
"""Whoever finds a request too large may break off while it is still coming, and the 413 is lost.
From this size on that may be so, if small requests are answered."""
_TOO_LARGE = 413
_FOR_NOW = frozenset({429, 502, 503, 504})


Trouble = Literal["too large", "broken off", "full", "away"]


@dataclass(frozen=True)
class Action:
    """One document to keep, or one to forget (no body); without a version the first one stays."""

    index: str
    id: str
    version: int | None = None
    body: bytes | None = None

    @cached_property
    def lines(self) -> list[bytes]:
        """The lines of a request, without the ends of lines."""
        what: dict[str, object] = {"_index": self.index, "_id": self.id}
        if self.body is None:
            return [json.dumps({"delete": what}).encode()]
        if self.version is None:
            return [json.dumps({"create": what}).encode(), self.body]
        what |= {"version": self.version, "version_type": "external_gte"}
        return [json.dumps({"index": what}).encode(), self.body]

    @property
    def size(self) -> int:
        """Bytes in a request."""
        return sum(len(line) + 1 for line in self.lines)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An action that no server like this one will take, and why."""

    action: Action
    reason: str


class Bulk:
    """Sends actions; see :meth:`send`."""

    def __init__(self, client: Elasticsearch, where: str, *, max_bytes: int) -> None:
        self._client = client
        self._where = where
        self._max_bytes = max_bytes

    def send(self, actions: Sequence[Action]) -> list[Refusal]:
        """Return when every action is done or refused.

        Raises:
            BrokenWorld: the server is away, full, or takes nothing for now.
        """
        requests = list(_requests(actions, self._max_bytes))
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="bulk") as pool:
            return [refusal for found in pool.map(self._settled, requests) for refusal in found]

    def _settled(self, request: Sequence[Action]) -> list[Refusal]:
        """Send one request until each of its actions is done or refused."""
        refused: list[Refusal] = []
        tries = 0
        while request:
            try:
                again, reason = self._ask(request, refused)
            except (ApiError, TransportError) as trouble:
                kind = self._kind(request, trouble)
                at_last = len(request) > 1 or tries + 1 == MAX_TRIES
                if kind == "too large" or (kind == "broken off" and at_last):
                    return [*refused, *self._halved(request, explained(trouble))]
                if kind == "away":
                    raise self._broken(explained(trouble)) from trouble
                again, reason = request, explained(trouble)
            tries = tries + 1 if len(again) == len(request) else 1
            if again and tries >= MAX_TRIES:
                raise self._broken(reason)
            if again:
                _pause(tries)
            request = again
        return refused

    def _kind(self, request: Sequence[Action], trouble: ApiError | TransportError) -> Trouble:
        """Return what a failed request tells of itself and of the server."""
        if isinstance(trouble, ApiError):
            if trouble.status_code == _TOO_LARGE:
                return "too large"
            return "full" if trouble.status_code in _FOR_NOW else "away"
        large = sum(action.size for action in request) > SUSPECT_BYTES
        broken = isinstance(trouble, ConnectionError)
        return "broken off" if broken and large and self._answers(request[0].index) else "away"

    def _answers(self, index: str) -> bool:
        """Return whether the server takes small requests, whatever it says to them."""
        try:
            self._client.indices.exists(index=index)
        except ApiError:
            return True
        except TransportError:
            return False
        return True

    def _halved(self, request: Sequence[Action], reason: str) -> list[Refusal]:
        """Send the halves of a request that was too large; one that is alone is refused."""
        if len(request) == 1:
            size = request[0].size
            return [
                Refusal(request[0], f"its {size} bytes are more than the server takes ({reason})")
            ]
        middle = len(request) // 2
        return [*self._settled(request[:middle]), *self._settled(request[middle:])]

    def _ask(
        self, request: Sequence[Action], refused: list[Refusal]
    ) -> tuple[Sequence[Action], str]:
        """Send one request; return what must be sent again, and why."""
        lines: Any = [line for action in request for line in action.lines]
        answer = self._client.bulk(operations=lines)  # typed for mappings, it takes bytes too
        again: list[Action] = []
        why = ""
        for action, item in zip(request, answer["items"], strict=True):
            found = judged(item)
            if found.verdict == "broken":
                raise self._broken(f"{action.index}: {found.reason}")
            if found.verdict == "again":
                again.append(action)
                why = found.reason
            if found.verdict == "refused":
                refused.append(Refusal(action, found.reason))
        return again, why

    def _broken(self, reason: str) -> BrokenWorld:
        return BrokenWorld(f"Elasticsearch {self._where}: {reason}")


def _requests(actions: Sequence[Action], max_bytes: int) -> Iterator[list[Action]]:
    """Yield requests below the bounds; an action that is larger by itself goes alone."""
    request: list[Action] = []
    size = 0
    for action in actions:
        if request and (len(request) == MAX_ACTIONS or size + action.size > max_bytes):
            yield request
            request, size = [], 0
        request.append(action)
        size += action.size
    if request:
        yield request


def _pause(tries: int) -> None:
    longest = min(FIRST_PAUSE_S * 2 ** (tries - 1), LONGEST_PAUSE_S)
    clock.sleep(random.uniform(longest / 2, longest))  # noqa: S311 - jitter, not a secret
