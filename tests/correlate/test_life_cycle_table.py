"""The life of an incident, exhaustively: every state × every input, and what is told then.

One table; a cell says, in the order of the records, what is told of the incident (``it``: that of
the first own symptom) and, behind a ``+``, of any other:

====  ====================================================================================
``.``  nothing
``o``  it opens
``O``  it is told for the first time when it is over already: resolved at once
``u``  it is revised, and stays open
``r``  it resolves
``R``  it is revised, and stays resolved
``a``  it is open again: more of the same trouble, or of what came before its quiet time was up
``b``  trouble has come back after a quiet time: it is open again, and counts that
``m``  it is merged into another
``w``  it is withdrawn: what is left does not suffice (merged into none)
``l``  it lives again: it had been merged or withdrawn, and is open
``x``  it leaves the topic (a tombstone)
====  ====================================================================================
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from correlate.conftest import START
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.narrate import incident_id
from pipeline.correlate.partition import CorrelatePartition, CorrelateStep
from pipeline.records import Incident, Mark, Symptom

Symptoms = Callable[..., Symptom]

TABLE = """
           unborn weak settling open lasting resolved returned merged replaced withdrawn final aged
repeated     .     .      .      .      .       .        .       .       .         .       .    .
weak         .     .      .      u      u       a        u       +u      +u        .       .    .
strong       .     .      .      u      u       a        u       +u      +u        l      +O    .
lasting      .     .      .      u      u       a        u       +u      +u        l      +o    .
settled      .     .      o      .      .       .        .       .       .         .       .    .
quiet        .     .      O      r      .       .        r       +r      +r        .       .    .
back         .     .      o      u      u       b        u       +u      +u        l      +O    .
joined       +o    +u     +u    +am    +am     +Rm      +bm      .      +a+m      +a       .    .
replaced     .     .      .     +om    +om     +Om      +om      +u      .        +o       .    .
weakened     .     .      .      w      w       w        u       +u      .         .       .    .
late         .     .      .      .      .       .        .       .       .         .       .    .
final        .     .      O      r      .       .        r       +r      +r        .       .    .
kept         .     .      O      r      .       .        r       +r      +r        .       x    .
restarted    .     .      .      .      .       .        .       .       .         .       .    .
"""

STATES = {
    "unborn": [],
    "weak": ["weak"],  # minor evidence, which does not suffice
    "settling": ["strong"],  # it suffices; the opening waits for more
    "open": ["strong", "settled"],
    "lasting": ["lasting", "settled"],  # open, and the trouble is not over
    "resolved": ["strong", "settled", "quiet"],
    "returned": ["strong", "settled", "quiet", "back"],  # open for the second time
    "merged": ["strong", "settled", "joined"],
    "replaced": ["strong", "settled", "replaced"],  # its anchor got another id
    "withdrawn": ["strong", "settled", "weakened"],
    "final": ["strong", "settled", "quiet", "final"],
    "aged": ["strong", "settled", "quiet", "final", "kept"],
}
"""The inputs that lead to each state."""

QUIET_S = 300
KEEP_S = 86_400
BEGIN_S = -1_500
"""Where the watermark is when a life begins."""


class Life:
    """One partition, what is told to it, and what it tells."""

    def __init__(self, model: Likelihood, symptom: Symptoms) -> None:
        self.model = model
        self.symptom = symptom
        self.rows: dict[bytes, bytes] = {}
        self.topic: dict[str, Incident] = {}
        self.said: list[Symptom] = []
        self.complete_s = float(BEGIN_S)
        self.restarted()
        self.until(BEGIN_S)

    @property
    def final_s(self) -> float:
        """After its last sign so much later nothing can join a component."""
        return self.model.reach_s + QUIET_S

    @property
    def last_s(self) -> float:
        """When the last sign of its own trouble was."""
        own = [one.last_seen for one in self.said if one.node == "hub"]
        return (max(own) - START).total_seconds() if own else 0.0

    @property
    def it(self) -> str | None:
        """The id of the incident whose life it is."""
        own = [one for one in self.said if one.node == "hub"]
        return incident_id("hub", own[0]) if own else None

    def own(self, at: float, **more: Any) -> str:  # noqa: ANN401 - any field
        """Tell of trouble at its node."""
        return self.tell(self.symptom("hub", at, **more))

    def tell(self, symptom: Symptom) -> str:
        """Tell of a symptom."""
        self.said.append(symptom)
        return self._told(self.core.on_symptom("hub", symptom))

    def until(self, complete_s: float) -> str:
        """Let event time pass."""
        self.complete_s = max(complete_s, self.complete_s)
        time = START + timedelta(seconds=self.complete_s)
        return self._told(self.core.on_mark(Mark(source="d", time=time, feeds=("d",))))

    def restarted(self) -> str:
        """Begin again from the rows."""
        models = {"hub": self.model}
        self.core = CorrelatePartition(0, models, lateness_us=0, keep_us=KEEP_S * 1_000_000)
        self.core.restore(self.rows.items())
        return "."

    def _told(self, step: CorrelateStep) -> str:
        letters = [self._letter(incident) for incident in step.incidents]
        letters += ["x" if aged.id == self.it else "+x" for aged in step.aged]
        for key, value in step.rows.items():
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value
        return "".join(letters) or "."

    def _letter(self, incident: Incident) -> str:
        former = self.topic.get(incident.id)
        assert former is None or incident.revision > former.revision, "revisions only grow"
        self.topic[incident.id] = incident
        return ("" if incident.id == self.it else "+") + _letter(former, incident)


def _letter(former: Incident | None, incident: Incident) -> str:
    if incident.status == "merged":
        return "w" if incident.merged_into is None else "m"
    if former is None:
        return "o" if incident.status == "open" else "O"
    if incident.status == "resolved":
        return "R" if former.status == "resolved" else "r"
    if former.status != "resolved":
        return "u" if former.status == "open" else "l"
    return "a" if incident.reopened == former.reopened else "b"


def joined(life: Life) -> str:
    """An earlier incident turns out to be behind it."""
    life.tell(life.symptom("db", -1_000))
    return life.tell(life.symptom("db", -900, -5, signature="bridge"))


def replaced(life: Life) -> str:
    """An earlier sign of its first symptom, which gets another id for that."""
    first = life.said[0] if life.said else life.symptom("hub", 0)
    return life.own(-5, until=life.last_s, revision=9, supersedes=(first.id,))


def weakened(life: Life) -> str:
    """Its first symptom was less bad than it looked."""
    first = life.said[0] if life.said else life.symptom("hub", 0)
    return life.tell(first.model_copy(update={"severity": "minor", "revision": 5}))


def repeated(life: Life) -> str:
    """What is known comes again."""
    return "".join(life.tell(one) for one in life.said[-1:]) or "."


def more(**fields: Any) -> Callable[[Life], str]:  # noqa: ANN401 - any field
    """Return the input of one more symptom, a little after the last sign."""
    return lambda life: life.own(
        life.last_s + (5 if life.said else 0), signature=f"s{len(life.said)}", **fields
    )


INPUTS: dict[str, Callable[[Life], str]] = {
    "repeated": repeated,
    "weak": more(severity="minor"),
    "strong": more(),
    "lasting": more(state="open", revision=1),
    "settled": lambda life: life.until(life.last_s + 10),
    "quiet": lambda life: life.until(life.last_s + QUIET_S),
    "back": lambda life: life.own(life.last_s + 400, signature="back"),
    "joined": joined,
    "replaced": replaced,
    "weakened": weakened,
    "late": lambda life: life.own(life.complete_s - life.final_s - 1),
    "final": lambda life: life.until(life.last_s + life.final_s),
    "kept": lambda life: life.until(life.last_s + KEEP_S + 1),
    "restarted": lambda life: life.restarted(),
}
"""All that can happen to it; each returns what is told then."""

_HEADER, *_ROWS = (line.split() for line in TABLE.strip().splitlines())
CELLS = {
    (state, row[0]): cell for row in _ROWS for state, cell in zip(_HEADER, row[1:], strict=True)
}


@pytest.fixture
def life(model: Likelihood, symptom: Symptoms) -> Life:
    return Life(model, symptom)


def lived(life: Life, *inputs: str) -> str:
    """Tell of one input after another; return what the last brought."""
    return [INPUTS[name](life) for name in inputs][-1]


def test_the_table_has_every_state_and_every_input() -> None:
    assert set(CELLS) == {(state, name) for state in STATES for name in INPUTS}


@pytest.mark.parametrize(("state", "name"), CELLS)
def test_each_cell_is_what_is_told(life: Life, state: str, name: str) -> None:
    assert lived(life, *STATES[state], name) == CELLS[state, name]


@pytest.mark.parametrize(("state", "name"), CELLS)
def test_a_restart_before_any_input_changes_nothing(
    model: Likelihood, symptom: Symptoms, state: str, name: str
) -> None:
    """What is told may come a step later: event time of symptoms alone is not remembered."""
    once, again = Life(model, symptom), Life(model, symptom)
    lived(once, *STATES[state], name)
    lived(again, *STATES[state], "restarted", name)
    once.until(once.complete_s + 1)
    again.until(again.complete_s + 1)
    assert again.topic == once.topic


@pytest.mark.parametrize(("state", "name"), CELLS)
def test_whatever_happens_it_ends_and_leaves_unless_trouble_lasts(
    life: Life, state: str, name: str
) -> None:
    lived(life, *STATES[state], name)
    lasts = any(b'"state":"open"' in row for key, row in life.rows.items() if b"|symptom|" in key)
    for _ in range(3):  # final; old enough; and the mark after that
        life.until(life.complete_s + life.final_s + KEEP_S)
    assert (set(life.rows) <= {b"0|partition", b"0|learned|hub"}) != lasts
