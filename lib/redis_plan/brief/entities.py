"""Entities: the things whose state the application keeps, merged across spellings and documents.

Three sources, the surest first: declarations (a domain model's bold names, tables, key patterns), nouns that the
lexicon knows, and nouns that the documents create, join, submit or delete without the lexicon knowing them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from redis_plan.brief.called import defined, subjects
from redis_plan.brief.declared import declarations, record_sections, spellings_of
from redis_plan.brief.discovered import English, Found
from redis_plan.brief.discovered_pl import Polish
from redis_plan.brief.lexicon import WORD, Lexicon, fold
from redis_plan.brief.meaning import PURPOSES, purposes
from redis_plan.brief.model import DECLARED, Attribute, Entity, Lifetime, Relation
from redis_plan.brief.outline import Block
from redis_plan.brief.sections import Roles

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(slots=True)
class _Candidate:
    name: str
    lifetime: Lifetime
    live: bool
    first: tuple[str, int] = ("", 0)
    mentions: int = 0
    demanded: int = 0
    modifying: int = 0  # times that it stands before the head of a compound: "reward rate"
    kept: int = 0  # times that a verb of keeping (create, save, delete …) stands before it
    titled: int = 0  # sections that are called after it and nothing else: "17. Coupon system"
    stated: bool = False  # a table of lifetimes has a row for it, or the glossary defines it as a kind of state
    spellings: Counter[str] = field(default_factory=Counter)
    declared: bool = False
    attributes: tuple[Attribute, ...] = ()


def folded_name(text: str) -> str:
    """Return a name for comparison: folded, camelCase split, plural s dropped."""
    words = WORD.findall(fold(_CAMEL.sub(" ", text)).replace("_", " "))
    return " ".join(
        w[:-3] + "y"
        if len(w) > 4 and w.endswith("ies")
        else w[:-1]
        if len(w) > 3 and w.endswith("s") and not w.endswith("ss")
        else w
        for w in words
    )


def entity_lexicon(words: Lexicon) -> Lexicon:
    """Return the entity nouns of the languages of ``words``; the cue's group is ``life|live|Name``."""
    known = _LEXICONS.get(words.languages)
    if known is None:
        known = _LEXICONS[words.languages] = _entity_lexicon(words)
    return known


def _heads(words: Lexicon) -> frozenset[str]:
    """Return the nouns of the lexicon that are one word: they may end a compound."""
    return frozenset(
        fold(spelling)
        for entry in words.data.get("entity", ())
        for spellings in entry["names"]
        for spelling in spellings
        if " " not in spelling and not spelling.endswith("*")
    )


#: The group of phrases that hold an entity's noun and mean something else: "error message", "in order to".
NO_ENTITY = "none|0|"
_LEXICONS: dict[tuple[str, ...], Lexicon] = {}


def _entity_lexicon(words: Lexicon) -> Lexicon:
    made = Lexicon(words.languages, words.data)
    for phrase in words.data.get("not_entity_phrases", []):
        made.add(NO_ENTITY, phrase)
    for entry in words.data.get("entity", []):
        for name, *spellings in entry["names"]:
            group = f"{entry['life']}|{int(entry['live'])}|{name}"
            for spelling in (name, *spellings):
                made.add(group, spelling)
    made.finish()
    return made


