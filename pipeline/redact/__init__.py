"""Secrets out of what is observed, before anything is published or stored; pure.

In: text, or an observation. Out: the same, each secret replaced by a marker that says what it was
(``[redacted:jwt]``). Reading order::

    rules       what a secret looks like, rule by rule
    keymaterial private keys, in one record or line by line
    redactor    all rules applied to a text; counts

Laws:

* **A pure function of the record.** Nothing is remembered between records, so that neither order,
  nor batches, nor a restart, nor the door matter. A private key that a container prints line by
  line is found by what its lines look like, not by the line that began it. What may stay is the
  last line of it, where it is not padded and stands behind other words, or is short (below 12
  characters; below 16 where they are no groups of four; without a digit, or all of one case).
  The end of a key in PEM form holds padding, public parts, or the last bytes of a number that
  cannot be used alone.
* **Twice is once**: what is redacted stays as it is.
* **Nothing else changes**: a text without a secret comes out as the same object. Uuids, commit
  hashes, image digests, pod uids and trace ids are no secrets. Names and addresses of people are
  left: node ids have them anyway.
* **Linear time**: every rule takes a time in proportion to the text, whatever is in it.

It does not see a secret that nothing tells: a password in the middle of a sentence, say.
"""

from pipeline.redact.redactor import DEFAULT, Redaction, Redactor
from pipeline.redact.rules import RULE_NAMES

__all__ = ["DEFAULT", "RULE_NAMES", "Redaction", "Redactor"]
