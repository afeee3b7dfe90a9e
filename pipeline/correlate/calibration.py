"""What a probability is worth: shares of causes made as sure as they have proved to be; pure.

The model's shares are ordered well, but modest: what it doubts is mostly right. Temperature scaling
(Guo et al., "On calibration of modern neural networks", 2017) raises each to a power and makes them
add up again, so the order stays. The power is fitted on simulated faults (``calibration.yaml``).
"""

from collections.abc import Mapping


def sharpened(shares: Mapping[str, float], sharpness: float) -> dict[str, float]:
    """Return shares, which sum to 1 at most, to the power ``sharpness``, adding up as before.

    What is missing to 1, causes that nobody thought of, is treated as one more share. A sharpness
    of 1 changes nothing.
    """
    powers = {node: max(0.0, share) ** sharpness for node, share in shares.items()}
    rest = max(0.0, 1.0 - sum(shares.values())) ** sharpness
    total = sum(powers.values()) + rest
    if total <= 0.0:
        return dict(shares)
    return {node: power / total for node, power in powers.items()}
