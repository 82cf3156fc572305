"""Restrictions: what may not be in Redis here, or not for everyone, each with the line that says so.

"elsewhere": another system owns that live state, so that this one holds a copy at most. "hidden": some may never receive it, so that it is in
no snapshot and no event. "no-place": a role that watches and takes no place. A sentence is one of them where the model that is trained on
``data/catalog/examples/restrictions.toml`` says so; what it speaks of are the entities it names.
"""

from __future__ import annotations

from collections.abc import Sequence

from redis_plan.brief import examples, learnt
from redis_plan.brief.evidence import Said, likelihoods
from redis_plan.brief.lexicon import fold
from redis_plan.brief.model import Entity, Restriction

TASK = MODEL = "restrictions"
#: The more a restriction takes out of a design, the more clearly it has to be said.
HELD_FROM = {"elsewhere": 0.65, "hidden": 0.55, "no-place": 0.45}
MOST = 24


def read_restrictions(lines: Sequence[Said], entities: Sequence[Entity]) -> tuple[Restriction, ...]:
    """Return the restrictions that ``lines`` state, in their order."""
    model = learnt.model(MODEL)
    if model is None or not lines:
        return ()
    likely = likelihoods(model, lines)
    found = []
    for said, row in zip(lines, likely, strict=True):
        best = int(row.argmax())
        kind = model.labels[best]
        if row[best] >= HELD_FROM[kind]:
            near = examples.nearest(TASK, said.text, kind)
            names = tuple(e.name for e in entities if _names(e, said.text))
            found.append(
                Restriction(
                    kind, said.text, names, said.file, said.line, near[0] if near else "", round(float(row[best]), 2)
                )
            )
    return tuple(found[:MOST])


def _names(entity: Entity, text: str) -> bool:
    folded = f" {fold(text)} "
    return any(
        f" {fold(name)}" in folded or (not name.isascii() and fold(name) in folded)
        for name in (entity.name, *entity.aliases)
    )
