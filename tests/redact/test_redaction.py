"""Secrets leave, everything else stays, and twice is once."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effort import tries
from pipeline.records import Event, Log, Metric
from pipeline.redact import RULE_NAMES, Redaction, Redactor
from redact.planted import KEY, KEY_SECRETS, ORDINARY, PLANTED, Planted

REDACT = Redactor().text
AROUND = (
    "{}",
    "{} and then the end",
    "[E 10:15 Hub base:89] at last: {}",
    "a {}, b",
    "one\n{}\ntwo",
)
TIME = "2026-03-02T10:15:04Z"
ANYTHING = st.lists(
    st.sampled_from([part for each in PLANTED for part in (each.secret, each.around)])
    | st.sampled_from([*ORDINARY, KEY, *KEY_SECRETS, "[redacted:jwt]", "password=", '"', "'", "\\"])
    | st.text("ab1=&?:@/\\ \"';,{}[]\n%|.-_Z", max_size=12),
    max_size=8,
).map("".join)


@pytest.mark.parametrize("planted", PLANTED, ids=lambda each: each.around[:40])
@pytest.mark.parametrize("around", AROUND)
def test_a_secret_leaves_wherever_it_stands(planted: Planted, around: str) -> None:
    redacted = REDACT(around.format(planted.around.format(planted.secret)))
    assert planted.secret not in redacted
    assert "[redacted:" in redacted
    assert "[redacted:text]" not in redacted
    for word in around.split("{}"):
        assert word in redacted


@pytest.mark.parametrize("line", ORDINARY)
def test_a_line_without_secrets_is_the_very_same(line: str) -> None:
    assert REDACT(line) is line


@given(st.text("abcdefghij ABC.,()[]/-_0123456789", max_size=50))
def test_words_and_numbers_are_no_secrets(text: str) -> None:
    line = f"{text} ended."
    assert REDACT(line) is line


@settings(max_examples=tries(400))
@given(ANYTHING)
def test_twice_is_once(text: str) -> None:
    once = REDACT(text)
    assert REDACT(once) is once


@given(ANYTHING)
def test_what_came_before_does_not_matter(text: str) -> None:
    used = Redactor()
    for each in (KEY.split("\n")[0], "password=", text):
        used.text(each)
    assert used.text(text) == Redactor().text(text)


@pytest.mark.parametrize("join", ["\n", "\\n", "\r\n"])
def test_a_private_key_in_one_record_leaves(join: str) -> None:
    redacted = REDACT(f"read {KEY.replace(chr(10), join)} from disk")
    assert redacted == "read [redacted:private-key] from disk"


@pytest.mark.parametrize("prefix", ["", "  ", "2026-03-02T10:15:04Z hub "])
def test_a_private_key_line_by_line_leaves_in_any_order(prefix: str) -> None:
    lines = [f"{prefix}{line}" for line in KEY.split("\n")]
    redacted = [REDACT(line) for line in reversed(lines)]
    told = " ".join(redacted)
    whole = KEY_SECRETS if not prefix.strip() else KEY_SECRETS[:2]
    assert not [part for part in whole if part in told]


def test_a_key_that_is_cut_leaves_from_either_side() -> None:
    start, end = KEY[:130], KEY[130:]
    assert REDACT(f"begins {start}") == "begins [redacted:private-key]"
    assert REDACT(f"told:\n{end}\nok") == "told:\n[redacted:private-key]\nok"


def test_an_event_s_message_and_a_metric_s_labels_are_redacted() -> None:
    redactor = Redactor()
    event = Event(time=TIME, kind="Pod", name="p", reason="Failed", message="password=hunt3r")
    labels = {"url": "http://a/?token=hunt3r", "api_key": "hunt3r", "job": "hub", "secret": "name"}
    metric = Metric(time=TIME, name="up", value=1.0, labels=labels)
    assert redactor.observation(event).message == "password=[redacted:password]"
    assert redactor.observation(metric).labels == {
        "api_key": "[redacted:label]",
        "job": "hub",
        "secret": "name",
        "url": "http://a/?token=[redacted:token]",
    }
    assert redactor.redacted == 2


def test_an_observation_without_secrets_is_the_very_same() -> None:
    redactor = Redactor()
    log = Log(time=TIME, message="all is well")
    metric = Metric(time=TIME, name="up", value=1.0, labels={"pod": "jupyterhub-124-x7k2p"})
    assert redactor.observation(log) is log
    assert redactor.observation(metric) is metric
    assert not redactor.counts


def test_each_secret_is_counted_by_its_rule() -> None:
    redactor = Redactor()
    redactor.text("password=a1 password=b2 postgresql://u:c3@h/d")
    assert redactor.counts == Counter({"password": 2, "url-password": 1})


def test_a_rule_can_be_switched_off() -> None:
    line = "password=hunt3r api_key=hunt3r"
    kept = Redactor(Redaction(keep=frozenset({"password"}))).text(line)
    assert kept == "password=hunt3r api_key=[redacted:secret]"
    assert Redactor(Redaction(keep=frozenset(RULE_NAMES))).text(KEY + line) == KEY + line
    assert Redactor(Redaction(enabled=False)).text(line) is line


def test_a_site_s_own_pattern_is_applied() -> None:
    own = Redaction(extra={"badge": r"badge (?P<secret>\d+)", "site": r"SITE-\w+"})
    redacted = Redactor(own).text("badge 1234 has SITE-x7")
    assert redacted == "badge [redacted:badge] has [redacted:site]"


def test_half_a_surrogate_pair_is_no_trouble() -> None:
    assert REDACT("\ud83d password=hunt3r") == "\ud83d password=[redacted:password]"
