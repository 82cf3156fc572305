"""Deciding: a decision whose words are a template beside its chapter, in the form in which the plan prints a record.

A template has a heading ``### D-05a  Title``, then a line each for ``**Question.**``, ``**Decision.**``, ``**Because.**`` and
``**Costs.**``; under ``**Instead of.**`` stands a line for each alternative, ``- name :: its best number``, and the naive one
begins ``- naive:``. What a decision holds while is code: numbers that are compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from redis_plan.evidence.decision import Alternative, Decision, Guard
from redis_plan.words import words

_HEADING = re.compile(r"^### (D-\d\d[a-z]+)  (.+)$", re.MULTILINE)
_PART = re.compile(
    r"^\*\*(Question|Decision|Because|Instead of|Costs)\.\*\*[ \n]?(.*?)(?=^\*\*|\Z)", re.MULTILINE | re.DOTALL
)
_ALTERNATIVE = re.compile(r"^- (naive: )?(.+?) :: (.+)$", re.MULTILINE)


def decided(template: str, guards: Iterable[Guard], requirements: Iterable[str] = (), **given: object) -> Decision:
    """Return the decision that the template at the place ``template`` words, with the names ``given``.

    Raises ``ValueError`` where a part of it is missing, and ``jinja2.UndefinedError`` for a name that is not given.
    """
    text = words.filled(template, given)
    heading, parts = _HEADING.search(text), {name: said.strip() for name, said in _PART.findall(text)}
    alternatives = tuple(
        Alternative(name, best, bool(naive)) for naive, name, best in _ALTERNATIVE.findall(parts.get("Instead of", ""))
    )
    missing = [name for name in ("Question", "Decision", "Because", "Costs") if not parts.get(name)]
    if heading is None or missing or not alternatives:
        raise ValueError(f"{template}.md.j2: no {', '.join(missing) or ('alternative' if heading else 'heading')}")
    return Decision(
        id=heading[1], title=heading[2], question=parts["Question"], decision=parts["Decision"], because=parts["Because"],
        instead_of=alternatives, costs=parts["Costs"], holds_while=tuple(guards), requirements=tuple(requirements),
    )  # fmt: skip
