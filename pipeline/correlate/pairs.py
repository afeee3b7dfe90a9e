"""How likely each of many pieces of evidence set off each of others: pairs in arrays.

The formulas are those of ``Likelihood.trigger``: the same operations in the same order, but for
numpy's ``exp``, which is another's in its last bit (and takes a tenth of the time). One piece is
asked about with all others at once. Each pair's rate is the same in whichever array it stands, so
it does not matter which of the two came first.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.correlate.amounts import dose
from pipeline.correlate.evidence import Evidence
from pipeline.correlate.forest import Array
from pipeline.correlate.likelihood import Likelihood
from pipeline.correlate.settings import CorrelateSettings
from pipeline.correlate.ways import (
    ASK,
    LONGEST_S,
    NO_WAY,
    STRENGTH,
    TYPICAL_S,
    Numbers,
    Ways,
)

(
    ONSET_S,
    BEGINS_S,
    LAST_SEEN_S,
    UNSURE_S,
    CAUSE_POWER,
    EFFECT_POWER,
    WHISPER_POWER,
    SCORE,
    SYMPTOM_CLASS,
    NODE,
    HAS_AMOUNT,
    IMPLICATES,
    IS_MEMBER,
    IS_COMMON_FAILURE,
) = range(14)
"""What of a piece goes into its rates: rows of an array of 112 B a piece; classes and nodes by
their numbers, the last four 0 or 1."""
FIELDS = 14

Some = Numbers | int
"""Several pieces, or one for all of the others."""


class Pairs(NamedTuple):
    """Pairs that may have set off each other, in arrays of one length, and how readily."""

    others: Numbers
    """The pieces besides the one that was asked about."""
    ways: Numbers
    potentials: Array
    doses: Array
    """See ``Trigger``."""


def described(piece: Evidence, model: Likelihood, node: int) -> tuple[float, ...]:
    """Return what of a piece goes into its rates; ``node`` is the number of its node."""
    settings = model.settings
    return (
        piece.onset_s,
        piece.onset_s - piece.unsure_s,
        piece.last_seen_s,
        piece.unsure_s,
        model.cause_power(piece),
        settings.effect_power[piece.symptom_class],
        settings.whisper_power if piece.is_whisper else 1.0,
        piece.score,
        [*settings.effect_power].index(piece.symptom_class),
        node,
        piece.amount is not None,
        bool(piece.implicated),
        model.is_member(piece),
        model.is_common_failure(piece),
    )


class Weighing:
    """Array by one graph, between pieces at their numbers."""

    def __init__(self, ways: Ways, settings: CorrelateSettings) -> None:
        self.ways = ways
        self._settings = settings

    def causes_of(self, effect: int, ways: Numbers, pieces: Array) -> Pairs:
        """Return what may have set off a piece, of the causes that have a way to it."""
        began = pieces[BEGINS_S] < pieces[ONSET_S, effect]  # else it was there before
        causes = (began & (ways != NO_WAY)).nonzero()[0]
        return self._weighed(causes, effect, causes, ways, pieces)

    def effects_of(self, cause: int, ways: Numbers, pieces: Array) -> Pairs:
        """Return what a piece may have set off, of the effects that it has a way to."""
        after = pieces[ONSET_S] > pieces[BEGINS_S, cause]
        effects = (after & (ways != NO_WAY)).nonzero()[0]
        return self._weighed(cause, effects, effects, ways, pieces)

    def named(self, effect: int, causes: Numbers, ways: Numbers, pieces: Array) -> Array:
        """Return how strongly a piece names each cause, or a node on the way; -1: not at all."""
        implicated = self.ways.piece(effect).implicated
        said = np.full(len(causes), -1.0)
        for way in np.unique(ways).tolist():
            on_it = [implicated[node] for node in self.ways.between[way] if node in implicated]
            if on_it:
                said[ways == way] = max(on_it)
        nodes = pieces[NODE, causes]
        for number in np.unique(nodes).tolist():
            at = nodes == number
            node = self.ways.piece(int(causes[int(np.argmax(at))])).node
            if node in implicated:
                said[at] = np.maximum(said[at], implicated[node])
        return said

    def _weighed(  # noqa: PLR0917 - two ends, their ways, and what is known of them
        self, causes: Some, effects: Some, others: Numbers, ways: Numbers, pieces: Array
    ) -> Pairs:
        """Return the pairs of positive rate; either ``causes`` or ``effects`` are the others."""
        ways = self._asked(causes, effects, ways[others])
        hops = self.ways.table.take(ways, axis=1)  # a third of the time of table[:, ways]
        until = pieces[LAST_SEEN_S, causes] + hops[LONGEST_S] + pieces[UNSURE_S, effects]
        near = ((ways != NO_WAY) & (pieces[ONSET_S, effects] < until)).nonzero()[0]
        if not len(near):
            return Pairs(near, near, np.zeros(0), np.zeros(0))
        one_effect = isinstance(effects, int)
        if len(near) < len(others):
            others, ways, hops = others[near], ways[near], hops.take(near, axis=1)
        causes, effects = (others, effects) if one_effect else (causes, others)
        cause, effect = pieces.take(causes, axis=1), pieces.take(effects, axis=1)
        density = _lag_density(hops, cause, effect, self._settings.spread)
        expected = hops[STRENGTH] * (
            cause[CAUSE_POWER] * effect[EFFECT_POWER] * self._fitting(causes, effects, ways, pieces)
        )
        accounted = np.asarray(cause[HAS_AMOUNT] * effect[HAS_AMOUNT] > 0)
        expected *= np.where(accounted, 1.0, cause[WHISPER_POWER])
        expected *= self.ways.prior[causes]
        one_of_many = cause[IS_MEMBER] * effect[IS_COMMON_FAILURE] > 0
        expected *= np.where(one_of_many, self._settings.one_of_many, 1.0)
        potentials = expected * density
        doses = self._doses(causes, effects, cause, effect, accounted)
        some = (potentials * doses > 0.0).nonzero()[0]
        if len(some) < len(others):
            return Pairs(others[some], ways[some], potentials[some], doses[some])
        return Pairs(others, ways, potentials, doses)

    def _asked(self, causes: Some, effects: Some, ways: Numbers) -> Numbers:
        """Return the ways, those too that have to be asked for pair by pair."""
        for at in (ways == ASK).nonzero()[0].tolist():
            ways[at] = self.ways.between_two(_at(causes, at), _at(effects, at))
        return ways

    def _fitting(self, causes: Some, effects: Some, ways: Numbers, pieces: Array) -> Array | float:
        """What speaks of one node was seldom set off by another, unless by way of that one."""
        if isinstance(effects, int):
            return self._one_fitting(causes, effects, ways, pieces)
        factors = np.ones(len(ways))
        for at in (pieces[IMPLICATES, effects]).nonzero()[0].tolist():
            here = slice(at, at + 1)
            factors[here] = self._one_fitting(causes, int(effects[at]), ways[here], pieces)
        return factors

    def _one_fitting(
        self, causes: Some, effect: int, ways: Numbers, pieces: Array
    ) -> Array | float:
        if not pieces[IMPLICATES, effect]:
            return 1.0
        said = self.named(effect, np.atleast_1d(causes), ways, pieces)
        otherwise = 1.0 - max(self.ways.piece(effect).implicated.values())
        return np.where(said >= 0.0, 1.0, otherwise)

    def _doses(  # noqa: PLR0917 - both ends, by number and by what is known of them
        self, causes: Some, effects: Some, cause: Array, effect: Array, accounted: NDArray[Any]
    ) -> Array:
        """Return the shares of the effects that the causes can account for."""
        ours, theirs = cause[SCORE], effect[SCORE]
        alike = (cause[SYMPTOM_CLASS] == effect[SYMPTOM_CLASS]) & (ours != 0) & (theirs != 0)
        doses = np.ones(len(alike))
        if alike.any():
            np.divide(ours, theirs, out=doses, where=alike)
            np.minimum(doses, 1.0, out=doses)
        for at in (accounted).nonzero()[0].tolist():
            one = self.ways.piece(_at(causes, at)).amount
            other = self.ways.piece(_at(effects, at)).amount
            if one is not None and other is not None:
                doses[at] = dose(one, other)
        return doses


def _at(pieces: Some, position: int) -> int:
    return pieces if isinstance(pieces, int) else int(pieces[position])


def _lag_density(hops: Array, cause: Array, effect: Array, spread: float) -> Array:
    """Return the mean delay density over the lags that both onsets allow (``Likelihood``)."""
    lags = effect[ONSET_S] - cause[ONSET_S]
    low_high = np.empty((2, len(lags)))
    np.subtract(lags, effect[UNSURE_S], out=low_high[0])
    np.add(lags, cause[UNSURE_S], out=low_high[1])
    below = _cdf(low_high, hops, spread)
    since_onset = (below[1] - below[0]) / (low_high[1] - low_high[0])
    still_active = np.where(lags > 0, spread / hops[LONGEST_S], 0.0)
    density: Array = np.maximum(since_onset, still_active)
    return density


def _cdf(lags_s: Array, hops: Array, spread: float) -> Array:
    """Return the share of the delays that are no longer than lags, each row by the same ways."""
    longest = hops[LONGEST_S]
    lags = np.maximum(lags_s, 0.0)
    found: Array = spread * lags / longest + (1 - spread) * (1 - np.exp(-lags / hops[TYPICAL_S]))
    found[lags >= longest] = 1.0
    return found
