"""Computes estimates and their confidence intervals.

No distribution is assumed, because latencies are skewed and have several modes: percentiles get order-statistic
(binomial) intervals. These assume independent requests; where requests queue behind each other, the true intervals are
wider.
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
MSER_MINIMUM = 20
"""A series with fewer batches of five is too short to find a warm-up in."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its confidence interval, in the unit of the observations.

    value: None without any observation.
    low, high: None where there are too few observations for an interval.
    needs: how many observations the interval needs.
    """

    value: float | None
    low: float | None
    high: float | None
    needs: int

    @property
    def established(self) -> bool:
        return self.low is not None and self.high is not None


def percentile(ordered: Floats, q: float, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate the q-quantile (0 < q < 1) of ascending observations: the smallest one that a share q does not exceed.

    The interval runs between two order statistics, chosen so that each tail of Binomial(n, q) has at most a probability
    of (1 - confidence) / 2. So it covers the true quantile at least as often as the confidence says, for any
    distribution. With too few observations (p99 of fewer than 368) no such order statistics exist, and the interval is
    not established.
    Source: David and Nagaraja, Order Statistics, section 7.1.
    """
    return percentile_by_rank(len(ordered), lambda rank: float(ordered[rank - 1]), q, confidence)


def percentile_by_rank(n: int, at_rank: Callable[[int], float], q: float, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate as ``percentile`` does, from a function that gives the observation of each rank (from 1 to n)."""
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
    """How many observations an interval of the q-quantile needs: 6 for p50, 36 for p90, 72 for p95, 368 for p99."""
    # Even the most extreme order statistic must miss the quantile with a probability of at most (1 - confidence) / 2.
    return math.ceil(math.log((1 - confidence) / 2) / math.log(max(q, 1 - q)))


def mean(in_order_of_time: Floats, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate the mean, with an interval from the means of 20 successive batches.

    Batches keep the interval wide enough where neighbouring observations are correlated.

    Source: batch means, Law and Kelton, Simulation Modeling and Analysis, section 9.5.
    """
    n = len(in_order_of_time)
    needs = 2 * BATCHES
    if n == 0:
        return Estimate(None, None, None, needs)
    value = float(np.mean(in_order_of_time))
    if n < needs:
        return Estimate(value, None, None, needs)
    means = [float(np.mean(batch)) for batch in np.array_split(in_order_of_time, BATCHES)]
    t = float(special.stdtrit(BATCHES - 1, (1 + confidence) / 2))
    half = t * float(np.std(means, ddof=1)) / math.sqrt(BATCHES)
    return Estimate(value, value - half, value + half, needs)


def share(hits: int, of: int, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate a share with Wilson's interval, which also works at 0 hits. Source: Wilson, JASA 22 (1927)."""
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
    """Estimate the difference of two independent estimates. Its interval is established where both of theirs are.

    MOVER: the distance from the difference to an end is the root of the sum of two squared distances, each from an
    estimate to the end that moves the difference that way. This is the rule for normal variances, and holds for skewed
    intervals too.
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
    """How many observations at the start to leave out so that the rest is steady, by MSER-5; None where it already is.

    Of the means of batches of five, it leaves out as many at the start as makes the standard error of the mean of the
    rest least. The answer is also None where that point is in the last half: the run was too short or never steady.
    Source: White, Simulation 69 (1997), and White, Cobb and Spratt, Proc. Winter Simulation Conference (2000).
    """
    batches = len(in_order_of_time) // MSER_BATCH
    if batches < MSER_MINIMUM:
        return None
    means = in_order_of_time[: batches * MSER_BATCH].reshape(batches, MSER_BATCH).mean(axis=1)
    # For each start, the count, sum and sum of squares of the batches from there on. Centring keeps the digits.
    centred = means - means.mean()
    left = np.arange(batches, 0, -1)
    total = np.cumsum(centred[::-1])[::-1]
    squares = np.cumsum((centred**2)[::-1])[::-1]
    errors = (squares - total**2 / left) / left**2
    # The last few batches may be alike by chance. Of starts that differ only by rounding, the first is taken.
    considered = errors[: batches - MSER_MINIMUM // 2]
    start = int(np.argmax(considered <= considered.min() + 1e-9 * errors[0]))
    return start * MSER_BATCH if 0 < start <= batches // 2 else None


def _binomial_quantile(probability: float, n: int, q: float) -> int:
    """The smallest k with P(Binomial(n, q) <= k) >= probability."""
    k = max(0, math.ceil(float(special.bdtrik(probability, n, q))) - 1)
    while float(special.bdtr(k, n, q)) < probability:
        k += 1
    return k
