"""Settings: which source wins, and what is told when something is wrong."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.correlate.settings import CorrelateSettings
from pipeline.errors import UsageError
from pipeline.settings import Instance, Settings
from pipeline.settings_sources import load, load_settings

Write = Callable[[str], Path]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in [name for name in os.environ if name.upper().startswith("AFTERSHOCK_")]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_it(text: str) -> Path:
        file = tmp_path / "site.yaml"
        file.write_text(text)
        return file

    return write_it


def refused(file: Path | None = None, **flags: object) -> str:
    with pytest.raises(UsageError) as trouble:
        load(file, flags)
    assert "\n" not in str(trouble.value)
    return str(trouble.value)


def test_without_any_source_all_is_default() -> None:
    assert load_settings() == Settings()


def test_a_file_outweighs_the_environment_and_a_flag_both(
    monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    monkeypatch.setenv("AFTERSHOCK_KAFKA__TOPIC_PREFIX", "environment")
    file = write("kafka: {topic_prefix: file}")
    assert load_settings().kafka.topic_prefix == "environment"
    assert load_settings(file).kafka.topic_prefix == "file"
    assert load_settings(file, {"kafka.topic_prefix": "flag"}).kafka.topic_prefix == "flag"


def test_a_flag_that_was_not_given_weighs_nothing(write: Write) -> None:
    assert load_settings(write("store: sqlite:///x.db"), {"store": None}).store == "sqlite:///x.db"


def test_sources_add_up_key_by_key(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    monkeypatch.setenv("AFTERSHOCK_KAFKA__PARTITIONS__SYMPTOMS", "2")
    partitions = load_settings(write("kafka: {partitions: {incidents: 1}}")).kafka.partitions
    assert (partitions.observations, partitions.symptoms, partitions.incidents) == (8, 2, 1)


def test_a_mapping_changes_only_what_it_names(write: Write) -> None:
    prior = load_settings(write("correlate: {kind_prior: {endpoint: 0.1}}")).correlate.kind_prior
    assert prior == CorrelateSettings().kind_prior | {"endpoint": 0.1}


def test_the_file_is_found_by_flag_then_variable_then_name(
    monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    Path("aftershock.yaml").write_text("store: here")
    assert load_settings().store == "here"
    monkeypatch.setenv("AFTERSHOCK_SETTINGS", str(write("store: variable")))
    assert load_settings().store == "variable"
    Path("flag.yaml").write_text("store: flag")
    assert load_settings(Path("flag.yaml")).store == "flag"


def test_every_value_says_where_it_came_from(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    monkeypatch.setenv("AFTERSHOCK_STORE", "sqlite:///e.db")
    file = write("topology: shop.yaml")
    rows = {key: source for key, _, source in load(file, {"kafka.replication": 3}).rows()}
    assert rows["store"] == "environment"
    assert rows["topology"] == str(file)
    assert rows["kafka.replication"] == "flag"
    assert rows["kafka.topic_prefix"] == "default"


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    monkeypatch.setenv("AFTERSHOCK_STORE", "https://user:s3cret@host")
    loaded = load(write("kafka: {security: {password: s3cret}}"))
    assert "s3cret" not in str(list(loaded.rows()))
    assert "s3cret" not in repr(loaded.settings.kafka)


def test_a_bad_secret_is_not_repeated() -> None:
    assert "s3cret" not in refused(**{"kafka.security.password": ["s3cret"]})


def test_topologies_are_comma_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFTERSHOCK_TOPOLOGY", "one.yaml, two")
    assert load_settings().topology == ("one.yaml", "two")


def test_an_application_runs_once_for_each_instance_or_once_with_defaults() -> None:
    red = Instance(application="hub", parameters={"namespace": "red"})
    blue = Instance(application="hub", parameters={"namespace": "blue"})
    settings = Settings(topology="shop,hub", instances=(red, blue))
    assert settings.applications == (Instance(application="shop"), red, blue)


def test_an_instance_of_an_unlisted_application_is_refused(write: Write) -> None:
    assert "'shop'" in refused(write("instances: [{application: shop}]"))


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("AFTERSHOCK_STOER", "x", ["AFTERSHOCK_STOER", "STORE"]),
        ("AFTERSHOCK_KAFKA__PREFIX", "x", ["AFTERSHOCK_KAFKA__PREFIX", "topic_prefix"]),
        ("AFTERSHOCK_KAFKA__REPLICATION", "many", ["AFTERSHOCK_KAFKA__REPLICATION", "many"]),
        ("AFTERSHOCK_KAFKA", "many", ["AFTERSHOCK_KAFKA", "JSON"]),
        ("AFTERSHOCK_KAFKA__PARTITIONS", "7", ["AFTERSHOCK_KAFKA__PARTITIONS", "observations"]),
        ("AFTERSHOCK_KAFKA__COMPRESSION", "lz4", ["KAFKA__COMPRESSION", "zstd", "lz4"]),
        ("AFTERSHOCK_WINDOWS__LATENESS_S", "-1", ["AFTERSHOCK_WINDOWS", "lateness_s", "-1"]),
        ("AFTERSHOCK_DETECT__SIGMAS", "nan", ["AFTERSHOCK_DETECT", "sigmas"]),
        ("AFTERSHOCK_KAFKA__TOPIC_PREFIX", "a b", ["AFTERSHOCK_KAFKA__TOPIC_PREFIX", "a b"]),
        ("AFTERSHOCK_KAFKA__SECURITY__PROTOCOL", "SASL_SSL", ["mechanism", "username"]),
    ],
)
def test_a_bad_variable_is_one_line_with_name_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: list[str]
) -> None:
    monkeypatch.setenv(variable, value)
    line = refused()
    assert all(word in line for word in told), line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kafka: [", "line 1"),
        ("- kafka", "mapping"),
        ("kafka: {partitins: {}}", "kafka.partitins"),
        ("kafka: 7", "bootstrap_servers"),
        ("windows: {lateness_s: {a: 1}}", "windows.lateness_s"),
        ("worker: {session_timeout_s: 0}", "worker.session_timeout_s"),
        ("7: x", "7"),
    ],
)
def test_a_bad_file_is_one_line_with_its_name(write: Write, text: str, told: str) -> None:
    line = refused(write(text))
    assert "site.yaml" in line
    assert told in line


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    assert "none.yaml" in refused(tmp_path / "none.yaml")


@pytest.mark.parametrize("text", ["", "kafka:", "# nothing"])
def test_an_empty_file_or_group_changes_nothing(write: Write, text: str) -> None:
    assert load_settings(write(text)) == Settings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AFTERSHOCK_SERVICE_HOST", "10.0.0.1"),
        ("AFTERSHOCK_KAFKA_PORT_9092_TCP_ADDR", "10.0.0.1"),
        ("AFTERSHOCK_UI_SERVICE_PORT_HTTP", "80"),
        ("AFTERSHOCK_TOPOLOGY", ""),
    ],
)
def test_what_kubernetes_sets_by_itself_and_empty_variables_do_no_harm(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert load_settings() == Settings()


def test_parameters_of_a_command_hold_for_every_application() -> None:
    settings = Settings(topology="shop,hub").with_parameters({"namespace": "red"})
    assert [each.parameters for each in settings.applications] == [{"namespace": "red"}] * 2


def test_topics_of_other_collectors_are_the_users_own_keys(
    monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    monkeypatch.setenv("AFTERSHOCK_ADAPT__TOPICS", '{"fluent-bit": "auto"}')
    file = write("adapt: {topics: {site.logs: viaq}}")
    assert load_settings(file).adapt.topics == {"fluent-bit": "auto", "site.logs": "viaq"}


@pytest.mark.parametrize("topics", ['["a"]', '"a"'])
def test_topics_that_are_no_mapping_are_one_line(
    monkeypatch: pytest.MonkeyPatch, topics: str
) -> None:
    monkeypatch.setenv("AFTERSHOCK_ADAPT__TOPICS", topics)
    assert "AFTERSHOCK_ADAPT__TOPICS: must be a mapping" in refused()
