"""Recordings that begin alike, analysed once up to where they part.

PetShop's recordings of one setting have the same baseline of 49 hours. At its end the process
forks, and each child goes on with the rest of one recording. The incidents are the same bytes as if
each had been analysed whole, which a test shows. The process must have one thread only.
"""

import io
import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

import zstandard

from pipeline.analyze import stepper_of
from pipeline.flow import Flow, InProcess
from pipeline.ingest.files import Reader
from pipeline.records import Observation, Rejected, canonical

OnRejected = Callable[[Rejected], None]


def branching(
    flow: Flow, recordings: Sequence[Path], *, on_rejected: OnRejected
) -> list[list[bytes]]:
    """Return the incidents of each recording, as JSON.

    Raises:
        ChildProcessError: a child failed; it has printed why.
    """
    with TemporaryDirectory() as folder:
        beginning, *rests = parts_of(recordings, Path(folder))
        reader = Reader([beginning], on_rejected=on_rejected)
        branches = _Branches(reader, rests, on_rejected)
        stepper = stepper_of(flow, "analyze", reader, flow.router())
        stages = InProcess(flow)
        done = False
        try:
            stages.run(stepper.run(branches))
            found = b"".join(canonical(incident) + b"\n" for incident in stages.incidents())
            _result_of(branches.mine or beginning).write_bytes(found)
            done = True
        except _Parted:
            return [_result_of(rest).read_bytes().splitlines() for rest in rests]
        finally:
            if branches.mine is not None:  # a child never returns to what its parent was doing
                if not done:
                    traceback.print_exc()
                os._exit(0 if done else 1)
        raise AssertionError  # the parent always learns that they parted


def parts_of(recordings: Sequence[Path], folder: Path) -> list[Path]:
    """Write what all have in common at the beginning, and what is left of each."""
    first = lines_of(recordings[0])
    shared = min((alike(first, lines_of(each)) for each in recordings[1:]), default=len(first))
    parts = [folder / "beginning.jsonl"]
    parts[0].write_bytes(b"".join(first[:shared]))
    for number, recording in enumerate(recordings):
        parts.append(folder / f"{number}.jsonl")
        parts[-1].write_bytes(b"".join(lines_of(recording)[shared:]))
    return parts


def lines_of(path: Path) -> list[bytes]:
    """Return the lines of a compressed recording."""
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
        return io.BufferedReader(stream).readlines()


def alike(one: Sequence[bytes], other: Sequence[bytes]) -> int:
    """Return how many lines two recordings have in common at their beginning."""
    both = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda lines: lines[0] == lines[1], both))


class _Parted(Exception):  # noqa: N818 - no error: here the recordings part
    """All children are done."""


class _Branches:
    """What all have in common, and then, in a child process each, the rest of one."""

    def __init__(
        self, common: Iterable[Observation], rests: Sequence[Path], on_rejected: OnRejected
    ) -> None:
        self.mine: Path | None = None
        """In a child, what it reads; None in the parent."""
        self._common = common
        self._rests = rests
        self._on_rejected = on_rejected

    def __iter__(self) -> Iterator[Observation]:
        yield from self._common
        for rest in self._rests:
            child = os.fork()
            if child == 0:
                self.mine = rest
                yield from Reader([rest], on_rejected=self._on_rejected)
                return
            _, status = os.waitpid(child, 0)
            if status:
                raise ChildProcessError(f"{rest.name}: its analysis failed")
        raise _Parted


def _result_of(rest: Path) -> Path:
    return rest.with_suffix(".incidents")
