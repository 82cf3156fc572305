"""Sections: what a part of a document is for, from its heading, its tag or the sentence that introduces it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from redis_plan.brief.documents import Part
from redis_plan.brief.lexicon import Hit, Lexicon, fold
from redis_plan.brief.meaning import PURPOSES, likeness, purposes
from redis_plan.brief.outline import Block, Section

#: Where two roles are cued in one heading, the earlier one here wins.
ORDER = (
    "out-of-scope", "in-scope", "criteria", "questions", "rejected", "recommendations", "memory", "decisions", "metrics",
    "actors", "schedule",
    "non-functional", "stories", "data", "constraint", "stack", "functional", "assumption", "plan", "context",
)  # fmt: skip
_WEAK = frozenset({"context", "plan", "stack", "data"})
_STRONG = frozenset({"functional", "non-functional", "constraint", "stories"})
_TAGS = {
    "decisions": "decisions", "matched_recommendations": "recommendations", "unresolved_issues": "questions",
    "memory_optimization_strategy": "memory", "conversation_summary": "summary",
}  # fmt: skip
#: What the label of a list ("Performance:", "Out of scope:") makes of the items under it.
_LABEL_ROLES = frozenset({"out-of-scope", "non-functional", "constraint", "questions"})
#: "2차 MVP", "MVP 2", "2nd MVP": a release after the one that is described
_LATER_RELEASE = re.compile(r"(?<![\d.])(?:[2-9]\s?\S{0,2}|v[2-9])[ -]mvp\b|\bmvp[ -]?v?[2-9]\b(?!\.)")
#: Negations of a verb; "without" and "no" deny a noun: "Features without login" are features.
_NOT = ("not", "never", "nie", "nigdy")
#: From this probability on a title excludes by its meaning, and below that it doesn't, whatever its one word.
SURE, UNLIKELY = 0.6, 0.18
#: A cue of so many letters is a compound ("Abgrenzungskriterien"), which means nothing else whatever the model makes of it.
COMPOUND = 16
#: ... where it is so much like some heading of our own that excludes: a model alone takes "Current progress" for one.
ALIKE, DOUBTED = 0.57, 0.5
_EXCLUDING = ("out-of-scope", "later")
LONGEST_TITLE, MOST_TITLES = 120, 2000
#: A sentence of so few words under a heading is about the whole section: "Deferred to a later release."
FEW_WORDS = 14
#: A heading in the first lines is the document's own title.
FIRST_LINES = 3
_NUMBERING = re.compile(r"^[\dIVX]+(?:\.\d+)*[.)]?\s+")


@dataclass(slots=True)
class Roles:
    """Answers which roles a section has; the same heading is looked up once."""

    words: Lexicon
    part: Part
    _known: dict[str, str] = field(default_factory=dict)
    _chains: dict[Section, tuple[str, ...]] = field(default_factory=dict)
    _taken_back: set[Section] = field(default_factory=set)
    _meant: dict[str, float] = field(default_factory=dict)  # title -> how probably it excludes
    _put_off: set[int] = field(default_factory=set)  # lines of headings whose first sentence excludes

    def understand(self, blocks: Sequence[Block]) -> None:
        """Judge by meaning which of a document's sections exclude; before this is called, words alone decide."""
        titles = sorted({title for b in blocks for title in b.section.titles if len(title) <= LONGEST_TITLE})[
            :MOST_TITLES
        ]
        excludes = purposes(titles)[:, [PURPOSES.index(purpose) for purpose in _EXCLUDING]].sum(axis=1)
        self._meant = {title: float(p) for title, p in zip(titles, excludes, strict=True)}
        sure = [title for title, p in self._meant.items() if p >= SURE]
        far = [title for title, alike in zip(sure, likeness(sure, _EXCLUDING), strict=True) if alike < ALIKE]
        self._meant |= dict.fromkeys(far, DOUBTED)
        title_of_all = next((b for b in blocks if b.kind == "heading"), None)
        for before, block in pairwise(blocks):
            introduces = before.kind == "heading" and block.kind == "paragraph" and len(block.text.split()) <= FEW_WORDS
            introduces = introduces and before is not title_of_all  # "Client: to be decided" puts no document off
            if introduces and self.of_title(block.text) == "out-of-scope":
                self._put_off.add(before.line)
        self._known.clear()
        self._chains.clear()

    def of_title(self, title: str) -> str:
        """Return the role that one heading's words cue, or ""."""
        known = self._known.get(title)
        if known is None:
            bare = _NUMBERING.sub("", fold(title))[:160]
            hits = [h for h in self.words.hits(bare) if h.group.startswith("section.")]
            roles = {
                h.group[8:] for h in hits if len(bare) <= 60 or h.group == "section.out-of-scope" or h.end - h.start > 9
            }
            long = len(bare) > 60
            if {"plan", "functional"} <= roles and not re.search("feature|requirement|funkc|wymag", bare):
                roles.discard("functional")  # "Delivery plan (MVP)" is a schedule
            if roles & {"functional", "non-functional"} == {"functional", "non-functional"}:
                roles.discard("functional")
            if _LATER_RELEASE.search(bare) or self._excludes(title):
                roles.add("out-of-scope")
            self._weigh(title, roles, hits)
            known = next((r for r in ORDER if r in roles and not (long and r in ("plan", "context", "stack"))), "")
            known = self._known[title] = "plan" if known == "schedule" else known
        return known

    def _weigh(self, title: str, roles: set[str], hits: Sequence[Hit]) -> None:
        """Let the meaning of a title decide where its words are silent, or say "boundaries" and mean something else."""
        excludes = self._meant.get(title)
        if excludes is None:
            return
        if not roles - {"in-scope"} and excludes >= SURE:  # "niet in scope" holds the words "in scope"
            roles.add("out-of-scope")
        cues = [hit.cue for hit in hits if hit.group == "section.out-of-scope"]
        one_word = bool(cues) and all(len(cue.split()) == 1 and len(cue) < COMPOUND for cue in cues)
        if one_word and excludes < UNLIKELY and not self._excludes(title):
            roles.discard("out-of-scope")

    def chain(self, section: Section) -> tuple[str, ...]:
        """Return the roles of a section, nearest first."""
        known = self._chains.get(section)
        if known is None:
            tags = [_TAGS.get(t) or ("summary" if t.endswith("_summary") else "") for t in reversed(section.tags)]
            roles = [self.of_title(title) for title in reversed(section.titles)]
            if self.is_aside(section):
                roles = ["plan"]
            # the document's own title says what the file is, not what a statement is
            if len(section.titles) > 1 or (roles and roles[-1] in ("functional", "context") and self.part == "prd"):
                roles = roles[:-1] if _is_under_own_title(section) and len(roles) > 1 else roles
            labels = [role for label in reversed(section.labels) if (role := self.of_title(label)) in _LABEL_ROLES]
            found = [role for role in (*labels, *roles, *tags) if role]
            if not self._put_off.isdisjoint(section.lines):
                found.append("out-of-scope")
            if "in-scope" in found:  # "In scope" under "Boundaries" takes back what the heading above excludes
                kept = found[: found.index("in-scope") + 1]
                if "out-of-scope" in found[len(kept) :]:
                    self._taken_back.add(section)
                found = ["functional" if r == "in-scope" else r for r in kept]
            known = self._chains[section] = tuple(found)
        return known

    def is_aside(self, section: Section) -> bool:
        """Whether a section is about the document itself: its template, its checklist, its history.

        The title over everything doesn't make it one: a "Feature checklist" holds the features.
        """
        over_all = _is_under_own_title(section) and len(section.titles) > 1
        return any("section.aside" in self.words.groups(title) for title in section.titles[over_all:])

    def of(self, block: Block) -> str:
        """Return the nearest role of the section that ``block`` stands in, or ""."""
        chain = self.chain(block.section)
        if "out-of-scope" in chain:
            return "out-of-scope"
        if self._taken_back and block.section in self._taken_back and self._opens_negated(block.text):
            return "out-of-scope"
        if chain and chain[0] in _WEAK:
            if "section.entities" in self.words.groups(block.section.titles[-1] if block.section.titles else ""):
                return "data"
            # "Market data:" under "Functional requirements" is about a feature, not about the market
            stronger = next((role for role in chain if role not in _WEAK), "")
            return stronger if stronger in _STRONG else chain[0]
        return chain[0] if chain else ""

    def _excludes(self, title: str) -> bool:
        """Whether a line introduces what is left out: "The following features will not be built:"."""
        hits = self.words.hits(title[:160])
        groups = {hit.group for hit in hits}
        denied = any(hit.group == "negation" and hit.cue in _NOT for hit in hits)
        return denied and "scope-word" in groups and "condition" not in groups

    def _opens_negated(self, text: str) -> bool:
        """Whether a statement opens with a "no": ``No push notifications``."""
        return any(hit.group == "negation" and hit.start <= 1 for hit in self.words.hits(text[:24]))


def _is_under_own_title(section: Section) -> bool:
    """Whether the outermost title over a section is the document's own."""
    return bool(section.lines) and section.lines[0] <= FIRST_LINES
