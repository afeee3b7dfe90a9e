"""Settings of Kibana, used by ``aftershock kibana ensure``.

Who we are is said under ``elasticsearch``: Kibana knows the same users and API keys.
"""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from pipeline.settings_group import Group, Seconds


class KibanaSettings(Group):
    """Where Kibana is, and which of its spaces incidents are shown in."""

    url: Annotated[str, Field(pattern=r"^https?://[^/@]+(/.*)?$")] = "http://localhost:5601"
    """Its address as browsers have it, with its base path, without a user."""
    space: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,99}$")] = "default"
    """Id of the space; it must be there."""
    cafile: Path | None = None
    """Authorities that may have signed its certificate (PEM); None: the usual public ones."""
    verify_certificates: bool = True
    """False believes any certificate, so that anybody in between gets our key or password."""
    timeout_s: Seconds = 60.0
    """An answer that takes longer counts as none, in seconds."""
