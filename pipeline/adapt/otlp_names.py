"""Names of OTLP metrics as Prometheus has them: characters, unit, ``_total``; pure."""

from functools import lru_cache

from pipeline.adapt.labels import metric_name

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


@lru_cache(maxsize=MAX_REMEMBERED)
def prometheus_name(name: str, unit: str, *, counter: bool, gauge: bool) -> str:
    """Return the name of a metric: ``http.server.duration`` in ms → ``…_duration_milliseconds``.

    What the name says already is not said again, so that metrics which came from Prometheus keep
    their names.
    """
    plain = metric_name(name).removesuffix(_TOTAL) if counter else metric_name(name)
    word = "ratio" if unit == "1" and gauge else _UNITS.get(unit, "")
    if word and word not in plain.split("_"):
        plain = f"{plain}_{word}"
    return plain + _TOTAL if counter else plain
