"""What a probability is worth: shares of causes made as sure as they have proved to be; pure.

The model's shares are ordered well, but modest: what it doubts is mostly right. Temperature scaling
(Guo et al., "On calibration of modern neural networks", 2017) raises each to a power and makes them
add up again. A cause that nobody listed has a weight of its own: the model keeps much for it, since
it cannot know what a topology leaves out. The order stays, and equals stay equal. Both numbers are
fitted on simulated faults (``calibration.yaml``).
"""

from collections.abc import Mapping


def sharpened(
    shares: Mapping[str, float], sharpness: float, doubt: float = 1.0
) -> dict[str, float]:
    """Return shares, which sum to 1 at most, to the power ``sharpness``, adding up as before.

    What is missing to 1, causes that nobody thought of, is treated as one more share, whose power
    counts ``doubt`` times. Both 1: nothing changes.
    """
    powers = {node: max(0.0, share) ** sharpness for node, share in shares.items()}
    rest = doubt * max(0.0, 1.0 - sum(shares.values())) ** sharpness
    total = sum(powers.values()) + rest
    if total <= 0.0:
        return dict(shares)
    return {node: power / total for node, power in powers.items()}
