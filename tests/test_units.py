"""Numbers as a person reads them."""

import pytest

from redis_plan import units


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (0.00021, "s", "210 µs"), (26.24, "s", "26.2 s"), (90, "s", "90 s"), (120, "s", "2 min"), (1800, "s", "30 min"),
        (7200, "s", "2 h"), (2592000, "s", "30 d"), (0, "s", "0 s"), (3e-7, "s", "300 ns"), (0.5, "s", "500 ms"),
        (512, "B", "512 B"), (1945, "B", "1.9 KiB"), (536870912, "B", "512 MiB"), (12500, "/s", "12.5 k/s"),
        (4, "events/s", "4 events/s"), (2000, "events/s", "2,000 events/s"), (7.42, "%", "7.42 %"), (1.4554, "x", "1.46x"),
        (500, "sessions", "500 sessions"), (0.25, "", "0.25"), (float("inf"), "s", "inf"), (1234567, "keys", "1,234,567 keys"),
    ],
)  # fmt: skip
def test_written(value, unit, written):
    assert units.write(value, unit) == written


@pytest.mark.parametrize(
    ("value", "written"), [(99.96, "100"), (0.01234, "0.0123"), (1234.5, "1,234"), (2.0, "2"), (-0.5, "-0.5"), (0, "0")]
)
def test_three_significant_digits_and_no_trailing_zero(value, written):
    assert units.significant(value) == written
