"""What the tests of detection share: the shipped pack and its detectors."""

from typing import Any

import pytest

from pipeline.detect.detector import Detector
from pipeline.detect.load_pack import load_pack
from pipeline.detect.pack import SignaturePack
from pipeline.detect.registry import detectors
from pipeline.records import Signal


@pytest.fixture(scope="session")
def pack() -> SignaturePack:
    return load_pack("jupyterhub")


@pytest.fixture(scope="session")
def by_signal(pack: SignaturePack) -> dict[Signal, Detector[Any]]:
    return detectors(pack)


@pytest.fixture(scope="session")
def restless(pack: SignaturePack) -> dict[Signal, Detector[Any]]:
    """Detectors whose episodes end after little more than a minute: there are many endings."""
    soon = {"quiet_s": 75.0}
    return detectors(
        pack.model_copy(
            update={
                "signatures": tuple(s.model_copy(update=soon) for s in pack.signatures),
                "baselines": tuple(b.model_copy(update=soon) for b in pack.baselines),
            }
        )
    )
