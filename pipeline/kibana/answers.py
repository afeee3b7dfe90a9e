"""What Kibana answers, as lines for people; pure.

In: status and body of an answer. Out: what became of each object, or why nothing was done and what
to do about it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from pipeline.kibana.shapes import OLDEST, Json
from pipeline.rejection import one_line

State = Literal["to be imported", "imported", "replaced", "refused"]

_NEEDED = ".".join(str(part) for part in OLDEST)
_TOO_OLD = "more recent version of Kibana"
"""In what Kibana says of an object with a stamp that it does not know."""
_SEE_TO = {
    HTTPStatus.UNAUTHORIZED: (
        "it does not know us: check elasticsearch.api_key, or elasticsearch.username and password"
    ),
    HTTPStatus.FORBIDDEN: (
        'we may not: our role needs the Kibana privilege "Saved Objects Management: All" in this'
        " space"
    ),
    HTTPStatus.NOT_FOUND: "there is no Kibana: write its address with its base path (kibana.url)",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "too large for it or for a proxy before it: raise savedObjects.maxImportPayloadBytes"
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: "it is not ready yet: try again",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of HTTP."""

    status: int
    body: bytes
    location: str = ""
    """Where it sends us instead."""

    @property
    def fine(self) -> bool:
        """Whether it did what it was asked."""
        return self.status == HTTPStatus.OK

    def content(self) -> Json:
        """Return the JSON object that it is, or nothing."""
        try:
            found = json.loads(self.body)
        except ValueError:  # a proxy's page
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one object."""

    kind: str
    ident: str
    title: str
    state: State
    reason: str = ""

    def as_json(self) -> dict[str, str]:
        """Return it for programs."""
        return {
            "type": self.kind,
            "id": self.ident,
            "title": self.title,
            "state": self.state,
            "reason": self.reason,
        }


def refusal(answer: Answer) -> str:
    """Return why it did not do what it was asked, on one line."""
    if answer.location:
        return f"{answer.status}: it sends us to {one_line(answer.location)}: give that address"
    said = one_line(str(answer.content().get("message") or _text(answer.body)))
    if _TOO_OLD in said:
        return f"{answer.status}: it is too old, {_NEEDED} or later is needed ({said})"
    status = HTTPStatus(answer.status) if answer.status in _SEE_TO else None
    if status is None:
        return f"{answer.status}: {said}"
    return f"{answer.status}: {_SEE_TO[status]} ({said})"


def not_fit(status: Json) -> str | None:
    """Return why what answered to ``/api/status`` cannot take our objects, or None."""
    if "version" not in status and "status" not in status:
        return "what answers is no Kibana: write its address with its base path (kibana.url)"
    told = str((status.get("version") or {}).get("number", ""))
    numbers = tuple(int(part) for part in told.split(".")[:2] if part.isdecimal())
    if numbers and numbers < OLDEST:
        return f"it is Kibana {one_line(told)}, {_NEEDED} or later is needed"
    return None  # it does not tell everybody: the import will show


def outcomes(objects: Sequence[Json], answer: Json) -> list[Outcome]:
    """Return what became of each object, by the answer to an import."""
    done = {(each["type"], each["id"]): each for each in answer.get("successResults", ())}
    refused = {(each["type"], each["id"]): each for each in answer.get("errors", ())}
    return [_outcome(each, done, refused) for each in objects]


def planned(objects: Sequence[Json]) -> list[Outcome]:
    """Return what would be done."""
    return [Outcome(each["type"], each["id"], _title(each), "to be imported") for each in objects]


def _outcome(each: Json, done: dict[Any, Json], refused: dict[Any, Json]) -> Outcome:
    kind, ident, title = each["type"], each["id"], _title(each)
    trouble = refused.get((kind, ident))
    if trouble is not None:
        return Outcome(kind, ident, title, "refused", one_line(_why(trouble.get("error") or {})))
    result = done.get((kind, ident))
    if result is None:
        return Outcome(kind, ident, title, "refused", "Kibana does not say why")
    return Outcome(kind, ident, title, "replaced" if result.get("overwrite") else "imported")


def _why(error: Json) -> str:
    match error.get("type"):
        case "missing_references":
            missing = [f"{of.get('type')} {of.get('id')}" for of in error.get("references", ())]
            return f"it refers to what is not there: {', '.join(missing)}"
        case "conflict" | "ambiguous_conflict":
            return "another object has its id: remove that one"
        case "unsupported_type":
            return "this Kibana has no such objects"
        case _:
            return str(error.get("message") or "Kibana does not say why")


def _title(each: Json) -> str:
    attributes = each["attributes"]
    return str(attributes.get("name") or attributes["title"])


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace").strip() or "no reason given"