def read_entities(
    documents: Sequence[tuple[Sequence[Block], Roles]], words: Lexicon, demanded_lines: set[tuple[str, int]]
) -> tuple[Entity, ...]:
    """Return the entities of all documents, the most spoken of first."""
    search = _Search(words, demanded_lines)
    asking = documents[0][0]
    if any((block.file, block.line) in demanded_lines for block in asking):
        search.asking = asking[0].file
    glossaries = _glossaries(blocks for blocks, _ in documents)
    for blocks, roles in documents:
        records = record_sections(blocks)
        for block, after in zip(blocks, [*blocks[1:], None], strict=False):
            role = roles.of(block)
            if role in ("out-of-scope", "rejected"):
                continue
            declaring = "data" if block.section in records else role
            for found in declarations(block, after, declaring, words):
                search.declare(found.name, block, found.attributes, found.alias)
            if block.kind == "code":
                continue
            if block.kind == "heading" and roles.part == "prd" and role in _ABOUT:
                search.titled(block)
            if block.kind == "item" and block.section.titles and block.section.titles[-1] in glossaries:
                search.defined(block)
            lifetimes = bool(block.header) and "unit.ttl-column" in words.groups(" | ".join(block.header))
            if lifetimes:
                search.kept_for_a_time(block)
            elif roles.part != "stack" and role not in ("metrics", "stack", "plan"):
                search.spoken(block, role)
    search.discover()
    return tuple(search.choose())


