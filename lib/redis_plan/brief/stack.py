"""The stack: technologies the documents name, with role, version and standing (chosen, alternative, rejected, later)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

from redis_plan import resources
from redis_plan.brief.lexicon import WORD, Lexicon, fold, tokens
from redis_plan.brief.model import Component, Role, Status
from redis_plan.brief.named import unknown_technologies
from redis_plan.brief.outline import Block, Section
from redis_plan.brief.sections import Roles

_VERSION = re.compile(r"^\s*(?:\(|v\.?|version\s|wersj\w+\s)?\s*\^?(\d+(?:\.(?:\d+|x))*\+?)(?![\w%])", re.IGNORECASE)
_OVER = re.compile(
    r"\b(?:over|instead of|rather than|zamiast|not|replac\w+|nie|leaving|away from|migrat\w+ from)\s+(?:\w+\s){0,3}$"
)
_PATH = re.compile(
    r"\b(?:upgrade path|migrate to|migration to|swapped (?:with|for)|can be replaced|enterprise:|at scale:?|if needed)[^.;]{0,60}$"
)
_EXAMPLES = re.compile(
    r"\b(?:(?:providers?|models?|modeli|dostawc\w+|platforms?)\s+\(|e\.g\.?|i\.e\.?|np\.|such as|like|takie jak|z\.b\.)[^.;]{0,40}$"
)
_A_VERB = re.compile(r"\s(?:on|the|a|an|all|each|to|in|from|into|every|only|by|your|their)\s")
_CHOICES = re.compile(r"\(([^()/]{2,30})/([^()/]{2,30})\)")
_PROVIDERS = re.compile(r"\b(?:providers?|models?|modeli|modele|dostawc\w+)\s+\([^()]*$")
#: Ways of talking that prose mentions in passing: components only where a stack is described.
_MANNERS = frozenset({"Server-Sent Events", "WebRTC", "GraphQL", "gRPC", "PWA"})
_AGAINST = re.compile(
    r"[^.;|]{0,90}\b(?:decided against|rejected|ruled out|overkill|not needed|discarded|odrzuc\w+|nie potrzeb\w+|zrezygnow\w+)"
)
_ECOSYSTEM = re.compile(r"\b(?:ecosystem|ekosystem\w*|compatible with|kompatybiln\w+ z)\s+(?:\w+\s+)?$")
#: "(OpenAI, Anthropic, Google and many others)": what a service gives access to, not what the team runs
_AND_OTHERS = re.compile(
    r"[^()]{0,80}\b(?:i wiele innych|i inne|and many others|and others|and more|etc)\b[^()]{0,10}\)"
)
_ALTERNATIVE_LINE = re.compile(r"\W*(?:alternativ\w*|alternatyw\w*|backup|option(?:al)?)\b")
_OR_BEFORE = re.compile(r"\b(?:or|lub|albo|oder)\s+(?:\S+/)?$")
_OR_AFTER = re.compile(r"[\w.+#-]+(?:\s[\w.]+)?\s+(?:or|lub|albo|oder)\s")


@cache
def technologies() -> tuple[dict[str, tuple[str, Role, str]], re.Pattern[str]]:
    """Return the catalogue: folded spelling -> (name, role, how it must be written), and a pattern of all spellings."""
    data = tomllib.loads((resources.catalog_dir() / "stack.toml").read_text(encoding="utf-8"))
    table: dict[str, tuple[str, Role, str]] = {}
    for role, entries in data["role"].items():
        for entry in entries:
            names = entry if isinstance(entry, list) else [entry]
            for spelling in names:
                table[fold(spelling)] = (names[0], role, "")
    for word in data["exact_case"]:
        name, role, _ = table[fold(word)]
        table[fold(word)] = (name, role, word)
    longest = sorted(table, key=len, reverse=True)
    return table, re.compile(r"(?<![\w@.-])@?(" + "|".join(re.escape(s) for s in longest) + r")(?![\w]|-[a-z])")


@cache
def _by_first_word() -> dict[str, list[tuple[str, int]]]:
    """The spellings by the word that they begin with, longest first, with where in them that word stands."""
    made: dict[str, list[tuple[str, int]]] = {}
    for spelling in sorted(technologies()[0], key=len, reverse=True):
        match = WORD.search(spelling)
        if match:
            made.setdefault(match.group(), []).append((spelling, match.start()))
    return made


_BEFORE = frozenset("@.-_")


def _mentions(folded: str, said: Sequence[tuple[str, int, int]]) -> Iterator[tuple[str, int, int]]:
    """Yield every listed spelling in a text with its place; each word is looked up once, so that cost stays linear."""
    spellings, done = _by_first_word(), 0
    for word, start, _ in said:
        for spelling, offset in spellings.get(word, ()):
            begin = start - offset
            if begin < done or not folded.startswith(spelling, begin) or _inside(folded, begin, begin + len(spelling)):
                continue
            yield spelling, begin, begin + len(spelling)
            done = begin + len(spelling)
            break


def _inside(folded: str, begin: int, end: int) -> bool:
    """Whether the text goes on before or after as one word: "go-live", "@x/react"."""
    begin -= begin > 0 and folded[begin - 1] == "@"
    before, after = folded[begin - 1 : begin] if begin else "", folded[end : end + 2]
    if before and (before.isalnum() or before in _BEFORE):
        return True
    return bool(after) and (after[0].isalnum() or after[0] == "_" or (after[0] == "-" and after[1:2].isalpha()))


@cache
def technology_words() -> frozenset[str]:
    """Return the spellings of one word, folded: a number after one of them is its version."""
    return frozenset(spelling for spelling in technologies()[0] if " " not in spelling) | {"css", "ui"}


@cache
def _families() -> tuple[tuple[re.Pattern[str], str, Role], ...]:
    """Return for each member of a family its pattern in a list that opens with the family's name."""
    data = tomllib.loads((resources.catalog_dir() / "stack.toml").read_text(encoding="utf-8"))
    table, _ = technologies()
    made = []
    for family, members in data["family"].items():
        for member in members:
            name, role, _ = table[fold(f"{family} {member}")]
            made.append((re.compile(rf"^[^.]{{0,40}}\b{family}\b[^.]{{0,160}},\s*{member}\b"), name, role))
    return tuple(made)


