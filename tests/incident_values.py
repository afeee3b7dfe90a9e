"""Incidents for tests of what keeps, carries and shows them."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from pipeline.records import Cause, Incident, IncidentSymptom, Parent, Reason

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return a time so many seconds after the start."""
    return START + timedelta(seconds=seconds)


def symptom(name: str, node: str, onset: float, parent: str | None = None) -> IncidentSymptom:
    """Return a symptom, set off by another or by nothing."""
    return IncidentSymptom(
        id=name,
        node=node,
        detector="logs",
        signature=f"{name}-signature",
        symptom_class="error",
        severity="major",
        onset=at(onset),
        last_seen=at(onset + 60),
        count=3,
        state="closed",
        exemplar=f"what {name} said",
        parent=parent and Parent(symptom=parent, edge=f"x → {node}", delay_s=5.0, probability=0.4),
    )


def incident(  # noqa: PLR0913 - what tests vary
    name: str = "a1",
    revision: int = 1,
    *,
    start: float = 0,
    status: str = "open",
    application: str = "petshop",
    node: str = "db",
    title: str = "db: it went away",
    symptoms: tuple[IncidentSymptom, ...] = (),
) -> Incident:
    """Return a revision of an incident."""
    cause = Cause(
        node=node,
        probability=0.75,
        inferred=False,
        reasons=(Reason(code="own-symptoms", text="it said so"),),
        path=(node, "front"),
        pods=(f"{node}-1",),
    )
    return Incident(
        id=name,
        revision=revision,
        application=application,
        status=status,
        title=title,
        started_at=at(start),
        detected_at=at(start + 5),
        updated_at=at(start + revision),
        resolved_at=at(start + 300) if status == "resolved" else None,
        severity="major",
        verdict="confident",
        causes=(cause,),
        nodes=(node, "front"),
        symptoms=symptoms,
        symptom_count=len(symptoms),
        graph_version="g1",
    )


INCIDENTS = st.builds(
    incident,
    st.sampled_from(["a1", "a2", "b1"]),
    st.integers(1, 9),
    start=st.integers(0, 3).map(float),
    status=st.sampled_from(["open", "resolved", "merged"]),
    application=st.sampled_from(["petshop", "jupyterhub"]),
    node=st.sampled_from(["db", "hub"]),
    title=st.text(),
)
"""A few ids, so that revisions of one meet."""

WORDY = st.builds(
    incident,
    st.sampled_from(["a1", "a2", "b1"]),
    st.integers(1, 9),
    start=st.integers(0, 3).map(float),
    status=st.sampled_from(["open", "resolved"]),
    application=st.sampled_from(["petshop", "jupyterhub"]),
    node=st.sampled_from(["db", "hub", "hub/user/alice-40x"]),
    title=st.lists(
        st.sampled_from(["Went", "away", "a_b", "x.y", "42", "Ünder", "went-away", "a", "db2"])
    ).map(" ".join),
)
"""With titles in which words begin, end and hide as they do in names."""
