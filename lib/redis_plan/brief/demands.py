"""Demands: which lines state one, of which kind, and which are about state that several people share live.

Three learnt models look at the same features of a line: what it says and what stands over it (encoded), what those titles mean, and its
marks. What a list's items are is mostly the same, so whether a line is a demand is drawn towards what its list is; whether it is live is
bounded by the document, whose surest demands must be live together. Where they are, a line that is live itself is hardly anything but a
demand, however it is set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from redis_plan.brief import encoder, learnt
from redis_plan.brief.learnt import Matrix, Model
from redis_plan.brief.lines import MARKS, Lines
from redis_plan.brief.meaning import PURPOSES, purposes
from redis_plan.brief.model import RequirementKind

KINDS: tuple[RequirementKind, ...] = ("functional", "non-functional", "constraint")
#: Features of a line, in the order of the weights: its text, its titles, what they mean (nearest, any above), its marks.
WIDTH = 2 * encoder.SIZE + 2 * len(PURPOSES) + len(MARKS)
#: So many lines of a document are encoded at most; of longer lists the first ones speak for the others.
MOST_ENCODED = 1200
#: And so many titles, those over most lines.
MOST_HEADINGS = 500
#: Of so many lines the features are held at once, 20 MB; all of a large document would take hundreds.
AT_ONCE = 4096
#: How far a line is drawn towards the mean of its list (in log odds): 0 not at all, 1 entirely.
TOGETHER = 0.4
#: A document whose surest demands are less probably live than this, and none says so outright, shares nothing live: what seems a little live
#: there is not. Documents that share nothing come up to .63, those that do begin at .67, in our own documents and in the corpus.
SURELY_LIVE = 0.66
#: The surest are three: one line alone is often judged wrong. A short document has fewer, one for each eight demands; where that is one, it
#: decides sooner, since little else is said.
SUREST, DEMANDS_FOR_ONE, ALONE_LIVE = 3, 8, 0.5
#: In a document that shares something live, a line that is live from this probability on needs no more than that to be a demand: steps of a
#: flow, names of events and nested points are demands that nothing but their meaning shows. Not so planning notes, which decide, and rows with
#: a figure, which state it. Left out, F1 of live demands rose from .68 to .71 with it, of demands from .865 to .872; on eleven projects that
#: nobody tuned on from .48 to .54 and from .85 to .90.
PLAINLY_LIVE, HARDLY = 0.5, 0.1

#: Under a title that most probably is about one of these, a line must be so much more probable to count.
ELSEWHERE = ("metrics", "options", "questions", "glossary", "template", "plan", "scenario")
PROBABLY, MORE = 0.5, 0.2


def features(lines: Lines) -> Matrix:
    """Return the features of each line, a row each."""
    return _Seen.of(lines).rows(0, len(lines.lines))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the features are made of: rows, few of which differ, and for each line the numbers of its own."""

    texts: Matrix
    headings: Matrix
    nearest: Matrix  # what the nearest title means
    above: Matrix  # what any title above does
    places: NDArray[np.intp]  # for each line its rows of texts, of headings, and of nearest and above
    marks: Matrix

    @classmethod
    def of(cls, lines: Lines) -> _Seen:
        """Encode what is to be encoded of ``lines``."""
        texts, text_of = _encoded(lines)
        headings, heading_of = encoder.distinct(lines.headings, MOST_HEADINGS)
        number: dict[tuple[str, ...], int] = {}
        chain_of = [number.setdefault(line.block.section.titles, len(number)) for line in lines.lines]
        known = sorted({title for chain in number for title in chain})
        meant = dict(zip(known, purposes(known), strict=True))
        nothing = np.zeros(len(PURPOSES), dtype=np.float32)
        nearest = [meant[chain[-1]] if chain else nothing for chain in number]
        # the document's own title is over everything and means nothing here
        above = [np.max([meant[t] for t in chain[1:]], axis=0) if len(chain) > 1 else nothing for chain in number]
        both = np.array(nearest + above, dtype=np.float32).reshape(2, len(number), len(PURPOSES))
        places = np.array([text_of, heading_of, chain_of], dtype=np.intp)
        return cls(texts, headings, both[0], both[1], places, lines.marks)

    def rows(self, start: int, stop: int) -> Matrix:
        """Return the features of the lines from number ``start`` to before ``stop``."""
        text, heading, chain = self.places[:, start:stop]
        marks = self.marks[start:stop]
        return np.hstack([self.texts[text], self.headings[heading], self.nearest[chain], self.above[chain], marks])


