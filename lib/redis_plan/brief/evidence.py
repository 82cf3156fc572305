"""Evidence: which uses of Redis the sentences of the documents call for, each with the lines that say so.

Every line that is no code and not excluded is compared with our own example demands (``data/catalog/examples/uses.toml``) by a
linear model over the encoder's vectors that is trained on those examples alone. What counts for a document is how strongly
its strongest line calls for a use, and the next two a little: many weak ones say nothing. Whether a use is taken is decided later, beside the entities and the document as a whole (``keyspace.deciding``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from redis_plan.brief import documents, encoder, examples, learnt
from redis_plan.brief.given import FEWEST_LETTERS, given_for
from redis_plan.brief.learnt import Matrix, Model
from redis_plan.brief.lexicon import Lexicon
from redis_plan.brief.model import Requirement, UseEvidence
from redis_plan.brief.outline import Block
from redis_plan.brief.own_design import knowledge

#: The task under which the examples and the model of the lines are found.
TASK = "uses"
LINE_MODEL = "use-lines"
#: So many lines are judged at most; in a longer document the demands first, then the rest in order.
MOST_LINES = 1000
#: Where one clause ends and another begins; shorter pieces are none.
_CLAUSE = re.compile(r"[;；]\s*|(?<=[.!?])\s+(?=\S)|(?<=[。！？])|\s\|\s")
FEWEST_IN_CLAUSE = 12
#: So likely is a use that a document names as what Redis is for: it is decided, whatever its sentences say.
GIVEN = 0.9
#: What the strongest lines count in the evidence of a document: one explicit demand is enough, three are sure.
STRONGEST = (0.7, 0.2, 0.1)
#: What a line counts that tells in the tech stack what a tool can do: the product need not ask for it. Where it names a
#: server of ours it is a choice, and counts whole.
OF_A_TOOL = 0.3
_SERVER = re.compile(r"redis|valkey", re.IGNORECASE)
#: From this likelihood on a line is cited for a use.
CITED_FROM = 0.3
MOST_CITED = 12


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a document, and the requirement that it is, if it is one."""

    text: str
    file: str
    line: int
    requirement: str = ""
    realtime: bool = False
    uses: frozenset[str] = frozenset()  # what it names as what Redis is for
    counts: float = 1.0  # as evidence for a use


def lines_of(
    blocks: Iterable[tuple[Block, bool]], requirements: Sequence[Requirement], languages: Mapping[str, str]
) -> list[Said]:
    """Return the lines that count; ``blocks`` come each with whether its section excludes it, ``languages`` by file."""
    demands = {(r.file, r.line): r for r in requirements if r.kind != "out-of-scope"}
    excluded = {(r.file, r.line) for r in requirements if r.kind == "out-of-scope"}
    found, seen, others = list[Said](), set(), 0
    for block, out in blocks:
        at = (block.file, block.line)
        if at in excluded or (out and at not in demands) or block.kind == "code" or len(block.text) < FEWEST_LETTERS:
            continue
        demand = demands.get(at)
        seen.add(at)
        if demand is None and others >= MOST_LINES:
            continue  # only demands still come before what is there
        others += demand is None
        tool = demand is None and block.file in documents.NAMES["stack"] and not _SERVER.search(block.text)
        counts = OF_A_TOOL if tool else 1.0
        found.append(
            Said(block.text, *at, demand.id if demand else "", bool(demand and demand.realtime), counts=counts)
        )
        given = given_for(block.text, languages.get(block.file, "")) if others < MOST_LINES else ()
        parts = [Said(part, *at, uses=uses) for part in given if (uses := _purposes().groups(part))]
        found += parts
        others += len(parts)
    found += [Said(r.text, r.file, r.line, r.id, r.realtime) for at, r in demands.items() if at not in seen]
    if len(found) > MOST_LINES:
        found = sorted(found, key=lambda one: not one.requirement)[:MOST_LINES]
    return found


@cache
def _purposes() -> Lexicon:
    made = Lexicon((), {})
    for use, words in knowledge()["given_for"].items():
        for word in words:
            made.add(use, word)
    made.finish()
    return made


def read_evidence(lines: Sequence[Said]) -> tuple[UseEvidence, ...]:
    """Return for each use what ``lines`` say for it, strongest first; nothing where there are no lines."""
    model = learnt.model(LINE_MODEL)
    if model is None or not lines:
        return ()
    likely = likelihoods(model, lines) * np.array([[one.counts] for one in lines], dtype=np.float32)
    found = [_evidence(use, likely[:, column], lines) for column, use in enumerate(model.labels)]
    return tuple(sorted(found, key=lambda one: (-one.strength, one.use)))


def likelihoods(model: Model, lines: Sequence[Said]) -> Matrix:
    """Return for each line how likely each label of ``model`` is: as likely as for the line as a whole or for one of its clauses."""
    likely = model.probabilities(encoder.encode([one.text for one in lines]))
    parts = [(n, clause) for n, one in enumerate(lines) if one.requirement for clause in clauses(one.text)]
    for n, one in enumerate(lines):
        columns = [model.labels.index(use) for use in one.uses if use in model.labels]
        likely[n, columns] = np.maximum(likely[n, columns], GIVEN)
    if parts:
        np.maximum.at(likely, [n for n, _ in parts], model.probabilities(encoder.encode([text for _, text in parts])))
    return likely


def clauses(text: str) -> list[str]:
    """Return the clauses of a line that says several things, none of a line that says one.

    >>> clauses("A race has 12 places; watchers don't take one.")
    ['A race has 12 places', "watchers don't take one."]
    """
    found = [part.strip() for part in _CLAUSE.split(text) if len(part.strip()) >= FEWEST_IN_CLAUSE]
    return found if len(found) > 1 else []


def of_demands(requirements: Sequence[Requirement]) -> tuple[UseEvidence, ...]:
    """Return the evidence of ``requirements`` alone: for a Brief that was written by hand."""
    demands = [r for r in requirements if r.kind != "out-of-scope"]
    return read_evidence([Said(r.text, r.file, r.line, r.id, r.realtime) for r in demands])


def _evidence(use: str, likely: Matrix, lines: Sequence[Said]) -> UseEvidence:
    order = np.argsort(-likely, kind="stable")
    first = lines[int(order[0])]
    near = examples.nearest(TASK, first.text, use)
    cited = [lines[int(n)] for n in order[: 4 * MOST_CITED] if likely[n] >= CITED_FROM and lines[int(n)].requirement]
    cited.sort(key=lambda one: not one.realtime)
    said = float(np.dot(likely[order[: len(STRONGEST)]], STRONGEST[: len(order)]))
    return UseEvidence(
        use=use,
        strength=round(max(said, GIVEN) if any(use in one.uses for one in lines) else said, 4),
        lines=int((likely >= CITED_FROM).sum()),
        requirements=tuple(dict.fromkeys(one.requirement for one in cited))[:MOST_CITED],
        file=first.file,
        line=first.line,
        text=first.text[:200],
        example=near[0] if near else "",
        alike=round(near[1], 2) if near else 0.0,
    )
