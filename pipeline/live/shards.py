"""Who follows which pod: each pod belongs to one of n processes; pure.

The function is a consistent hash: when n grows to n + 1, one pod in n + 1 moves, and only to the
new process.
"""

import re
from dataclasses import dataclass
from hashlib import blake2b

from pipeline.errors import UsageError

_MULTIPLIER = 2862933555777941757
"""Of the linear congruential generator in Lamping and Veach, "A Fast, Minimal Memory, Consistent
Hash Algorithm" (2014), whose five lines :func:`jump` is."""
_MASK = (1 << 64) - 1


def jump(key: int, buckets: int) -> int:
    """Return the bucket (0 … buckets - 1) of a 64 bit key."""
    bucket, following = -1, 0
    while following < buckets:
        bucket = following
        key = (key * _MULTIPLIER + 1) & _MASK
        following = int((bucket + 1) * (1 << 31) / ((key >> 33) + 1))
    return bucket


@dataclass(frozen=True, slots=True)
class Shard:
    """One of ``of`` processes."""

    number: int
    of: int

    def owns(self, namespace: str, pod: str) -> bool:
        """Tell whether a pod is followed by this process (by name: a respawn stays here)."""
        return self.of == 1 or jump(_key(f"{namespace}/{pod}"), self.of) == self.number


def shard_of(text: str, hostname: str) -> Shard:
    """Return the shard of a setting: ``2/3``, or ``auto/3`` with the host's number.

    Raises:
        UsageError: the number is not below the count, or the host's name ends with none.
    """
    number, _, count = text.partition("/")
    if number == "auto":
        found = re.search(r"-([0-9]+)$", hostname)
        if found is None:
            raise UsageError(
                f"ingest.shard {text}: the host name {hostname!r} ends with no number, as that of"
                " a StatefulSet's pod does; write the number yourself (0/3)"
            )
        number = found[1]
    if int(number) >= int(count):
        raise UsageError(
            f"ingest.shard {text}: {count} processes are numbered from 0 to {int(count) - 1},"
            f" this one says {number}"
        )
    return Shard(int(number), int(count))


def _key(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest())
