"""Contradictions: what one statement demands and another excludes.

Numbers that disagree are the business of ``conflicts``; here whole statements meet. A demand and an exclusion are
about one thing when all telling words of the shorter one occur in the other: a stem of five letters stands for a word,
so that inflected languages meet too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from redis_plan.brief.lexicon import Lexicon, tokens
from redis_plan.brief.model import Note, Remark, Requirement

#: Fewer telling words than this are too little to tell what a statement is about; more are a story of its own.
FEWEST, MOST = 2, 8
STEM = 5
MOST_REMARKS = 12
_CUES = frozenset({"negation", "section.out-of-scope", "modal"})
_PLAIN = frozenset("mvp app application user users product system feature features support full advanced first version release phase scope out future later integration integrations".split())  # noqa: SIM905  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Statement:
    text: str
    file: str
    line: int
    stems: frozenset[str]


def find_contradictions(
    requirements: Sequence[Requirement], notes: Sequence[Note], words: Lexicon
) -> tuple[Remark, ...]:
    """Return a remark for each demand that another statement excludes."""
    excluded = [_statement(r.text, r.file, r.line, words) for r in requirements if r.kind == "out-of-scope"]
    excluded += [_statement(n.text, n.file, n.line, words) for n in notes if n.kind == "decision" and _negated(n.text, words)]  # fmt: skip
    if not excluded:
        return ()
    demands = [
        _statement(r.text, r.file, r.line, words)
        for r in requirements
        if r.kind in ("functional", "non-functional") and r.parent_line is None
    ]
    demands += [_statement(n.text, n.file, n.line, words) for n in notes if n.kind == "decision" and not _negated(n.text, words)]  # fmt: skip
    return tuple(_statements(demands, excluded))


def _statements(demands: Sequence[_Statement], excluded: Iterable[_Statement]) -> list[Remark]:
    index: dict[str, list[int]] = {}
    for number, demand in enumerate(demands):
        for stem in demand.stems:
            index.setdefault(stem, []).append(number)
    remarks: list[Remark] = []
    for out in excluded:
        if not FEWEST <= len(out.stems) <= MOST:
            continue
        rarest = min(out.stems, key=lambda stem: len(index.get(stem, ())))
        for number in index.get(rarest, ())[:50]:
            demand = demands[number]
            if out.stems <= demand.stems and (demand.file, demand.line) != (out.file, out.line):
                text = f"“{_short(demand.text)}” ({demand.file}:{demand.line}) is demanded, and excluded by “{_short(out.text)}” ({out.file}:{out.line})"
                remarks.append(Remark("conflict", text, demand.file, demand.line))
                break
        if len(remarks) >= MOST_REMARKS:
            break
    return remarks


def _negated(text: str, words: Lexicon) -> bool:
    return bool(words.groups(text) & {"negation", "section.out-of-scope"})


def _statement(text: str, file: str, line: int, words: Lexicon) -> _Statement:
    said = {word for word, *_ in tokens(text)[1] if len(word) > 2}
    said -= words.words("stopwords")
    said -= words.words("uncounted")
    said -= _PLAIN
    if not _CUES.isdisjoint(words.groups(text)):
        said -= {word for hit in words.hits(text) if hit.group in _CUES for word, *_ in tokens(text[hit.start : hit.end])[1]}  # fmt: skip
    stems = {word[:STEM] for word in said}
    return _Statement(text, file, line, frozenset(stems))


def _short(text: str, limit: int = 80) -> str:
    return text if len(text) <= limit else text[: limit - 1].rsplit(" ", 1)[0] + "…"