class _Search:
    """What has been seen of each candidate so far."""

    def __init__(self, words: Lexicon, demanded_lines: set[tuple[str, int]]) -> None:
        self.words = words
        self.nouns = entity_lexicon(words)
        self.demanded_lines = demanded_lines
        self.table: dict[str, _Candidate] = {}
        self.accounts = False
        self.asking = ""  # the document that says what is asked, where demands were found in it
        self.parsed = 0
        self.openings: defaultdict[str, set[str]] = defaultdict(set)  # first word of a spelling -> who is called so
        main = words.languages[0]
        self.grammar = English(words, _heads(words)) if main == "en" else Polish(words) if main == "pl" else None

    def spoken(self, block: Block, role: str) -> None:
        """Count the nouns of one statement."""
        demanded = (block.file, block.line) in self.demanded_lines or role in _ASKING
        cues = [] if not demanded or _TELLING.isdisjoint(self.words.groups(block.text)) else self.words.hits(block.text)
        keeping = [h.end for h in cues if h.group == "verb.keep"]
        negations = [h.end for h in cues if h.group == "negation"]
        # in capitals it is the command: "INCR and EXPIRE in one script"
        expiring = [h.start for h in cues if h.group == "verb.expire" and not block.text[h.start : h.end].isupper()]
        account = [h.start for h in cues if h.group == "account"]
        self.accounts = self.accounts or any(not _one_before(start, negations, 30) for start in account)
        stored: frozenset[int] = frozenset()
        if demanded and self.grammar is not None and self.parsed < ENOUGH:
            stored, self.parsed = self.grammar.read(block, keeping), self.parsed + 1
        for start, end, group, spelling in self._longest(block.text):
            candidate = self._candidate(group, block)
            candidate.mentions += 1
            held = start in stored or _one_after(end, expiring, 60)
            candidate.demanded += demanded + held
            candidate.kept += _one_before(start, keeping, 22) or held
            candidate.modifying += self._modifies(block.text, end)
            candidate.spellings[spelling] += 1

    def titled(self, block: Block) -> None:
        """Note whether the section of a heading is about one noun: "Coupon system", "Alerts & notifications"."""
        if any(group.startswith("section.") for group in self.words.groups(block.text)):
            return  # it says what kind of section this is: "User roles", "Product requirements document"
        for part in subjects(block.text, self.words):
            for start, end, group, _ in self._longest(part):
                if (start, end) == (0, len(part)):
                    self._candidate(group, block).titled += 1

    def defined(self, block: Block) -> None:
        """Note a term of the glossary that is a kind of state: "Headway: The current number of minutes between …"."""
        term, kind = defined(block.text, self.words) or ("", "")
        state = {fold(word) for word in WORD.findall(kind)} & (
            self.words.words("state_words") | self.words.words("people")
        )
        if term and state:
            known = self._longest(term)
            name = (
                known[-1][2].split("|")[2]
                if known and known[-1][1] == len(term)
                else term.replace("_", " ").capitalize()
            )
            candidate = self.table.setdefault(name, _Candidate(name, "unknown", False, (block.file, block.line)))
            candidate.spellings.update([term, term.replace("_", " ")])
            candidate.mentions += 1
            candidate.stated = True

    def _modifies(self, text: str, end: int) -> bool:
        following = WORD.match(text, end + 1) if text[end : end + 1] == " " else None
        return bool(following) and fold(following.group()) in self.words.words("compound_heads")  # type: ignore[union-attr]

    def declare(self, name: str, block: Block, attrs: str, alias: str) -> None:
        """Note what a domain model declares, once for each name and its plural."""
        key = next((k for k in self.table if folded_name(k) == folded_name(name)), None)
        if key is None:
            same = (k for k, c in self.table.items() if folded_name(name) in {folded_name(s) for s in c.spellings})
            plain = _CAMEL.sub(" ", name).replace("_", " ").capitalize()
            key = next(same, name if name[:1].isupper() else plain)
        candidate = self.table.setdefault(key, _Candidate(key, "durable", False, (block.file, block.line)))
        candidate.declared = True
        candidate.mentions += 1
        candidate.spellings.update([name, *spellings_of(name), *([alias] if alias else [])])
        if attrs:
            new = tuple(Attribute(a) for part in attrs.split(",") if (a := part.split(":")[0].strip(" `")))
            candidate.attributes = (*candidate.attributes, *new)[:40]

    def kept_for_a_time(self, block: Block) -> None:
        """A row of a table of lifetimes says that its first cell is kept, whatever document it is in."""
        if not block.cells:
            return
        key = re.match(r"(?P<name>[a-z_]{3,30})s?:[\w{}<>:*-]+$", block.cells[0])
        subject = block.cells[0] if key is None else key.group("name").replace("_", " ")
        for start, _, group, spelling in self._longest(f"{subject} | {block.cells[-1]}" if key else subject):
            candidate = self._candidate(group, block)
            candidate.mentions += 1
            candidate.demanded += 2
            candidate.kept += 1
            candidate.stated = True
            candidate.spellings[spelling] += 1
            if key and start < len(subject):
                candidate.spellings[key.group("name")] += 1

    def _candidate(self, group: str, block: Block) -> _Candidate:
        life, live, name = group.split("|")
        known = self.table.get(name)
        if known is None:
            known = self.table[name] = _Candidate(name, life, live == "1", (block.file, block.line))  # type: ignore[arg-type]
        return known

    def _longest(self, text: str) -> list[tuple[int, int, str, str]]:
        longest: list[tuple[int, int, str, str]] = []
        for hit in sorted(self.nouns.hits(text), key=lambda h: (h.start, h.start - h.end)):
            if not longest or hit.start >= longest[-1][1]:
                longest.append((hit.start, hit.end, hit.group, text[hit.start : hit.end]))
        return [hit for hit in longest if hit[2] != NO_ENTITY]

    def discover(self) -> None:
        """Add nouns that the lexicon doesn't know."""
        few = len(self.demanded_lines) < FEW_DEMANDS
        results = self.grammar.results(self.nouns, few) if self.grammar is not None else ()
        every = sorted(results, key=lambda f: -f.total)
        for candidate in self.table.values():
            for spelling in candidate.spellings:
                first, _, rest = spelling.lower().partition(" ")
                if rest:
                    self.openings[first].add(candidate.name)
        for found in every[:MOST_DISCOVERED]:
            self._found(found)

    def _found(self, found: Found) -> None:
        singular, total = found.name, found.total
        name = singular[0].upper() + singular[1:]
        longer = set().union(*(self.openings.get(form, ()) for form in found.forms)) & self.table.keys()
        if len(longer) == 1 and " " not in singular:  # "prośba" is short for what they call "prośba o czat"
            self.table[longer.pop()].spellings.update(dict.fromkeys(found.forms, 1))
            return
        head = folded_name(singular.rsplit(" ", 1)[-1])
        owner = next((c for c in self.table.values() if folded_name(c.name) == head), None) if " " in singular else None
        if owner is not None:  # "grid cell" is how these documents call their cells
            owner.spellings.update(dict.fromkeys(found.forms, 1))
            return
        if " " in singular:
            if singular.rsplit(" ", 1)[-1] not in self.words.words("compound_heads"):
                return
            first_word = next(
                (c for c in self.table.values() if folded_name(c.name) == singular.split(" ", maxsplit=1)[0]), None
            )
            if first_word is not None and not first_word.declared and first_word.mentions - first_word.modifying <= 2:
                del self.table[first_word.name]  # only said as part of the compound: "reward rate" keeps no Reward
        if any(folded_name(name) == folded_name(known) for known in self.table):
            return
        live = any(c.live for c in self.table.values() if folded_name(c.name) in singular)
        candidate = _Candidate(name, "temporary" if live else "unknown", live, found.first, total, max(total, 2), 1)
        candidate.spellings.update(dict.fromkeys(found.forms, 1))
        self.table[name] = candidate

    def choose(self) -> Iterable[Entity]:
        """Yield what is worth keeping."""
        declared = [c for c in self.table.values() if c.declared]
        few = len(self.demanded_lines) < FEW_DEMANDS
        login, session = self.table.get("Auth session"), self.table.get("Session")
        if login and session and session.mentions <= 2 * login.mentions + 2:
            login.spellings.update(session.spellings)
            del self.table["Session"]
        for c in declared:
            self._borrow_lifetime(c)
        self._absorb(declared)
        kept = [c for c in self.table.values() if c.declared or self._worth(c, len(declared), few)]
        kept.sort(key=lambda c: (-c.mentions, c.first))
        for c in kept:
            aliases = tuple(dict.fromkeys(s for s, _ in c.spellings.most_common(12) if s != c.name))
            confidence = DECLARED if c.declared else min(0.9, 0.4 + 0.05 * c.demanded + 0.1 * min(c.kept, 2))
            confidence = max(confidence, STATED) if c.stated else confidence
            yield Entity(
                c.name, c.first[0], c.first[1], aliases, c.lifetime, c.live, c.attributes, round(confidence, 2)
            )

    def _borrow_lifetime(self, c: _Candidate) -> None:
        """A declared name says how long it lives by the noun in it: a "Quiz Session" lives as a session does."""
        known = self.nouns.hits(_CAMEL.sub(" ", c.name))
        if known and c.lifetime == "durable" and not c.live:
            life, live, _ = known[-1].group.split("|")
            c.lifetime, c.live = life, live == "1"  # type: ignore[assignment]

    def _absorb(self, declared: Sequence[_Candidate]) -> None:
        """Let a declared "Leaderboard Entry" answer to what the text calls the leaderboard."""
        parts_of = {c.name: set(folded_name(c.name).split()) for c in declared}
        shared = Counter(part for parts in parts_of.values() for part in parts)
        for c in declared:
            for other in self.table.values():
                part = folded_name(other.name)
                if part in self.words.words("people") and len(parts_of[c.name]) > 1:
                    continue  # "UserFavorites" is not what they call the user
                if not other.declared and part in parts_of[c.name] and shared[part] == 1:
                    c.spellings.update(s for s in (other.name, *other.spellings) if s not in c.spellings)

    def _worth(self, c: _Candidate, declared: int, few: bool) -> bool:
        if c.stated:
            return True
        seldom = c.mentions < 5 and c.demanded < 4 and not (c.live and c.kept)  # no data model lists what is live only
        if declared >= 4 and (seldom or self._part_of_declared(c)):
            return False
        if c.name in ("User", "Account") and not self.accounts:
            return False
        if self.asking and c.first[0] != self.asking and " " not in c.name:
            return False  # only the notes or the stack speak of it: how something is built, not what it keeps
        if c.titled and c.mentions > c.titled:
            return True
        name = fold(c.name)
        often = self.words.words("rare_entities") | self.words.words("weak_entities")
        if " " in name and c.demanded and name not in often:
            return True  # a compound means one thing: "typing indicator", "join code"
        if name in self.words.words("rare_entities"):
            return c.demanded >= 5 and c.kept >= 3
        if name in self.words.words("weak_entities"):
            return c.demanded >= 2 and (c.kept >= 1 or c.demanded >= (3 if few else 8))
        return c.demanded >= (1 if few and c.kept else 2) or c.mentions >= (2 if few else 3) * (1 if c.demanded else 2)

    def _part_of_declared(self, c: _Candidate) -> bool:
        mine = folded_name(c.name)
        if any(
            o.declared and o is not c and mine in {folded_name(s) for s in o.spellings} for o in self.table.values()
        ):
            return True
        if mine in self.words.words("people"):
            return False
        return any(o.declared and mine in folded_name(o.name).split() for o in self.table.values())


