"""The compose file fits the program and the image, and keeps everybody in bounds."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import compose_file
from pipeline.cli import app
from pipeline.settings_sources import load_settings

ALL = sorted(compose_file.services())
OURS = sorted(compose_file.ours())
ROLES = ["adapt", "correlate", "detect", "index", "ingest"]
DOCKERFILE = (compose_file.REPOSITORY / "deploy" / "Dockerfile").read_text(encoding="utf-8")
VERSION = re.compile(r":[0-9]+\.[0-9]+\.[0-9]+$")
MEMORY = re.compile(r"([0-9]+)([mg])")


def mib(text: str) -> int:
    """Return in MiB an amount of memory as compose files and Java write it."""
    found = MEMORY.fullmatch(text)
    assert found is not None, text
    return int(found[1]) * (1024 if found[2] == "g" else 1)


@pytest.fixture
def service(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A service by name."""
    return compose_file.services()[request.param]


@pytest.mark.parametrize("service", ALL, indirect=True)
def test_each_service_is_of_one_version_and_within_limits(service: dict[str, Any]) -> None:
    assert VERSION.search(service["image"])
    assert {"mem_limit", "cpus", "pids_limit"} <= service.keys()
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("service", ALL, indirect=True)
def test_each_service_tells_its_health_or_ends(service: dict[str, Any]) -> None:
    ends = service["healthcheck"] == {"disable": True}
    assert ends or service["healthcheck"]["test"][0] == "CMD"
    assert ends != (service["restart"] == "unless-stopped")


@pytest.mark.parametrize("service", ALL, indirect=True)
def test_what_is_waited_for_is_there_and_can_come_to_pass(service: dict[str, Any]) -> None:
    for name, how in service.get("depends_on", {}).items():
        other = compose_file.services()[name]
        ends = other["healthcheck"] == {"disable": True}
        told = "service_completed_successfully" if ends else "service_healthy"
        assert how == {"condition": told}
        assert set(other.get("profiles", ())) <= set(service.get("profiles", ()))


@pytest.mark.parametrize("service", ALL, indirect=True)
def test_nothing_is_reached_from_other_machines(service: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))


@pytest.mark.parametrize("service", OURS, indirect=True)
def test_ours_need_nothing_to_write_to_but_tmp(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp:size=64m"]  # noqa: S108 - the container's own
    assert all(mount["read_only"] for mount in service.get("volumes", ()))


@pytest.mark.parametrize("service", OURS, indirect=True)
def test_the_commands_are_commands(service: dict[str, Any]) -> None:
    command = typer.main.get_command(app)
    arguments = list(service["command"])
    while arguments and arguments[0] in getattr(command, "commands", {}):
        command = command.commands[arguments.pop(0)]  # type: ignore[attr-defined]
    flags = {name for parameter in command.params for name in parameter.opts}
    assert {part for part in arguments if part.startswith("--")} <= flags
    assert CliRunner().invoke(app, [*service["command"], "--help"]).exit_code == 0


@pytest.mark.parametrize("service", OURS, indirect=True)
def test_the_variables_are_settings(
    service: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    given = compose_file.environment(service)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert settings.store == given["AFTERSHOCK_STORE"]
    assert settings.elasticsearch.replicas == 0


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_asked_on_the_port_on_which_it_answers(role: str) -> None:
    service = compose_file.services()[role]
    port = compose_file.environment(service)[f"AFTERSHOCK_HEALTH__{role.upper()}_PORT"]
    assert f"http://127.0.0.1:{port}/ready" in service["healthcheck"]["test"][-1]


def test_what_java_and_node_take_fits_into_their_limits() -> None:
    services = compose_file.services()
    elastic = services["elasticsearch"]["environment"]["ES_JAVA_OPTS"]
    heaps = {
        "kafka": services["kafka"]["environment"]["KAFKA_HEAP_OPTS"].removeprefix("-Xmx"),
        "elasticsearch": elastic.rpartition("-Xmx")[2],
        "kibana": services["kibana"]["environment"]["NODE_OPTIONS"].rpartition("=")[2] + "m",
    }
    for name, heap in heaps.items():
        assert mib(heap) * 1.5 <= mib(services[name]["mem_limit"])


def test_kibana_is_of_the_version_of_elasticsearch() -> None:
    services = compose_file.services()
    images = [services[name]["image"].partition(":")[2] for name in ("kibana", "elasticsearch")]
    assert images[0] == images[1]


def test_the_image_is_of_the_version_of_the_program() -> None:
    project = (compose_file.REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    version = tomllib.loads(project)["project"]["version"]
    images = {each["image"] for each in compose_file.ours().values()}
    assert images == {f"aftershock:{version}"}
    assert f'org.opencontainers.image.version="{version}"' in DOCKERFILE


def test_the_image_is_nobody_in_particular_and_needs_no_shell() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2].splitlines()
    assert [line for line in last if line.startswith("USER ")] == ["USER 1001:0"]
    assert [line for line in last if line.startswith("ENTRYPOINT")] == ['ENTRYPOINT ["aftershock"]']
    assert re.search(r"^ARG BASE=\S+:\d+\.\d+\S*$", DOCKERFILE, re.MULTILINE)


def test_what_is_mounted_from_the_checkout_is_there() -> None:
    sample = compose_file.services()["replay"]["volumes"][0]
    assert list((compose_file.REPOSITORY / sample["source"]).glob("*.jsonl.zst"))
