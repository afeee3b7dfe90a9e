"""Cases and incidents for tests of what is scored and compared."""

import json
from collections.abc import Iterable, Mapping

from hypothesis import strategies as st

from incident_values import at, incident, symptom
from pipeline.records import Incident, IncidentSymptom, Verdict
from pipeline.score import Case

NODES = ("db", "front", "hub", "proxy")


def case(  # noqa: PLR0913 - what tests vary
    name: str = "c1",
    start: float = 0,
    end: float = 600,
    *,
    root: Iterable[str] = ("db",),
    affected: Iterable[str] = ("front",),
    kind: str | None = None,
    application: str | None = None,
) -> Case:
    """Return a case, in seconds after the start of time."""
    return Case(
        id=name,
        start=at(start),
        end=at(end),
        root_cause=tuple(root),
        affected=tuple(affected),
        kind=kind,
        application=application,
    )


def told(  # noqa: PLR0913 - what tests vary
    name: str = "i1",
    start: float = 0,
    *,
    lasts: float = 60,
    nodes: Iterable[str] = ("db", "front"),
    causes: Mapping[str, float] | None = None,
    verdict: Verdict = "confident",
    symptoms: Iterable[IncidentSymptom] = (),
) -> Incident:
    """Return a final incident; its causes by node in the order given."""
    base = incident(name, start=start, status="resolved", symptoms=tuple(symptoms))
    ranked = {"db": 0.75} if causes is None else causes
    return base.model_copy(
        update={
            "nodes": tuple(nodes),
            "resolved_at": at(start + lasts),
            "updated_at": at(start + lasts),
            "verdict": verdict,
            "causes": tuple(
                base.causes[0].model_copy(update={"node": node, "probability": probability})
                for node, probability in ranked.items()
            ),
        }
    )


def labels_file(*cases: Mapping[str, object]) -> bytes:
    """Return the bytes of a labels file."""
    return json.dumps({"cases": cases}).encode()


def raw_case(
    name: str = "c1", start: float = 0, end: float = 600, **fields: object
) -> dict[str, object]:
    """Return a case as a labels file has it."""
    times = {"start": at(start).isoformat(), "end": at(end).isoformat()}
    return {"id": name, **times, "root_cause": ["db"], "affected": ["front"], **fields}


CAUSES = st.dictionaries(st.sampled_from(NODES), st.sampled_from([0.1, 0.2, 0.25]), max_size=4)
SYMPTOMS = st.lists(
    st.builds(
        symptom,
        st.sampled_from([f"s{number}" for number in range(12)]),
        st.sampled_from(NODES),
        st.integers(0, 30).map(lambda step: step * 100.0),
    ),
    max_size=5,
    unique_by=lambda each: each.id,
)
INCIDENTS = st.lists(
    st.builds(
        told,
        st.sampled_from([f"i{number}" for number in range(8)]),
        st.integers(0, 30).map(lambda step: step * 100.0),
        lasts=st.sampled_from([0.0, 50.0, 700.0]),
        nodes=st.sets(st.sampled_from(NODES), min_size=1),
        causes=CAUSES,
        verdict=st.sampled_from(["confident", "unknown"]),
        symptoms=SYMPTOMS,
    ),
    max_size=6,
    unique_by=lambda each: each.id,
)
CASES = st.lists(
    st.builds(
        lambda name, start, lasts, root, kind: case(
            name, start, start + lasts, root=root, kind=kind
        ),
        st.sampled_from([f"c{number}" for number in range(8)]),
        st.integers(0, 30).map(lambda step: step * 100.0),
        st.sampled_from([0.0, 100.0, 900.0]),
        st.sets(st.sampled_from(NODES)),
        st.sampled_from([None, "latency", "outage"]),
    ),
    max_size=6,
    unique_by=lambda each: each.id,
)
