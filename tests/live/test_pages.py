"""Strings come out as they went in, and pages are given back."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from pipeline.live.outbox.pages import PAGE_BYTES, Pages

SIZES = st.sampled_from([0, 1, 1000, PAGE_BYTES // 2, PAGE_BYTES, PAGE_BYTES + 1])


@given(st.lists(SIZES | st.none(), max_size=30))
def test_first_in_first_out(steps: list[int | None]) -> None:
    pages, expected = Pages(), deque[bytes]()
    for number, size in enumerate(steps):
        if size is not None:
            expected.append(bytes([number]) * size)
            pages.put(expected[-1])
        elif expected:
            assert pages.take() == expected.popleft()
        assert bool(pages) == bool(expected)
    while expected:
        assert pages.take() == expected.popleft()
    assert not pages
