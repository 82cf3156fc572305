"""A histogram forgets the fourth digit of a duration, and nothing else."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_plan.measure import histogram

durations = st.lists(st.floats(0, 3600, allow_nan=False), min_size=1, max_size=200)
nanoseconds = st.lists(st.integers(0, 2**40), min_size=1, max_size=200)


@given(nanoseconds, st.floats(0, 100))
def test_a_percentile_is_the_ranked_duration_to_three_digits(values, q):
    found = histogram.of(np.array(values) / 1e9).percentile(q) * 1e9
    rank = max(1, int(np.ceil(q / 100 * len(values) - 1e-9)))
    exact = sorted(values)[rank - 1]
    assert exact - 1 <= found <= exact * 1.001 + 1


@given(durations, durations)
def test_merged_histograms_are_the_histogram_of_both(one, two):
    assert histogram.of(one) + histogram.of(two) == histogram.of(one + two)
    assert histogram.merged([histogram.of(one), histogram.of(two)]) == histogram.of(one + two)


@given(durations)
def test_text_gives_the_histogram_back(values):
    before = histogram.of(values)
    assert histogram.decode(json.loads(json.dumps(before.encode()))) == before


@given(durations)
def test_count_and_mean_and_longest_are_kept(values):
    found = histogram.of(values)
    assert found.count == len(values)
    assert found.mean() == pytest.approx(np.mean(values), rel=0.001, abs=2e-9)
    assert found.max_s == pytest.approx(max(values), rel=0.001, abs=2e-9)


def test_large_counts_survive_the_text():
    one = histogram.of([0.001, 0.002])
    many = histogram.Histogram(one.counts * (2**61 - 1))
    assert histogram.decode(many.encode()) == many


def test_the_text_is_what_hdrhistogram_writes():
    # written by the Python package hdrhistogram 0.10.8, HdrHistogram(1, 3_600_000_000_000, 3), 1000 × 1 … 1000 µs
    theirs = (
        "HISTFAAAAIp4nJNpmSzMwMB+mgECmKE0I5DpZrBjAYP9B4jAeX6ms/xMUzmYnrIzLWRh+sgMRcuZmL4zYkErGZmqmSrx4GwmayC0BZPk0bpM0k"
        "yyQIgg6c/nZ+Jl4gZiCESwsIsOV3l2JlYwZIbSqJB40VH9Q18/MxMjGsQQwAWJVkgLM0ctH7V8ZFgOAPvuP1M="
    )
    assert histogram.decode(theirs) == histogram.of(np.arange(1, 1001) / 1e6)


@pytest.mark.parametrize("bad", [[-1e-9], [3600.1], [float("nan")], [float("inf")]])
def test_what_is_no_duration_is_refused(bad):
    with pytest.raises(ValueError, match="durations from 0"):
        histogram.of(bad)


@pytest.mark.parametrize("text", ["", "x", "AAAA", "HISTFAAAABh4nGNgYGBgZGBg", "SElTVEZBQUFB"])
def test_other_text_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  # base64 and zlib have their own words
        histogram.decode(text)


def test_an_empty_histogram_has_no_percentiles():
    empty = histogram.merged([])
    assert (empty.count, empty.max_s) == (0, 0.0)
    assert histogram.decode(empty.encode()) == empty
    with pytest.raises(ValueError, match="no durations"):
        empty.percentile(50)
