"""What a group of settings is, and the numbers that many of them use."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Port = Annotated[int, Field(ge=0, le=65535)] | None
"""None: does not listen; 0: any free port."""


class Group(BaseModel):
    """Settings that belong together: frozen, and nothing unknown among them."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
