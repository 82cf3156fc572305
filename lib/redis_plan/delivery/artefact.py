"""An artefact: one generated file, and what all generators share."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import jinja2

from redis_plan.brief.model import Brief
from redis_plan.resources import catalog_dir


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file of ``ai/redis/``: its path there, its text and what it is for, in one line."""

    path: str
    text: str
    purpose: str

    @property
    def sha256(self) -> str:
        """The digest of its text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(catalog_dir() / "delivery")
    made = jinja2.Environment(
        loader=loader,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # what is rendered is code and Markdown, no HTML
    )
    made.filters["quote"] = quote
    made.filters["luaquote"] = "'{}'".format
    return made


def render(template: str, **names: object) -> str:
    """Fill a template of the catalog's ``delivery/``."""
    text = _environment().get_template(template).render(**names)
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)


def quote(text: str) -> str:
    """Return ``text`` as a string literal that Python and TypeScript read alike."""
    return json.dumps(text, ensure_ascii=False)


def serves(brief: Brief, ids: Iterable[str], most: int = 4) -> str:
    """Return demands as a reader knows them, ``US-011 (prd.md:89)``; the rest is counted."""
    where = {r.id: r.cited for r in brief.requirements}
    known = [where[id] for id in dict.fromkeys(ids) if id in where]
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more


def plain(text: str) -> str:
    """Return text of the catalog or of the documents on one line, safe inside a comment of any of our languages."""
    return " ".join(text.split()).replace("*/", "* /").replace('"""', "'''").replace("`", "").replace("\\", "/")
