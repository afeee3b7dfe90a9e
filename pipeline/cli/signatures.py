"""``aftershock signatures``: what a pack recognises, and whether it does what its examples say."""

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.options import AsJson, Set, parameters_of
from pipeline.errors import AftershockError, UsageError

if TYPE_CHECKING:
    from pipeline.detect.pack import SignaturePack
    from pipeline.detect.signatures import Signature

signatures_app = typer.Typer(
    help="What a signature pack recognises; put its examples to it.", no_args_is_help=True
)

Pack = Annotated[
    str, typer.Option("--pack", metavar="FILE|NAME", help="Signature pack, or a shipped one.")
]
_SHIPPED = "jupyterhub"
_HARMLESS = "harmless"
_LINE_LENGTH = 240
"""Characters of a line about an example that is not right."""


@signatures_app.command("list")
def list_signatures(
    pack: Pack = _SHIPPED,
    settings: Set = None,
    scenario: Annotated[
        str | None, typer.Option(metavar="S01", help="Only those that mark a scenario.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List the signatures of a pack, and which scenarios they mark."""
    loaded = _load(pack, settings)
    if scenario is not None and scenario not in loaded.scenarios:
        known = ", ".join(loaded.scenarios) or "none"
        raise UsageError(f"--scenario {scenario}: the pack knows {known}")
    wanted = [s for s in loaded.signatures if scenario is None or scenario in s.marks]
    if as_json:
        _print_json([_row(signature) for signature in wanted])
        return
    _print_table([_row(signature) for signature in wanted])
    _print_summary(loaded, scenario)


@signatures_app.command()
def show(
    signature: Annotated[str, typer.Argument(metavar="ID", help="Id of a signature.")],
    pack: Pack = _SHIPPED,
    settings: Set = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show a signature with its examples, in the form that a pack is written in."""
    from difflib import get_close_matches

    import yaml

    from pipeline.drawing import plain

    loaded = _load(pack, settings)
    by_id = {s.id: s for s in loaded.signatures}
    if signature not in by_id:
        near = get_close_matches(signature, by_id, n=1)
        hint = f"did you mean {near[0]}?" if near else "see `aftershock signatures list`"
        raise UsageError(f"the pack {loaded.pack} has no signature {plain(signature)}: {hint}")
    written = by_id[signature].model_dump(mode="json", by_alias=True, exclude_defaults=True)
    if as_json:
        _print_json(written)
        return
    # all but ASCII is escaped, so that nothing in a pack can play tricks on a terminal
    sys.stdout.write(yaml.safe_dump(written, sort_keys=False, width=100))


@signatures_app.command("test")
def try_examples(pack: Pack = _SHIPPED, settings: Set = None, *, as_json: AsJson = False) -> None:
    """Put all examples and counter-examples of a pack to the whole pack; exit 1 if any is wrong."""
    from dataclasses import asdict

    from pipeline.detect.examples import outcomes
    from pipeline.drawing import plain

    loaded = _load(pack, settings)
    found = list(outcomes(loaded))
    wrong = [outcome for outcome in found if not outcome.right]
    if as_json:
        _print_json([asdict(outcome) for outcome in found])
    else:
        for outcome in wrong:
            sys.stdout.write(plain(outcome.told, at_most=_LINE_LENGTH) + "\n")
    if wrong:
        raise AftershockError(
            f"pack {loaded.pack}: {len(wrong)} of {len(found)} examples are not recognised as they"
            " should be: mend the signature, or move it before the one that takes its example"
        )
    if not as_json:
        count = len(loaded.signatures)
        typer.echo(f"pack {loaded.pack}: {count} signatures, {len(found)} examples, all right")


@signatures_app.command()
def schema() -> None:
    """Print the JSON Schema of signature packs, for editors and other programs."""
    from pydantic.json_schema import GenerateJsonSchema

    from pipeline.detect.pack import SignaturePack

    made = SignaturePack.model_json_schema(by_alias=True)
    dialect = GenerateJsonSchema.schema_dialect
    _print_json({"$schema": dialect, **made, "title": "A signature pack"})


def _load(pack: str, settings: list[str] | None) -> "SignaturePack":
    from pipeline.detect.load_pack import load_pack

    return load_pack(pack, parameters_of(settings))


def _row(signature: "Signature") -> dict[str, Any]:
    """Return what the list tells of a signature."""
    return {
        "id": signature.id,
        "signal": signature.signal,
        "class": _kind_of(signature),
        "severity": None if signature.suppress else signature.severity,
        "implicates": {i.node: i.strength for i in signature.implicates},
        "at": list(signature.at),
        "not_at": list(signature.not_at),
        "marks": list(signature.marks),
        "title": None if signature.suppress else signature.title,
    }


def _kind_of(signature: "Signature") -> str:
    if signature.suppress:
        return _HARMLESS
    return "change" if signature.change else signature.symptom_class


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from pipeline.cli.console import console
    from pipeline.drawing import plain

    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("signature", no_wrap=True)
    for name in ("signal", "class", "severity"):
        table.add_column(name, no_wrap=True)
    table.add_column("implicates", overflow="fold")
    table.add_column("scenarios", overflow="fold")
    for row in rows:
        cells = [row["id"], row["signal"], row["class"], row["severity"] or ""]
        cells += [_implicated(row["implicates"]), " ".join(row["marks"])]
        table.add_row(*(Text(plain(cell)) for cell in cells))
    console().print(table)


def _implicated(implicates: Mapping[str, float]) -> str:
    return ", ".join(f"{node} {strength:g}" for node, strength in implicates.items())


def _print_summary(pack: "SignaturePack", scenario: str | None) -> None:
    """Say how many there are, and which scenarios none marks."""
    if scenario is not None:
        typer.echo(f"\n{scenario}: {pack.scenarios[scenario]}")
        return
    marked = {name for signature in pack.signatures for name in signature.marks}
    unmarked = [name for name in pack.scenarios if name not in marked]
    typer.echo(
        f"\npack {pack.pack}, version {pack.version}: {len(pack.signatures)} signatures,"
        f" {len(pack.baselines)} baselines; {len(marked)} of {len(pack.scenarios)} scenarios marked"
        + (f", not marked: {', '.join(unmarked)}" if unmarked else "")
    )


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
