"""Conflicts: the same subject with different numbers in two places, and notes that contradict each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from redis_plan.brief.lexicon import fold
from redis_plan.brief.model import Quantity, Remark
from redis_plan.brief.units import base

_WORD = re.compile(r"[a-z]{4,}")
_CODE = re.compile(r"`[^`]*`")
_COMMON = frozenset("with that this from have must should will when after before within under than less more each every only user users session sessions room rooms data time minutes seconds hours days milliseconds concurrent maximum minimum support string hash list sorted".split())  # noqa: SIM905  # fmt: skip
_MAX = 40
LONG_LINE = 3000  # longer than any statement


def find_conflicts(quantities: Sequence[Quantity], lines: Mapping[str, Sequence[str]]) -> tuple[Remark, ...]:
    """Return a remark for each pair of lines that give different numbers for what reads like the same thing.

    Two lines are about the same thing when their numbers have one dimension and the lines share most of their telling
    words. Linear in the number of quantities: lines meet only through a shared pair of words.
    """
    index: dict[tuple[str, str], list[tuple[Quantity, frozenset[str]]]] = {}
    remarks: dict[tuple[str, int, str, int], Remark] = {}
    for quantity in quantities:
        if not quantity.design_relevant or quantity.kind not in (
            "latency",
            "duration",
            "rate",
            "limit",
            "count",
            "size",
        ):
            continue
        if len(lines[quantity.file][quantity.line - 1]) > LONG_LINE:
            continue
        words = _words(lines[quantity.file][quantity.line - 1])
        dimension, value = base(quantity.value, quantity.unit)
        for word in sorted(words)[:12]:
            bucket = index.setdefault((dimension, word), [])
            for other, known in bucket[-6:]:
                if _differ(quantity, other, value) and _alike(words, known):
                    key = (other.file, other.line, quantity.file, quantity.line)
                    remarks.setdefault(key, _remark(other, quantity))
            bucket.append((quantity, words))
        if len(remarks) >= _MAX:
            break
    return tuple(remarks.values())


def _words(line: str) -> frozenset[str]:
    return frozenset(w.rstrip("s") for w in _WORD.findall(_CODE.sub(" ", fold(line))) if w not in _COMMON)


def _alike(a: frozenset[str], b: frozenset[str]) -> bool:
    shared = len(a & b)
    return (shared >= 3 and shared >= 0.6 * min(len(a), len(b))) or (shared >= 2 and shared >= 0.5 * len(a | b))


def _differ(a: Quantity, b: Quantity, value: float) -> bool:
    other = base(b.value, b.unit)[1]
    if (a.file, a.line) == (b.file, b.line) or a.kind != b.kind or a.value_max or b.value_max:
        return False
    same_noun = base(a.value, a.unit)[0] != "" or fold(a.unit)[:4] == fold(b.unit)[:4]
    return same_noun and abs(value - other) > 1e-9 * max(value, other)


def _remark(a: Quantity, b: Quantity) -> Remark:
    text = f"“{a.text}” ({a.file}:{a.line}) against “{b.text}” ({b.file}:{b.line}) for what reads like the same thing"
    return Remark("conflict", text, b.file, b.line)
