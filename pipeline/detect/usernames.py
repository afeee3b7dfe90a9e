"""Names of users, as they stand in names of pods and so in node ids."""

import re

_TO_ESCAPE = re.compile(r"[^a-z0-9]")


def escaped(name: str) -> str:
    """Return a user's name as KubeSpawner writes it into names of pods.

    Lower-case letters and digits of ASCII stay; of all else each byte of UTF-8 becomes a hyphen and
    two hexadecimal digits.
    """
    return _TO_ESCAPE.sub(lambda found: "".join(f"-{b:02x}" for b in found[0].encode()), name)
