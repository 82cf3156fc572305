"""Requirements: what the documents demand, one statement each, and what they exclude.

A statement with an id (``US-001``, ``FR-3``) is one requirement and what stands under it are its criteria. Without
ids, each bullet of a section about features, quality or constraints is one; nested bullets belong to their parent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from redis_plan.brief.lexicon import UNSPACED, Lexicon, fold
from redis_plan.brief.model import Quantity, Requirement, RequirementKind
from redis_plan.brief.outline import Block
from redis_plan.brief.sections import Roles

_ID = re.compile(
    r"^(?:(?:ID|Id|id)\s*[:：]?\s+)?(?:ID[:：])?\[?(?P<id>[A-Z]{1,12}(?:-[A-Z]{1,6})?[-_ ]?\d{1,4}(?:\.\d{1,3})?)\]?(?=$|[\s:：.\-–—)\]])"
)
_STORY_NUMBER = re.compile(
    r"^(?:user story|story|historyjka(?: użytkownika)?|use case|przypadek użycia)\s+#?(?P<id>\d{1,3}(?:\.\d{1,3})?)\b",
    re.IGNORECASE,
)
_NOT_ID = re.compile(r"^(?:ADR|RFC|ISO|HTTP|UTF|SHA|EIP|MVP|PRD|V|Q|H|P|S|EC|ES|MP|Y|D)[-_ ]?\d", re.IGNORECASE)
_STORY = re.compile(
    r"^(?:as (?:an?|the|all|any)?\b.{1,60}?\b(?:i|we|they)\b|as all users|jako .{1,60}? chc[ęe]|als .{1,60}? (?:möchte|will))",
    re.IGNORECASE,
)
_GIVEN = re.compile(r"^(?:given|when|then|and|but|zakładając|gdy|kiedy|wtedy|oraz|mając)\b", re.IGNORECASE)
_LABEL = re.compile(r"^(?P<label>[^:：]{1,50})[:：]\s*(?P<rest>.*)$", re.DOTALL)
_META = re.compile(
    r"^(?:title|tytu[łl]|opis|description|priority|priorytet|status|acceptance criteria|kryteria akceptacji|story points|id|actor|aktor|epic|notes?|uwagi|owner|dependencies|zależności)\b\W*(?:$|[:：])",
    re.IGNORECASE,
)
_TITLE = re.compile(
    r"^(?:title|tytu[łl]|opis|description|story|user story|historyjka|titel|beschreibung)\s*[:：]\s*(?P<rest>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_ONE_WORD = re.compile(r"^[A-Za-z0-9_-]+[.,;]?$")  # an enumeration's member: "Waiting"
_DEMANDING = frozenset({"functional", "non-functional", "constraint", "stories"})
_SILENT = frozenset(
    {"context", "actors", "plan", "data", "stack", "questions", "recommendations", "rejected", "decisions", "memory"}
    | {"summary", "assumption"}
)


def read_requirements(
    blocks: Sequence[Block], roles: Roles, words: Lexicon, quantities: Sequence[Quantity]
) -> tuple[Requirement, ...]:
    """Return the requirements of one document in order of line.

    A document whose headings say nothing of demands ("Phase 2: Growth", "Racing") is read once more: where so few were
    found and so many list items stand in such sections, or nothing was found at all, these are what it asks for.
    """
    measured = {q.line for q in quantities if q.kind in _MEASURED}
    found = _Reader(roles, words, measured).read(blocks)
    unread = sum(b.kind == "item" and b.depth == 0 and roles.of(b) in _VAGUE for b in blocks)
    demands = sum(r.parent_line is None and r.kind != "out-of-scope" for r in found)
    if demands and (unread < max(MANY, demands * TIMES) or demands >= PLENTY):
        return tuple(found)
    return tuple(_Reader(roles, words, measured, lenient=True).read(blocks))


#: So many items under vague headings, and so many times more than there are demands: then they are the demands.
MANY, TIMES = 12, 2
#: Who names so many demands under headings that say so has said what is asked.
PLENTY = 30
_VAGUE = ("", "plan")


_MEASURED = ("latency", "duration", "size", "rate")


_BRACKETS = re.compile(r"\([^()]{3,40}\)|\[[^\[\]]{3,40}\]")
#: A label has few words; more say something themselves.
LABEL_WORDS = 4


def _names_what_follows(block: Block) -> bool:
    return block.text.endswith((":", "：")) and len(block.text.split()) <= LABEL_WORDS


class _Reader:
    """One pass over the blocks of a document."""

    def __init__(self, roles: Roles, words: Lexicon, measured: set[int], lenient: bool = False) -> None:
        self.roles, self.words, self.measured, self.lenient = roles, words, measured, lenient
        self.found: list[Requirement] = []
        self.story: tuple[int, int, str] | None = None  # line, heading depth (9: a bullet), kind
        self.seen: dict[str, int] = {}
        self.above: dict[int, int | None] = {}  # line of an item -> the statement that it belongs to, if any
        self.labels: set[int] = set()  # lines of items that only name what is under them

    def read(self, blocks: Sequence[Block]) -> list[Requirement]:
        for block in blocks:
            if not block.text:
                continue
            if block.kind == "item":
                self.above[block.line] = self._statement_above(block.parent)
                if _names_what_follows(block):
                    self.labels.add(block.line)
            self._block(block)
        return self.found

    def _statement_above(self, line: int | None) -> int | None:
        """Return the outermost item above that says something: "Performance:" only names what is under it."""
        if line is None:
            return None
        above = self.above.get(line)
        return above if above is not None else None if line in self.labels else line

    def _block(self, block: Block) -> None:
        role = self.roles.of(block)
        if self.lenient and role in _VAGUE:
            role = "functional"
        match = None if role == "out-of-scope" else self._identified(block)
        if match:
            self._with_id(block, match, role)
            return
        if block.kind == "heading":
            if self.story and _META.match(block.text):  # "### Title: Cancel a booking" under "### ID: US-008"
                self._describes(block)
            elif self.story and block.depth <= self.story[1]:
                self.story = None
            return
        if block.kind == "code" or block.label_only:
            return
        if self.story and self.story[1] == 10 and block.kind == "row":
            self.story = None
        if role == "out-of-scope":
            if block.kind in ("item", "row") and (block.depth == 0 or block.parent in self.labels):
                self._add(block, "out-of-scope", "X", None)
            return
        if self.story and self.story[1] < 10 and self._describes(block):
            return
        if self.story and self.story[1] < 10:
            if block.kind == "item" and not _META.match(block.text) and len(block.text) > 8:
                self._criterion(block, self.story)
            return
        self._plain(block, role)

    def _identified(self, block: Block) -> re.Match[str] | None:
        if block.kind not in ("heading", "item", "paragraph", "row"):
            return None
        if block.kind in ("heading", "paragraph") and len(block.text) < 200:
            numbered = _STORY_NUMBER.match(block.text)
            if numbered:
                return numbered
        match = _ID.match(block.cells[0] if block.cells else block.text)
        if not match or _NOT_ID.match(match.group("id")) or not re.search(r"\d", match.group("id")):
            return None
        chain = self.roles.chain(block.section)
        if any(r in ("plan", "questions", "rejected", "context") for r in chain[:1]):
            return None
        return match

    def _with_id(self, block: Block, match: re.Match[str], role: str) -> None:
        id = match.group("id").replace("_", "-").replace(" ", "-")
        id = f"US-{id}" if id[0].isdigit() else id
        if id in self.seen and block.kind == "item":
            return
        kind: RequirementKind = self._kind(block, role)
        if self._put_off(block):
            kind = "out-of-scope"
        prefix = re.match(r"[A-Z]+", id)
        if prefix and prefix.group() in ("NFR", "NF"):
            kind = "non-functional"
        elif prefix and prefix.group() in ("C", "CON", "CR", "TC", "BC"):
            kind = "constraint"
        self._append(block, id, kind, None)
        depth = block.depth if block.kind == "heading" else 10 if block.kind == "row" else 9
        self.story = (block.line, depth, kind)

    def _put_off(self, block: Block) -> bool:
        """Whether a bracket of the title leaves the story to a later release: ``US-009 Replay (post-MVP)``."""
        return any(
            hit.start <= 1 and hit.group in ("section.out-of-scope", "later")
            for found in _BRACKETS.findall(block.text[:200])
            for hit in self.words.hits(found)
        )

    def _describes(self, block: Block) -> bool:
        """Take a story's title or description into its text, once each; ``US-005`` alone says nothing."""
        match = _TITLE.match(block.text)
        last = self.found[-1] if self.found else None
        if last is None or self.story is None or last.line != self.story[0]:
            return False
        told = (
            match.group("rest") if match else block.text if block.kind == "paragraph" and block.parent is None else ""
        )
        if told and len(last.text) < 500 and not _META.fullmatch(told.strip()):
            self.found[-1] = replace(last, text=f"{last.text} · {told}")
        return bool(told)

    def _criterion(self, block: Block, story: tuple[int, int, str]) -> None:
        owner = next((r for r in reversed(self.found) if r.line == story[0]), None)
        if owner is not None and owner.kind == "out-of-scope":
            return
        count = sum(r.parent_line == story[0] for r in self.found[-60:]) + 1
        id = f"{owner.id}.{count}" if owner else self._make_id(block, "AC")
        self._append(block, id, self._kind(block, story[2]), story[0])

    def _plain(self, block: Block, role: str) -> None:
        story = bool(_STORY.match(block.text))
        if story and role not in _SILENT:
            self._add(block, "functional", "US", None)
            return
        if role == "criteria":
            if block.line in self.measured:
                self._add(block, "non-functional", "AC", None)
            return
        if block.kind == "row":
            return
        if block.kind == "paragraph" and block.parent is None:
            self._paragraph(block, role)
            return
        if block.kind != "item" or _GIVEN.match(block.text) or len(block.text) < 6 or _ONE_WORD.match(block.text):
            return
        if block.line in self.labels:
            return
        parent = self.above.get(block.line)
        if role == "metrics":
            if block.line in self.measured:
                self._add(block, "non-functional", "NFR", parent)
            return
        demanding = role in _DEMANDING or (not role and self._modal(block))
        if role in _SILENT:
            return
        if demanding:
            self._add(block, self._kind(block, role), "R", parent)

    def _paragraph(self, block: Block, role: str) -> None:
        short = 12 if UNSPACED.search(block.text[:80]) else 30
        says = self._modal(block) or (role == "non-functional" and block.line in self.measured)
        if role in ("functional", "constraint", "non-functional") and says and short < len(block.text) < 700:
            if not block.text.rstrip().endswith((":", "：")):
                self._add(block, self._kind(block, role), "R", None)
        elif block.line in self.measured and role in ("context", "", "metrics") and self._quality(block):
            self._add(block, "non-functional", "NFR", None)

    def _modal(self, block: Block) -> bool:
        return "modal" in self.words.groups(block.text)

    def _quality(self, block: Block) -> bool:
        return bool({"quality", "realtime.strong"} <= self.words.groups(block.text))

    def _kind(self, block: Block, role: str) -> RequirementKind:
        chain = self.roles.chain(block.section)
        groups = self.words.groups(block.text)
        nearest = next((r for r in (role, *chain) if r in _DEMANDING), "functional")
        start = fold(block.text)[:24]
        negative = start.startswith(("no ", "not ", "nie ", "brak ", "bez "))
        if nearest == "constraint":
            return "constraint"
        if nearest == "non-functional":
            return "constraint" if negative or ("constraint" in groups and "only" in start[:24]) else "non-functional"
        if "constraint" in groups and not _STORY.match(block.text):
            return "constraint"
        label, colon, _ = block.text[:60].partition(":")
        if colon and len(label.split()) <= LABEL_WORDS and "section.non-functional" in self.words.groups(label):
            return "non-functional"  # "Performance: pages answer quickly", under whatever heading
        if nearest in ("functional", "stories") and block.line in self.measured and "quality" in groups:
            return "non-functional"
        return "functional"

    def _add(self, block: Block, kind: RequirementKind, prefix: str, parent: int | None) -> None:
        self._append(block, self._make_id(block, prefix), kind, parent)

    def _append(self, block: Block, id: str, kind: RequirementKind, parent: int | None) -> None:
        times = self.seen[id] = self.seen.get(id, 0) + 1
        id = id if times == 1 else f"{id}~{times}"
        confidence = 0.95 if not id.startswith(("R-", "NFR-", "X-", "AC-")) else 0.8 if kind != "out-of-scope" else 0.7
        live = any("realtime.strong" in self.words.groups(title) for title in block.section.titles[1:])
        self.found.append(Requirement(id, block.text, block.file, block.line, kind, live, parent, confidence))

    def _make_id(self, block: Block, prefix: str) -> str:
        """An id of our own, stable under small edits: from the statement's first long words, not from its line."""
        words = [w for w in re.findall(r"\w+", fold(block.text)) if len(w) > 3 or (len(w) > 1 and not w.isascii())]
        words = words[:6] or [fold(block.text)]
        return f"{prefix}-{hashlib.sha1(' '.join(words).encode()).hexdigest()[:5]}"


