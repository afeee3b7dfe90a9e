"""Settings of incidents in Elasticsearch, used where ``store`` names one."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from pipeline.settings_group import Group, Seconds


class ElasticsearchSettings(Group):
    """How Elasticsearch is asked, and how incidents lie in it."""

    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    """Read the password from here instead: a mounted secret stays out of the environment."""
    api_key: SecretStr | None = None
    """As Kibana shows it (base64 of ``id:key``), instead of username and password."""
    api_key_file: Path | None = None
    cafile: Path | None = None
    """Authorities that may have signed its certificate (PEM); None: the usual public ones."""
    verify_certificates: bool = True
    """False believes any certificate, so that anybody in between can read and change incidents."""
    timeout_s: Seconds = 30.0
    """An answer that takes longer counts as none, in seconds."""
    alias: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,99}$")] = "incidents"
    """What to search in; incidents lie in ``<alias>-YYYY.MM.01``, by the month of their start."""
    history: bool = False
    """Also keep a small document of each revision, in ``<alias>-history-YYYY.MM.01``."""
    shards: Annotated[int, Field(ge=1, le=100)] = 1
    """Of each month: one holds tens of millions of incidents."""
    replicas: Annotated[int, Field(ge=0, le=10)] = 1
    """Copies beside the first; a single node can hold none, and is yellow for ever with one."""
    retention_d: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """Incidents that began so many days ago are deleted, by a lifecycle policy where the server has
    such (a month goes when its last day is that old), and come no more; None: kept for ever."""
    template_priority: Annotated[int, Field(ge=200, le=1_000_000_000)] = 500
    """Of our index template: the highest of those that match wins. Elastic's own take up to 200."""
    bulk_mib: Annotated[int, Field(ge=1, le=90)] = 8
    """At most so much in one request, in MiB; servers take 100 unless told otherwise."""

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise ValueError("give password or password_file, not both")
        if self.api_key is not None and self.api_key_file is not None:
            raise ValueError("give api_key or api_key_file, not both")
        has_password = self.password is not None or self.password_file is not None
        if (self.username is None) == has_password:
            raise ValueError("give username and password (or password_file) together")
        has_key = self.api_key is not None or self.api_key_file is not None
        if has_key and has_password:
            raise ValueError("give an API key or a username and password, not both")
        return self