def read_stack(blocks: Sequence[Block], roles: Roles, words: Lexicon, is_stack_file: bool) -> Iterator[Component]:
    """Yield every technology that a document names, in order of line."""
    table, pattern = technologies()
    firsts = _by_first_word().keys()
    strangers = words.words("not_technology")
    titled: dict[Section, bool] = {}
    for block in blocks:
        text = block.text
        folded, said = tokens(text)
        if is_stack_file or roles.of(block) == "stack":
            for listed, name, kind in _families():
                if block.kind != "code" and listed.match(text):
                    yield Component(name, kind, block.file, block.line)
        section = block.section
        if section not in titled:
            titled[section] = "section.technology" in words.groups(" | ".join(section.titles))
        if is_stack_file or titled[section]:
            yield from unknown_technologies(block, pattern, words)
        if firsts.isdisjoint(word for word, _, _ in said):
            continue
        role = roles.of(block)
        line_offsets = None
        for spelt, begin, end in _mentions(folded, said):
            name, kind, exact = table[spelt]
            described = is_stack_file or role == "stack"
            if spelt in strangers or _is_word(text, folded, (begin, end), name, exact, described):
                continue
            if block.kind == "code" and not is_stack_file:
                continue
            version = _VERSION.match(text[end : end + 16]) or _package_version(text, end)
            line = block.line
            if "\n" in text:
                line_offsets = line_offsets if line_offsets is not None else text
                line += line_offsets.count("\n", 0, begin)
            status = _status(folded, begin, role, roles.chain(block.section), words, is_stack_file)
            spelling = text[begin:end] if block.kind != "code" and fold(name) != spelt else ""
            yield Component(name, kind, block.file, line, version.group(1) if version else None, status, spelling)


