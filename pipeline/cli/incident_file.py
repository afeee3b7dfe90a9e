"""Incidents that ``analyze`` or ``incidents export`` wrote, read again."""

from pathlib import Path

from pydantic import ValidationError

from pipeline.errors import UsageError
from pipeline.records import Incident
from pipeline.rejection import reason_of


def read_incidents(file: Path) -> list[Incident]:
    """Return the final incidents of a file of JSON lines, by start and id.

    Of several revisions of one incident the last counts; merged ones are left out. A file without
    lines is what is written where nothing was found.

    Raises:
        UsageError: the file cannot be read, or a line of it is no incident.
    """
    from pipeline.flow import final

    latest: dict[str, Incident] = {}
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    _take(latest, _incident(line, f"{file}:{number}"))
    except OSError as trouble:
        raise UsageError(f"{file}: cannot be read ({trouble.strerror})") from trouble
    return final(latest.values())


def _take(latest: dict[str, Incident], incident: Incident) -> None:
    known = latest.get(incident.id)
    if known is None or known.revision <= incident.revision:
        latest[incident.id] = incident


def _incident(line: bytes, where: str) -> Incident:
    try:
        return Incident.model_validate_json(line)
    except ValidationError as trouble:
        what = reason_of(trouble, line).what
        raise UsageError(
            f"{where}: no incident ({what}); give what `analyze --output` or `incidents export`"
            " wrote"
        ) from trouble
