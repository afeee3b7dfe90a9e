"""Labels of metric samples as the router wants them; pure.

The router looks at ``namespace``, ``pod``, ``persistentvolumeclaim``, ``resourcequota``, ``node``,
``service`` and ``job``: what a sample is *about*.
"""

from collections.abc import Mapping

_EXPORTED = "exported_"
_OBJECTS = (
    "namespace",
    "pod",
    "container",
    "node",
    "persistentvolumeclaim",
    "resourcequota",
    "service",
    "job",
)
_PLACES = frozenset({"namespace", "pod", "node"})
_SCRAPED = frozenset({"pod", "container", "node"})
"""Whose they are where the sample names a place of its own."""


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