def _encoded(lines: Lines) -> tuple[Matrix, NDArray[np.intp]]:
    """Return rows of what lines say, and for each line the number of its own: of a long list the mean of its first ones."""
    texts = lines.texts
    if len(texts) <= MOST_ENCODED:
        return encoder.distinct(texts)
    seen: dict[int, int] = {}
    ranks = []
    for line in lines.lines:
        ranks.append(seen.get(line.siblings, 0))
        seen[line.siblings] = ranks[-1] + 1
    chosen = sorted(sorted(range(len(texts)), key=lambda n: (ranks[n], n))[:MOST_ENCODED])
    rows = encoder.encode([texts[n] for n in chosen])
    of_list: dict[int, list[int]] = {}
    for place, n in enumerate(chosen):
        of_list.setdefault(lines.lines[n].siblings, []).append(place)
    nothing = np.zeros((1, encoder.SIZE), dtype=np.float32)
    means = [rows[places].mean(axis=0) for places in of_list.values()]
    mean_of = {number: place for place, number in enumerate(of_list, len(rows) + 1)}
    found = np.array([mean_of.get(line.siblings, len(rows)) for line in lines.lines], dtype=np.intp)
    found[chosen] = np.arange(len(rows))
    return np.vstack([rows, nothing, *means]), found


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the models say of each line: how probable a demand is, which kind it would be, how probably it is live."""

    demand: NDArray[np.float32]
    is_demand: NDArray[np.bool_]
    kind: tuple[RequirementKind, ...]
    live: NDArray[np.float32]
    is_live: NDArray[np.bool_]


def judge(lines: Lines) -> Judgement | None:
    """Return what the models say of ``lines``; None where no weights are there."""
    demand, kind, live = (learnt.model(name) for name in ("demand", "kind", "realtime"))
    if demand is None or kind is None or live is None:
        return None
    if not lines.lines:
        nothing, no = np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.bool_)
        return Judgement(nothing, no, (), nothing, no)
    weights = (demand, kind, live)
    seen, size = _Seen.of(lines), len(lines.lines)
    parts = [_judged(seen.rows(start, min(start + AT_ONCE, size)), weights) for start in range(0, size, AT_ONCE)]
    demanding, kinds_of, moving_of, elsewhere = (np.concatenate(part) for part in zip(*parts, strict=True))
    groups = [line.siblings for line in lines.lines]
    likely = drawn_together(demanding, groups, TOGETHER)[:, 0]
    moving = moving_of[:, 0]
    kinds = tuple(KINDS[n] for n in kinds_of.argmax(axis=1))
    stricter = MORE * (elsewhere >= PROBABLY)
    needed = demand.thresholds[0] + stricter
    is_demand = likely >= needed
    is_live = moving >= live.thresholds[0]
    outright = lines.marks[:, MARKS.index("realtime.strong")] > 0
    # what describes a story is hardly a demand of its own, and says whether the story is live
    asked = likely >= needed / 2
    shares = shares_live(moving[is_demand]) or bool((asked & is_live & outright).any())
    if shares:
        is_demand |= (moving >= PLAINLY_LIVE) & (likely >= HARDLY + stricter) & ~_states_what_is(lines.marks)
    return Judgement(likely, is_demand, kinds, moving, is_live & shares)


def _judged(rows: Matrix, models: Sequence[Model]) -> tuple[Matrix, ...]:
    """Return what each of ``models`` says of the lines with these features, and how probably they stand elsewhere."""
    return (*(model.probabilities(rows) for model in models), _elsewhere(rows))


def shares_live(moving: NDArray[np.float32]) -> bool:
    """Whether the demands of a document, each so probably live, share anything live: its surest ones together say so.

    >>> shares_live(np.array([0.9, 0.3] + [0.0] * 14, dtype=np.float32)), shares_live(np.array([0.6, 0.1], dtype=np.float32))
    (False, True)
    """
    if not len(moving):
        return False
    count = min(SUREST, max(1, len(moving) // DEMANDS_FOR_ONE))
    return float(np.sort(moving)[-count:].mean()) >= (SURELY_LIVE if count > 1 else ALONE_LIVE)


def _states_what_is(marks: Matrix) -> NDArray[np.bool_]:
    """Return which lines decide or give a figure, by their marks: what is live there is a fact, not a demand."""
    notes, row, digit = (marks[:, MARKS.index(mark)] > 0 for mark in ("notes", "row", "digit"))
    return np.asarray(notes | (row & digit))


def _elsewhere(seen: Matrix) -> NDArray[np.float32]:
    """Return how probably the nearest title of each line is about something that demands nothing."""
    nearest = seen[:, 2 * encoder.SIZE :][:, : len(PURPOSES)]
    return np.asarray(nearest[:, [PURPOSES.index(purpose) for purpose in ELSEWHERE]].sum(axis=1), dtype=np.float32)


def drawn_together(probabilities: Matrix, groups: Sequence[int], share: float) -> Matrix:
    """Return ``probabilities`` with each drawn by ``share`` towards the mean of its group, in log odds.

    >>> drawn_together(np.array([[0.9], [0.9], [0.1]], dtype=np.float32), [1, 1, 2], 0.5).round(2).ravel().tolist()
    [0.9, 0.9, 0.1]
    """
    clipped = np.clip(probabilities, 1e-4, 1 - 1e-4)
    odds = np.log(clipped / (1 - clipped))
    number = {group: n for n, group in enumerate(dict.fromkeys(groups))}
    index = np.array([number[group] for group in groups])
    sums = np.zeros((len(number), odds.shape[1]), dtype=np.float32)
    np.add.at(sums, index, odds)
    means = sums / np.bincount(index, minlength=len(number))[:, None]
    mixed = (1 - share) * odds + share * means[index]
    return np.asarray(1 / (1 + np.exp(-mixed)), dtype=np.float32)
