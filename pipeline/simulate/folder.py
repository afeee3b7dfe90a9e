"""A folder of recordings, with labels for all of them and notes for people."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.simulate.disturb import LATE_SHARE, Disturbances
from pipeline.simulate.labels import Label, as_json
from pipeline.simulate.run import Recording, Settings, check, play
from pipeline.simulate.writing import RecordingFile, new_folder, write

LABELS = "labels.json"
NOTES = "notes.md"
"""Neither is read as a recording: in a folder those are told by the ending of their names."""

OnProgress = Callable[[str, float, float], None]
"""Takes what is being simulated, the seconds simulated so far, and all there are to simulate."""

_SIGNALS = ("log", "event", "metric")


@dataclass(frozen=True, slots=True)
class Written:
    """What has been written of one recording."""

    recording: Recording
    file: str
    counts: Mapping[str, int]
    """Records by signal."""
    labels: tuple[Label, ...]


def simulate(
    recordings: Sequence[Recording],
    folder: Path,
    *,
    compress: bool = False,
    on_progress: OnProgress | None = None,
) -> list[Written]:
    """Simulate recordings one after another, each into a file of its own in a new folder.

    Raises:
        UsageError: a recording cannot be made as it was asked for; the folder is not empty, or
            cannot be written.
    """
    check(recordings)
    new_folder(folder)
    progress = _Progress(recordings, on_progress)
    written = []
    for recording in recordings:
        name = f"{recording.name}.jsonl{'.zst' if compress else ''}"
        with RecordingFile(folder / name, progress.of(recording)) as file:
            labels = play(recording, file.take)
        written.append(Written(recording, name, file.counts, tuple(labels)))
    write(folder / LABELS, as_json(label for one in written for label in one.labels))
    write(folder / NOTES, notes(written).encode())
    return written


def notes(written: Sequence[Written]) -> str:
    """Return what was done, in words: settings, and a line for each recording and each case."""
    return "\n".join(_notes(written)) + "\n"


class _Progress:
    """How far all recordings have come."""

    def __init__(self, recordings: Sequence[Recording], told: OnProgress | None) -> None:
        self._told = told
        self._all_s = sum(recording.length_s for recording in recordings)
        self._done_s = 0.0

    def of(self, recording: Recording) -> Callable[[datetime], None]:
        """Return what to tell the time of a recording that begins now."""
        before_s = self._done_s
        self._done_s += recording.length_s

        def tell(time: datetime) -> None:
            if self._told is not None:
                passed_s = (time - recording.began).total_seconds()
                self._told(recording.name, before_s + passed_s, self._all_s)

        return tell


def _notes(written: Sequence[Written]) -> Iterator[str]:
    settings = written[0].recording.settings
    yield "# Simulated recordings of JupyterHub on OpenShift"
    yield ""
    yield "Written by `aftershock simulate`: the same scenario, seed and settings give the same"
    yield f"bytes. What really happened is in `{LABELS}`. Times are UTC."
    yield ""
    yield from (f"* {line}" for line in _world(settings))
    for one in written:
        yield ""
        yield f"## {one.recording.name}"
        yield ""
        yield from (f"{scenario.id}: {scenario.title}." for scenario in one.recording.scenarios)
        yield ""
        yield from (f"* {line}" for line in _course(one))


def _world(settings: Settings) -> Iterator[str]:
    yield f"{settings.users} users"
    yield from _disturbed(settings.disturbances) or ["nothing goes wrong with the taking down"]


def _disturbed(what: Disturbances) -> list[str]:
    lines = {
        f"of {what.no_logs_of:.0%} of the pods nobody collects the logs": what.no_logs_of,
        f"clocks of machines are off by up to {what.skew_s:g} s": what.skew_s,
        f"{LATE_SHARE:.0%} of the records come up to {what.late_s:g} s late": what.late_s,
        f"{what.duplicates:.0%} of the records come twice": what.duplicates,
        "two Prometheus replicas, the second scraping slightly later": what.replicas,
    }
    missing = [f"no {one.signal} of what is called {one.where}" for one in what.without]
    return [*(line for line, so in lines.items() if so), *missing]


def _course(one: Written) -> Iterator[str]:
    recording = one.recording
    counts = [f"{one.counts.get(signal, 0)} {signal}s" for signal in _SIGNALS]
    hours = recording.length_s / 3600
    yield f"`{one.file}`: {recording.began:%Y-%m-%d %H:%M}, {hours:g} hours, {', '.join(counts)}"
    for label in one.labels:
        causes = _nodes(label["root_cause"]) or "nothing is at fault"
        harmed = _nodes(label["affected"])
        felt = f"; felt at {harmed}" if harmed else ""
        yield f"{label['id']}: {label['start']} to {label['end']}: {causes}{felt}"


def _nodes(nodes: object) -> str:
    return ", ".join(map(str, nodes)) if isinstance(nodes, list) else ""
