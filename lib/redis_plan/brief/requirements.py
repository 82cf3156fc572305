"""Requirements: what the documents demand, one statement each, and what they exclude.

A statement with an id (``US-001``, ``FR-3``) is one requirement and what stands under it are its criteria. Which other lines
demand something, of which kind, and whether they are about shared live state, is judged by ``demands``. What a section
excludes is never a demand.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

from redis_plan.brief import demands
from redis_plan.brief.ids import identified
from redis_plan.brief.lexicon import Lexicon, fold
from redis_plan.brief.lines import Lines
from redis_plan.brief.model import Requirement, RequirementKind
from redis_plan.brief.outline import Block
from redis_plan.brief.portraits import portrayed
from redis_plan.brief.sections import Roles

_META = re.compile(
    r"^(?:title|tytu[łl]|opis|description|priority|priorytet|status|acceptance criteria|kryteria akceptacji|story points|id|actor|aktor|epic|notes?|uwagi|owner|dependencies|zależności)\b\W*(?:$|[:：])",
    re.IGNORECASE,
)
_TITLE = re.compile(
    r"^(?:title|tytu[łl]|opis|description|story|user story|historyjka|titel|beschreibung)\s*[:：]\s*(?P<rest>.+)$",
    re.IGNORECASE | re.DOTALL,
)
#: What a document says of itself: two of these in one line, such as "Version 0.7, owner: Ann. Status: agreed".
_OF_DOCUMENT = re.compile(
    r"(?<!\w)(?:(?:version|wersja|versi[oó]n|versione|vers[aã]o|версия|버전|版本|バージョン)\s*[:：]?\s*v?\d|"
    r"(?:status|state|owner|authors?|autor|auteur|verfasser|stand|date|data|fecha|datum|last updated|reviewed by|właściciel|"
    r"автор|статус|дата|작성자|상태|作者|状态|日期|作成者|ステータス|日付)\s*[:：])",
    re.IGNORECASE,
)
#: A paragraph says in its first letters that it speaks of the document.
SAID_FIRST = 60
_BRACKETS = re.compile(r"\([^()]{3,40}\)|\[[^\[\]]{3,40}\]")
#: What an item is about, before its colon: "Later version: teams of two".
_LABELLED = re.compile(r"([^\W\d_][^:：]{2,30})[:：]")
#: A label has few words; more say something themselves.
LABEL_WORDS = 4
#: A story takes in so much of what describes it.
LONGEST_STORY = 500
#: Below this probability a line with an id demands nothing.
UNLIKE = 0.3
_NOT_OURS = ("plan", "questions", "rejected", "context")
_QUALITY_IDS, _CONSTRAINT_IDS = ("NFR", "NF", "RNF", "QR"), ("C", "CON", "CR", "TC", "BC", "BR")


def read_requirements(blocks: Sequence[Block], roles: Roles, lines: Lines) -> tuple[Requirement, ...]:
    """Return the requirements of one document in order of line; ``lines`` are its candidates."""
    return tuple(_Reader(roles, lines).read(blocks))


class _Reader:
    """One pass over the blocks of a document."""

    def __init__(self, roles: Roles, lines: Lines) -> None:
        self.roles, self.words = roles, roles.words
        self.judged = demands.judge(lines)
        self.place = {(line.block.line, line.block.kind): n for n, line in enumerate(lines.lines)}
        self.found: list[Requirement] = []
        self.story: tuple[int, int] | None = None  # line, heading depth (9: a bullet, 10: a row)
        self.seen: dict[str, int] = {}
        self.above: dict[int, int | None] = {}  # line of an item -> the statement that it belongs to, if any
        self.portrayed: frozenset[int] = frozenset()  # lines that describe people
        self.labels: set[int] = set()  # lines of items that only name what is under them

    def read(self, blocks: Sequence[Block]) -> list[Requirement]:
        self.portrayed = portrayed(blocks)
        for block in blocks:
            if block.text:
                if block.kind == "item":
                    self.above[block.line] = self._statement_above(block.parent)
                    if block.text.endswith((":", "：")) and len(block.text.split()) <= LABEL_WORDS:
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
        excluded = self.roles.of(block) == "out-of-scope"
        match = None if excluded or self._is_about_others(block) or self._says_nothing(block) else identified(block)
        if match:
            self._with_id(block, match)
        elif block.kind == "heading":
            self._heading(block)
        elif block.kind == "code":
            return
        elif excluded:
            if block.kind in ("item", "row") and (block.depth == 0 or block.parent in self.labels):
                self._append(block, self._make_id(block, "X"), "out-of-scope", None)
        elif not self._belongs_to_story(block):
            self._plain(block)

    def _is_about_others(self, block: Block) -> bool:
        return any(role in _NOT_OURS for role in self.roles.chain(block.section)[:1])

    def _says_nothing(self, block: Block) -> bool:
        """Whether a line is so unlike a demand that its id is another one's: ``T1 schema merged via #31``."""
        n = self.place.get((block.line, block.kind))
        return n is not None and self.judged is not None and float(self.judged.demand[n]) < UNLIKE

    def _heading(self, block: Block) -> None:
        if self.story and _META.match(block.text):  # "### Title: Cancel a booking" under "### ID: US-008"
            self._describes(block)
        elif self.story and block.depth <= self.story[1]:
            self.story = None

    def _with_id(self, block: Block, match: re.Match[str]) -> None:
        id = match.group("id").replace("_", "-").replace(" ", "-")
        id = f"US-{id}" if id[0].isdigit() else id
        if id in self.seen and block.kind == "item":
            return
        kind: RequirementKind = "out-of-scope" if self._put_off(block) else self._kind(block)
        prefix = re.match(r"[A-Z]+", id)
        if prefix and kind != "out-of-scope":
            if prefix.group() in _QUALITY_IDS:
                kind = "non-functional"
            elif prefix.group() in _CONSTRAINT_IDS:
                kind = "constraint"
        self._append(block, id, kind, None)
        self.story = (block.line, block.depth if block.kind == "heading" else 10 if block.kind == "row" else 9)

    def _put_off(self, block: Block) -> bool:
        """Whether a label or a bracket leaves the statement to a later release: ``Future: replay``, ``US-009 Replay (post-MVP)``."""
        return self._labelled_later(block) or any(
            hit.start <= 1 and hit.group in ("section.out-of-scope", "later")
            for found in _BRACKETS.findall(block.text[:200])
            for hit in self.words.hits(found)
        )

    def _labelled_later(self, block: Block) -> bool:
        """Whether an item's label says nothing but that it is for later: not ``Future matches: …``, which there are."""
        label = _LABELLED.match(block.text)
        hits = self.words.hits(label.group(1)) if label else ()
        return label is not None and any(
            hit.group == "section.out-of-scope" and hit.end - hit.start == len(label.group(1)) for hit in hits
        )

    def _belongs_to_story(self, block: Block) -> bool:
        """Take what stands under a statement with an id: its description into its text, its criteria as its own."""
        if block.label_only:
            return False
        if self.story and self.story[1] == 10 and block.kind == "row":
            self.story = None
        if not self.story or self.story[1] == 10:
            return False
        if self._describes(block):
            return True
        if block.kind == "item" and not _META.match(block.text) and len(block.text) > 8:
            self._criterion(block, self.story[0])
        return True

    def _describes(self, block: Block) -> bool:
        """Take a story's title or description into its text, once each; ``US-005`` alone says nothing."""
        match = _TITLE.match(block.text)
        last = self.found[-1] if self.found else None
        if last is None or self.story is None or last.line != self.story[0]:
            return False
        told = (
            match.group("rest") if match else block.text if block.kind == "paragraph" and block.parent is None else ""
        )
        if told and len(last.text) < LONGEST_STORY and not _META.fullmatch(told.strip()):
            live = last.realtime or (last.kind != "out-of-scope" and self._live(block))
            self.found[-1] = replace(last, text=f"{last.text} · {told}", realtime=live)
        return bool(told)

    def _criterion(self, block: Block, story: int) -> None:
        owner = next((r for r in reversed(self.found) if r.line == story), None)
        if owner is not None and owner.kind == "out-of-scope":
            return
        count = sum(r.parent_line == story for r in self.found[-60:]) + 1
        id = f"{owner.id}.{count}" if owner else self._make_id(block, "AC")
        self._append(block, id, self._kind(block), story)

    def _plain(self, block: Block) -> None:
        n = self.place.get((block.line, block.kind))
        if n is None or self.judged is None or block.line in self.labels:
            return
        if not self.judged.is_demand[n] and not self._labelled_later(block):
            return
        if block.line in self.portrayed:
            return  # it describes people
        if len(_OF_DOCUMENT.findall(block.text)) > 1:
            return  # it speaks of the document
        if block.kind == "paragraph" and "of-document" in self.words.groups(block.text[:SAID_FIRST]):
            return  # and so does "This document describes …", whatever the product is that it describes
        if (block.label_only and self.roles.of_title(block.text)) or self.roles.is_aside(block.section):
            return  # it says what follows, or how the document is to be written
        parent = self.above.get(block.line) if block.kind == "item" else None
        later = self._put_off(block)
        id = self._make_id(block, "X" if later else "R")
        self._append(block, id, "out-of-scope" if later else self._kind(block), parent)

    def _kind(self, block: Block) -> RequirementKind:
        n = self.place.get((block.line, block.kind))
        return self.judged.kind[n] if n is not None and self.judged is not None else "functional"

    def _live(self, block: Block) -> bool:
        n = self.place.get((block.line, block.kind))
        return n is not None and self.judged is not None and bool(self.judged.is_live[n])

    def _append(self, block: Block, id: str, kind: RequirementKind, parent: int | None) -> None:
        times = self.seen[id] = self.seen.get(id, 0) + 1
        id = id if times == 1 else f"{id}~{times}"
        n = self.place.get((block.line, block.kind))
        sure = 0.95 if n is None or self.judged is None else float(self.judged.demand[n])
        confidence = round(sure, 2) if id.startswith("R-") else 0.7 if kind == "out-of-scope" else 0.95
        live = kind != "out-of-scope" and self._live(block) and not denied(block.text, self.words)
        self.found.append(Requirement(id, block.text, block.file, block.line, kind, live, parent, confidence))

    def _make_id(self, block: Block, prefix: str) -> str:
        """An id of our own, stable under small edits: from the statement's first long words, not from its line."""
        words = [w for w in re.findall(r"\w+", fold(block.text)) if len(w) > 3 or (len(w) > 1 and not w.isascii())]
        words = words[:6] or [fold(block.text)]
        return f"{prefix}-{hashlib.sha1(' '.join(words).encode()).hexdigest()[:5]}"


def denied(text: str, words: Lexicon) -> bool:
    """Whether a statement denies what is live: every strong cue is negated just before (``no real-time updates``)."""
    hits = words.hits(text[:2000])
    strong = [h for h in hits if h.group == "realtime.strong"]
    negations = [h.end for h in hits if h.group == "negation"]
    return bool(strong) and all(any(0 <= h.start - n <= 2 for n in negations) for h in strong)
