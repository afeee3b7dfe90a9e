"""Waiting for what other processes do, with an end to the patience."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

PAUSE_S = 0.1


def until(fact: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Return as soon as a fact holds; fail with its name when it does not in time."""
    deadline = time.monotonic() + within_s
    while not fact():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(PAUSE_S)


def health(port: int, path: str = "/ready") -> tuple[int, dict[str, Any]]:
    """Return status and report of a role's health page; (0, {}) when nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)
    except OSError:
        return 0, {}
