"""Catalog formulas are arithmetic and nothing else."""

import pytest

from redis_plan.expressions import evaluate


def test_arithmetic_over_names():
    assert evaluate("max(2 * rate, 100) / 4 - 1", {"rate": 300}) == 149
    assert evaluate("mib(1)", {}) == 1024 * 1024


@pytest.mark.parametrize(
    "text", ["__import__('os')", "rate.real", "[1]", "unknown + 1", "'a'", "print(1)", "rate if rate else 1"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="no arithmetic"):
        evaluate(text, {"rate": 1})
