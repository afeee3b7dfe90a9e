"""The facts of one application: symptoms by id, each with its highest revision.

Facts fall into components: what may have to do with each other. A component only ever grows, and
so does the sum of its revisions. When nothing can join it any more, it is final: its incidents
(see ``lifecycle``) get their last revision, and its facts are forgotten.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from pipeline.correlate.changes import Changes, is_change
from pipeline.correlate.clocks import Clocks
from pipeline.correlate.component import Component, grouped
from pipeline.correlate.evidence import Evidence, onset_s, seen
from pipeline.correlate.learned import Memory
from pipeline.correlate.lifecycle import Incidents, Moment
from pipeline.correlate.overtime import Model
from pipeline.correlate.parents import Weights
from pipeline.correlate.storm import is_storm, wait_s
from pipeline.records import Incident, Symptom, micros

_SECOND = 1_000_000
LATE_SHARE = 0.25
"""Of the symptoms that are kept, so many may be late: a collector that was cut off for an hour must
not take the room of what comes in time."""


class News(Enum):
    """What a revision of a symptom brings."""

    NONE = "none"
    """It is known, late, or one too many."""
    MORE = "more"
    """More of the same: it can wait for the next time that the component is explained."""
    CHANGE = "change"
    """A new symptom, or one that says something new."""


@dataclass(slots=True)
class Fates:
    """What became of the symptoms and incidents that are final (law 4)."""

    in_incident: int = 0
    below_threshold: int = 0
    changes: int = 0
    """No symptoms, but what was changed; told with the incidents that they came before."""
    superseded: int = 0
    overflow: int = 0
    """Revisions of symptoms that were not taken because there are too many already."""
    late_or_repeated: int = 0
    """Came when their component could be final already: repeats after a restart, mostly. And late
    symptoms that no incident has."""
    incidents: int = 0


@dataclass(slots=True)
class Outcome:
    """What an evaluation brought."""

    incidents: list[Incident] = field(default_factory=list)
    """Revisions to publish, in order."""
    forgotten: list[str] = field(default_factory=list)
    """Ids of symptoms that are done with."""
    ended: list[Incident] = field(default_factory=list)
    """Incidents that will not be revised any more."""


class ApplicationState:
    """Symptoms × graph → incidents, for one application."""

    def __init__(self, model: Model) -> None:
        self._model = model
        reach_s = model.reach_s + model.settings.resolve_after_s
        self._joined_for_us = int(reach_s * _SECOND)
        """How long after the end of a symptom others may still join it."""
        self.memory = Memory()
        self._clocks = Clocks(self.memory)
        self._weights = Weights(model, self.memory)
        self.symptoms: dict[str, Symptom] = {}
        self._over_from: dict[str, int] = {}
        """By symptom that is closed: from which watermark on nothing can join it, in microseconds;
        asked for of each at each mark."""
        self.changes = Changes(model)
        self.superseded: dict[str, str] = {}
        """Former ids of symptoms and changes, with the id that took their place."""
        self.incidents = Incidents(model)
        self.fates = Fates()

    def add(self, symptom: Symptom, complete_to: int | None) -> News:
        """Take a revision of a symptom; return what news it is.

        ``complete_to`` is the watermark in microseconds: all facts before it are known. What ended
        so long before it that its component may be final is not taken, unless it is late (law 7)
        and finds one that is not.
        """
        known = self._known(symptom.id)
        if symptom.id in self.superseded:
            return News.NONE
        if known is not None and symptom.revision <= known.revision:
            return News.NONE
        if known is None and not self._admit(symptom, complete_to):
            return News.NONE
        self.put(symptom)
        if symptom.whisper or (known is not None and _says_the_same(known, symptom)):
            return News.MORE
        return News.CHANGE

    def put(self, symptom: Symptom) -> None:
        """Put a symptom among the facts (once admitted, or from a snapshot)."""
        for former in symptom.supersedes:
            self._forget(former)
            self.superseded[former] = symptom.id
        self._forget(symptom.id)
        if is_change(symptom):
            self.changes.known[symptom.id] = symptom
            return
        self.symptoms[symptom.id] = symptom
        if symptom.state == "closed":
            self._over_from[symptom.id] = self._final_from(symptom)
        self._weights.put(self._seen(symptom))

    def has_any(self, symptom_ids: Iterable[str]) -> bool:
        """Tell whether any of the symptoms is among the facts, under this id or its present one."""
        return any(s in self.symptoms or s in self.superseded for s in symptom_ids)

    def postpone(self, symptom_id: str, moment: Moment) -> None:
        """Have the component of a symptom, or what a change came before, explained before long."""
        wait = int(self._model.settings.refresh_s * _SECOND)
        change = self.changes.known.get(symptom_id)
        for asking in [symptom_id] if change is None else self._asking_for(change):
            self.incidents.postpone(asking, moment.now + wait)

    def take_up(self, symptom_id: str, moment: Moment) -> Outcome:
        """Explain the component of a new symptom: at once, or in a storm when its wait is over.

        All news of a storm waits for the first of it, which has waited longest: so a component is
        explained at most once a wait. How many there are is only counted when a wait begins (of a
        thousand, 1 ms, measured); a walk that stops at ``storm_from`` takes a tenth of that where
        many are linked.
        """
        settings = self._model.settings
        near = self._weights.near(symptom_id, settings.storm_from)
        if not is_storm(len(near), settings):
            return self.evaluate(symptom_id, moment)
        until = self.incidents.awaited(near)
        if until is None:
            wait = wait_s(len(self._weights.component(symptom_id)), settings)
            until = moment.now + int(wait * _SECOND)
        elif until <= moment.now:  # also where no mark comes that would tell
            return self.evaluate(symptom_id, moment)
        self.incidents.await_storm(symptom_id, until)
        return Outcome()

    def evaluate(self, symptom_id: str, moment: Moment) -> Outcome:
        """Explain the component of a symptom anew."""
        return Outcome(incidents=self._explain(self._weights.component(symptom_id), moment))

    def advance(self, moment: Moment) -> Outcome:
        """Let time pass: finish what is final, open what has settled, resolve what is quiet.

        What is final comes first, in the order in which it became so: the rest may be explained
        with what it has taught (see ``learned``).
        """
        outcome = Outcome()
        for component in sorted(self._final(moment), key=self._final_order):
            self._finish(component, outcome)
        explained = {*outcome.forgotten}  # at one moment a second time would bring nothing new
        due = self.incidents.due(moment)
        self.incidents.looked_at(due)
        for symptom_id in sorted({self.superseded.get(former, former) for former in due}):
            if symptom_id in self.symptoms and symptom_id not in explained:
                component = self._weights.component(symptom_id)
                explained.update(component)
                outcome.incidents += self._explain(component, moment)
        self._let_changes_go(moment, outcome)
        return outcome

    def forget(self, symptom_ids: Iterable[str]) -> None:
        """Forget facts that are final, and the ids that they had before."""
        gone = set(symptom_ids)
        for symptom_id in gone:
            self._forget(symptom_id)
        for former in [old for old, new in self.superseded.items() if new in gone]:
            del self.superseded[former]

    def _admit(self, symptom: Symptom, complete_to: int | None) -> bool:
        change = is_change(symptom)
        final_from = self.changes.over_from(symptom) if change else self._final_from(symptom)
        if complete_to is not None and final_from <= complete_to and not self._joins(symptom):
            self.fates.late_or_repeated += 1
            return False
        bound = self._model.settings.max_symptoms
        full = not self.changes.has_room(symptom) if change else len(self.symptoms) >= bound
        if full or (symptom.late and self._late >= bound * LATE_SHARE):
            self.fates.overflow += 1
            return False
        return True

    def _joins(self, symptom: Symptom) -> bool:
        """Tell whether an old symptom is late, and may belong to what is not final.

        It is no matter whether that has been published: delivered again, it must be taken again.
        """
        if not symptom.late:
            return False
        self._weights.put(self._seen(symptom))
        near = [
            self.symptoms[each]
            for each in self._weights.component(symptom.id)
            if each != symptom.id
        ]
        self._weights.remove(symptom.id)
        return any(not (each.whisper or each.late) for each in near)

    @property
    def _late(self) -> int:
        return sum(symptom.late for symptom in self.symptoms.values())

    def _known(self, symptom_id: str) -> Symptom | None:
        return self.symptoms.get(symptom_id) or self.changes.known.get(symptom_id)

    def _asking_for(self, change: Symptom) -> list[str]:
        """Return a symptom of each published incident that may list a change."""
        anchors = (
            self._weights.evidence.get(incident.symptoms[0].id)
            for incident in self.incidents.published.values()
            if incident.symptoms
        )
        return [piece.id for piece in anchors if piece and self.changes.near(change, piece)]

    def _forget(self, symptom_id: str) -> None:
        self.changes.known.pop(symptom_id, None)
        self.symptoms.pop(symptom_id, None)
        self._over_from.pop(symptom_id, None)
        self._weights.remove(symptom_id)

    def _explain(self, component: Sequence[str], moment: Moment) -> list[Incident]:
        if all(self.symptoms[member].whisper for member in component):
            return []
        return self.incidents.revise(self._explained(component), moment)

    def _explained(self, component: Sequence[str]) -> Component:
        pieces = tuple(self._weights.evidence[member] for member in component)
        return Component(
            pieces=pieces,
            weights=self._weights,
            changes=self.changes.of(pieces),
            ids=self._with_former_ids(component),
            groups=grouped(pieces, self._weights),
        )

    def _with_former_ids(self, component: Sequence[str]) -> dict[str, str]:
        """Return all ids that the component's symptoms have or had, with the present ones."""
        members = set(component)
        former = {old: new for old, new in self.superseded.items() if new in members}
        return former | {member: member for member in component}

    def _final(self, moment: Moment) -> list[list[str]]:
        """Return the components that nothing can join any more."""
        complete_to = moment.complete_to or 0
        over = {each for each, since in self._over_from.items() if since <= complete_to}
        looked_at: set[str] = set()
        final = []
        for symptom_id in sorted(over):
            if symptom_id in looked_at:
                continue
            component = self._weights.component(symptom_id)
            looked_at.update(component)
            if over.issuperset(component) and self._has_settled_changes(component):
                final.append(component)
        return final

    def _final_order(self, component: Sequence[str]) -> tuple[int, str]:
        return max(self._over_from[member] for member in component), component[0]

    def _has_settled_changes(self, component: Sequence[str]) -> bool:
        """Tell whether what was changed before a component will not be revised any more."""
        pieces = [self._weights.evidence[member] for member in component]
        return all(change.state == "closed" for change in self.changes.of(pieces))

    def _final_from(self, symptom: Symptom) -> int:
        return micros(symptom.last_seen) + self._joined_for_us

    def _finish(self, component: Sequence[str], outcome: Outcome) -> None:
        """Give a final component's incidents their final revision, count it, let it go."""
        explained_anew = self._explained(component)
        self._learn(explained_anew, self._final_order(component)[0])
        revisions, ended = self.incidents.finish(explained_anew)
        outcome.incidents += revisions
        outcome.ended += ended
        outcome.forgotten += component
        opened = [group for group in explained_anew.groups if self.incidents.opens(group)]
        told = {symptom.id for group in opened for symptom in group.symptoms}
        late = sum(self.symptoms[member].late for member in component if member not in told)
        self.fates.incidents += len(opened)
        self.fates.in_incident += len(told)
        self.fates.late_or_repeated += late
        self.fates.below_threshold += len(component) - len(told) - late
        self.fates.superseded += len(explained_anew.ids) - len(component)

    def _learn(self, component: Component, final_from: int) -> None:
        """Learn from a component that nothing can join from a time on, in microseconds."""
        day, since_s = self.memory.day_of(final_from)
        prompt = [each for each in component.alone() if not _is_late(each[0])]
        self._weights.background.learn(day, prompt)
        self._clocks.learn(day, [piece for piece, _ in prompt])
        self._weights.forget_rows_since(since_s)
        for piece in [*self._weights.evidence.values()]:
            if piece.onset_s >= since_s and piece.symptom is not None:
                now = self._seen(piece.symptom)
                if now.ahead_s != piece.ahead_s:
                    self._weights.put(now)

    def _seen(self, symptom: Symptom) -> Evidence:
        ahead_s = self._clocks.ahead_s(symptom, onset_s(symptom))
        return seen(symptom, self._model.settings, ahead_s)

    def _let_changes_go(self, moment: Moment, outcome: Outcome) -> None:
        """Count the changes that nothing can ask for any more, and let them go."""
        finished = set(outcome.forgotten)
        live = [piece for piece in self._weights.evidence.values() if piece.id not in finished]
        over = set(self.changes.over(moment.complete_to, live))
        outcome.forgotten += sorted(over)
        self.fates.changes += len(over)
        self.fates.superseded += sum(new in over for new in self.superseded.values())


def _is_late(piece: Evidence) -> bool:
    """Tell whether it came after the allowed lateness: then it teaches nothing."""
    return piece.symptom is not None and piece.symptom.late


def _says_the_same(former: Symptom, symptom: Symptom) -> bool:
    told = (
        (s.whisper, s.severity, s.implicates, s.cluster_nodes, s.supersedes)
        for s in (former, symptom)
    )
    return next(told) == next(told)
