"""What a change of rules, graph or code did to the incidents of the same input; pure.

Law: two lists of final incidents in, groups of what belongs together out, each with what became of
it and why. Every incident of either list is in exactly one group.

Reading order: ``matching`` (which old ones became which new ones), ``symptoms`` (what came, went
and moved), ``fields`` (what else differs), ``reasons`` (why), ``compare`` (all of it).
"""

from pipeline.difference.compare import KINDS, Difference, Group, Kind, compare
from pipeline.difference.fields import FieldChange
from pipeline.difference.reasons import Reason

__all__ = ["KINDS", "Difference", "FieldChange", "Group", "Kind", "Reason", "compare"]
