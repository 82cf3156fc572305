"""Words of the plan itself: templates, in ``templates/`` beside this module, filled with the design and with what was measured.

A template says a sentence once; what it says of a project comes from the Brief, the keyspace and the evidence. A number
in it wears its grade, and a paragraph cites once.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import jinja2

from redis_plan import units
from redis_plan.brief.model import Brief, Fact
from redis_plan.evidence.store import Evidence, write_value
from redis_plan.keyspace import chain, functions, periods
from redis_plan.keyspace.cues import plural, with_article
from redis_plan.keyspace.model import Keyspace

TEMPLATES = Path(__file__).parent / "templates"


@cache
def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # what is rendered is Markdown, no HTML
    )
    made.filters |= {"n": number, "cite": cite, "write": units.write, "fact": fact, "a": with_article, "plural": plural}
    made.tests["ran"] = lambda record: record is not None and not record.not_run
    return made


def number(record: Evidence, name: str) -> str:
    """Return a measured value as it is written everywhere, without its interval, which the record has."""
    return write_value(record[name])


def cite(record: Evidence, grade: str = "measured") -> str:
    """Return where a number comes from: ``measured, [E-04a]``."""
    return f"{grade}, [{record.id}]"


def fact(found: Fact) -> str:
    """Return a fact with its place: ``2 s (prd.md:9)``."""
    return f"{units.write(found.value, found.unit)} ({found.where})"


def render(template: str, brief: Brief, keyspace: Keyspace, **more: object) -> str:
    """Fill ``templates/<template>.md.j2`` for a project; ``more`` are evidence records and tables, by the names it uses.

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
        "sessions": not functions.missing(keyspace),
        "noun": noun,
        "nouns": plural(noun),
        "member": member,
        "members": plural(member),
    }
    text = _environment().get_template(f"{template}.md.j2").render(given | more)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def inert(text: str) -> str:
    """Return text of the team's documents as inert Markdown on one line."""
    return re.sub(r"([<>|`\[\]])", r"\\\1", " ".join(text.split()))
