"""Technologies that no list knows: names where a tech stack has names (``Frontend: Foo 3``, a table's technology column).

Only documents and sections about the stack are looked at. A name opens the place (after a label, if one is there), is
written like one, holds no plain word alone, and is followed by a version, a bracket, a dash or nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from redis_plan import resources
from redis_plan.brief.lexicon import Lexicon, fold
from redis_plan.brief.model import Component, Role
from redis_plan.brief.outline import Block

_NAME = re.compile(
    r"(?P<name>@?[A-Za-z][\w.+#/@-]*(?:\s[A-Z][\w.+#/-]*){0,3})(?:\s+v?(?P<version>\d+(?:\.[\dx]+)*\+?))?\s*(?=$|[,;(|]|\s[-–—+]\s|\s[-–—]|:\s)"
)
_LABEL = re.compile(r"(?P<label>[^:：]{2,40})[:：]\s+(?P<rest>\S.*)$", re.DOTALL)
#: "KeyBank Open API": the service of others that is called
_AN_API = re.compile(r"\b[A-Z][\w.]+(?:\s[A-Z]\w+){0,2}\sAPI\b")
#: A name's own signs: a digit, a dot, a capital inside, a slash or an at sign.
_TELLING = re.compile(r"[a-z][A-Z]|[\d.@/+#]|^[a-z]+-[a-z]+$|[A-Z][a-z]*-[a-z]+")


@cache
def _data() -> Mapping[str, Any]:
    return tomllib.loads((resources.catalog_dir() / "stack.toml").read_text(encoding="utf-8"))["unknown"]  # type: ignore[no-any-return]


@cache
def _plain() -> frozenset[str]:
    return frozenset(fold(word) for word in _data()["plain"])


@cache
def _roles() -> Lexicon:
    made = Lexicon((), {})
    for role, cues in _data()["labels"].items():
        for cue in cues:
            made.add(role, cue)
    made.finish()
    return made


def role_of(label: str) -> Role | None:
    """Return the role that a label or heading gives what stands under it, or None."""
    hits = _roles().hits(label[:80])
    return hits[0].group if hits else None  # type: ignore[return-value]


def unknown_technologies(block: Block, known: re.Pattern[str], words: Lexicon) -> Iterator[Component]:
    """Yield what ``block`` of a stack section names and ``known`` (the pattern of all listed spellings) doesn't hold."""
    title = block.section.titles[-1] if block.section.titles else ""
    if "section.sources" in words.groups(title):
        return
    for found in _AN_API.finditer(block.text):
        name = found.group()
        if not known.search(fold(name)) and fold(name.split()[0]) not in _plain():
            yield Component(name, "other", block.file, block.line)
    for place, role, version in _places(block, words):
        match = _NAME.match(place)
        if match is None or _known(match.group("name"), known) or not _is_name(match, role is not None, place):
            continue
        given = role or role_of(title) or "other"
        yield Component(match.group("name"), given, block.file, block.line, match.group("version") or version)


def _known(name: str, known: re.Pattern[str]) -> bool:
    """Whether the list has the name; a part of a family that it doesn't list ("Supabase CLI") is still to be named."""
    found = known.search(fold(name))
    return found is not None and not (found.end() < len(name) and fold(name).split()[-1] in _PARTS and " " in name)


def _places(block: Block, words: Lexicon) -> Iterator[tuple[str, Role | None, str | None]]:
    """Yield the texts of ``block`` that begin with a name, with the role that a label gives and a version beside it."""
    if block.kind == "row" and block.header:
        groups = [words.groups(cell) for cell in block.header]
        column = next((n for n, found in enumerate(groups) if "technology-column" in found), None)
        versions = next((n for n, found in enumerate(groups) if "version-column" in found), None)
        if column is not None and column < len(block.cells):
            number = block.cells[versions] if versions is not None and versions < len(block.cells) else ""
            first = role_of(block.cells[0]) if column else None
            yield block.cells[column], first, number if re.match(r"\d", number) else None
    elif block.kind == "item" or (block.kind == "paragraph" and not block.label_only and _LABEL.match(block.text)):
        label = _LABEL.match(block.text)
        if label is None:
            yield block.text, None, None
            return
        role = role_of(label.group("label"))
        if role is not None:
            for part in re.split(r",\s|\s\+\s|\s&\s", label.group("rest"))[:4]:
                yield part, role, None


def _is_name(match: re.Match[str], labelled: bool, place: str) -> bool:
    name = match.group("name")
    parts = re.split(r"[\s/-]", fold(name))
    if _A_PATH.search(name) or "@" in name[1:]:
        return False
    if len(name) < 2 or (name[0].islower() and not _TELLING.search(name)):
        return False
    if all(part in _plain() or part.isdigit() for part in parts) or fold(name) in _plain() or parts[-1] in _TITLES:
        return False
    whole = match.end() >= len(place.rstrip(" .")) or place[match.end() :].lstrip()[:1] == "("
    return bool(match.group("version") or _TELLING.search(name)) or (
        whole and (labelled or " " not in name or name.istitle())
    )


#: "src/lobby", "rooms.sql", "notes/register.md": files of theirs
_A_PATH = re.compile(
    r"\.(?:md|sql|py|tsx?|jsx?|json|ya?ml|toml|html?|css|sh|txt|lua|go|rs|java|env|csv|png|svg)$|^(?!@)\w+/\w+/|^/"
)
#: Last words of the parts that a family of products has
_PARTS = frozenset(
    {"cli", "sdk", "router", "form", "forms", "query", "admin", "kit", "adapter", "workers", "cloud", "api"}
)
#: Last words of headings and of features: "Environment Variables", "Rate Limiting" name nothing.
_TITLES = frozenset({"variables", "limiting", "management", "testing", "tests", "handling", "validation", "design", "layer", "pattern", "patterns", "support", "first",
                     "logging", "monitoring", "caching", "deployment", "mode", "based", "only", "requirements", "components", "functions", "queries", "security",
                     "rendering", "routing", "architecture", "api", "apis", "service", "services", "structure", "strategy", "policy", "policies", "endpoints", "events"})  # fmt: skip
