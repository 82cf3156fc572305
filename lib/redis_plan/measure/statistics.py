"""Statistics: medians and ratios with bootstrap intervals, a noise floor, and a verdict that may say "none seen"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Verdict = Literal["faster", "slower", "no difference seen", "not checked"]
RESAMPLES = 2_000
#: A sample this many robust standard deviations (1.4826 × MAD) above the median is called an outlier.
FAR = 5.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval and the number of samples behind it."""

    value: float
    low: float
    high: float
    n: int

    @property
    def half_width(self) -> float:
        """Half of the interval, relative to the value."""
        return (self.high - self.low) / 2 / abs(self.value) if self.value else float("inf")


@dataclass(frozen=True, slots=True)
class Outliers:
    """Samples beyond ``limit`` (median + 5 robust standard deviations): how many of ``n``. They stay in the data."""

    count: int
    n: int
    limit: float

    @property
    def share(self) -> float:
        """Their part of all samples, 0–1."""
        return self.count / self.n if self.n else 0.0

    def describe(self) -> str:
        """Return count and share for a finding's conditions: ``12 of 3,400 (0.4 %)``."""
        return f"{self.count:,} of {self.n:,} ({100 * self.share:.2g} %)"


def outliers(samples: ArrayLike) -> Outliers:
    """Count the samples beyond median + 5 × 1.4826 × MAD (Hampel's rule); no sample is removed."""
    values = np.asarray(samples, dtype=float)
    if values.size == 0:
        return Outliers(0, 0, float("inf"))
    middle = float(np.median(values))
    limit = middle + FAR * 1.4826 * float(np.median(np.abs(values - middle)))
    return Outliers(int((values > limit).sum()), int(values.size), limit)


def percentile(samples: ArrayLike, q: float, seed: int = 0) -> Estimate:
    """Return the ``q``-th percentile (0–100) with a percentile-bootstrap interval; raises ``ValueError`` without samples."""
    values = np.asarray(samples, dtype=float)
    if values.size == 0:
        raise ValueError("no samples")
    low, high = np.percentile(_resampled(values, q, seed), [2.5, 97.5])
    return Estimate(float(np.percentile(values, q)), float(low), float(high), int(values.size))


def median(samples: ArrayLike, seed: int = 0) -> Estimate:
    """Return the median with its interval."""
    return percentile(samples, 50, seed)


def _resampled(values: NDArray[np.float64], q: float, seed: int) -> NDArray[np.float64]:
    """Return the percentile of resamples; large samples are resampled by their ranks, which is exact and quick."""
    rng = np.random.default_rng(seed)
    if values.size > 200:  # 50 ms less for each percentile of two thousand values
        # the rank of the q-quantile in a resample is binomial: look that rank up in the sorted sample
        ranks = rng.binomial(values.size, q / 100, RESAMPLES).clip(0, values.size - 1)
        return np.asarray(np.sort(values)[ranks], dtype=float)
    draws = rng.choice(values, (RESAMPLES, values.size))
    return np.asarray(np.percentile(draws, q, axis=1), dtype=float)


def ratio(candidate: Sequence[float], baseline: Sequence[float], seed: int = 0) -> Estimate:
    """Return candidate / baseline of interleaved values, pair by pair: drift of the machine divides out.

    The estimate is the median of the paired ratios. Raises ``ValueError`` when the lengths differ.
    """
    if len(candidate) != len(baseline):
        raise ValueError(f"{len(candidate)} values against {len(baseline)}: interleaved runs have equally many")
    return median(np.asarray(candidate, dtype=float) / np.asarray(baseline, dtype=float), seed)


def ratio_spread(candidate: Sequence[float], baseline: Sequence[float]) -> float:
    """Return half of the 95 % interval of the median paired ratio, relative to it: by ranks, cheap enough to ask often.

    The ends are the order statistics that hold the median with 95 % (a sign test); infinite below six pairs.
    """
    pairs = np.sort(np.asarray(candidate, dtype=float) / np.asarray(baseline, dtype=float))
    if pairs.size < 6:
        return float("inf")
    rank = max(0, int(np.floor(pairs.size / 2 - 0.98 * np.sqrt(pairs.size))) - 1)
    return float((pairs[-1 - rank] - pairs[rank]) / 2 / np.median(pairs))


def noise_floor(again: Estimate, resolution: float = 0.0) -> float:
    """Return the largest relative difference that an A/A run shows: one design under two labels.

    ``resolution`` is the half-width at which the run would have stopped; it adds as an independent error does.
    """
    return float(np.hypot(max(abs(again.low - 1), abs(again.high - 1)), resolution))


def verdict(found: Estimate, floor: float | None) -> Verdict:
    """Say whether a ratio of times means faster, slower or nothing, given the A/A noise floor."""
    if floor is None:
        return "not checked"
    if found.high < 1 and found.value < 1 - floor:
        return "faster"
    if found.low > 1 and found.value > 1 + floor:
        return "slower"
    return "no difference seen"
