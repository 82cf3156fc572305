"""Writing TOML: values, and comments that fit on a line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from redis_plan.brief.overrides.values import read_amount

Value = str | bool | int | float | Sequence["Value"] | Mapping[str, "Value"]
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_TIMES = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_SIZES = ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"), (1_000_000, "MB"), (1_000, "kB"))


def literal(value: Value) -> str:
    """Return ``value`` as TOML on one line.

    >>> literal({"use": "votes", "entity": ["Vote"], "live": True})
    '{ use = "votes", entity = ["Vote"], live = true }'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int | float):
        return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key(k)} = {literal(v)}" for k, v in value.items()) + " }"
    return "[" + ", ".join(literal(v) for v in value) + "]"


def key(name: str) -> str:
    """Return ``name`` as a TOML key, quoted where it must be."""
    return name if _BARE.fullmatch(name) else literal(name)


def amount(value: float, unit: str) -> str | float:
    """Return a fact's value as a person writes it, where that says exactly the same: ``"90 s"``, ``"2 h"``.

    >>> amount(7200, "s"), amount(0.3, "s"), amount(536870912, "B"), amount(8, "members"), amount(2.5, "events/s")
    ('2 h', '300 ms', '512 MiB', 8, '2.5 per second')
    """
    if value and unit in ("s", "B"):
        steps = _TIMES if unit == "s" else _SIZES
        for size, name in steps:
            if value >= size and value % size == 0 and value / size < 10_000:
                return f"{value / size:g} {name}"
        written = f"{value * 1000:g} ms" if unit == "s" and value < 10 else f"{value:g} {unit}"
        return written if read_amount(written, unit) == value else value
    if unit.endswith("/s"):
        written = f"{value:g} per second"
        return written if read_amount(written, unit) == value else value
    return int(value) if float(value).is_integer() else value


def comment(text: str, limit: int = 160) -> str:
    """Return ``text`` as what may follow ``# `` on a line."""
    text = " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", text).split())
    return text if len(text) <= limit else text[: limit - 1].rsplit(" ", 1)[0] + "…"
