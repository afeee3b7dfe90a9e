"""One partition of correlation: symptoms and marks in, incident revisions and table rows out.

Pure, and the same for Kafka and for ``analyze``. The caller publishes ``incidents``, waits for the
acknowledgements, and only then writes ``rows`` in their order. Facts are idempotent (a symptom
counts by its highest revision), so no offset is needed: a repeat is no news.

Rows: ``<partition>|symptom|<application>|<id>``, ``…|incident|<application>|<id>`` (the revision
last published), ``…|ended|<application>|<id>`` (see ``aging``), ``…|learned|<application>`` and
``…|partition``. When a component is final, its incidents' ``ended`` rows are written, then the
partition's row with the watermark that made it so, which names what is forgotten, and has what was
learned; only then the row of what is learned is written, and those of the symptoms and incidents
are deleted. A kill in between leaves rows that the next restart knows to pass over, and what is
delivered again is known to be late by that very watermark.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field

import msgspec

from pipeline.correlate.aging import Aged, Aging, Ended
from pipeline.correlate.application import ApplicationState, Fates, News, Outcome
from pipeline.correlate.learned import Learned
from pipeline.correlate.lifecycle import Moment
from pipeline.correlate.overtime import Model
from pipeline.records import Incident, Mark, Symptom, canonical, micros
from pipeline.watermark import Watermark

_DETECT = "detect"


class PartitionRow(msgspec.Struct):
    """The table row of the partition itself."""

    watermark: Watermark
    now: int = 0
    tallies: dict[str, dict[str, int]] = msgspec.field(default_factory=dict)
    """By application: what became of its final facts."""
    forgotten: dict[str, list[str]] = msgspec.field(default_factory=dict)
    """By application: symptoms of the components that this mark finished; their rows may not all be
    deleted yet."""
    learned: dict[str, Learned] = msgspec.field(default_factory=dict)
    """By application: what is known, if this mark taught anything; its row may not be written
    yet."""


@dataclass(frozen=True, slots=True)
class CorrelateStep:
    """What is to be done: publish incidents, then what has aged; then write the rows in order."""

    incidents: list[Incident] = field(default_factory=list)
    aged: list[Aged] = field(default_factory=list)
    """Incidents that have to leave the topic."""
    rows: dict[bytes, bytes | None] = field(default_factory=dict)


class CorrelatePartition:
    """Correlation of the applications of one partition (see the module's docstring)."""

    def __init__(
        self,
        number: int,
        models: Mapping[str, Model],
        *,
        lateness_us: int,
        keep_us: int | None = None,
    ) -> None:
        """Begin without state; ended incidents leave after ``keep_us``, or (None) never."""
        self.number = number
        self._models = models
        self._lateness = lateness_us
        self._row = PartitionRow(watermark=Watermark())
        self._states: dict[str, ApplicationState] = {}
        self._aging = Aging(keep_us)
        self._leftover: dict[bytes, bytes | None] = {}

    def restore(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Take up the state from table rows (those of other partitions are passed over)."""
        own = {key: value for key, value in rows if key.startswith(f"{self.number}|".encode())}
        if self._key("partition") in own:
            self._row = msgspec.json.decode(own[self._key("partition")], type=PartitionRow)
        self._leftover |= self._rows_of_learned(self._row.learned)
        for name in self._models:
            self._restore_application(name, own)
        ended = self._key("ended", "")  # also of applications that are no longer declared
        for key, value in sorted(item for item in own.items() if item[0].startswith(ended)):
            application, _, incident_id = key[len(ended) :].decode().rpartition("|")
            state = self._states.get(application)
            if state is None or incident_id not in state.incidents.published:
                row = msgspec.json.decode(value, type=Ended)
                self._aging.restore((application, incident_id), row)
            # else the kill came before the mark that ends it: it lives, and will end again

    def on_symptom(self, application: str, symptom: Symptom) -> CorrelateStep:
        """Take a revision of a symptom.

        Raises:
            ValueError: the application is not among the topologies of this worker.
        """
        if application not in self._models:
            raise ValueError(f"no topology for the application {application!r}")
        state = self._state(application)
        self._row.now = max(self._row.now, micros(symptom.last_seen))
        news = state.add(symptom, self._row.watermark.high)
        if news is News.NONE:
            return CorrelateStep()
        outcome = Outcome()
        if news is News.CHANGE:
            outcome = state.take_up(symptom.id, self._moment)
        else:
            state.postpone(symptom.id, self._moment)
        rows: dict[bytes, bytes | None] = {
            self._key("symptom", application, symptom.id): canonical(symptom)
        }
        for former in symptom.supersedes:
            rows[self._key("symptom", application, former)] = None
        rows |= self._told(application, outcome)
        return CorrelateStep(incidents=outcome.incidents, rows=rows)

    def on_mark(self, mark: Mark) -> CorrelateStep:
        """Take the time mark of one partition of detection: what it settles or ends is told."""
        moved = self._row.watermark.observe(
            _DETECT, mark.source, feeds=mark.feeds, time=micros(mark.time), final=mark.final
        )
        self._row.now = max(self._row.now, micros(mark.time) + self._lateness)
        if not moved:
            return CorrelateStep()
        moment = self._moment
        aged = self._aging.leave(moment.complete_to)
        outcomes = {name: state.advance(moment) for name, state in sorted(self._states.items())}
        rows, self._leftover = self._leftover, {}
        for application, outcome in outcomes.items():
            rows |= self._told(application, outcome) | self._ended(outcome)
        self._row.forgotten = {name: c.forgotten for name, c in outcomes.items() if c.forgotten}
        self._row.learned = self._taught(outcomes)
        self._row.tallies = {name: asdict(state.fates) for name, state in self._states.items()}
        rows[self._key("partition")] = msgspec.json.encode(self._row)
        rows |= self._rows_of_learned(self._row.learned)
        for application, outcome in outcomes.items():
            rows |= self._forgotten(application, outcome)
        rows |= dict.fromkeys(self._key("ended", gone.application, gone.id) for gone in aged)
        told = [incident for outcome in outcomes.values() for incident in outcome.incidents]
        return CorrelateStep(incidents=told, aged=aged, rows=rows)

    @property
    def _moment(self) -> Moment:
        return Moment(self._row.now, self._row.watermark.high)

    def _key(self, *parts: str) -> bytes:
        return "|".join((str(self.number), *parts)).encode()

    def _state(self, application: str) -> ApplicationState:
        state = self._states.get(application)
        if state is None:
            state = self._states[application] = ApplicationState(self._models[application])
        return state

    def _told(self, application: str, outcome: Outcome) -> dict[bytes, bytes | None]:
        """Return the rows that remember what is published of incidents that live on."""
        ended = {incident.id for incident in outcome.ended}
        return {
            self._key("incident", application, incident.id): canonical(incident)
            for incident in outcome.incidents
            if incident.id not in ended
        }

    def _ended(self, outcome: Outcome) -> dict[bytes, bytes | None]:
        """Return the rows that remember when incidents ended, until they leave the topic."""
        rows = {
            self._key("ended", incident.application, incident.id): self._aging.end(incident)
            for incident in outcome.ended
        }
        return {key: msgspec.json.encode(row) for key, row in rows.items() if row is not None}

    def _taught(self, outcomes: Mapping[str, Outcome]) -> dict[str, Learned]:
        """Return what is known now where what is final has taught anything."""
        learned = {name: self._states[name].memory.learned for name in outcomes}
        return {
            name: each
            for name, each in learned.items()
            if each is not None and outcomes[name].forgotten
        }

    def _rows_of_learned(self, learned: Mapping[str, Learned]) -> dict[bytes, bytes | None]:
        return {
            self._key("learned", name): msgspec.json.encode(each) for name, each in learned.items()
        }

    def _forgotten(self, application: str, outcome: Outcome) -> dict[bytes, bytes | None]:
        """Forget what is final; return the rows to delete."""
        self._states[application].forget(outcome.forgotten)
        symptoms = (self._key("symptom", application, gone) for gone in outcome.forgotten)
        incidents = (self._key("incident", application, gone.id) for gone in outcome.ended)
        return dict.fromkeys((*symptoms, *incidents))

    def _restore_application(self, name: str, rows: Mapping[bytes, bytes]) -> None:
        state = ApplicationState(self._models[name])
        state.fates = Fates(**self._row.tallies.get(name, {}))
        state.memory.learned = self._learned(name, rows)
        finished = set(self._row.forgotten.get(name, ()))
        for key, value in self._rows_of("symptom", name, rows):
            symptom = Symptom.model_validate_json(value)
            if symptom.id in finished:
                self._leftover[key] = None
            else:
                state.put(symptom)
        for key, value in self._rows_of("incident", name, rows):
            incident = Incident.model_validate_json(value)
            if state.has_any(symptom.id for symptom in incident.symptoms):
                state.incidents.published[incident.id] = incident
            else:  # its component is finished; the kill came before this row was deleted
                self._leftover[key] = None
        state.incidents.wake(state.symptoms)
        known = state.symptoms or state.changes.known or state.memory.learned
        if known or name in self._row.tallies:
            self._states[name] = state

    def _learned(self, name: str, rows: Mapping[bytes, bytes]) -> Learned | None:
        """Return what is known; that of the last mark counts, if its own row was not written."""
        written = rows.get(self._key("learned", name))
        if name in self._row.learned or written is None:
            return self._row.learned.get(name)
        return msgspec.json.decode(written, type=Learned)

    def _rows_of(
        self, kind: str, application: str, rows: Mapping[bytes, bytes]
    ) -> list[tuple[bytes, bytes]]:
        prefix = self._key(kind, application, "")
        return sorted(item for item in rows.items() if item[0].startswith(prefix))
