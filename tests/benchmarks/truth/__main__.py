"""Convert public data, analyse it, score it, print the table beside the published figures."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.truth import nezha, petshop, published
from benchmarks.truth.case import DATA, Recording, data_folder
from benchmarks.truth.run import analysed, pooled
from pipeline.drawing_scores import cases_table, scores_drawing
from pipeline.errors import AftershockError
from pipeline.score import Report

WIDTH = 118
"""Of the tables where nobody's terminal says how wide it is."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A data set."""

    title: str
    source: str
    """Where it lies in the folder with the data."""
    convert: Callable[[Path, Path], list[Recording]]
    published: str


BENCHMARKS = {
    "petshop": Benchmark(
        "PetShop train, 16 issues", petshop.FOLDER, petshop.convert, published.PETSHOP
    ),
    "nezha": Benchmark(
        "Nezha TrainTicket 2023-01-29, 28 faults", nezha.ARCHIVE, nezha.convert, published.NEZHA
    ),
}


def main() -> int:
    """Run the benchmarks that the command line asks for."""
    parser = argparse.ArgumentParser(prog="benchmarks.truth", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--each", action="store_true", help="also what became of each case")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the recordings there")
    asked = parser.parse_args()
    if unknown := sorted({*asked.names} - {*BENCHMARKS}):
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    try:
        with TemporaryDirectory() as temporary:
            folder = asked.keep or Path(temporary)
            found = dict(_reports(asked.names or list(BENCHMARKS), folder))
    except AftershockError as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    if asked.json:
        told = {name: report.as_json(each=asked.each) for name, report in found.items()}
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    elif found:
        _print(found, each=asked.each)
    return 0


def _reports(names: list[str], folder: Path) -> Iterator[tuple[str, Report]]:
    for name in names:
        benchmark = BENCHMARKS[name]
        source = data_folder() / benchmark.source
        if not source.exists():
            sys.stderr.write(
                f"{name}: skipped, there is no {source}; name the folder with the data by {DATA}\n"
            )
            continue
        sys.stderr.write(f"{benchmark.title}: converting, analysing …\n")
        yield name, pooled(analysed(benchmark.convert(source, folder / name)))


def _print(found: dict[str, Report], *, each: bool) -> None:
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    for name, report in found.items():
        benchmark = BENCHMARKS[name]
        console.rule(benchmark.title)
        if each:
            console.print(cases_table(report), "", sep="\n")
        console.print(scores_drawing(report), "", sep="\n")
        console.print(benchmark.published, "", sep="\n", highlight=False)
    console.print(published.LEGEND, highlight=False)


if __name__ == "__main__":
    sys.exit(main())
