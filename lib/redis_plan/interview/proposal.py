"""A proposal: ``redis-plan.toml`` filled in with what was read, for a team to correct in a minute.

Loaded as it is, it gives the design that the documents alone give. Each line says where it was read and how sure we
are; the least sure stand first. What was assumed or passed over stands there too, commented out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from redis_plan import units
from redis_plan.actions import designing, matrix
from redis_plan.brief import documents
from redis_plan.brief.evidence import of_demands
from redis_plan.brief.model import Entity, Fact, OwnKey
from redis_plan.brief.overrides import NAME
from redis_plan.errors import OutputError
from redis_plan.interview.covering import homeless, unspoken
from redis_plan.interview.reading import Reading, fact_confidence, open_points, points, use_confidence
from redis_plan.interview.unnamed import unnamed
from redis_plan.interview.writing import Value, amount, comment, key, literal
from redis_plan.keyspace import design, naming
from redis_plan.keyspace.cues import with_article
from redis_plan.keyspace.uses import Use

FILE = NAME + ".proposed"
#: Weak readings named at the top, and demands that are listed to be dropped or changed.
WEAKEST, DEMANDS = 10, 8
#: Rivals named beside a fact.
RIVALS = 3

_HEAD = """\
# {title}: what redis-plan read, as a redis-plan.toml. Correct it, save it as {name} in this folder, and run
# `redis-plan read --check` and `redis-plan build`. Unchanged it gives the design that the documents give.
#
# A line ends with where it was read, how sure we are (0 to 1), and what stands there. Delete what is wrong; remove the
# "# " of a line to say what no document says. An entry may cite its line: cite = "prd.md:31".
"""


def write(reading: Reading, force: bool = False) -> Path:
    """Write the proposal beside the documents and return its path; ``redis-plan.toml`` itself is never touched.

    Raises :class:`OutputError` where another proposal stands there, which may hold somebody's work, unless ``force``.
    """
    path, text = documents.find_folder(reading.project) / FILE, render(reading)
    try:
        if not force and path.exists() and path.read_text(encoding="utf-8", errors="replace") != text:
            raise OutputError(f"{path}: is there and differs; save it as {NAME}, delete it, or replace it with --force")
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: can't be written: {error.strerror}") from None
    return path


def render(reading: Reading) -> str:
    """Return the proposal's text."""
    parts = [
        _HEAD.format(title=comment(reading.brief.title), name=NAME) + "".join(_weakest(reading)),
        *(
            "\n".join(lines) + "\n"
            for lines in (
                _project(reading),
                _session(reading),
                _facts(reading),
                _entities(reading),
                _uses(reading),
                _keys(reading),
                _fit(reading),
                _stack(reading),
                _demands(reading),
            )
        ),
    ]
    return "\n".join(parts)


def _weakest(reading: Reading) -> Iterator[str]:
    yield "#\n# Look at these first:\n"
    for point in open_points(reading)[:WEAKEST]:
        shown = f"{point.key} = {point.says}" if point.says else point.key
        yield f"#   {point.confidence:.2f}  {comment(shown, 60):<60}  {point.where or 'said nowhere'}\n"
    for remark in reading.brief.remarks:
        if remark.kind in ("conflict", "unread", "warning"):
            yield f"#   {remark.kind}: {comment(remark.text)}\n"


def _project(reading: Reading) -> Iterator[str]:
    brief = reading.brief
    yield "[project]"
    yield f"name = {literal(brief.title)}"
    slug = brief.name_prefix or naming.slugify(brief.slug or brief.title)
    where = f", {brief.name_prefix_where}" if brief.name_prefix_where else ""
    yield f"{'' if brief.name_prefix else '# '}prefix = {literal(slug)}  # the first part of every key{where}"
    if len(brief.language) == 2:
        yield f"language = {literal(brief.language)}"


def _session(reading: Reading) -> Iterator[str]:
    yield "# What its members share live, from its start to its end, and what somebody in it is called."
    yield "[session]"
    point = next(point for point in points(reading) if point.path[0] == "session")
    origin = _origin(reading, point.confidence, point.file, point.line)
    if reading.session is None:
        shared = matrix.stories(reading.brief, designing.design(reading.brief)).shared
        says = f"{origin}: nothing that several people are in together was found"
        more = f"; {with_article(shared)} is spoken of most where one is needed" if shared else ""
        yield _line("none", True, f"{says}{more}; else: noun = {literal(shared or 'room')}")
        return
    yield _line("noun", reading.session.word, origin)
    member = _line("member", reading.member, "")
    yield member if reading.member != "member" else f"# {member}  # nobody is named"
    if point.file in reading.lines:
        yield _line("cite", point.where, "")


