"""Dead letters of the workers: a bad message goes on as it came, with the reason in headers.

In: a message that could not be read, or that made a core fail. Out: what to publish on the rejected
topic: original bytes, key and headers untouched, and ``aftershock.rejected.{code,what,where}``.
"""

from pipeline.broker.message import Message
from pipeline.worker.stage import Outgoing

CODE_HEADER = "aftershock.rejected.code"
WHAT_HEADER = "aftershock.rejected.what"
WHERE_HEADER = "aftershock.rejected.where"

MAX_WHAT = 500
"""Characters of a reason: one line that a person reads; the bytes themselves are in the value."""


def dead_letter(topic: str, message: Message, *, code: str, what: str) -> Outgoing:
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
