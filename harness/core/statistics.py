"""Estimates with the intervals that they deserve. Pure.

No distribution is assumed: latencies are skewed and have several modes, so that percentiles get order-statistic
(binomial) intervals. These take the requests as independent; where they queue behind each other the truth is wider.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
CONFIDENCE = 0.95
BATCHES = 20
MSER_BATCH = 5
MSER_LEAST = 20
"""Fives below which nothing is said about a warm-up."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its confidence interval, in the unit of what it was made from.

    value: None without any observation.
    low, high: None where the interval is not established.
    needs: observations from which on it is.
    """

    value: float | None
    low: float | None
    high: float | None
    needs: int

    @property
    def established(self) -> bool:
        return self.low is not None and self.high is not None


def percentile(ordered: Floats, q: float, confidence: float = CONFIDENCE) -> Estimate:
    """The q-quantile (0 < q < 1) of ascending observations: the smallest that at least a share q does not exceed.

    The interval runs between two order statistics, chosen so that each tail of Binomial(n, q) is at most half of what
    the confidence leaves: it covers at least as often as it says, for any distribution. Where the tail is too thin for
    that (p99 of fewer than 368), there is no such order statistic, and the percentile is not established.
    Source: David and Nagaraja, Order Statistics, section 7.1.
    """
    return percentile_by_rank(len(ordered), lambda rank: float(ordered[rank - 1]), q, confidence)


def percentile_by_rank(n: int, at_rank: Callable[[int], float], q: float, confidence: float = CONFIDENCE) -> Estimate:
    """As ``percentile``, of n observations that are known by their ranks (from 1), as a histogram knows them."""
    needs = observations_needed(q, confidence)
    if n == 0:
        return Estimate(None, None, None, needs)
    value = at_rank(max(1, math.ceil(n * q)))
    if n < needs:
        return Estimate(value, None, None, needs)
    tail = (1 - confidence) / 2
    lower = _binomial_quantile(tail, n, q)
    upper = _binomial_quantile(1 - tail, n, q) + 1
    return Estimate(value, at_rank(lower), at_rank(upper), needs)


def observations_needed(q: float, confidence: float = CONFIDENCE) -> int:
    """From how many observations on the q-quantile has an interval: 6 for p50, 36 for p90, 72 for p95, 368 for p99."""
    # The last (first) order statistic must miss on its side with at most half of what the confidence leaves.
    return math.ceil(math.log((1 - confidence) / 2) / math.log(max(q, 1 - q)))


def mean(in_order_of_time: Floats, confidence: float = CONFIDENCE) -> Estimate:
    """The mean; its interval is from the means of 20 successive batches, which neighbours' likeness narrows less.

    Source: batch means, Law and Kelton, Simulation Modeling and Analysis, section 9.5.
    """
    n = len(in_order_of_time)
    needs = 2 * BATCHES
    if n == 0:
        return Estimate(None, None, None, needs)
    value = float(np.mean(in_order_of_time))
    if n < needs:
        return Estimate(value, None, None, needs)
    batches = [float(np.mean(batch)) for batch in np.array_split(in_order_of_time, BATCHES)]
    t = float(special.stdtrit(BATCHES - 1, (1 + confidence) / 2))
    half = t * float(np.std(batches, ddof=1)) / math.sqrt(BATCHES)
    return Estimate(value, value - half, value + half, needs)


def share(hits: int, of: int, confidence: float = CONFIDENCE) -> Estimate:
    """A share, with Wilson's interval, which is sensible at 0 hits too. Source: Wilson, JASA 22 (1927)."""
    if of == 0:
        return Estimate(None, None, None, 1)
    z = float(special.ndtri((1 + confidence) / 2))
    p = hits / of
    centre = p + z * z / (2 * of)
    half = z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    low = 0.0 if hits == 0 else (centre - half) / scale
    high = 1.0 if hits == of else (centre + half) / scale
    return Estimate(p, low, high, 1)


def shift(before: Estimate, after: Estimate) -> Estimate:
    """How much an independent estimate changed; its interval is made from both (MOVER), established where they are.

    The distance from the difference to each end is the root of the squared distances to the ends that push it there: as
    for normal variances, and right for skewed intervals too.
    Source: Zou and Donner, Statistics in Medicine 27 (2008).
    """
    needs = max(before.needs, after.needs)
    if before.value is None or after.value is None:
        return Estimate(None, None, None, needs)
    value = after.value - before.value
    if before.low is None or before.high is None or after.low is None or after.high is None:
        return Estimate(value, None, None, needs)
    down = math.hypot(after.value - after.low, before.high - before.value)
    up = math.hypot(after.high - after.value, before.value - before.low)
    return Estimate(value, value - down, value + up, needs)


def warm_up(in_order_of_time: Floats) -> int | None:
    """How many of the first observations to leave out for the rest to be steady, by MSER-5; None where none are.

    Of the means of successive fives, the ones left out are those without which the standard error of the mean of the
    rest is least. None also where that is in the last half: then the run was too short, or was never steady.
    Source: White, Simulation 69 (1997), and White, Cobb and Spratt, Proc. Winter Simulation Conference (2000).
    """
    fives = len(in_order_of_time) // MSER_BATCH
    if fives < MSER_LEAST:
        return None
    means = in_order_of_time[: fives * MSER_BATCH].reshape(fives, MSER_BATCH).mean(axis=1)
    # Of what is left from each place on: count, sum and sum of squares, about the mean for the digits' sake.
    centred = means - means.mean()
    left = np.arange(fives, 0, -1)
    total = np.cumsum(centred[::-1])[::-1]
    squares = np.cumsum((centred**2)[::-1])[::-1]
    errors = (squares - total**2 / left) / left**2
    # Without the last few fives, which are alike by chance; the first of places that are as good but for rounding.
    considered = errors[: fives - MSER_LEAST // 2]
    place = int(np.argmax(considered <= considered.min() + 1e-9 * errors[0]))
    return place * MSER_BATCH if 0 < place <= fives // 2 else None


def _binomial_quantile(probability: float, n: int, q: float) -> int:
    """The smallest k with P(Binomial(n, q) <= k) >= probability."""
    k = max(0, math.ceil(float(special.bdtrik(probability, n, q))) - 1)
    while float(special.bdtr(k, n, q)) < probability:
        k += 1
    return k
