"""How good the incidents are, against labels that say what was really at fault; pure.

Law: labels and incidents in, figures out. What the figures mean is said where they are computed, so
that somebody else can compute them again. It does not know how the incidents came about.

Reading order: ``labels`` (cases, and what is wrong with them), ``matching`` (which incident is
scored for which case), ``pairs`` (over-merge and over-split), ``statistics``, ``scores`` (all of
it), ``thresholds`` (what is demanded).
"""

from pipeline.score.labels import Case, check_against, check_span, read_labels
from pipeline.score.matching import GRACE_S, Outcome
from pipeline.score.scores import Report, Scores, score
from pipeline.score.thresholds import read_thresholds, shortfalls

__all__ = [
    "GRACE_S",
    "Case",
    "Outcome",
    "Report",
    "Scores",
    "check_against",
    "check_span",
    "read_labels",
    "read_thresholds",
    "score",
    "shortfalls",
]
