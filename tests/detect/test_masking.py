"""Lines that say the same of other things are one kind of line; lines that say another are not."""

from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.detect.masking import look

LINE = "[I 2026-03-02 10:00:00.000 JupyterHub base:89] {}"


def key(message: str) -> str:
    return look(LINE.format(message)).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("took 3.2 seconds", "took 11.75 seconds"),
        ("from 10.0.0.7:443", "from 192.168.3.1:8080"),
        ("at 2026-03-02T10:00:00Z", "at 2025-12-31T23:59:59Z"),
        ("pod web-6f9c7d8b54-2xkqp is gone", "pod web-6f9c7d8b54-9bdzt is gone"),
        ("GET /user/alice/lab", "GET /user/bob/lab"),
        ("mail to ann@example.org", "mail to bob@example.com"),
    ],
)
def test_what_differs_from_time_to_time_makes_no_other_kind(one: str, other: str) -> None:
    assert key(one) == key(other)


@given(st.uuids())
@example(UUID("deadbeef-feed-4abc-9def-aaaaaaaaaaaa"))
def test_an_id_makes_no_other_kind(number: UUID) -> None:
    assert key(f"span {number} ends") == key("span 01234567-89ab-4def-8123-456789abcdef ends")


@given(st.text("0123456789abcdef", min_size=16, max_size=16))
@example("abcdefabcdef0123")
def test_nor_does_a_long_number_in_hexadecimal(number: str) -> None:
    if any(digit in number[:10] for digit in "0123456789") and not number.isdecimal():
        assert key(f"span {number} ends") == key("span 0123456789abcdef ends")


@pytest.mark.parametrize("other", ["cannot read", "facade is up", "decade 7", "defaced"])
def test_other_words_make_another_kind(other: str) -> None:
    assert key(other) != key("cannot write")
    assert "<hex>" not in key(other)
