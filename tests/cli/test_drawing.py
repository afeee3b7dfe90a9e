"""Incidents drawn for a terminal: everything is there once, and nothing is a command to it."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from incident_values import incident, symptom
from pipeline.drawing import incident_drawing, list_of, plain, propagation, revision_line, span
from pipeline.records import IncidentSymptom

HOSTILE = "\x1b[2J\x1b]0;title\x07\r\x9b31m\u202eevil\x00[bold]"


def drawn(part: RenderableType) -> str:
    out = io.StringIO()
    Console(file=out, width=400, markup=False, emoji=False, highlight=False).print(part)
    return out.getvalue()


@st.composite
def families(draw: st.DrawFn) -> list[IncidentSymptom]:
    """Draw symptoms with any parents: missing ones, themselves, rings."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 8)))]
    parents = st.sampled_from([None, "unlisted", *names])
    return [symptom(name, f"node-{name}", draw(st.integers(0, 9)), draw(parents)) for name in names]


@given(families())
def test_every_symptom_is_drawn_exactly_once_whatever_the_parents(
    symptoms: list[IncidentSymptom],
) -> None:
    text = drawn(propagation(symptoms))
    assert [text.count(f"{each.id}-signature") for each in symptoms] == [1] * len(symptoms)


def test_an_effect_is_drawn_below_its_cause() -> None:
    chain = [symptom("a", "db", 0), symptom("b", "hub", 5, "a"), symptom("c", "user", 9, "b")]
    lines = [line for line in drawn(propagation(chain)).splitlines() if "-signature" in line]
    indents = [len(line) - len(line.lstrip(" │└├─")) for line in lines]
    assert [line.split("-signature")[0][-1] for line in lines] == ["a", "b", "c"]
    assert indents == sorted(set(indents))


@given(st.text())
def test_plain_text_is_one_printable_line(text: str) -> None:
    assert all(character.isprintable() for character in plain(text))


def test_what_was_logged_is_no_command_to_the_terminal() -> None:
    hostile = symptom("a", HOSTILE, 0).model_copy(update={"exemplar": HOSTILE})
    one = incident(HOSTILE, title=HOSTILE, node=HOSTILE, symptoms=(hostile,))
    for part in (incident_drawing(one), list_of([one]), revision_line(one, None)):
        text = drawn(part)
        assert all(character.isprintable() for character in text.replace("\n", ""))
        assert "[bold]" in text


def test_an_incident_without_causes_or_symptoms_can_be_drawn() -> None:
    bare = incident().model_copy(update={"causes": ()})
    assert "100%  something else" in drawn(incident_drawing(bare))
    assert "cause unknown" in drawn(list_of([bare]))


def test_why_it_was_revised_late_is_shown() -> None:
    late = incident().model_copy(update={"late_revision": "a record came late\x1b[2J"})
    assert "revised late: a record came late" in drawn(incident_drawing(late))


def test_the_rest_of_the_probability_is_shown() -> None:
    assert "25%  something else" in drawn(incident_drawing(incident()))


def test_a_line_says_what_happened_to_the_incident() -> None:
    opened, updated = incident(revision=3), incident(revision=5)
    closed = incident(revision=7, status="resolved")
    told = [
        drawn(revision_line(now, before)).split()[2]
        for now, before in [(opened, None), (updated, opened), (closed, updated), (opened, closed)]
    ]
    assert told == ["open", "updated", "resolved", "reopened"]


def test_spans_read_as_a_person_says_them() -> None:
    assert [span(s) for s in (0, 59.4, 60, 250, 3600, 7500)] == [
        "0 s",
        "59 s",
        "1 min",
        "4 min 10 s",
        "1 h",
        "2 h 5 min",
    ]
