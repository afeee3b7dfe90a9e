"""``aftershock kibana ensure`` against a stand-in that takes only what Kibana documents."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kibana_stand_in import DOCUMENT, KibanaStandIn
from pipeline.cli import app
from pipeline.kibana.answers import outcomes
from pipeline.kibana.incidents import saved_objects
from servers import children
from servers.certificates import Authority

OBJECTS = saved_objects("incidents")

Start = Callable[..., KibanaStandIn]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a stand-in; it ends with the test."""
    started: list[KibanaStandIn] = []

    def begin(**options: object) -> KibanaStandIn:
        started.append(KibanaStandIn(**options))
        return started[-1]

    yield begin
    for each in started:
        each.close()


def ensure(url: str, *arguments: str, **environment: str) -> Result:
    command = ["kibana", "ensure", "--url", url, *arguments]
    variables = {f"AFTERSHOCK_ELASTICSEARCH__{name}": value for name, value in environment.items()}
    return CliRunner().invoke(app, command, env=variables)


def trouble(url: str, *arguments: str, **environment: str) -> str:
    """Return the one line with which it fails."""
    raised = ensure(url, *arguments, **environment).exception
    assert not isinstance(raised, SystemExit | None)
    assert "\n" not in str(raised)
    return f"{type(raised).__name__}: {raised}"


def test_all_objects_arrive_as_they_are(start: Start) -> None:
    kibana = start()
    result = ensure(kibana.url)
    assert result.exit_code == 0
    assert list(kibana.saved.values()) == OBJECTS
    assert result.stdout.splitlines()[-1] == "dashboard     [Aftershock] Incidents imported"


def test_doing_it_again_replaces_and_adds_nothing(start: Start) -> None:
    kibana = start()
    ensure(kibana.url)
    before = dict(kibana.saved)
    again = json.loads(ensure(kibana.url, "--json").stdout)
    assert kibana.saved == before
    assert {each["state"] for each in again} == {"replaced"}


def test_a_dry_run_changes_nothing(start: Start) -> None:
    kibana = start()
    result = ensure(kibana.url, "--dry-run", "--space", "ops")
    assert len(result.stdout.splitlines()) == len(OBJECTS)
    assert kibana.asked == ["GET /api/status", "GET /api/spaces/space/ops"]


def test_a_space_gets_objects_of_its_own(start: Start) -> None:
    kibana = start()
    assert ensure(kibana.url).exit_code == ensure(kibana.url, "--space", "ops").exit_code == 0
    assert {space for space, _, _ in kibana.saved} == {"default", "ops"}
    assert len({ident for _, _, ident in kibana.saved}) == 2 * len(OBJECTS)


def test_a_missing_space_is_told_before_anything_is_imported(start: Start) -> None:
    kibana = start()
    assert "UsageError: Kibana" in (said := trouble(kibana.url, "--space", "nowhere"))
    assert "has no space 'nowhere'" in said
    assert not kibana.saved


def test_an_address_with_a_base_path_keeps_it(start: Start) -> None:
    kibana = start(base_path="/tools/kibana")
    assert ensure(f"{kibana.url}/").exit_code == 0
    assert "there is no Kibana" in trouble(kibana.url.removesuffix("/tools/kibana"))


@pytest.mark.parametrize(
    ("environment", "header"),
    [
        ({"API_KEY": "aWQ6a2V5"}, "ApiKey aWQ6a2V5"),
        ({"USERNAME": "elastic", "PASSWORD": "pä:ss"}, "Basic ZWxhc3RpYzpww6Q6c3M="),
    ],
)
def test_it_says_who_we_are(start: Start, environment: dict[str, str], header: str) -> None:
    kibana = start(authorization=header)
    assert ensure(kibana.url, **environment).exit_code == 0


def test_an_unknown_key_is_told_and_not_shown(start: Start) -> None:
    kibana = start(authorization="ApiKey right")
    said = trouble(kibana.url, API_KEY="wrong-key")
    assert "401: it does not know us: check elasticsearch.api_key" in said
    assert "wrong-key" not in said


