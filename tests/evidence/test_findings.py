"""Typed findings: what words may say is what was measured, in the unit and of the grade that the chapter declares."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from redis_plan.errors import PlanError
from redis_plan.evidence.findings import ANY, Findings, Found, Number, each, maybe, number, record
from redis_plan.measure.finding import Value
from tests.plan.records import evidence

P50 = Value("lag_p50", 26.2, "s", 300, 25.1, 27.4)
KEYS = Value("volatile keys", 10_000, "keys")


@dataclass(frozen=True, slots=True)
class Lag(Found):
    p50: Number = number("s", name="lag_p50")
    live: Number = number("keys", ANY, name="volatile keys")
    worst: Number | None = maybe("s", name="lag_max")
    by_size: Mapping[str, Number] = each("p50 among {}", "s")


@dataclass(frozen=True, slots=True)
class Expiry(Findings):
    lag: Lag | None = record("E-04a", Lag)
    slide: Lag | None = record("E-04c", Lag)


def found(*values: Value) -> Lag:
    lag = Expiry.of({"E-04a": evidence("E-04a", *values)}).lag
    assert lag
    return lag


def test_a_number_is_written_as_its_record_writes_it():
    lag = found(P50, KEYS)
    assert str(lag.p50) == "26.2 s"
    assert lag.p50.linked == "26.2 s [E-04a]"
    assert lag.p50.full == "26.2 s (95 % 25.1–27.4 s, n = 300; measured, [E-04a])"
    assert f"{lag.live:,.0f}" == "10,000"
    assert (lag.id, lag.p50.value, lag.p50.n) == ("E-04a", 26.2, 300)


def test_a_family_is_read_by_what_tells_its_members_apart_and_a_number_may_be_missing():
    lag = found(P50, KEYS, Value("p50 among 100", 0.2, "s"), Value("p50 among 300", 0.7, "s"))
    assert {size: str(one) for size, one in lag.by_size.items()} == {"100": "200 ms", "300": "700 ms"}
    assert lag.worst is None


def test_a_record_that_did_not_run_or_is_not_there_is_none():
    findings = Expiry.of({"E-04a": evidence("E-04a", not_run="left out in profile quick")})
    assert (findings.lag, findings.slide) == (None, None)
    assert findings.left_out == {"lag": "left out in profile quick"}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ((KEYS,), "E-04a has no value 'lag_p50'"),
        ((Value("lag_p50", 26.2, "ms"), KEYS), "lag_p50 is measured in 'ms', but declared as measured in 's'"),
        ((Value("lag_p50", 26.2, "s", grade="modelled"), KEYS), "lag_p50 is modelled in 's', but declared as measured"),
        ((P50, KEYS, Value("p50 among 100", 20, "%")), "p50 among 100 is measured in '%'"),
    ],
    ids=["a missing number", "another unit", "another grade", "another unit in a family"],
)
def test_a_record_that_is_not_as_declared_is_said_with_its_id(values, says):
    with pytest.raises(PlanError, match=says):
        found(*values)
