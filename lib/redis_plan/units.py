"""Units: how a number is written for a person.

Inside the program every number is in base units (seconds, bytes, per second); only this module knows prefixes.
Binary prefixes for memory, decimal ones for rates and times.

>>> write(0.00021, "s"), write(1945, "B"), write(12500, "/s"), write(3, "members")
('210 µs', '1.9 KiB', '12.5 k/s', '3 members')
"""

from __future__ import annotations

import math

_TIME = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BYTES = ((1024.0**4, "TiB"), (1024.0**3, "GiB"), (1024.0**2, "MiB"), (1024.0, "KiB"))
_DECIMAL = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def significant(value: float, digits: int = 3) -> str:
    """Write ``value`` with ``digits`` significant digits and no exponent; whole numbers keep all their digits.

    >>> significant(1234.5), significant(0.01234), significant(2.0), significant(99.96)
    ('1,234', '0.0123', '2', '100')
    """
    if value == 0 or not math.isfinite(value):
        return str(value) if not math.isfinite(value) else "0"
    rounded = round(value, digits - 1 - math.floor(math.log10(abs(value))))
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    text = f"{value:,.0f}" if decimals == 0 else f"{rounded:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _exact(value: float) -> str:
    """Write a count: whole numbers whole, others with three digits."""
    return f"{value:,.0f}" if float(value).is_integer() else significant(value)


def write(value: float, unit: str, digits: int = 3) -> str:
    """Write ``value``, given in the base unit ``unit``, with a readable prefix.

    ``unit`` is ``"s"``, ``"B"``, ``"B/s"``, ``"/s"`` (or ``"<noun>/s"``), ``"%"`` (value is a percentage), ``"x"``
    (a ratio), ``""`` or a noun for a count.
    """
    if not math.isfinite(value):
        return f"{value}"
    if unit == "s":
        return _write_time(value, digits)
    if unit in ("B", "B/s"):
        size, suffix = abs(value), unit[1:]
        for factor, name in _BYTES:
            if size >= factor:
                return f"{significant(value / factor, digits - 1 if size / factor < 10 else digits)} {name}{suffix}"
        return f"{_exact(value)} B{suffix}"
    if unit.endswith("/s"):
        for factor, name in _DECIMAL:
            if abs(value) >= factor * 10 or (abs(value) >= factor > 1e3):
                noun = unit[:-2]
                return f"{significant(value / factor, digits)} {name}{' ' + noun if noun else ''}/s"
        unit = f"{singular(unit[:-2])}/s" if value == 1 else unit
        return f"{significant(value, digits)}{'' if unit == '/s' else ' '}{unit}"
    if unit == "%":
        return f"{significant(value, digits)} %"
    if unit == "x":
        return f"{significant(value, digits)}x"
    return f"{_exact(value)} {singular(unit) if value == 1 else unit}".rstrip()


def singular(noun: str) -> str:
    """Return a plural noun for one of its kind.

    >>> singular("entries"), singular("members"), singular("class")
    ('entry', 'member', 'class')
    """
    if noun.endswith("ies"):
        return noun[:-3] + "y"
    return noun[:-1] if noun.endswith("s") and not noun.endswith("ss") else noun


def _write_time(value: float, digits: int) -> str:
    size = abs(value)
    if size == 0:
        return "0 s"
    for factor, name in _TIME:
        # 90 s reads better than 1.5 min, and 120 s worse than 2 min: move up on whole or large multiples
        whole = factor >= 60 and size % factor == 0
        if (factor < 60 and size >= factor) or whole or (factor >= 60 and size >= 10 * factor):
            return f"{significant(value / factor, digits)} {name}"
    return f"{significant(value / 1e-9, digits)} ns"