def _glossaries(documents: Iterable[Sequence[Block]]) -> frozenset[str]:
    """Return the titles of the sections that define terms."""
    titles = sorted({block.section.titles[-1] for blocks in documents for block in blocks if block.section.titles})
    likely = purposes(titles)[:, PURPOSES.index("glossary")]
    return frozenset(title for title, chance in zip(titles, likely, strict=True) if chance >= A_GLOSSARY)


#: Sections of which every line speaks of what is asked, also beside the demands: a story's title and description.
_ASKING = ("decisions", "recommendations", "stories")
#: Sections whose headings name what the product is made of.
_ABOUT = ("", "functional", "stories", "criteria", "actors", "data", "constraint")
_TELLING = frozenset({"verb.keep", "verb.expire", "negation", "account"})
#: A noun that so many demands don't speak of is not what the product is about: the rest need not be parsed for it.
ENOUGH = 5000
#: More nouns than these no product keeps; those said most are taken.
MOST_DISCOVERED = 200
#: From this chance on a section defines terms.
A_GLOSSARY = 0.4
#: Below so many demands a single one is enough to keep an entity.
FEW_DEMANDS = 30
#: How sure it is at least of what a table of lifetimes or the glossary says to be kept.
STATED = 0.7


def _one_before(position: int, ends: Sequence[int], reach: int) -> bool:
    """Whether one of the sorted ``ends`` lies at most ``reach`` characters before ``position``."""
    at = bisect_right(ends, position)
    return at > 0 and position - ends[at - 1] <= reach


