"""Labels of metric samples as the router wants them; pure.

The router looks at ``namespace``, ``pod``, ``persistentvolumeclaim``, ``resourcequota``, ``node``,
``service`` and ``job``: what a sample is *about*.
"""

import re
from collections.abc import Mapping

from pipeline.adapt.decoded import Undecodable

MAX_LABEL_BYTES = 8 * 1024
"""Of one series, names and values together; usual ones have 500 bytes. The labels of a resource are
written into each of its samples: without a bound, 1 MB would become 1 GB."""

_EXPORTED = "exported_"
_OBJECTS = ("namespace", "pod", "container", "node", "service", "job")
_PLACES = frozenset({"namespace", "pod", "node"})
_SCRAPED = frozenset({"pod", "container", "node"})
"""Whose they are where the sample names a place of its own."""
_NOT_IN_A_LABEL = re.compile(r"[^a-zA-Z0-9_]")
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_:]")


def about_object(labels: Mapping[str, str]) -> dict[str, str]:
    """Return labels in which the object comes before whoever was scraped for it.

    Prometheus calls the label of the sample ``exported_pod`` where the scraped pod has taken its
    name: kube-state-metrics then speaks of the pod in ``exported_pod``, and runs in ``pod``.
    """
    told = {name: labels[_EXPORTED + name] for name in _OBJECTS if labels.get(_EXPORTED + name)}
    scraped = _SCRAPED if not told.keys().isdisjoint(_PLACES) else frozenset()
    kept = {
        name: value
        for name, value in labels.items()
        if name not in scraped and name.removeprefix(_EXPORTED) not in told
    }
    return kept | told


def checked(labels: Mapping[str, str]) -> None:
    """Check that labels are of a size that a sample may carry.

    Raises:
        Undecodable: they are not.
    """
    size = sum(len(name) + len(value) for name, value in labels.items())
    if size > MAX_LABEL_BYTES:
        raise Undecodable(f"labels of {size} characters, more than {MAX_LABEL_BYTES}")


def label_name(name: str) -> str:
    """Return a name as Prometheus writes names of labels."""
    plain = _NOT_IN_A_LABEL.sub("_", name)
    return f"_{plain}" if plain[:1].isdigit() else plain


def metric_name(name: str) -> str:
    """Return a name as Prometheus writes names of metrics."""
    plain = _NOT_IN_A_NAME.sub("_", name)
    return f"_{plain}" if plain[:1].isdigit() else plain
