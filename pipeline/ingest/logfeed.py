"""The lines of one log of a dump → records in :class:`Buckets`, each line in one; pure.

Whether a log has stamps is told by its first lines: they are held until there are enough of them.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from pipeline.ingest.buckets import Buckets, Origin
from pipeline.ingest.cluster import Unusable
from pipeline.ingest.found import Tally
from pipeline.ingest.loglines import SAMPLE_LINES, LogReader, are_stamped
from pipeline.ingest.pods import Pods, Whose
from pipeline.records import Log
from pipeline.rejection import LongPart, in_parts


class LogFeed:
    """Takes the lines of a log."""

    def __init__(self, buckets: Buckets, pods: Pods, where: str, whose: Whose) -> None:
        self._buckets = buckets
        self._pods = pods
        self._where = where
        self._whose = whose
        self._held: list[tuple[int, bytes]] = []
        self._reader: LogReader | None = None
        self._now: datetime | None = None
        self._same: Counter[tuple[str | None, ...]] = Counter()
        """Equal lines of the same time, which are as many in another file that has them too."""

    def read(
        self, lines: Iterable[tuple[int, bytes | LongPart]], tally: Tally, *, surely: bool
    ) -> None:
        """Read numbered lines; with ``surely``, only what no application writes is a stamp.

        Raises:
            BrokenStream: as it came, after all that was before it has been read.
        """
        empty = True
        try:
            for number, line in lines:
                tally.logs += empty
                empty = False
                if isinstance(line, LongPart):
                    self._buckets.reject_long(f"{self._where}:{number}", line)
                elif self._reader is not None:
                    self._line(self._reader, number, line)
                else:
                    self._held.append((number, line))
                    if len(self._held) >= SAMPLE_LINES:
                        self._begin(surely=surely)
        finally:
            if self._reader is None:
                self._begin(surely=surely)

    def _begin(self, *, surely: bool) -> None:
        """Tell the form of the log, and read what was held."""
        sample = [line.decode("utf-8", "replace") for _, line in self._held]
        stamps = are_stamped(sample, surely=surely)
        self._reader = LogReader(self._whose, self._pods, stamps=stamps)
        for number, line in self._held:
            self._line(self._reader, number, line)
        self._held.clear()

    def _line(self, reader: LogReader, number: int, line: bytes) -> None:
        origin = Origin(f"{self._where}:{number}", line)
        if not line.strip():
            self._buckets.blank()
            return
        try:
            log = reader.read(line.removesuffix(b"\r").decode())
        except UnicodeDecodeError as trouble:
            what = f"not UTF-8: byte 0x{line[trouble.start]:02x} at column {trouble.start + 1}"
            self._buckets.reject("not-utf8", origin.where, what, in_parts(line))
        except Unusable as trouble:
            self._buckets.reject("invalid", origin.where, str(trouble), in_parts(line))
        else:
            if log is None:
                self._buckets.unplaced(self._where)
            else:
                self._buckets.told(log, origin, self._occurrence(log))

    def _occurrence(self, log: Log) -> int:
        """Return how many equal lines of the same time came before."""
        if log.time != self._now:
            self._now = log.time
            self._same.clear()
        key = log.pod, log.container, log.message
        self._same[key] += 1
        return self._same[key] - 1
