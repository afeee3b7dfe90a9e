"""What a Lens panel counts, by what, and how it is drawn; pure.

In: fields and labels. Out: columns and visualizations as Lens keeps them. A column that groups
comes before those that it groups.
"""

from collections.abc import Mapping, Sequence

from pipeline.kibana.shapes import LAYER, Json

RECORDS = "___records___"
"""The "field" of a column that counts documents."""

Drawn = tuple[str, Json]


def count(label: str, *, only: str | None = None) -> Json:
    """Return how many documents, of those that a query finds."""
    column = _measure("count", RECORDS, label)
    return column if only is None else {**column, "filter": {"language": "kuery", "query": only}}


def unique(field: str, label: str) -> Json:
    """Return how many different values."""
    return _measure("unique_count", field, label)


def total(field: str, label: str) -> Json:
    """Return the sum of a number."""
    return _measure("sum", field, label)


def median(field: str, label: str) -> Json:
    """Return the middle one of the values."""
    return _measure("median", field, label)


def percentile(field: str, label: str, percent: int) -> Json:
    """Return the value that so many percent do not exceed."""
    return {**_measure("percentile", field, label), "params": {"percentile": percent}}


def last(field: str, label: str) -> Json:
    """Return the value of the document with the latest ``@timestamp``; of a date."""
    return {
        **_labelled(label),
        "operationType": "last_value",
        "sourceField": field,
        "dataType": "date",
        "isBucketed": False,
        "scale": "interval",
        "filter": {"language": "kuery", "query": f"{field}: *"},
        "params": {"sortField": "@timestamp", "showArrayValues": False},
    }


def top(field: str, label: str, *, size: int, by: str, other: bool = False) -> Json:
    """Return the values with most of column ``by``, and what is left of them as "Other"."""
    return {
        **_labelled(label),
        "operationType": "terms",
        "sourceField": field,
        "dataType": "string",
        "isBucketed": True,
        "scale": "ordinal",
        "params": {
            "size": size,
            "orderBy": {"type": "column", "columnId": by},
            "orderDirection": "desc",
            "otherBucket": other,
            "missingBucket": False,
            "parentFormat": {"id": "terms"},
            "include": [],
            "exclude": [],
            "includeIsRegex": False,
            "excludeIsRegex": False,
        },
    }


def over_time(interval: str = "auto") -> Json:
    """Return the time of each document's ``@timestamp``, in steps."""
    return {
        "label": "@timestamp",
        "operationType": "date_histogram",
        "sourceField": "@timestamp",
        "dataType": "date",
        "isBucketed": True,
        "scale": "interval",
        "params": {"interval": interval, "includeEmptyRows": True, "dropPartials": False},
    }


def number(metric: str, *, second: str | None = None) -> Drawn:
    """Draw one large number, and a small one beside it."""
    drawn = {"layerId": LAYER, "layerType": "data", "metricAccessor": metric}
    if second is not None:
        drawn["secondaryMetricAccessor"] = second
    return "lnsMetric", drawn


def chart(series: str, *, x: str, y: Sequence[str], split: str | None = None) -> Drawn:
    """Draw bars or lines; ``series`` is one of Lens's (``bar_stacked``, ``line`` …)."""
    layer: Json = {
        "layerId": LAYER,
        "layerType": "data",
        "seriesType": series,
        "xAccessor": x,
        "accessors": list(y),
        "position": "top",
        "showGridlines": False,
    }
    if split is not None:
        layer["splitAccessor"] = split
    return "lnsXY", {
        "preferredSeriesType": series,
        "layers": [layer],
        "legend": {"isVisible": split is not None or len(y) > 1, "position": "right"},
        "valueLabels": "hide",
        "fittingFunction": "None",
        "axisTitlesVisibilitySettings": {"x": False, "yLeft": False, "yRight": False},
    }


def table(columns: Mapping[str, Json]) -> Drawn:
    """Draw a table; a click on a value by which it groups filters the dashboard."""
    return "lnsDatatable", {
        "layerId": LAYER,
        "layerType": "data",
        "columns": [
            {"columnId": name, "isTransposed": False, "oneClickFilter": True}
            if column["isBucketed"]
            else {"columnId": name, "isTransposed": False}
            for name, column in columns.items()
        ],
    }


def _measure(operation: str, field: str, label: str) -> Json:
    return {
        **_labelled(label),
        "operationType": operation,
        "sourceField": field,
        "dataType": "number",
        "isBucketed": False,
        "scale": "ratio",
        "params": {"emptyAsNull": False},
    }


def _labelled(label: str) -> Json:
    return {"label": label, "customLabel": True}
