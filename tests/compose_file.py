"""The shipped ``docker-compose.yml``, as Docker Compose reads it where nothing is set."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[1]
FILE = REPOSITORY / "docker-compose.yml"
OURS = "aftershock:"
"""How the names of our image begin; all other images are of other people."""

_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


@cache
def whole() -> dict[str, Any]:
    """Return the file, each variable with its default."""
    text = _VARIABLE.sub(r"\2", FILE.read_text(encoding="utf-8"))
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def services() -> dict[str, dict[str, Any]]:
    """Return what each service is made of, by name."""
    found: dict[str, dict[str, Any]] = whole()["services"]
    return found


def ours() -> dict[str, dict[str, Any]]:
    """Return the services of our own image, by name."""
    return {name: each for name, each in services().items() if each["image"].startswith(OURS)}


def environment(service: dict[str, Any]) -> dict[str, str]:
    """Return what a service finds in its environment."""
    return {name: str(value) for name, value in service["environment"].items()}
