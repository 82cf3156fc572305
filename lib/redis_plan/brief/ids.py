"""Ids that teams write before a statement: ``US-001``, ``FR-3.2``, ``User story 4``; and numbers that are none."""

from __future__ import annotations

import re

from redis_plan.brief.outline import Block

_ID = re.compile(
    r"^(?:(?:ID|Id|id)\s*[:：]?\s+)?(?:ID[:：])?\[?(?P<id>[A-Z]{1,12}(?:-[A-Z]{1,6})?[-_ ]?\d{1,4}(?:\.\d{1,3})?)\]?(?=$|[\s:：.\-–—)\]])"
)
_STORY_NUMBER = re.compile(
    r"^(?:user story|story|historyjka(?: użytkownika)?|use case|przypadek użycia)\s+#?(?P<id>\d{1,3}(?:\.\d{1,3})?)\b",
    re.IGNORECASE,
)
_NOT_ID = re.compile(r"^(?:ADR|RFC|ISO|HTTP|UTF|SHA|EIP|MVP|PRD|V|Q|H|P|S|EC|ES|MP|Y|D)[-_ ]?\d", re.IGNORECASE)
#: A heading longer than this is a sentence, and a number in it no id.
LONG = 200


def identified(block: Block) -> re.Match[str] | None:
    """Return the id that ``block`` opens with (group ``id``), or None."""
    if block.kind not in ("heading", "item", "paragraph", "row"):
        return None
    if block.kind in ("heading", "paragraph") and len(block.text) < LONG:
        numbered = _STORY_NUMBER.match(block.text)
        if numbered:
            return numbered
    match = _ID.match(block.cells[0] if block.cells else block.text)
    if not match or _NOT_ID.match(match.group("id")) or not re.search(r"\d", match.group("id")):
        return None
    return match
