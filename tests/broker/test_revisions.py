"""The incidents topic, folded."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from incident_values import INCIDENTS, incident
from pipeline.broker.envelope import aged_headers
from pipeline.broker.message import Message
from pipeline.broker.revisions import Folded
from pipeline.records import Incident, canonical


def message(key: bytes | None, value: bytes | None) -> Message:
    return Message("aftershock.incidents", 0, 7, key, value, (("theirs", b"\xff"),))


def of(one: Incident) -> Message:
    return message(one.id.encode(), canonical(one))


@given(st.lists(INCIDENTS, max_size=12))
def test_repeats_and_older_revisions_change_nothing(all_: list[Incident]) -> None:
    once, again = Folded(), Folded()
    for one in all_:
        once.take(of(one))
        again.take(of(one))
    for one in all_:
        assert again.take(of(one)) is None
    assert again.latest == once.latest


def test_only_what_is_news_is_returned() -> None:
    folded = Folded()
    revisions = [incident(revision=number) for number in (1, 3, 2, 3, 4)]
    news = [folded.take(of(one)) for one in revisions]
    assert [one and one.revision for one in news] == [1, 3, None, None, 4]


def test_whoever_asks_has_every_revision_once_also_the_older_ones() -> None:
    folded, silent = Folded(revisions={}), Folded()
    for number in (3, 1, 2, 3, 1):
        folded.take(of(incident(revision=number)))
        silent.take(of(incident(revision=number)))
    folded.take(message(b"a1", None))
    assert folded.revisions is not None
    assert list(folded.revisions) == [("a1", 3), ("a1", 1), ("a1", 2)]
    assert silent.revisions is None


def test_a_tombstone_deletes_and_a_later_revision_is_there_again() -> None:
    folded = Folded()
    for each in (of(incident(revision=5)), message(b"a1", None)):
        folded.take(each)
    assert folded.latest == {"a1": None}
    assert folded.take(of(incident(revision=2))) == incident(revision=2)


def test_what_left_by_age_is_told_from_what_somebody_deleted() -> None:
    headers = aged_headers("petshop", "a1", 5, 10**15)
    aged = replace(message(b"a1", None), headers=headers)
    folded = Folded()
    for each in (of(incident("a1")), aged, of(incident("a2")), message(b"a2", None)):
        folded.take(each)
    assert folded.gone() == ["a1", "a2"]
    assert folded.gone(keep_aged=True) == ["a2"]
    assert (folded.kept(), folded.kept(keep_aged=True)) == ([], [incident("a1")])
    folded.take(aged)
    assert folded.kept(keep_aged=True) == [incident("a1")]
    folded.take(message(b"a1", None))
    assert folded.gone(keep_aged=True) == ["a1", "a2"]


def test_what_is_no_incident_is_rejected_with_bytes_key_and_headers() -> None:
    bad = [
        message(b"a1", b"{"),
        message(b"a1", b'{"id": "a1"}'),
        message(b"other", canonical(incident())),
        message(None, canonical(incident())),
        message(b"\xff", canonical(incident())),
    ]
    folded = Folded()
    for each in bad:
        assert folded.take(each) is None
    assert folded.latest == {}
    assert [part.code for part in folded.rejected] == [
        "not-json",
        "invalid",
        "invalid",
        "invalid",
        "not-utf8",
    ]
    for part, each in zip(folded.rejected, bad, strict=True):
        assert (part.value, part.key, part.headers) == (each.value, each.key, each.headers)
        assert part.where == "aftershock.incidents/0@7"
