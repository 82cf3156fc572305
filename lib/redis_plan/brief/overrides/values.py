"""Values: a number as a person writes it in ``redis-plan.toml``, with or without its unit.

>>> read_amount("90 s", "s"), read_amount("1.5 h", "s"), read_amount("60 kB", "B"), read_amount("5 per second", "events/s")
(90.0, 5400.0, 60000.0, 5.0)
>>> read_amount("5,000 rooms", "sessions"), read_amount(30, "members")
(5000.0, 30.0)
"""

from __future__ import annotations

import math
import re

from redis_plan.brief.units import SIZE_BYTES, TIME_SECONDS, find_rate, find_unit

#: What a team writes where no document says a number: the catalog's assumption stands, whatever was read.
NOT_SAID = "not said"

_NUMBER = re.compile(r"\s*(\d[\d,_ \u00a0]*(?:\.\d+)?|\.\d+)\s*")

_THOUSANDS = {"kB": 1, "MB": 2, "GB": 3, "TB": 4}


def read_amount(value: float | str, unit: str, binary: bool = False, *, or_none: bool = False) -> float:
    """Return ``value`` in the base unit of a fact: s, B, …/s, or a count; a plain number is in that unit already.

    ``binary``: kB, MB and GB count in 1024s, as RAM and Redis's ``maxmemory 512mb`` do. With ``or_none`` 0 is good, too.

    Raises ``ValueError`` with what is wrong.
    """
    amount = value if isinstance(value, int | float) else _from_text(value, unit, binary)
    if or_none and amount == 0:
        return 0.0
    if not math.isfinite(amount) or not 0 < amount < 1e18:
        raise ValueError("is not a number above 0")
    return float(amount)


def _from_text(text: str, unit: str, binary: bool) -> float:
    found = _NUMBER.match(text)
    if found is None:
        raise ValueError("does not begin with a number")
    number = float(re.sub(r"[,_ \u00a0]", "", found[1]))
    rest = text[found.end() :].strip()
    if not rest:
        return number
    if unit.endswith("/s"):
        return number * _per_second(text, found.end(), rest)
    if unit == "B" and rest == "B":
        return number
    spelt = find_unit(rest, 0, ttl=True)  # glued, so that "5 m" is five minutes
    ends = spelt is not None and not rest[spelt.end :].strip(" .")
    if unit in ("s", "B"):
        sizes = TIME_SECONDS if unit == "s" else SIZE_BYTES
        if spelt is None or not ends or spelt.name not in sizes:
            raise ValueError(f"has {rest!r}, no unit of {'time' if unit == 's' else 'memory'}")
        return number * (1024.0 ** _THOUSANDS[spelt.name] if binary and spelt.name in _THOUSANDS else sizes[spelt.name])
    if ends and spelt is not None and (spelt.name in TIME_SECONDS or spelt.name in SIZE_BYTES):
        raise ValueError(f"has {rest!r}, no count of {unit}")
    return number  # "30 players": the noun is the team's


def _per_second(text: str, position: int, rest: str) -> float:
    rate = find_rate(text, position)
    if rate is not None and not text[rate.end :].strip(" ."):
        return 1.0 / TIME_SECONDS[rate.per]
    spelt = find_unit(text, position)
    if spelt is not None and spelt.kind == "rate":
        return 1.0 / TIME_SECONDS[spelt.name.rsplit("/", 1)[1]]
    raise ValueError(f"has {rest!r}, no rate; write it as “5 per second” or “300/min”")