def test_missing_rights_are_told_with_the_privilege_that_is_needed(start: Start) -> None:
    message = "Unable to bulk_create dashboard,index-pattern,lens,search"
    kibana = start(instead={"/api/saved_objects/_import": (403, {"message": message})})
    said = trouble(kibana.url)
    assert "403: we may not" in said
    assert "Saved Objects Management" in said
    assert message in said


@pytest.mark.parametrize("version", ["7.17.29", "8.8.2"])
def test_an_older_version_is_told_before_anything_is_imported(start: Start, version: str) -> None:
    kibana = start(version=version)
    assert f"it is Kibana {version}, 8.9 or later is needed" in trouble(kibana.url)
    assert not any(asked.startswith("POST") for asked in kibana.asked)


@pytest.mark.parametrize("version", ["8.9.0", "8.19.3", "9.0.0-SNAPSHOT", "10.1.0", None])
def test_newer_versions_and_those_that_do_not_tell_are_fine(
    start: Start, version: str | None
) -> None:
    kibana = start(version=version)
    assert ensure(kibana.url).exit_code == 0


@pytest.mark.parametrize("status", [400, 422])
def test_a_refused_stamp_says_that_it_is_too_old(start: Start, status: int) -> None:
    kibana = start(instead={"/api/saved_objects/_import": (status, {"message": DOCUMENT})})
    assert f"{status}: it is too old, 8.9 or later is needed" in trouble(kibana.url)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((404, b"<html>nginx</html>"), "there is no Kibana: write its address with its base path"),
        ((200, b"<html>hello</html>"), "what answers is no Kibana"),
        ((200, {"tagline": "You Know, for Search"}), "what answers is no Kibana"),
        ((302, b""), "it sends us to /login?next=%2F"),
        ((503, b"Kibana server is not ready yet"), "it is not ready yet: try again"),
        ((500, {"message": "An internal server error occurred."}), "An internal server error"),
        ((500, b""), "no reason given"),
    ],
)
def test_what_is_no_kibana_or_not_ready_is_told(start: Start, reply: object, said: str) -> None:
    assert said in trouble(start(instead={"/api/status": reply}).url)


def test_nobody_there_is_told() -> None:
    assert "cannot be reached" in trouble(f"http://127.0.0.1:{children.free_port()}")


def test_its_authority_must_be_known(start: Start, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    kibana = start(tls=authority.signed("kibana"))
    assert "TLS failed" in (said := trouble(kibana.url))
    assert "kibana.cafile" in said
    settings = tmp_path / "settings.yaml"
    settings.write_text(json.dumps({"kibana": {"cafile": str(authority.certificate)}}))
    assert ensure(kibana.url, "--settings", str(settings)).exit_code == 0


def test_a_password_in_the_address_is_refused_unseen() -> None:
    result = ensure("http://elastic:secret@localhost:5601")
    assert "kibana.url" in str(result.exception)


def test_refused_objects_are_told_in_a_line_each(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    lonely = [each for each in OBJECTS if each["type"] != "index-pattern"]
    monkeypatch.setattr("pipeline.kibana.incidents.saved_objects", lambda *_: lonely)
    result = ensure(start().url)
    missing = "refused: it refers to what is not there: index-pattern aftershock-incidents-view"
    assert sum(line.endswith(missing) for line in result.stdout.splitlines()) > 1
    assert f"{len(lonely)} of {len(lonely)} refused" in str(result.exception)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ({"type": "conflict"}, "another object has its id"),
        ({"type": "ambiguous_conflict", "destinations": []}, "another object has its id"),
        ({"type": "unsupported_type"}, "this Kibana has no such objects"),
        ({"type": "unknown", "message": "it\nbroke", "statusCode": 500}, "it�broke"),
        ({}, "does not say why"),
    ],
)
def test_kibanas_errors_are_told_in_words(error: dict[str, object], said: str) -> None:
    each = OBJECTS[0]
    named = {"type": each["type"], "id": each["id"], "error": error}
    (outcome,) = outcomes([each], {"success": False, "errors": [named]})
    assert outcome.state == "refused"
    assert said in outcome.reason


def test_an_object_that_the_answer_does_not_name_was_not_imported() -> None:
    (outcome,) = outcomes(OBJECTS[:1], {"success": True, "successCount": 0})
    assert outcome.state == "refused"
