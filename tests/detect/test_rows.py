"""Rows of detection's table: what is read is what was written, also by an older release."""

import msgspec
import pytest

from pipeline.detect.coverage import Coverage
from pipeline.detect.partition import NodeRow, PartitionRow
from pipeline.detect.rows import packed, unpacked
from pipeline.detect.service import Service
from pipeline.watermark import Watermark

ROW = NodeRow("hub", 7, {"received": 3}, msgspec.Raw(packed(Coverage(first=1))), source="a")


def test_a_row_is_read_as_it_was_written() -> None:
    again = unpacked(packed(ROW), NodeRow)
    assert (again.node, again.offset, again.counts, again.source) == (
        "hub",
        7,
        {"received": 3},
        "a",
    )
    assert unpacked(bytes(again.facts), Coverage) == Coverage(first=1)


def test_rows_in_json_of_an_older_release_are_read_with_their_facts() -> None:
    older = msgspec.structs.replace(ROW, facts=msgspec.Raw(b'{"first": 1}'))
    again = unpacked(msgspec.json.encode(older), NodeRow)
    assert again.offset == ROW.offset
    assert unpacked(bytes(again.facts), Coverage) == Coverage(first=1)
    of_partition = PartitionRow(Watermark())
    assert unpacked(msgspec.json.encode(of_partition), PartitionRow) == of_partition


def test_what_json_of_an_older_release_holds_as_a_long_number_is_written_at_once() -> None:
    older = b'["", {}, "", 340282366920938463463374607431768211456, 3, null]'
    known = msgspec.json.decode(older, type=Service)
    assert unpacked(packed(known), Service) == known
    assert (known.waited, known.failed) == (bytes(16) + b"\1", b"\3")


@pytest.mark.parametrize("torn", [b"", b"{", b"\x80", packed(ROW)[:-1]])
def test_what_is_no_row_is_refused(torn: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        unpacked(torn, NodeRow)