def _facts(reading: Reading) -> Iterator[str]:
    brief = reading.brief
    yield "# The numbers that the design is computed from. “not said” makes one an assumption again."
    yield "[facts]"
    said = [f for f in brief.facts if f.grade == "documented"]
    for fact in sorted(said, key=lambda f: fact_confidence(f, reading)):
        yield _line(fact.name, _fact_value(fact, reading), _fact_origin(fact, reading))
    for fact in brief.facts:
        if fact.grade != "documented":
            yield f"# {_line(fact.name, amount(fact.value, fact.unit), f'{fact.grade}: {fact.because}' + _rivals(fact))}"


def _fact_value(fact: Fact, reading: Reading) -> Value:
    value: Value = amount(fact.value, fact.unit)
    more: dict[str, Value] = {}
    more |= {
        end: amount(bound, fact.unit) for end, bound in (("low", fact.low), ("high", fact.high)) if bound is not None
    }
    if fact.file in reading.lines:
        more["cite"] = f"{fact.file}:{fact.line}"
    return {"value": value, **more} if more else value


def _fact_origin(fact: Fact, reading: Reading) -> str:
    return _origin(reading, fact_confidence(fact, reading), fact.file, fact.line) + _rivals(fact)


def _rivals(fact: Fact) -> str:
    """Return the other numbers that could be this fact, each with its line and what speaks against it."""
    shown = [f"{units.write(r.value, fact.unit)} ({r.file}:{r.line}, {r.because})" for r in fact.rivals[:RIVALS]]
    return f"; not {', '.join(shown)}" if shown else ""


def _entities(reading: Reading) -> Iterator[str]:
    """Yield the list of all entities: the team deletes, changes or adds a line."""
    yield "# Things whose state the application keeps: these and no others. lifetime: connection, session, temporary"
    yield "# (a TTL of its own), durable (the database owns it). realtime: others watch it change."
    yield "[entities]"
    known = [e for e in reading.brief.entities if e.confidence > 0]
    yield f"{'' if known else '# '}complete = true"
    yield "[entities.set]"
    loose = {entity.name for entity in homeless(reading)} if reading.brief.fit != "no" else set()
    for entity in sorted(known, key=lambda e: e.confidence):
        kept = replace(entity, realtime=False) if entity.name in loose else entity
        origin = _origin(reading, entity.confidence, entity.file, entity.line)
        yield _line(entity.name, _entity(kept, reading), "no use keeps it live; " * (kept is not entity) + origin)
    if nouns := ", ".join(unnamed(reading)):
        yield f"# Not taken, though the demands speak of it: {comment(nouns, 400)}"


def _entity(entity: Entity, reading: Reading) -> Value:
    found: dict[str, Value] = {"lifetime": entity.lifetime, "realtime": entity.realtime}
    if entity.file in reading.lines:
        found["cite"] = f"{entity.file}:{entity.line}"
    return found


def _uses(reading: Reading) -> Iterator[str]:
    yield "# What Redis does for the product: these uses and no others. entity: what it keeps."
    yield "[uses]"
    yield "complete = true"
    yield "take = ["
    taken = [use for use in reading.taken if not use.pattern.machinery]
    serves = _serves(taken, reading)
    for use in sorted(taken, key=lambda use: use_confidence(use, reading)):
        entry: dict[str, Value] = {"use": use.pattern.use}
        known = {entity.name for entity in reading.brief.entities}  # an action may keep a thing that no document names
        if named := [e.name for e in use.entities if e.name in known]:
            entry["entity"] = named
        file, line = reading.place_of(use)
        if file in reading.lines:
            entry["cite"] = f"{file}:{line}"
        if places := serves.pop(use.pattern.use, None):
            entry["serves"] = places
        said = reading.evidence(use)
        like = f"; like our example “{said.example}”" if said and said.example else ""
        yield f"  {literal(entry)},  # {_origin(reading, use_confidence(use, reading), file, line)}{comment(like)}"
    for passed in sorted(reading.passed_over, key=lambda passed: -passed.confidence):
        why = comment(f"{1 - passed.confidence:.2f} not taken: {passed.title}: {passed.reason}", 300)
        yield f"  # {literal({'use': passed.use})},  # {why}"
    yield "]"


