"""Tracebacks that the programs print, in the words of their libraries' versions."""

from pipeline.simulate.jupyterhub.wording import Wording

DIRECT = "The above exception was the direct cause of the following exception:"
DURING = "During handling of the above exception, another exception occurred:"


def database_error(wording: Wording, text: str) -> str:
    """Return how SQLAlchemy prints what libpq said."""
    if text.startswith("QueuePool"):
        return f"{text} (Background on this error at: http://sqlalche.me/e/13/3o7r)"
    return f"(psycopg2.OperationalError) {text}\n{wording.sqlalchemy}"


def database_traceback(wording: Wording, text: str, failed: str) -> str:
    """Return the traceback of a query that failed in the frames ``failed``."""
    site = wording.site
    if text.startswith("QueuePool"):
        return (
            f"Traceback (most recent call last):\n{failed}\n"
            f'  File "{site}/sqlalchemy/pool/impl.py", line 128, in _do_get\n'
            "    raise exc.TimeoutError(\n"
            f"sqlalchemy.exc.TimeoutError: {database_error(wording, text)}"
        )
    engine = (
        f'  File "{site}/sqlalchemy/engine/base.py", line 2336, in _wrap_pool_connect\n'
        "    return fn()\n"
        f'  File "{site}/sqlalchemy/engine/default.py", line 508, in connect\n'
        "    return self.dbapi.connect(*cargs, **cparams)\n"
        f'  File "{site}/psycopg2/__init__.py", line 127, in connect\n'
        "    conn = _connect(dsn, connection_factory=connection_factory, **kwasync)"
    )
    return (
        f"Traceback (most recent call last):\n{engine}\n"
        f"psycopg2.OperationalError: {text}\n\n{DIRECT}\n\n"
        f"Traceback (most recent call last):\n{failed}\n{engine}\n"
        f"sqlalchemy.exc.OperationalError: {database_error(wording, text)}"
    )


def frame(wording: Wording, at: tuple[str, int], inside: str, code: str) -> str:
    """Return one frame of a traceback through an installed package (``at``: path and line)."""
    path, line = at
    return f'  File "{wording.site}/{path}", line {line}, in {inside}\n    {code}'


def api_refused(wording: Wording, path: str) -> str:
    """Return the traceback of a client that finds nobody at the API server's address."""
    if wording.era == 0:
        new = "<urllib3.connection.HTTPSConnection object at 0x7f3c5c0b9a90>"
        return (
            "Traceback (most recent call last):\n"
            f"{frame(wording, ('urllib3/connection.py', 170), '_new_conn', 'raise err')}\n"
            "ConnectionRefusedError: [Errno 111] Connection refused\n\n"
            f"{DURING}\n\nTraceback (most recent call last):\n"
            f"{frame(wording, ('kubespawner/reflector.py', 215), '_watch_and_update', 'resource_version = self._list_and_update()')}\n"  # noqa: E501 - one call
            "urllib3.exceptions.MaxRetryError: HTTPSConnectionPool(host='172.30.0.1', port=443): "
            f"Max retries exceeded with url: {path} (Caused by NewConnectionError('{new}: "
            "Failed to establish a new connection: [Errno 111] Connection refused',))"
        )
    return (
        "Traceback (most recent call last):\n"
        f"{frame(wording, ('kubespawner/reflector.py', 298), '_watch_and_update', 'resource_version = await self._list_and_update()')}\n"  # noqa: E501 - one call
        "aiohttp.client_exceptions.ClientConnectorError: Cannot connect to host 172.30.0.1:443 "
        "ssl:default [Connect call failed ('172.30.0.1', 443)]"
    )


def urllib3_retry(path: str, left: int) -> str:
    """Return the warning of a client that tries again."""
    return (
        f"Retrying (Retry(total={left}, connect=None, read=None, redirect=None, status=None)) "
        "after connection broken by 'NewConnectionError('<urllib3.connection.HTTPSConnection "
        "object at 0x7f3c5c0b9a90>: Failed to establish a new connection: [Errno 111] Connection "
        f"refused',)': {path}"
    )
