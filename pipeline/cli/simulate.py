"""``aftershock simulate``: recordings of which it is known what was at fault."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.simulate.disturb import Missing
    from pipeline.simulate.folder import Written
    from pipeline.simulate.run import Recording, Settings
    from pipeline.simulate.scenarios.scenario import Scenario


def simulate(  # noqa: PLR0913 - one parameter a flag
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(metavar="SCENARIO...", help="Ids or names; see --list.", show_default=False),
    ] = None,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="A new folder.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All scenarios.")] = False,
    catalogue: Annotated[bool, typer.Option("--list", help="Show the scenarios.")] = False,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Default 1.")] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="A-B", help="A recording for each of these seeds.")
    ] = None,
    together: Annotated[
        bool, typer.Option("--together", help="The faults of all named scenarios at once.")
    ] = False,
    users: Annotated[int, typer.Option(metavar="N", help="1 to 500.")] = 12,
    hours: Annotated[
        float | None,
        typer.Option(metavar="N", help="Default 2, or as long as the scenario needs."),
    ] = None,
    noise: Annotated[
        float,
        typer.Option(metavar="FACTOR", help="How much goes on that is no trouble; 0 for nothing."),
    ] = 1.0,
    no_logs_of: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the pods without logs (0.3: 30 %).")
    ] = 0.0,
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SIGNAL:NAME",
            help="No logs, events or metrics of a pod, object or machine: events:wrk-2,"
            " 'metrics:jupyterhub-db-*'.",
        ),
    ] = None,
    skew: Annotated[
        float, typer.Option(metavar="SECONDS", help="Machines' clocks are off, up to this.")
    ] = 0.0,
    late: Annotated[
        float, typer.Option(metavar="SECONDS", help="Some records come late, up to this.")
    ] = 0.0,
    duplicates: Annotated[
        float, typer.Option(metavar="SHARE", help="Share of the records that come twice.")
    ] = 0.0,
    replicas: Annotated[
        bool, typer.Option("--replicas", help="Two Prometheus replicas, slightly apart.")
    ] = False,
    compress: Annotated[bool, typer.Option("--compress", help="Write *.jsonl.zst.")] = False,
) -> None:
    """Simulate faults of JupyterHub on OpenShift: recordings, labels and notes."""
    from pipeline.simulate.disturb import Disturbances
    from pipeline.simulate.folder import simulate as run
    from pipeline.simulate.run import Settings
    from pipeline.simulate.scenarios.catalogue import CATALOGUE

    if catalogue:
        _list(list(CATALOGUE.values()))
        return
    disturbances = Disturbances(
        no_logs_of=no_logs_of,
        without=tuple(map(_missing, without or ())),
        skew_s=skew,
        late_s=late,
        duplicates=duplicates,
        replicas=replicas,
    )
    recordings = _recordings(
        _chosen(scenarios or [], every=every, together=together),
        _seeds(seed, seeds),
        Settings(users=users, hours=hours, noise=noise, disturbances=disturbances),
        together=together,
    )
    if output is None:
        raise UsageError("--output: name a folder for the recordings; it must not exist yet")
    with _progress() as on_progress:
        written = run(recordings, output, compress=compress, on_progress=on_progress)
    sys.stderr.write(f"{_told(written, output)}\n")


def _chosen(names: list[str], *, every: bool, together: bool) -> "Sequence[Scenario]":
    from pipeline.simulate.scenarios.catalogue import CATALOGUE, chosen

    if every and (names or together):
        other = "--together" if together else names[0]
        raise UsageError(f"--all and {other}: name scenarios, or take all of them")
    if not every and not names:
        raise UsageError("no scenario was named: give ids such as S01, or --all; --list shows them")
    scenarios = list(CATALOGUE.values()) if every else chosen(names)
    if together and len(scenarios) == 1:
        raise UsageError(f"--together: name another scenario beside {scenarios[0].id}")
    return scenarios


def _seeds(seed: int | None, seeds: str | None) -> range:
    from pipeline.simulate.run import SEEDS

    if seeds is None:
        chosen = range(1 if seed is None else seed, 2 if seed is None else seed + 1)
    else:
        first, dash, last = seeds.partition("-")
        if seed is not None or not (dash and _is_number(first) and _is_number(last)):
            raise UsageError(f"--seeds {seeds}: write A-B, as in 1-20, and leave out --seed")
        chosen = range(int(first), int(last) + 1)
    if not chosen or chosen[0] < 0 or len(chosen) > SEEDS:
        flag = f"--seed {seed}" if seeds is None else f"--seeds {seeds}"
        raise UsageError(f"{flag}: seeds begin at 0, and one run takes 1 to {SEEDS} of them")
    return chosen


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _missing(text: str) -> "Missing":
    from pipeline.simulate.disturb import Missing, Signal

    signals = get_args(Signal)
    signal, _, where = text.partition(":")
    for known in signals:
        if where and signal == known:
            return Missing(known, where)
    raise UsageError(
        f"--without {text}: write SIGNAL:NAME, as in events:wrk-2; signals are {', '.join(signals)}"
    )


def _recordings(
    scenarios: "Sequence[Scenario]", seeds: range, settings: "Settings", *, together: bool
) -> "list[Recording]":
    from pipeline.simulate.run import Recording

    groups = [tuple(scenarios)] if together else [(scenario,) for scenario in scenarios]
    return [Recording(group, seed, settings) for group in groups for seed in seeds]


def _list(scenarios: "Sequence[Scenario]") -> None:
    from rich.box import SIMPLE
    from rich.table import Table

    from pipeline.cli.console import console

    table = Table("id", "name", "what happens", "at fault", "minutes", box=SIMPLE)
    for one in scenarios:
        fault = "nothing" if one.benign else "yes"
        table.add_row(one.id, one.name, one.title, fault, f"{one.needs_s / 60:.0f}")
    console().print(table)


def _told(written: "Sequence[Written]", folder: Path) -> str:
    from pipeline.simulate.folder import LABELS, NOTES

    lines = sum(sum(one.counts.values()) for one in written)
    faults = sum(bool(label["root_cause"]) for one in written for label in one.labels)
    benign = sum(len(one.labels) for one in written) - faults
    return (
        f"{folder}: {len(written)} recordings, {lines} lines; {LABELS}: {faults} faults,"
        f" {benign} times without one; {NOTES}: what was done"
    )


@contextmanager
def _progress() -> Iterator[Callable[[str, float, float], None] | None]:
    """Show how far the simulated time is, on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), Remaining())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("simulating", total=None)
        yield lambda what, done_s, all_s: progress.update(
            task, description=what, completed=done_s, total=all_s
        )
