"""An answer of Prometheus' HTTP API → its series; pure.

In: the bytes of an answer to ``/api/v1/query`` or ``/api/v1/query_range``. Out: series with their
samples as the server wrote them (seconds, text of a number). Nothing is judged here but the form.
"""

import msgspec

from pipeline.ingest.cluster import Unusable


class RawSeries(msgspec.Struct):
    """One series of an answer."""

    metric: dict[str, str] = {}
    """Its labels, ``__name__`` among them where it has one."""
    values: list[tuple[float, str]] = []
    """Samples: seconds since 1970, and the number as text."""
    histograms: list[msgspec.Raw] = []
    """Samples that are native histograms; they are counted, and not read."""


class _Data(msgspec.Struct, rename="camel"):
    result_type: str
    result: list[RawSeries]


class _Body(msgspec.Struct, rename="camel"):
    status: str
    data: _Data | None = None
    warnings: list[str] = []


class _Failure(msgspec.Struct, rename="camel"):
    error: str
    error_type: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What a query brought."""

    series: list[RawSeries]
    warnings: list[str]
    """Thanos says here that a store did not answer: the answer may be a part."""


_BODY = msgspec.json.Decoder(_Body)
_FAILURE = msgspec.json.Decoder(_Failure)


def answer_of(content: bytes) -> Answer:
    """Return the series of a successful answer.

    Raises:
        Unusable: it is not what the API documents for a matrix.
    """
    try:
        body = _BODY.decode(content)
    except msgspec.MsgspecError as trouble:  # broken JSON, or another form
        raise Unusable(f"not an answer of Prometheus' API ({trouble})") from None
    if body.status != "success" or body.data is None or body.data.result_type != "matrix":
        found = body.data.result_type if body.data is not None else f"status {body.status!r}"
        raise Unusable(f"not the answer that was asked for (a matrix, not {found})")
    return Answer(body.data.result, body.warnings)


def error_of(content: bytes) -> str | None:
    """Return the error that an unsuccessful answer tells of, in Prometheus' own words."""
    try:
        failure = _FAILURE.decode(content)
    except msgspec.MsgspecError:
        return None
    return " ".join(failure.error.split())