def flag_realtime(
    requirements: Sequence[Requirement],
    words: Lexicon,
    nouns: Lexicon,
    quantities: Sequence[Quantity] = (),
    titled: Collection[str] = (),
) -> tuple[Requirement, ...]:
    """Return the requirements with their real-time flag: shared state that others must see without asking.

    A strong cue (``live``, ``websocket``) is enough. Where the documents ask for live behaviour at all, so is a weak
    one (``who has voted``), a bound on a delay, or a verb of showing or submitting beside an entity that lives and
    changes in a session. Of the files ``titled`` "Real-time …" every statement about what moves is live.
    """
    demands = [r for r in requirements if r.kind != "out-of-scope"]
    containers = frozenset(words.data.get("containers", ()))
    prompt = {(q.file, q.line) for q in quantities if q.kind == "latency"}
    live = any("realtime.strong" in words.groups(r.text) for r in demands) or any(
        (r.file, r.line) in prompt and _shared_soon(words.groups(r.text)) for r in demands
    )
    flagged = [
        replace(r, realtime=_realtime(r, words, nouns, containers, live, (r.file, r.line) in prompt, r.file in titled))
        for r in requirements
    ]
    # a story is live when one of its own criteria says so outright
    stories = {
        (r.file, r.parent_line)
        for r in flagged
        if r.realtime and r.parent_line is not None and "realtime.strong" in words.groups(r.text)
    }
    return tuple(
        replace(r, realtime=True) if (r.file, r.line) in stories and r.kind != "out-of-scope" else r for r in flagged
    )


