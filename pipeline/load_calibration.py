"""Reads how sure correlation may be: the shipped ``calibration.yaml``. A shell."""

from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, Field


class Fit(BaseModel):
    """On what, and how well, a calibration was fitted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: str
    """The command."""
    data: str
    incidents: int
    right: int
    """How many of them named a true cause first."""
    log_loss: tuple[float, float]
    """Before and after, per incident, in nats."""
    ece: tuple[float, float]
    """Expected calibration error of the first cause, before and after."""


class Calibration(BaseModel):
    """The map from the model's shares to probabilities, with its provenance."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    sharpness: float = Field(gt=0)
    doubt: float = Field(gt=0)
    fit: Fit


def load_calibration() -> Calibration:
    """Return the shipped calibration."""
    content = files("pipeline.correlate").joinpath("calibration.yaml").read_text("utf-8")
    return Calibration.model_validate(yaml.safe_load(content))
