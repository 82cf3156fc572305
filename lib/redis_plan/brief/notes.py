"""Planning notes: decisions, recommendations, memory rules and open questions, each with an id and its line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from redis_plan.brief.model import Note, NoteKind
from redis_plan.brief.outline import Block
from redis_plan.brief.sections import Roles

_KINDS: dict[str, tuple[NoteKind, str]] = {
    "decisions": ("decision", "PD"),
    "recommendations": ("recommendation", "PR"),
    "memory": ("memory", "PM"),
    "questions": ("open-question", "PQ"),
    "summary": ("summary", "PS"),
}
_CHOICE = re.compile(r"^(?:choice|decision|wybór|decyzja)\s*:", re.IGNORECASE)


def read_notes(blocks: Sequence[Block], roles: Roles) -> tuple[Note, ...]:
    """Return the notes of one document. Outside the planning summary only decisions and open questions are notes."""
    counts: Counter[str] = Counter()
    found = []
    for block in blocks:
        if block.kind in ("heading", "code") or block.label_only or len(block.text) < 4 or block.depth > 0:
            continue
        role = _role(block, roles)
        if not role or (block.kind == "row" and role != "decisions"):
            continue
        kind, prefix = _KINDS[role]
        counts[prefix] += 1
        found.append(Note(f"{prefix}-{counts[prefix]:02d}", kind, block.text, block.file, block.line))
    return tuple(found)


def _role(block: Block, roles: Roles) -> str:
    chain = [r for r in roles.chain(block.section) if r in _KINDS]
    if roles.part == "notes":
        if not chain:
            return "questions" if block.text.rstrip().endswith("?") else ""
        return chain[0]
    if _CHOICE.match(block.text):
        return "decisions"
    return chain[0] if chain and chain[0] in ("decisions", "questions") else ""
