"""What clients are given: the same security for all, and clear words where it cannot be used."""

from pathlib import Path

import pytest

from pipeline.broker.clients import options, ssl_context
from pipeline.errors import UsageError
from pipeline.settings import KafkaSettings, Security

SASL = {"protocol": "SASL_SSL", "mechanism": "SCRAM-SHA-512", "username": "me"}


def test_servers_are_comma_separated() -> None:
    given = options(KafkaSettings(bootstrap_servers="a:1, b:2"))
    assert given["bootstrap_servers"] == ["a:1", "b:2"]


def test_without_security_nothing_of_it_is_given() -> None:
    given = options(KafkaSettings())
    assert given["security_protocol"] == "PLAINTEXT"
    assert not [name for name in given if name.startswith(("ssl", "sasl"))]


def test_a_password_comes_from_the_settings_or_from_a_mounted_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    secret = "s3cret"  # noqa: S105 - of this test
    file.write_text(f"{secret}\n")
    for security in (
        Security.model_validate(SASL | {"password": secret}),
        Security.model_validate(SASL | {"password_file": file}),
    ):
        given = options(KafkaSettings(security=security))
        assert given["sasl_plain_password"] == secret
        assert given["sasl_mechanism"] == "SCRAM-SHA-512"
        assert given["ssl_context"] is not None


def test_a_password_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    security = Security.model_validate(SASL | {"password_file": tmp_path / "none"})
    with pytest.raises(UsageError, match="none: password cannot be read"):
        options(KafkaSettings(security=security))


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SASL_PLAINTEXT"])
def test_without_tls_there_is_no_context(protocol: str) -> None:
    security = Security.model_validate(SASL | {"protocol": protocol, "password": "x"})
    assert ssl_context(security) is None


@pytest.mark.parametrize("field", ["cafile", "certfile"])
def test_a_certificate_that_cannot_be_used_is_one_line(tmp_path: Path, field: str) -> None:
    file = tmp_path / "x.pem"
    file.write_text("no certificate")
    with pytest.raises(UsageError, match=r"kafka\.security: certificate or key"):
        ssl_context(Security.model_validate({"protocol": "SSL", field: file}))


def test_a_certificate_is_checked_against_the_host_unless_told_not_to() -> None:
    strict, lax = (
        ssl_context(Security(protocol="SSL", check_hostname=check)) for check in (True, False)
    )
    assert strict is not None
    assert lax is not None
    assert (strict.check_hostname, lax.check_hostname) == (True, False)
