"""Labels that anybody may have written → labels of a sample, or of an alert; pure."""

from collections.abc import Mapping

from pipeline.adapt.decoded import Undecodable
from pipeline.ingest.labels import about_object

MAX_LABEL_BYTES = 8 * 1024
"""Of one series, names and values together; usual ones have 500 bytes. The labels of a resource are
written into each of its samples: without a bound, 1 MB would become 1 GB."""


def labels_of(given: Mapping[str, object]) -> dict[str, str]:
    """Return the labels that have text, the object's before those of whoever was scraped for it.

    Raises:
        Undecodable: they are more than a sample may carry.
    """
    labels = {name: value for name, value in given.items() if isinstance(value, str) and value}
    size = sum(len(name) + len(value) for name, value in labels.items())
    if size > MAX_LABEL_BYTES:
        raise Undecodable(f"labels of {size} characters, more than {MAX_LABEL_BYTES}")
    return about_object(labels)