def _one_after(position: int, starts: Sequence[int], reach: int) -> bool:
    """Whether one of the sorted ``starts`` lies at most ``reach`` characters after ``position``."""
    at = bisect_right(starts, position)
    return at < len(starts) and starts[at] - position <= reach


def read_relations(entities: Sequence[Entity], blocks: Sequence[Block]) -> tuple[Relation, ...]:
    """Return who has whom, from attributes that end in another entity's id and from "X per Y"."""
    by_name = {folded_name(e.name): e.name for e in entities}
    for entity in entities:
        for alias in entity.aliases:
            by_name.setdefault(folded_name(alias), entity.name)
    found: dict[tuple[str, str], Relation] = {}
    for entity in entities:
        for attribute in entity.attributes:
            match = re.fullmatch(r"(\w+?)_?[iI]d", attribute.name)
            owner = by_name.get(folded_name(match.group(1))) if match else None
            if owner and owner != entity.name:
                found.setdefault((owner, entity.name), Relation(owner, entity.name, True, entity.file, entity.line))
    singles = defaultdict(list)
    for key, name in by_name.items():
        if " " not in key and key.isascii() and len(key) > 2:
            singles[name].append(key)
    per = re.compile(r"\b([a-z]+?)s?\s+(?:per|in (?:a|an|the|each|every)|of (?:a|the)|join (?:a|the))\s+([a-z]+?)s?\b")
    for block in blocks:
        for match in per.finditer(fold(block.text)):
            part, whole = by_name.get(folded_name(match.group(1))), by_name.get(folded_name(match.group(2)))
            if part and whole and part != whole:
                found.setdefault((whole, part), Relation(whole, part, True, block.file, block.line))
    return tuple(found.values())
