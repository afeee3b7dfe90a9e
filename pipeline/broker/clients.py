"""kafka-python clients from settings; no broker is one clear line, soon.

In: settings. Out: producers, consumers, administration clients, all with the same security. What
the library raises when a broker is away or refuses becomes :class:`BrokenWorld`; its records become
messages.
"""

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from kafka import (  # type: ignore[import-untyped]  # it ships no types
    KafkaAdminClient,
    KafkaConsumer,
    KafkaProducer,
)
from kafka.errors import KafkaError, KafkaTimeoutError  # type: ignore[import-untyped]
from kafka.net.compat import KafkaNetClient  # type: ignore[import-untyped]

from pipeline.broker.message import Message
from pipeline.errors import BrokenWorld, UsageError
from pipeline.settings import KafkaSettings, Security

_REQUEST_MS = 30_000
_ABANDON_S = 5.0
LINGER_MS = 20
"""Waits so long for more to send together: fewer, better compressed requests."""
BATCH_BYTES = 256 * 1024
"""Of one partition, before compression, that travel together."""


def options(kafka: KafkaSettings) -> dict[str, Any]:
    """Return what every kafka-python client is given."""
    return {
        "bootstrap_servers": [part.strip() for part in kafka.bootstrap_servers.split(",")],
        "client_id": "aftershock",
        "bootstrap_timeout_ms": int(kafka.connect_timeout_s * 1000),
        "reconnect_backoff_max_ms": 2_000,
        "metrics_enabled": False,
        **_security(kafka.security),
    }


def admin(kafka: KafkaSettings) -> KafkaAdminClient:
    """Return a connected administration client.

    Raises:
        BrokenWorld: no broker answers.
    """
    given = options(kafka)
    given.pop("metrics_enabled")  # the one client that does not know it
    return _connected(kafka, KafkaAdminClient, request_timeout_ms=_REQUEST_MS, **given)


def producer(
    kafka: KafkaSettings,
    *,
    delivery_timeout_s: float | None = None,
    max_block_s: float | None = None,
) -> KafkaProducer:
    """Return an idempotent producer that waits for all acknowledgements.

    ``delivery_timeout_s`` in place of the setting's; ``max_block_s`` is how long ``send`` may wait
    for a topic that it does not know (else: as long as for a delivery).

    Raises:
        BrokenWorld: no broker answers.
    """
    timeout_s = kafka.delivery_timeout_s if delivery_timeout_s is None else delivery_timeout_s
    return _connected(
        kafka,
        KafkaProducer,
        enable_idempotence=True,
        acks="all",
        linger_ms=LINGER_MS,
        batch_size=BATCH_BYTES,
        compression_type=None if kafka.compression == "none" else kafka.compression,
        delivery_timeout_ms=int(timeout_s * 1000),
        request_timeout_ms=min(_REQUEST_MS, int(timeout_s * 500)),
        max_block_ms=int((timeout_s if max_block_s is None else max_block_s) * 1000),
        allow_auto_create_topics=False,
        **options(kafka),
    )


def stop(producer: KafkaProducer) -> None:
    """Let a producer send nothing more, from any thread; what is not acknowledged fails."""
    producer._sender.force_close()  # noqa: SLF001 - nothing public gives up


def abandon(producer: KafkaProducer) -> None:
    """Disconnect a producer at once; what is not acknowledged is given up."""
    # closing alone would wait for what cannot be sent, fail, and try once more at exit
    stop(producer)
    producer._sender.join(_ABANDON_S)  # noqa: SLF001 - see above
    with suppress(KafkaError):
        producer.close(timeout=0)


def consumer(kafka: KafkaSettings, **further: Any) -> KafkaConsumer:  # noqa: ANN401 - the client's own options
    """Return a consumer from the beginning that commits only when it is told to.

    Raises:
        BrokenWorld: no broker answers.
    """
    return _connected(
        kafka,
        KafkaConsumer,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        allow_auto_create_topics=False,
        **further,
        **options(kafka),
    )


def message_of(record: Any) -> Message:  # noqa: ANN401 - the library's record
    """Return a consumer's record as a message."""
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple((name, bytes(value or b"")) for name, value in record.headers),
    )


def _connected(kafka: KafkaSettings, kind: Any, **given: Any) -> Any:  # noqa: ANN401 - see above
    """Return a client that has found a broker; leave no socket open where it found none."""
    connections: list[Any] = []

    def connection(**config: Any) -> Any:  # noqa: ANN401 - see above
        connections.append(KafkaNetClient(**config))
        return connections[-1]

    found = False
    try:
        with told(kafka):
            client = kind(**given, kafka_client=connection)
            found = True
            return client
    finally:
        if not found:
            for each in connections:
                each.close()


@contextmanager
def told(kafka: KafkaSettings) -> Iterator[None]:
    """Turn what the library raises into one clear line.

    Raises:
        BrokenWorld: the broker is away, refuses, or is not what it should be.
    """
    try:
        yield
    except KafkaTimeoutError as trouble:
        raise BrokenWorld(
            f"no Kafka broker answers at {kafka.bootstrap_servers}: is it running, and is"
            " AFTERSHOCK_KAFKA__BOOTSTRAP_SERVERS (kafka.bootstrap_servers) right?"
        ) from trouble
    except KafkaError as trouble:
        raise BrokenWorld(f"Kafka at {kafka.bootstrap_servers}: {_one_line(trouble)}") from trouble
    except (OSError, ssl.SSLError) as trouble:
        raise BrokenWorld(
            f"Kafka at {kafka.bootstrap_servers}: {_one_line(trouble)};"
            " see kafka.bootstrap_servers and kafka.security"
        ) from trouble


def quiet_library() -> None:
    """Let the library speak only when told to: its failures reach people as our one line."""
    logging.getLogger("kafka").setLevel(logging.CRITICAL)


def password(security: Security) -> str | None:
    """Return the SASL password, from the settings or its file.

    Raises:
        UsageError: the file cannot be read.
    """
    if security.password is not None:
        return security.password.get_secret_value()
    if security.password_file is None:
        return None
    try:
        return security.password_file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as trouble:
        raise UsageError(f"{security.password_file}: password cannot be read ({trouble})") from None


def ssl_context(security: Security) -> ssl.SSLContext | None:
    """Return the TLS context for any client, or None where the protocol has no TLS.

    Raises:
        UsageError: a certificate or key cannot be used.
    """
    if security.protocol not in {"SSL", "SASL_SSL"}:
        return None
    try:
        context = ssl.create_default_context(cafile=security.cafile)
        context.check_hostname = security.check_hostname
        if security.certfile is not None:
            secret = security.key_password
            context.load_cert_chain(
                security.certfile,
                security.keyfile,
                password=None if secret is None else secret.get_secret_value(),
            )
    except (OSError, ssl.SSLError) as trouble:
        raise UsageError(f"kafka.security: certificate or key cannot be used ({trouble})") from None
    return context


def _security(security: Security) -> dict[str, Any]:
    given: dict[str, Any] = {"security_protocol": security.protocol}
    context = ssl_context(security)
    if context is not None:
        given["ssl_context"] = context
        given["ssl_check_hostname"] = security.check_hostname
    if security.protocol.startswith("SASL"):
        given["sasl_mechanism"] = security.mechanism
        given["sasl_plain_username"] = security.username
        given["sasl_plain_password"] = password(security)
    return given


def _one_line(trouble: BaseException) -> str:
    return " ".join(str(trouble).split())[:300] or type(trouble).__name__
