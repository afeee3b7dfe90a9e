"""Names of OTLP's metrics and attributes as Prometheus has them: characters, unit, ``_total``."""

import re
from functools import lru_cache

MAX_REMEMBERED = 16_384
"""Names that are remembered, some 200 bytes each; a large cluster has a few thousand."""

_UNITS = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "Hz": "hertz",
    "Cel": "celsius",
    "%": "percent",
}
"""Units of UCUM, and the words that Prometheus has for them; others say nothing in a name."""
_TOTAL = "_total"
_NOT_IN_A_LABEL = re.compile(r"[^a-zA-Z0-9_]")
_NOT_IN_A_METRIC = re.compile(r"[^a-zA-Z0-9_:]")


@lru_cache(maxsize=MAX_REMEMBERED)
def prometheus_name(name: str, unit: str, *, counter: bool, gauge: bool) -> str:
    """Return the name of a metric: ``http.server.duration`` in ms → ``…_duration_milliseconds``.

    What the name says already is not said again, so that metrics which came from Prometheus keep
    their names.
    """
    plain = _without_digit(_NOT_IN_A_METRIC.sub("_", name))
    if counter:
        plain = plain.removesuffix(_TOTAL)
    word = "ratio" if unit == "1" and gauge else _UNITS.get(unit, "")
    if word and word not in plain.split("_"):
        plain = f"{plain}_{word}"
    return plain + _TOTAL if counter else plain


def label_name(name: str) -> str:
    """Return the name of an attribute as that of a label: ``k8s.pod.name`` → ``k8s_pod_name``."""
    return _without_digit(_NOT_IN_A_LABEL.sub("_", name))


def _without_digit(name: str) -> str:
    """Return a name that does not begin with a digit."""
    return f"_{name}" if name[:1].isdigit() else name
