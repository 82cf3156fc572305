"""Portraits: lists that describe the people a product is for, label by label, and demand nothing of it.

A label that only a person has ("Pain points") makes a portrait of a list that has another such label or one that people share with
products ("Goals"). One label alone makes none: goals stand over demands as well.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache

from redis_plan import resources
from redis_plan.brief.lexicon import fold
from redis_plan.brief.outline import Block

#: A label has so many letters at most.
LONGEST_LABEL = 40


@cache
def _labels() -> Mapping[str, frozenset[str]]:
    data = tomllib.loads((resources.catalog_dir() / "portraits.toml").read_text(encoding="utf-8"))
    return {group: frozenset(map(fold, words)) for group, words in data.items()}


def portrayed(blocks: Sequence[Block]) -> frozenset[int]:
    """Return the lines of the items that portray somebody: those with such a label, and what stands under them."""
    said: dict[tuple[int, ...], set[str]] = {}
    of_item: dict[int, str] = {}
    labelled: list[tuple[Block, str]] = []
    for block in blocks:
        if block.kind not in ("item", "paragraph") or not block.text:
            continue
        label = _label(block) or of_item.get(block.parent or 0, "") or _over(block)
        if block.kind == "item" and label:
            of_item[block.line] = label
        if label:
            said.setdefault(block.section.lines, set()).add(label)
            labelled.append((block, label))
    of_people = _labels()["of_people"]
    portraits = {lines for lines, labels in said.items() if len(labels) > 1 and not labels.isdisjoint(of_people)}
    return frozenset(block.line for block, _ in labelled if block.section.lines in portraits)


def _label(block: Block) -> str:
    """Return the label that a block begins with, where it is one of people: "Goals: …", "Age (typical): …"."""
    before, mark, _ = block.text[: 2 * LONGEST_LABEL].replace("：", ":").partition(":")
    return _known(before) if mark else ""


def _over(block: Block) -> str:
    """Return the label of people that stands over a block's list as a line of its own."""
    return _known(block.section.labels[-1].rstrip(" :：")) if block.section.labels else ""


def _known(label: str) -> str:
    folded = fold(label.partition("(")[0].strip(" *_`"))
    return folded if any(folded in words for words in _labels().values()) else ""