def _shared_soon(groups: frozenset[str]) -> bool:
    """Whether a demand with a bound on its delay is about what others see: "position updates arrive within 3 s"."""
    return "realtime.share" in groups and "realtime.not" not in groups


def _realtime(
    requirement: Requirement,
    words: Lexicon,
    nouns: Lexicon,
    containers: frozenset[str],
    live: bool,
    prompt: bool,
    titled: bool,
) -> bool:
    if requirement.kind == "out-of-scope":
        return False
    groups = words.groups(requirement.text)
    if "realtime.strong" in groups and not ("realtime.exempt" in groups and _exempt(requirement.text, words)):
        return not _denied(requirement.text, words)
    if "realtime.not" in groups or not live:
        return False
    if requirement.realtime:  # its heading says so: "### Real-time score updates"
        return True
    if "realtime.share" in groups or prompt:
        return True
    hot = [group for group in nouns.groups(requirement.text) if _is_hot(group, containers)]
    moving = sum(group.startswith("temporary|") for group in hot)
    if moving and (titled or (moving >= MOVING and "verb.change" in groups)):
        return True
    return "verb.live" in groups and bool(hot)


#: Two things that come and go on their own, in one statement, meet while people watch: "the price enters the cell".
MOVING = 2


def _is_hot(group: str, containers: frozenset[str]) -> bool:
    life, live, name = group.split("|")
    return live == "1" and life in ("session", "temporary") and name not in containers


def _exempt(text: str, words: Lexicon) -> bool:
    """Whether every strong cue is part of a phrase that means something else: ``recent data may live in hot stores``."""
    hits = words.hits(text[:2000])
    other = [(h.start, h.end) for h in hits if h.group == "realtime.exempt"]
    return all(any(a <= h.start and h.end <= b for a, b in other) for h in hits if h.group == "realtime.strong")


def _denied(text: str, words: Lexicon) -> bool:
    """Whether every strong cue is negated just before: ``no real-time updates``."""
    hits = words.hits(text[:2000])
    negations = [h.end for h in hits if h.group == "negation"]
    return all(any(0 <= h.start - n <= 2 for n in negations) for h in hits if h.group == "realtime.strong")
