"""Whatever a record, a file or a server says: no command prints what a terminal would obey."""

import io
import json
import logging
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_values import incident, symptom
from pipeline.accounting import Ledger
from pipeline.broker.letters import Letter
from pipeline.cli.telling import advice, told
from pipeline.cli.topology import Format
from pipeline.errors import BrokenWorld, UsageError
from pipeline.harmless import json_text, lines, one_line
from pipeline.records import Incident, Rejected
from pipeline.redact import Redactor
from pipeline.worker.roles import HarmlessFormatter

HOSTILE = "\x1b[2J\x1b]0;title\x07\r\x9b31m\u202eevil\u2066\u200b\x7f\x00\x85\ufeff[bold]"


class Screen(io.StringIO):
    """A terminal that remembers."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Say that somebody is looking."""
        return True


@pytest.fixture(autouse=True)
def no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """No escape sequence is to be ours."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")


def shown(command: str, function: str, *given: object, **more: object) -> str:
    """Return what a part of a command prints on a terminal."""
    screen = Screen()
    with redirect_stdout(screen), redirect_stderr(screen):
        getattr(import_module(f"pipeline.{command}"), function)(*given, **more)
    return screen.getvalue()


def harmless(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n")) and "evil" in text


def hostile() -> Incident:
    first = symptom("s1", f"node{HOSTILE}", 0, None).model_copy(
        update={"exemplar": HOSTILE, "signature": HOSTILE}
    )
    second = symptom("s2", "b", 5, "s1").model_copy(update={"exemplar": HOSTILE})
    return incident("i1", symptoms=(first, second)).model_copy(
        update={
            "title": HOSTILE,
            "application": HOSTILE,
            "absent": (HOSTILE,),
            "unobserved": (HOSTILE,),
        }
    )


@given(st.text())
def test_nothing_that_is_not_printable_is_left(text: str) -> None:
    assert one_line(text).isprintable()
    assert all(line.isprintable() for line in lines(text).split("\n"))
    assert lines(text).count("\n") == text.count("\n")


@given(st.text())
def test_json_says_the_same(text: str) -> None:
    shown = json_text(json.dumps({"a": text}, ensure_ascii=False) + "\n")
    assert json.loads(shown) == {"a": text}
    assert shown[:-1].isprintable()


def test_incidents_list_and_show_are_harmless() -> None:
    assert harmless(shown("cli.incidents", "_print", [hostile()], as_json=False))
    assert harmless(shown("cli.analyze", "_draw", [hostile()]))


def test_incidents_as_json_are_harmless_on_a_terminal_and_say_the_same() -> None:
    text = shown("cli.incidents", "_print", [hostile()], as_json=True)
    assert harmless(text)
    assert Incident.model_validate_json(text) == hostile()


def test_watch_is_harmless() -> None:
    assert harmless(shown("cli.watch", "_print", hostile(), None, as_json=False))
    assert harmless(shown("cli.watch", "_print", hostile(), None, as_json=True))


def test_accounting_is_harmless() -> None:
    counts = Counter({HOSTILE: 1, "lines": 1})
    ledger = Ledger(sources={HOSTILE: counts}, losses={HOSTILE: counts}, incidents=counts)
    assert harmless(shown("cli.accounting", "_print", ledger))


def test_what_was_rejected_is_told_harmless_and_without_secrets() -> None:
    bad = Rejected(code="invalid", where=f"a{HOSTILE}", what="password=hunt3r", value=b"")
    assert harmless(told(bad))
    assert "hunt3r" not in told(bad)


def test_advice_is_harmless() -> None:
    assert all(map(harmless, advice({"published": 1}, [(HOSTILE, 3)])))


@pytest.mark.parametrize("kind", [UsageError, BrokenWorld])
def test_errors_are_harmless(kind: type[UsageError | BrokenWorld]) -> None:
    assert harmless(f"aftershock: {kind(f'first{HOSTILE}')}")
    assert str(kind("one\ntwo")) == "one\ntwo"


def test_rejected_list_is_harmless_and_without_secrets() -> None:
    letter = Letter(
        code=HOSTILE,
        where=HOSTILE,
        what=f"password=hunt3r {HOSTILE}",
        key=None,
        value=b"",
        at=(0, 0),
    )
    text = shown("cli.rejected", "_print", [letter], Redactor().text)
    assert harmless(text)
    assert "hunt3r" not in text


def test_what_workers_log_is_harmless() -> None:
    record = logging.makeLogRecord({"msg": "cannot read %s", "args": (HOSTILE,)})
    assert harmless(HarmlessFormatter("%(message)s").format(record))


def test_topology_show_and_resolve_are_harmless(tmp_path: Path) -> None:
    file = tmp_path / "evil.yaml"
    text = json.dumps(HOSTILE)
    file.write_text(
        f"application: a\ntitle: {text}\nnodes:\n  - {{id: evil}}\n  - {{id: b, title: {text}}}\n"
        f"edges:\n  - {{cause: evil, effect: b, because: {text}}}\n"
    )
    for form in Format:
        assert harmless(shown("cli.topology", "show", str(file), None, form))
    assert harmless(shown("cli.topology", "resolve", [HOSTILE], str(file)))
