"""What the tests of detection share: the shipped pack and its detectors at the hub."""

from typing import Any

import pytest

from detect_laws import NODE
from pipeline.detect.detector import Detector
from pipeline.detect.load_pack import load_pack
from pipeline.detect.pack import SignaturePack
from pipeline.detect.registry import NodeDetectors, detectors
from pipeline.records import SIGNALS, Signal


@pytest.fixture(scope="session")
def pack() -> SignaturePack:
    return load_pack("jupyterhub")


@pytest.fixture(scope="session")
def by_signal(pack: SignaturePack) -> dict[Signal, Detector[Any]]:
    at_hub = NodeDetectors(pack)
    return {signal: at_hub.at(signal, NODE) for signal in SIGNALS}


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
