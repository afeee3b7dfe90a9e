"""Dead letters of the workers: a bad message goes on as it came, with the reason in headers.

In: a message that could not be read, or that made a core fail. Out: what to publish on the rejected
topic: original bytes, key and headers untouched, and ``aftershock.rejected.{code,what,where}``.
"""

from pydantic import ValidationError

from pipeline.worker.stage import Incoming, Outgoing

CODE_HEADER = "aftershock.rejected.code"
WHAT_HEADER = "aftershock.rejected.what"
WHERE_HEADER = "aftershock.rejected.where"

MAX_WHAT = 500
"""Characters of a reason: one line that a person reads; the bytes themselves are in the value."""


def dead_letter(topic: str, message: Incoming, *, code: str, what: str) -> Outgoing:
    """Return the message for the rejected topic."""
    reason = (
        (CODE_HEADER, code.encode()),
        (WHAT_HEADER, " ".join(what.split())[:MAX_WHAT].encode()),
        (WHERE_HEADER, message.where.encode()),
    )
    return Outgoing(
        topic=topic,
        key=message.key,
        value=message.value,
        headers=(*message.headers, *reason),
    )


def reason_of(trouble: ValidationError) -> tuple[str, str]:
    """Return code and one line for a value that is not what its topic carries."""
    errors = trouble.errors(include_url=False, include_context=False, include_input=False)
    first = errors[0]
    if first["type"] == "json_invalid":
        return "not-json", f"not JSON: {first['msg']}"
    place = ".".join(str(part) for part in first["loc"]) or "value"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return "invalid", f"{place}: {first['msg']}{more}"
