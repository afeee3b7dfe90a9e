"""Headers of records on topics, as others may rely on them; published like the values."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, TypeAdapter

from pipeline.records import RejectionCode

_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"


class _Headers(BaseModel):
    """All are UTF-8 text; others may stand beside them."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)


class RejectedHeaders(_Headers):
    """Headers that a rejected record carries beside its own; all are UTF-8 text.

    Part and last are there where one line or file was cut into several records.
    """

    model_config = ConfigDict(title="Headers of aftershock.rejected")

    code: Annotated[RejectionCode, Field(alias="aftershock.rejected.code")]
    what: Annotated[str, Field(alias="aftershock.rejected.what")]
    where: Annotated[str, Field(alias="aftershock.rejected.where")]
    part: Annotated[str, Field(alias="aftershock.rejected.part", pattern="^[1-9][0-9]*$")] = "1"
    last: Annotated[str, Field(alias="aftershock.rejected.last", pattern="^(true|false)$")] = "true"


class _CloudEvent(_Headers):
    specversion: Annotated[Literal["1.0"], Field(alias="ce_specversion")]
    id: Annotated[str, Field(alias="ce_id")]
    """Unique for its source; a record that comes again has the same one."""
    source: Annotated[str, Field(alias="ce_source", pattern="^/aftershock/")]
    """``/aftershock/`` and the application, as a URI reference."""
    time: Annotated[str, Field(alias="ce_time", pattern=_TIME)]
    subject: Annotated[str, Field(alias="ce_subject")]
    """The incident's id: the key of the record too."""
    partitionkey: Annotated[str, Field(alias="ce_partitionkey")]
    revision: Annotated[str, Field(alias="ce_revision", pattern="^[1-9][0-9]*$")]
    """Of the incident: what is not above the highest that you know is no news."""


class IncidentHeaders(_CloudEvent):
    """Headers of a revision: CloudEvents 1.0 in Kafka's binary mode."""

    type: Annotated[Literal["io.aftershock.incident.v1"], Field(alias="ce_type")]
    dataschema: Annotated[str, Field(alias="ce_dataschema")]
    """``$id`` of the value's JSON Schema."""
    content_type: Annotated[Literal["application/json"], Field(alias="content-type")]


class AgedHeaders(_CloudEvent):
    """Headers of the null value by which an incident leaves the topic after its time."""

    type: Annotated[Literal["io.aftershock.incident.aged.v1"], Field(alias="ce_type")]


INCIDENT_HEADERS: TypeAdapter[IncidentHeaders | AgedHeaders] = TypeAdapter(
    Annotated[IncidentHeaders | AgedHeaders, Discriminator("type")]
)
