"""Words of the plan itself: templates, each beside its chapter, filled with the design and with what was measured.

A template says a sentence once; what it says of a project comes from the Brief, the keyspace and the chapter's typed
findings. A number in it wears its grade, and a paragraph cites once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import jinja2

from redis_plan import units
from redis_plan.actions import catalog
from redis_plan.brief.model import Brief, Fact
from redis_plan.brief.reconcile.catalogue import catalogue
from redis_plan.evidence.findings import Found, Number
from redis_plan.keyspace import chain, expression, functions, periods
from redis_plan.keyspace.cues import plural, with_article
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import gateway_bounds

#: Templates are named by their place in the package, such as ``chapters/expiry/expiry``.
TEMPLATES = Path(__file__).parents[1]


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # what is rendered is Markdown, no HTML
    )
    made.filters |= {
        "cite": cite, "whole": whole, "bare": bare, "write": units.write, "fact": fact, "a": with_article, "plural": plural,
        "significant": units.significant,
    }  # fmt: skip
    return made


def cite(found: Found, grade: str = "measured") -> str:
    """Return where a number comes from: ``measured, [E-04a]``."""
    return f"{grade}, [{found.id}]"


def whole(counted: Number | float) -> str:
    """Return a count without its unit: ``12,000``."""
    return f"{counted:,.0f}"


def bare(number: Number) -> str:
    """Return a number as a command or a setting takes it: ``104857600``."""
    return f"{number:.0f}"


def fact(found: Fact) -> str:
    """Return a fact with its place: ``2 s (prd.md:9)``."""
    return f"{units.write(found.value, found.unit)} ({found.where})"


def facts_used(brief: Brief, keyspace: Keyspace) -> tuple[Fact, ...]:
    """Return the facts that this design rests on.

    A lifetime that no key has is none of them, nor what is about a use that it has not, and without keys none is.
    """
    if not keyspace.keys:
        return ()
    of_use = {name: entry.of_use for name, entry in catalogue().items()}
    uses = {"", *(p.use for p in keyspace.patterns)}
    taken = {p.fact for action in keyspace.actions for p in catalog.kind_of(action).parameters}
    formulas = {name for p in keyspace.keys for name in expression.facts_in(p.ttl.expression or 0)}
    about = {f.name for f in brief.facts if not f.name.endswith("_ttl") and of_use.get(f.name, "") in uses}
    return tuple(f for f in brief.facts if f.name in about | taken | formulas)


def render(template: str, brief: Brief, keyspace: Keyspace, **more: object) -> str:
    """Fill the template at the place ``template`` for a project; ``more`` are findings and tables, by the names it uses.

    Raises ``jinja2.UndefinedError`` where the template uses a name that is not given.
    """
    noun, member = keyspace.session_noun, keyspace.member_noun
    given: dict[str, object] = {
        "brief": brief,
        "keyspace": keyspace,
        "key": {pattern.name: pattern for pattern in keyspace.patterns},
        "facts": {found.name: found for found in brief.facts},
        "period": periods.periods(brief),
        "lease": chain.lease(brief),
        "gateway": gateway_bounds.bounds(),
        "sessions": not functions.missing(keyspace),
        "noun": noun,
        "nouns": plural(noun),
        "member": member,
        "members": plural(member),
    }
    text = _environment().get_template(f"{template}.md.j2").render(given | more)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def filled(template: str, given: Mapping[str, object]) -> str:
    """Fill the template at the place ``template`` with the names ``given`` and no others."""
    return _environment().get_template(f"{template}.md.j2").render(given).strip()


def inert(text: str) -> str:
    """Return text of the team's documents as inert Markdown on one line."""
    return re.sub(r"([<>|`\[\]])", r"\\\1", " ".join(text.split()))
