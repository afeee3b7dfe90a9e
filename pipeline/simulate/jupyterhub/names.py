"""Names of users."""

from collections.abc import Iterator
from random import Random

_GIVEN = (
    "alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "kate",
    "liam", "mallory", "niaj", "olivia", "peggy", "quentin", "rupert", "sybil", "trent", "ursula",
    "victor", "wendy", "xavier", "yasmin", "zoe",
)  # fmt: skip
_FAMILY = ("", "abel", "berg", "cole", "diaz", "egan", "fox", "gray", "hale", "ito", "jung", "kim",
           "lund", "moss", "nash", "ott", "park", "quin", "rossi", "sato")  # fmt: skip


def user_names(count: int, chance: Random) -> Iterator[str]:
    """Yield so many different names; about a third are addresses of mail."""
    for number in range(count):
        given = _GIVEN[number % len(_GIVEN)]
        family = _FAMILY[number // len(_GIVEN) % len(_FAMILY)]
        name = f"{given}.{family}" if family else given
        yield f"{name}@example.com" if chance.random() < 0.35 else name.replace(".", "-")  # noqa: PLR2004
