"""Settings and a URL → a client of Elasticsearch, and its trouble as one line with what to do.

In: ``http(s)://host:port`` (several with commas) or ``cloud:NAME:KEY``; settings. Out: a client
that repeats nothing by itself. It must not ask the server anything yet.
"""

import logging
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import elasticsearch
from elasticsearch import (
    ApiError,
    AuthenticationException,
    AuthorizationException,
    ConnectionTimeout,
    Elasticsearch,
    NotFoundError,
    SSLError,
    TransportError,
    UnsupportedProductError,
)
from pydantic import SecretStr

from pipeline.errors import BrokenWorld, UsageError
from pipeline.rejection import one_line
from pipeline.settings_elasticsearch import ElasticsearchSettings

CLOUD = "cloud:"
SCHEMES = ("http://", "https://", CLOUD)
"""How a store's URL begins that is an Elasticsearch."""


def connect(url: str, settings: ElasticsearchSettings) -> tuple[Elasticsearch, str]:
    """Return a client, and how to call the server in messages (without secrets).

    Raises:
        UsageError: URL or settings cannot be used.
    """
    # the library tells on its own, with stack traces, what we tell in one line
    logging.getLogger("elastic_transport").setLevel(logging.CRITICAL)
    logging.getLogger("elasticsearch").setLevel(logging.CRITICAL)
    options = identity(settings) | _tls(url, settings)
    options |= {"request_timeout": settings.timeout_s, "max_retries": 0, "retry_on_timeout": False}
    try:
        if url.startswith(CLOUD):
            cloud_id = url.removeprefix(CLOUD)
            return Elasticsearch(cloud_id=cloud_id, **options), f"cloud:{cloud_id.split(':')[0]}"
        hosts, named = _hosts(url)
        options |= {"max_retries": len(hosts) - 1}  # another node instead of one that is away
        if named is not None and not {"basic_auth", "api_key"} & options.keys():
            options["basic_auth"] = named
        return Elasticsearch(hosts, **options), ",".join(hosts)
    except ValueError as trouble:
        raise UsageError(f"store: no Elasticsearch address: {one_line(str(trouble))}") from None


_CERTIFICATE = re.compile("certificate|hostname|wrong.version|unknown.ca", re.IGNORECASE)
"""In what TLS says when one does not trust the other; else the connection merely broke."""


@contextmanager
def told(where: str) -> Iterator[None]:
    """Turn what the client raises into one line.

    Raises:
        BrokenWorld: instead of whatever the library has for it.
    """
    try:
        yield
    except (ApiError, TransportError) as trouble:
        raise BrokenWorld(f"Elasticsearch {where}: {explained(trouble)}") from trouble


def explained(trouble: ApiError | TransportError) -> str:
    """Return what is wrong and what to do about it, on one line."""
    if isinstance(trouble, UnsupportedProductError):
        return "this is another product (OpenSearch, or a proxy that hides headers)"
    if isinstance(trouble, ApiError):
        return _refusal(trouble)
    if isinstance(trouble, SSLError) and _CERTIFICATE.search(trouble.message):
        return (
            f"TLS failed: {one_line(trouble.message)}; give the authority that signed its"
            " certificate as elasticsearch.cafile, and the name that the certificate has"
        )
    if isinstance(trouble, ConnectionTimeout):
        return "no answer in time (elasticsearch.timeout_s)"
    return f"cannot be reached: {one_line(trouble.message)}"


def kind_of(trouble: ApiError) -> str:
    """Return the server's word for an error, such as ``index_not_found_exception``, or ``""``."""
    return str(_error(trouble).get("type", ""))


def identity(settings: ElasticsearchSettings) -> dict[str, Any]:
    """Return who we are, as the client takes it: ``api_key``, ``basic_auth`` or nothing.

    Raises:
        UsageError: a file with a secret cannot be read.
    """
    key = _secret(settings.api_key, settings.api_key_file)
    if key is not None:
        return {"api_key": key}
    password = _secret(settings.password, settings.password_file)
    if settings.username is not None and password is not None:
        return {"basic_auth": (settings.username, password)}
    return {}


def _refusal(trouble: ApiError) -> str:
    if kind_of(trouble) == "media_type_header_exception":
        ours = elasticsearch.__version__[0]
        return (
            f"the server is of an older major version than the client ({ours}):"
            f" pip install 'elasticsearch<{ours}'"
        )
    reason = one_line(str(_error(trouble).get("reason") or trouble.message or "no reason given"))
    if isinstance(trouble, AuthenticationException):
        return (
            "401: it does not know us: check elasticsearch.api_key, or elasticsearch.username and"
            f" password ({reason})"
        )
    if isinstance(trouble, AuthorizationException):
        return f"403: we may not: {reason}"
    if isinstance(trouble, NotFoundError):
        return f"404: {reason}; `aftershock elasticsearch ensure` makes what is needed"
    return f"{trouble.status_code}: {reason}"


def _error(trouble: ApiError) -> dict[str, Any]:
    body = trouble.body
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _secret(value: SecretStr | None, file: Path | None) -> str | None:
    if file is None:
        return None if value is None else value.get_secret_value()
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as trouble:
        raise UsageError(f"{file}: the secret cannot be read ({trouble})") from trouble


def _tls(url: str, settings: ElasticsearchSettings) -> dict[str, Any]:
    if url.startswith("http://"):
        return {}
    options: dict[str, Any] = {"verify_certs": settings.verify_certificates}
    if not settings.verify_certificates:
        options["ssl_show_warn"] = False
    elif settings.cafile is not None:
        options["ca_certs"] = _authorities(settings.cafile)
    return options


def _authorities(file: Path) -> str:
    """Return the file's name once it can be used: the client itself would only say so late."""
    try:
        ssl.create_default_context(cafile=file)
    except OSError as trouble:
        raise UsageError(
            f"elasticsearch.cafile {file}: no certificates can be read there ({trouble})"
        ) from trouble
    return str(file)


def _hosts(url: str) -> tuple[list[str], tuple[str, str] | None]:
    """Return addresses without credentials, and the credentials that the first one has."""
    hosts: list[str] = []
    named = None
    for part in url.split(","):
        split = urlsplit(part.strip())
        if split.scheme not in {"http", "https"} or not split.hostname or split.port is None:
            raise ValueError("write https://host:9200 (the port, too), several with commas")
        if split.username is not None and named is None:
            named = unquote(split.username), unquote(split.password or "")
        plain = split.netloc.rpartition("@")[2]
        hosts.append(urlunsplit((split.scheme, plain, split.path, "", "")))
    return hosts, named
