"""Two servers compared: what differs is in bold, what only the machine did is not."""

import math
import random
from dataclasses import replace

import pytest

from redis_plan.evidence.provenance import Repeat
from redis_plan.measure.finding import Value
from redis_plan.measure.sidebyside import Side
from redis_plan.plan.comparison import Comparison, compare, render, summary
from redis_plan.plan.review import markdown_to_html
from tests.plan.records import evidence


def record(*values: Value, not_run: str = "", waiting: float | None = 0.1):
    return {"E-04a": replace(evidence("E-04a", *values, not_run=not_run), repeat=Repeat(waiting=waiting))}


def seconds(value: float, spread: float = 0.0) -> Value:
    ends = (value * (1 - spread), value * (1 + spread)) if spread else (None, None)
    return Value("p50", value, "s", 100, *ends)


def only_row(a, b, again):
    rows, _ = compare(a, b, again)
    assert len(rows) == 1
    return rows[0]


def test_a_difference_beyond_both_runs_of_the_first_server_differs():
    row = only_row(record(seconds(1.0)), record(seconds(2.0)), record(seconds(1.05)))
    assert row.outcome == "differs"
    assert row.ratio == pytest.approx(2 / math.sqrt(1.05))
    assert row.low < row.ratio < row.high


def test_a_difference_as_large_as_the_first_servers_own_is_noise():
    assert only_row(record(seconds(1.0)), record(seconds(1.3)), record(seconds(1.4))).outcome == "within noise"


def test_a_difference_within_the_interval_is_noise():
    a, b = record(seconds(1.0, 0.4)), record(seconds(1.3, 0.4))
    assert only_row(a, b, record(seconds(1.01, 0.4))).outcome == "within noise"


def test_equal_values_are_the_same():
    same = record(Value("last", 128, "elements"))
    assert only_row(same, same, same).outcome == "same"


@pytest.mark.parametrize(
    ("a", "b", "again", "outcome"),
    [(0, 0, 0, "same"), (0, 5, 0, "differs"), (0, 5, 2, "no ratio"), (5, 0, 5, "differs"), (-1, 2, 3, "no ratio")],
)
def test_counts_that_may_be_zero_have_an_outcome_without_a_ratio(a, b, again, outcome):
    row = only_row(*(record(Value("lost", n, "updates")) for n in (a, b, again)))
    assert (row.outcome, row.ratio) == (outcome, 0.0)


def test_times_of_a_machine_that_was_busier_meanwhile_are_not_compared():
    a, b = record(seconds(1), Value("bytes", 100, "B")), record(seconds(3), Value("bytes", 300, "B"), waiting=0.6)
    rows, _ = compare(a, b, a)
    assert {row.name: row.outcome for row in rows} == {"p50": "unlike load", "bytes": "differs"}
    assert only_row(record(seconds(1)), record(seconds(3), waiting=None), record(seconds(1))).outcome == "differs"


def test_values_about_the_machine_and_values_of_one_side_are_left_out():
    a = record(Value("write noise floor", 5, "%"), Value("only here", 1, "s"), Value("x", 1, "s"))
    assert only_row(a, record(Value("write noise floor", 50, "%"), Value("x", 1, "s")), a).name == "x"


def test_what_one_server_could_not_run_is_said():
    a, b = record(seconds(1)), record(not_run="Redis 7.0 has no HEXPIRE")
    rows, missing = compare(a, b, a)
    assert not rows
    assert missing == ("E-04a When is a key gone? Not run on B: Redis 7.0 has no HEXPIRE",)


def test_two_runs_of_one_server_differ_rarely_from_a_third():
    """Many values with the noise of a busy machine, tails noisier than the middle: under 5 % are called different."""
    rng = random.Random(7)

    def run():
        values = [Value(f"v{n} p50", math.exp(rng.gauss(0, 0.1)), "s") for n in range(200)]
        values += [Value(f"v{n} p99", math.exp(rng.gauss(0, 0.8)), "s") for n in range(200)]
        return record(*values)

    rows, _ = compare(run(), run(), run())
    assert sum(row.outcome == "differs" for row in rows) < 20


def found(*rows) -> Comparison:
    side = Side("GET", 1e-5, 2e-5, 1e-6, 2e-6, 2.0, 1.9, 2.1, 40, 0.03, "slower")
    calm = replace(side, command="PING", ratio=1.01, verdict="no difference seen")
    return Comparison(
        "Redis 7.0.15 on x",
        "Valkey 9.1.2 on x",
        "quick",
        rows,
        (side, calm),
        ("E-04b Q? Not run on A: no",),
        (),
        ("waitaof",),
    )


def test_the_text_highlights_what_differs_and_the_page_shows_it():
    rows, _ = compare(record(seconds(1.0)), record(seconds(2.0)), record(seconds(1.0)))
    text = render(found(*rows), "Quiz")
    assert "**1 of 1 values differ beyond noise.**" in text
    assert "| E-04a p50 | 1 s | 1 s | 2 s | **2.00** |" in text
    assert "| GET | 10 µs | 20 µs | **2.00** |" in text
    assert "| PING | 10 µs | 20 µs | 1.01 |" in text
    assert "Only B has: `waitaof`." in text
    assert "Not run on A" in text
    page = markdown_to_html(text)
    assert "<strong>differs</strong>" in page
    assert "&lt;" not in page


def test_the_summary_fits_a_terminal():
    rows, _ = compare(record(seconds(1.0)), record(seconds(2.0)), record(seconds(1.0)))
    lines = summary(found(*rows))
    assert lines[0] == "1 of 1 values differ beyond noise (B = Valkey 9.1.2)"
    assert "E-04a p50: 1 s → 2 s (2.00 x)" in lines
    assert any(line.startswith("GET: B is slower, 2.00 x") for line in lines)
    assert not any(line.startswith("PING") for line in lines)


def test_nothing_beyond_noise_is_said():
    assert "None was seen." in render(replace(found(), rows=()), "Quiz")
