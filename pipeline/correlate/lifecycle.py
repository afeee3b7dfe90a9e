"""The life of incidents: open → updated* → resolved (→ open again), or merged.

An incident's revision is made of the facts in its component, which only ever grow::

    revision = 2 · (sum of the revisions of symptoms and changes) + (1 when resolved or merged)

so it grows with every step, and ends at the same number whatever the order of arrival was.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.correlate.component import Component
from pipeline.correlate.explain import Group
from pipeline.correlate.narrate import Standing, merged, narrate
from pipeline.correlate.overtime import Model
from pipeline.correlate.settings import CorrelateSettings
from pipeline.correlate.storm import is_storm, wait_s
from pipeline.correlate.verdict import detected_at, opens
from pipeline.records import Incident, Symptom, micros

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Moment:
    """Where event time stands, in microseconds."""

    now: int
    """The latest event time that is known: what settles, settles by it."""
    complete_to: int | None
    """The watermark: all facts before it are known. None while it is not known."""


def quiet_from(symptoms: Sequence[Symptom], settings: CorrelateSettings) -> int | None:
    """Return from when symptoms count as over, or None while one of them is open."""
    if any(symptom.state != "closed" for symptom in symptoms):
        return None
    after = int(settings.resolve_after_s * _SECOND)
    return max(micros(symptom.last_seen) for symptom in symptoms) + after


class Incidents:
    """What has been published of the live components of one application, and what is due."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.published: dict[str, Incident] = {}
        self._due: dict[str, tuple[int, int]] = {}
        """By anchor symptom: when (``now``, ``complete_to``) time alone brings its next step."""
        self._more: dict[str, int] = {}
        """By symptom that has more of the same to tell: at which ``now`` it will be looked at."""
        self._news: dict[str, int] = {}
        """By symptom that is new in a storm: at which ``now`` it will be looked at. As the two
        above, one of each symptom at most: three times ``max_symptoms`` of 150 B, 0.5 MB."""

    def opens(self, group: Group) -> bool:
        """Tell whether a group's evidence suffices for an incident."""
        return opens(group.symptoms, self._model)

    def due(self, moment: Moment) -> set[str]:
        """Return the symptoms that wait no longer, to be explained or for time alone."""
        complete_to = moment.complete_to if moment.complete_to is not None else -1
        found = {
            anchor
            for anchor, (now, closed) in self._due.items()
            if moment.now >= now and complete_to >= closed
        }
        for waiting in (self._more, self._news):
            found.update(symptom_id for symptom_id, now in waiting.items() if moment.now >= now)
        return found

    def postpone(self, symptom_id: str, now: int) -> None:
        """Have a symptom looked at when ``now`` has come, unless it is before."""
        self._more.setdefault(symptom_id, now)

    def await_storm(self, symptom_id: str, now: int) -> None:
        """Have a symptom that is new in a storm looked at when ``now`` has come, or before."""
        self._news.setdefault(symptom_id, now)

    def awaited(self, symptom_ids: Iterable[str]) -> int | None:
        """Return at which ``now`` the first of some symptoms, new in a storm, is looked at."""
        return min((self._news[each] for each in symptom_ids if each in self._news), default=None)

    def looked_at(self, symptom_ids: Iterable[str]) -> None:
        """Have symptoms wait for nothing any more."""
        for symptom_id in symptom_ids:
            for waiting in (self._due, self._more, self._news):
                waiting.pop(symptom_id, None)

    def wake(self, symptom_ids: Iterable[str]) -> None:
        """Have symptoms looked at with the next passing of time (after a restart)."""
        self._more.update(dict.fromkeys(symptom_ids, 0))

    def revise(self, component: Component, moment: Moment) -> list[Incident]:
        """Return the revisions that a component's new explanation brings."""
        self.looked_at(component.ids)
        not_before = self._not_before(component, moment)
        revisions = []
        alive: dict[str, str] = {}
        for group in filter(self.opens, component.groups):
            standing = self._standing(group, component.facts, moment)
            incident = narrate(group, component, standing, self._model)
            alive.update({symptom.id: incident.id for symptom in group.symptoms})
            settled = self._settled_from(group)
            if incident.id in self.published or settled <= moment.now:
                revisions += self._publish(incident)
                self._await_quiet(group, incident, not_before)
            else:
                self._due[group.anchor.id] = (max(settled, not_before), -1)
        return revisions + self._retire(alive, 2 * component.facts + 1, component.ids)

    def finish(self, component: Component) -> tuple[list[Incident], list[Incident]]:
        """Return a final component's last revisions, and all incidents that it ever had.

        What was published of it is forgotten.
        """
        revisions = []
        alive: dict[str, str] = {}
        for group in filter(self.opens, component.groups):
            standing = Standing(
                revision=2 * component.facts + 1,
                status="resolved",
                reopened=self._reopened(group.told),
                until_s=self._quiet_s(group),
            )
            incident = narrate(group, component, standing, self._model)
            alive.update({symptom.id: incident.id for symptom in group.symptoms})
            if self.published.get(incident.id) != incident:
                revisions.append(incident)
                self.published[incident.id] = incident
        revisions += self._retire(alive, 2 * component.facts + 1, component.ids)
        self.looked_at(component.ids)
        ended = self._of(component.ids)
        for incident in ended:
            del self.published[incident.id]
        return revisions, ended

    def _standing(self, group: Group, facts: int, moment: Moment) -> Standing:
        quiet = quiet_from(group.told, self._model.settings)
        resolved = (
            quiet is not None and moment.complete_to is not None and quiet <= moment.complete_to
        )
        return Standing(
            revision=2 * facts + resolved,
            status="resolved" if resolved else "open",
            reopened=self._reopened(group.told),
            until_s=min(self._quiet_s(group), (moment.complete_to or 0) / _SECOND),
        )

    def _quiet_s(self, group: Group) -> float:
        """Return when a group is quiet, if nothing comes any more (seconds since 1970)."""
        last_seen = max(micros(symptom.last_seen) for symptom in group.told)
        return last_seen / _SECOND + self._model.settings.resolve_after_s

    def _reopened(self, symptoms: Sequence[Symptom]) -> int:
        """Count the quiet times after which trouble came back: a function of the facts alone."""
        reopened = 0
        last_seen = symptoms[0].last_seen
        for symptom in symptoms:
            quiet_s = (symptom.onset - last_seen).total_seconds()
            reopened += quiet_s > self._model.settings.resolve_after_s
            last_seen = max(last_seen, symptom.last_seen)
        return reopened

    def _not_before(self, component: Component, moment: Moment) -> int:
        """Return the ``now`` before which time alone brings nothing: a storm has many groups."""
        size, settings = len(component.pieces), self._model.settings
        if not is_storm(size, settings):
            return 0
        return moment.now + int(wait_s(size, settings) * _SECOND)

    def _settled_from(self, group: Group) -> int:
        settle = int(self._model.settings.settle_s * _SECOND)
        return micros(detected_at(group.symptoms, self._model)) + settle

    def _await_quiet(self, group: Group, incident: Incident, not_before: int) -> None:
        quiet = quiet_from(group.told, self._model.settings)
        if quiet is not None and incident.status == "open":
            self._due[group.anchor.id] = (not_before, quiet)

    def _publish(self, incident: Incident) -> list[Incident]:
        """Publish a revision, unless only the number of facts elsewhere in the component grew."""
        former = self.published.get(incident.id)
        if former is not None and (
            incident.revision <= former.revision or _of_itself(former) == _of_itself(incident)
        ):
            return []
        self.published[incident.id] = incident
        return [incident]

    def _of(self, ids: Mapping[str, str]) -> list[Incident]:
        return [
            incident
            for _, incident in sorted(self.published.items())
            if any(symptom.id in ids for symptom in incident.symptoms)
        ]

    def _retire(
        self, alive: Mapping[str, str], revision: int, ids: Mapping[str, str]
    ) -> list[Incident]:
        """Return the last revisions of incidents that their component no longer has."""
        living = set(alive.values())
        retired = []
        for incident in self._of(ids):
            if incident.status == "merged" or incident.id in living:
                continue
            present = [ids.get(symptom.id, symptom.id) for symptom in incident.symptoms]
            heir = next((alive[symptom] for symptom in present if symptom in alive), None)
            last = merged(incident, heir, max(revision, incident.revision + 1))
            self.published[incident.id] = last
            retired.append(last)
        return retired


def _of_itself(incident: Incident) -> Incident:
    """Return an incident without what grows with any fact of its component."""
    causes = tuple(
        cause.model_copy(update={"reasons": tuple(r for r in cause.reasons if r.code != "storm")})
        for cause in incident.causes
    )
    return incident.model_copy(update={"revision": 1, "causes": causes})
