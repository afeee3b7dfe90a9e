"""What a person may tune in detection; everything about *which* trouble counts is in the pack."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectSettings:
    """Numbers that hold for all signatures."""

    publish_every_s: float = 30.0
    """An open episode is told again when it went on for this long (or its count has doubled)."""
    max_fingerprints: int = 128
    """Live episodes per node and signal. At most about 2 kB each (a head, a dozen live buckets of
    some 100 bytes, three exemplars of 300 characters): 256 kB in the changelog, a quarter of a
    Kafka record. Occurrences of further fingerprints are counted as overflow."""
    max_identities: int = 1024
    """Kubernetes event objects remembered per node, about 150 bytes each: 150 kB."""
    max_series: int = 512
    """Metric series per node, about 1 kB each (60 means of 4 bytes in base64, a name, some twenty
    live samples of 30 bytes): 512 kB."""
    sigmas: float = 6.0
    """A closed bucket this many robust standard deviations from its past is deviant …"""
    sigmas_at_once: float = 12.0
    """… and this far off it suffices alone; else two of three closed buckets must be deviant."""
    service_sigmas: float = 4.0
    """Extra waiting or failing of so many standard errors makes a symptom …"""
    whisper_sigmas: float = 1.5
    """… and of so many a whisper."""
    change: float = 0.5
    """A deviant bucket also differs by this share of the median of its past."""
