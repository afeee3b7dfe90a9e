"""Attributes of OTLP: values, the place in the cluster that they name, labels; pure."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from pipeline.adapt.otlp_names import label_name
from pipeline.adapt.reading import text_of

PLACE = {
    "k8s.namespace.name": "namespace",
    "k8s.pod.name": "pod",
    "k8s.container.name": "container",
    "k8s.node.name": "node",
    "k8s.persistentvolumeclaim.name": "persistentvolumeclaim",
    "k8s.resourcequota.name": "resourcequota",
    "k8s.service.name": "service",
    "k8s.deployment.name": "deployment",
    "k8s.statefulset.name": "statefulset",
    "k8s.daemonset.name": "daemonset",
    "k8s.replicaset.name": "replicaset",
}
"""Attributes that say what something is about, and the labels that say so to our router."""
_ORIGIN = {
    "service.name": "job",
    "service.instance.id": "instance",
    "k8s.cluster.name": "cluster",
}
_POD_LABELS = ("k8s.pod.label.", "k8s.pod.labels.")
"""As the conventions name them now, and as they did before."""

Attributes = Mapping[str, Any]


def attributes_of(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    """Return attributes as plain values."""
    return {pair.key: value_of(pair.value) for pair in pairs}


def value_of(value: AnyValue) -> Any:  # noqa: ANN401 - any value of JSON
    """Return a value as JSON has it; bytes in base 64."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [value_of(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return attributes_of(value.kvlist_value.values)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind)


def place_labels(attributes: Attributes) -> dict[str, str]:
    """Return the labels that say what something is about.

    A volume of a pod is about the claim, as the kubelet's own metrics are: not about the pod.
    """
    found = {
        label: text
        for name, label in PLACE.items()
        if (text := label_text(attributes.get(name))) is not None
    }
    if "persistentvolumeclaim" in found:
        found.pop("pod", None)
        found.pop("container", None)
    return found


def origin_labels(attributes: Attributes) -> dict[str, str]:
    """Return the labels that say who measured, and the labels of the pod as ``label_…``."""
    found = {
        label: text
        for name, label in _ORIGIN.items()
        if (text := label_text(attributes.get(name))) is not None
    }
    for name, value in attributes.items():
        key = next((name[len(start) :] for start in _POD_LABELS if name.startswith(start)), "")
        text = label_text(value)
        if key and text is not None:
            found[f"label_{label_name(key)}"] = text
    return found


def label_text(value: object) -> str | None:
    """Return a value as a label has it; None where it would be empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return text_of(value)