def _serves(taken: Sequence[Use], reading: Reading) -> dict[str, list[str]]:
    """Return the live demands that each use is to name: by the team's word, by what was read, or as it comes nearest to them."""
    found = {one.use: list(one.serves) for one in reading.brief.settled.taken if one.serves}
    named = {place for places in found.values() for place in places}
    for demand in unspoken(reading) if taken else ():
        called = {one.use: one.strength for one in of_demands([demand])}
        best = max(taken, key=lambda use: (demand.id in use.requirements, called.get(use.pattern.use, 0.0)))
        place = f"{demand.file}:{demand.line}"
        if place not in named and (demand.file, demand.line) != reading.place_of(best):
            found.setdefault(best.pattern.use, []).append(place)
    return found


def _keys(reading: Reading) -> Iterator[str]:
    """Yield the documents' own keys: what was settled as it is, what is open commented out."""
    yield "# Keys that the documents name. adopt: held as they say; refuse: not followed. Of the others the design decides."
    yield "[keys]"
    settled, own = reading.brief.settled, reading.brief.own_keys
    mine = [k for k in own if k.pattern in settled.adopted_keys]
    yield from _own_keys("adopt", [(k, literal(k.pattern)) for k in mine], reading)
    refused = [(k, settled.refused_keys[k.pattern]) for k in own if k.pattern in settled.refused_keys]
    yield from _own_keys("refuse", [(k, literal({"key": k.pattern, "because": why})) for k, why in refused], reading)
    open_to = {key.pattern for key in own} - {*settled.adopted_keys, *settled.refused_keys}
    for one in design(reading.brief).own if open_to else ():
        if one.pattern in open_to:
            yield f"# adopt or refuse: {literal(one.pattern)}  # {comment(f'{one.verdict}: {one.reason}; {one.file}:{one.line}', 300)}"


def _own_keys(name: str, entries: Sequence[tuple[OwnKey, str]], reading: Reading) -> Iterator[str]:
    if not entries:
        return
    yield f"{name} = ["
    yield from (f"  {entry},  # {_origin(reading, 1.0, k.file, k.line)}" for k, entry in entries)
    yield "]"


def _fit(reading: Reading) -> Iterator[str]:
    brief = reading.brief
    yield f"# Whether the product needs Redis: {comment(brief.fit_because)}"
    yield "[fit]" if brief.fit in ("core", "useful", "no") else "# [fit]"
    yield ("" if brief.fit in ("core", "useful", "no") else "# ") + "verdict = " + literal(brief.fit)


def _stack(reading: Reading) -> Iterator[str]:
    found = [c for c in reading.brief.stack if c.status == "chosen" and c.role in ("cache", "realtime", "backend")]
    names = ", ".join(f"{c.name}{' ' + c.version if c.version else ''} ({c.file}:{c.line})" for c in found)
    yield f"# Read: {comment(names, 300) or 'nothing'}. What the design depends on, where that is wrong:"
    yield "[stack]"
    for name, example in (("server", "Redis 7.4"), ("client", "ioredis"), ("websocket", "Socket.IO")):
        yield f"# {name} = {literal(example)}"


def _demands(reading: Reading) -> Iterator[str]:
    """Yield the weakest demands as examples; all of them would be the document again."""
    yield "# Lines that were read as demands, the least sure: drop what is none, set its kind or realtime, add others."
    yield "[demands]"
    weak = [p for p in open_points(reading) if p.path[0] == "demands"][:DEMANDS]
    shown = ", ".join(f"{p.where}" for p in weak)
    yield f"# drop = {literal([p.where for p in weak])}" if weak else '# drop = ["prd.md:31"]'
    yield '# add = [{ line = "prd.md:40", kind = "functional", realtime = true }]'
    yield "[demands.set]"
    for point in weak if shown else ():
        yield f"# {key(point.where)} = {{ kind = {literal(point.says.split(',')[0])}, realtime = {literal('live' in point.says)} }}  # {point.confidence:.2f} {comment(reading.text(point.file, point.line))}"


def _origin(reading: Reading, confidence: float, file: str, line: int) -> str:
    """Return where something was read, how sure we are, and what stands there."""
    if not file:
        return f"{confidence:.2f} said nowhere"
    text = reading.text(file, line)
    return f"{confidence:.2f} {file}:{line}" + (f" “{comment(text)}”" if text else "")


def _line(name: str, value: Value, remark: str) -> str:
    return f"{key(name)} = {literal(value)}" + (f"  # {comment(remark, 400)}" if remark else "")
