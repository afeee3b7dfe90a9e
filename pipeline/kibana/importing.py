"""Saved objects → a Kibana, over its HTTP API.

In: settings, the objects. Out: what became of each. Doing it again replaces them with the same. It
must not touch any other object. Kibana would import into a space that does not exist, where nobody
finds it: we ask for the space before.
"""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import quote

import aiohttp

from pipeline.errors import BrokenWorld, UsageError
from pipeline.kibana.answers import Answer, Outcome, not_fit, outcomes, planned, refusal
from pipeline.kibana.incidents import DEFAULT_SPACE
from pipeline.kibana.shapes import Json, ndjson
from pipeline.rejection import one_line
from pipeline.settings_elasticsearch import ElasticsearchSettings
from pipeline.settings_kibana import KibanaSettings
from pipeline.store.elasticsearch.access import identity

FILE_NAME = "aftershock.ndjson"
"""Kibana refuses a file whose name ends in anything else."""


def import_objects(
    settings: KibanaSettings,
    users: ElasticsearchSettings,
    objects: Sequence[Json],
    *,
    dry_run: bool = False,
) -> list[Outcome]:
    """Import all objects, or only look whether that could be done.

    Raises:
        UsageError: the space is missing, or settings cannot be used.
        BrokenWorld: Kibana is away, refuses us, or is too old.
    """
    return asyncio.run(_import(settings, objects, _authorization(users), dry_run=dry_run))


async def _import(
    settings: KibanaSettings, objects: Sequence[Json], known_as: dict[str, str], *, dry_run: bool
) -> list[Outcome]:
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=_tls(settings)),
        headers={"kbn-xsrf": "true", **known_as},
        timeout=aiohttp.ClientTimeout(total=settings.timeout_s),
    ) as session:
        kibana = _Kibana(session, settings)
        await kibana.check()
        if dry_run:
            return planned(objects)
        return await kibana.put(objects)


class _Kibana:
    def __init__(self, session: aiohttp.ClientSession, settings: KibanaSettings) -> None:
        self._session = session
        self._url = settings.url.rstrip("/")
        self._space = settings.space
        self._in_space = "" if settings.space == DEFAULT_SPACE else f"/s/{quote(settings.space)}"

    async def check(self) -> None:
        """Make sure that this is a Kibana that takes our objects, and that the space exists."""
        answer = await self._ask("GET", "/api/status")
        status = answer.content()
        if not answer.fine and "version" not in status:
            raise self._broken(refusal(answer))
        trouble = not_fit(status)
        if trouble is not None:
            raise self._broken(trouble)
        if self._space == DEFAULT_SPACE:
            return
        answer = await self._ask("GET", f"/api/spaces/space/{quote(self._space)}")
        if answer.status == HTTPStatus.NOT_FOUND:
            raise UsageError(
                f"Kibana {self._url} has no space {self._space!r}: make it there, or set"
                " kibana.space (--space)"
            )
        if not answer.fine:
            raise self._broken(refusal(answer))

    async def put(self, objects: Sequence[Json]) -> list[Outcome]:
        """Import all, in place of those that have their ids."""
        form = aiohttp.FormData()
        form.add_field(
            "file", ndjson(objects), filename=FILE_NAME, content_type="application/ndjson"
        )
        path = f"{self._in_space}/api/saved_objects/_import?overwrite=true"
        answer = await self._ask("POST", path, form)
        content = answer.content()
        if not answer.fine or "success" not in content:
            raise self._broken(refusal(answer))
        return outcomes(objects, content)

    async def _ask(self, method: str, path: str, form: aiohttp.FormData | None = None) -> Answer:
        try:
            async with self._session.request(
                method, self._url + path, data=form, allow_redirects=False
            ) as answer:
                location = answer.headers.get("Location", "")
                return Answer(answer.status, await answer.read(), location)
        except TimeoutError:
            raise self._broken("no answer in time (kibana.timeout_s)") from None
        except aiohttp.ClientSSLError as trouble:
            raise self._broken(
                f"TLS failed: {one_line(str(trouble))}; give the authority that signed its"
                " certificate as kibana.cafile, and the name that the certificate has"
            ) from trouble
        except (aiohttp.ClientError, OSError) as trouble:
            # the library's own text speaks of TLS where there is none
            why = trouble.strerror if isinstance(trouble, OSError) else str(trouble)
            raise self._broken(f"cannot be reached: {one_line(why or str(trouble))}") from trouble

    def _broken(self, why: str) -> BrokenWorld:
        return BrokenWorld(f"Kibana {self._url}: {why}")


def _authorization(users: ElasticsearchSettings) -> dict[str, str]:
    who = identity(users)
    if "api_key" in who:
        return {"Authorization": f"ApiKey {who['api_key']}"}
    if "basic_auth" in who:
        named = ":".join(who["basic_auth"]).encode()
        return {"Authorization": f"Basic {b64encode(named).decode()}"}
    return {}


def _tls(settings: KibanaSettings) -> ssl.SSLContext | bool:
    if not settings.verify_certificates:
        return False
    if settings.cafile is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(settings.cafile))
    except OSError as trouble:
        raise UsageError(f"kibana.cafile {settings.cafile}: cannot be read ({trouble})") from None