def _is_word(text: str, folded: str, span: tuple[int, int], name: str, exact: str, described: bool) -> bool:
    """Whether what was found is no technology here: a manner of talking, an ordinary word, a verb, part of a path."""
    begin, end = span
    if (name in _MANNERS and not described) or (exact and text[begin:end] != exact):
        return True
    if exact and not begin and not described and _A_VERB.match(folded, end):
        return True  # "Render on each frame": a sentence that begins with a verb
    if exact and not begin and not described and _is_adjective(exact, folded[end : end + 40]):
        return True
    return bool(begin) and folded[begin - 1] == "/" and not text[begin].isupper()


@cache
def _adjectives() -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that are adjectives, too, and the words that technologies stand before."""
    data = tomllib.loads((resources.catalog_dir() / "stack.toml").read_text(encoding="utf-8"))
    return frozenset(data["adjectives"]), frozenset(data["said_of_technologies"])


def _is_adjective(name: str, after: str) -> bool:
    """Whether a name that opens a line says something of the noun after it: "Sharp turns", not "Sharp resizes images"."""
    adjectives, beside = _adjectives()
    noun = re.match(r"\s+([^\W\d_]{3,})(?![\w.])", after)
    return name in adjectives and noun is not None and noun.group(1) not in beside


def _package_version(text: str, end: int) -> re.Match[str] | None:
    return re.match(r'"\s*:\s*"[\^~]?(\d+(?:\.[\dx]+)*)', text[end : end + 24])


def _status(folded: str, begin: int, role: str, chain: Sequence[str], words: Lexicon, is_stack_file: bool) -> Status:
    before, after = folded[max(0, begin - 70) : begin], folded[begin : begin + 200]
    if role in ("out-of-scope", "rejected") or _OVER.search(before) or _AGAINST.match(after):
        return "rejected"
    if _EXAMPLES.search(before[-60:]) and (not is_stack_file or _PROVIDERS.search(before)):
        return "mentioned"
    if _ECOSYSTEM.search(before) or _AND_OTHERS.match(after):
        return "mentioned"
    if _either(folded, begin):
        return "alternative"
    if _PATH.search(before):
        return "alternative"
    if _ALTERNATIVE_LINE.match(folded) or _OR_BEFORE.search(before) or _OR_AFTER.match(after):
        return "alternative"
    if role == "plan":
        return "mentioned"
    if re.match(r"[^.;,]{0,24}\((?:later|pozniej|future|optional)", after):
        return "later"
    return "chosen"


def _either(folded: str, begin: int) -> bool:
    """Whether the name stands in a bracket with another one of its kind: ``Go (Echo/Fiber)`` has not chosen yet."""
    table = technologies()[0]
    for match in _CHOICES.finditer(folded, max(0, begin - 40), begin + 80):
        if match.start() < begin < match.end():
            one, other = (table.get(match.group(n).strip()) for n in (1, 2))
            return one is not None and other is not None and one[1] == other[1]
    return False


def merge_stack(components: Sequence[Component]) -> tuple[Component, ...]:
    """Return one component a name: the first chosen mention, with the first version that any mention gives."""
    best: dict[str, Component] = {}
    rank: dict[Status, int] = {
        "chosen": 0,
        "later": 1,
        "alternative": 2,
        "superseded": 3,
        "mentioned": 4,
        "rejected": 5,
    }
    for component in components:
        old = best.get(component.name)
        if old is None:
            best[component.name] = component
            continue
        better = component if rank[component.status] < rank[old.status] else old
        version = better.version or old.version or component.version
        best[component.name] = replace(better, version=version)
    return tuple(best.values())
