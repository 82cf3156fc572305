"""Reading: a project's documents become a Brief, deterministically and without a network.

>>> from redis_plan import resources
>>> brief = read(resources.sample_project())        # doctest: +SKIP
>>> brief.fact("members_per_session").where         # doctest: +SKIP
'prd.md:48'
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from redis_plan.brief import documents as files
from redis_plan.brief import nature, prefix
from redis_plan.brief.access import read_access_patterns
from redis_plan.brief.attributes import with_bounds, with_sizes
from redis_plan.brief.conflicts import find_conflicts
from redis_plan.brief.contradictions import find_contradictions
from redis_plan.brief.documents import Document, Part
from redis_plan.brief.entities import read_entities, read_relations
from redis_plan.brief.evidence import Said, lines_of, read_evidence
from redis_plan.brief.facts import contradictions, read_facts
from redis_plan.brief.fit import Found, calls_clearly, judge_fit
from redis_plan.brief.gathered import with_gathering
from redis_plan.brief.gathering import come_by_code, done_most, find_gathering
from redis_plan.brief.gathering import count as count_nouns
from redis_plan.brief.hosts import stack_remarks
from redis_plan.brief.keeping import kept
from redis_plan.brief.lexicon import Lexicon, detect_language, fold, lexicon
from redis_plan.brief.lines import candidates
from redis_plan.brief.model import Brief, Component, Entity, Note, Quantity, Remark, Requirement
from redis_plan.brief.notes import read_notes
from redis_plan.brief.outline import Block, parse
from redis_plan.brief.overrides import NAME as TOML
from redis_plan.brief.overrides import Overrides, applying, read_overrides
from redis_plan.brief.own_design import read_own_keys, read_own_settings
from redis_plan.brief.people import own_people
from redis_plan.brief.quantities import MOST as MOST_QUANTITIES
from redis_plan.brief.quantities import Context, read_quantities
from redis_plan.brief.reconcile.setting import places
from redis_plan.brief.reconcile.vocabulary import containers
from redis_plan.brief.requirements import read_requirements
from redis_plan.brief.restrictions import read_restrictions
from redis_plan.brief.scanner import NOWHERE
from redis_plan.brief.sections import Roles
from redis_plan.brief.slug import slug_of
from redis_plan.brief.spelt import has_number
from redis_plan.brief.stack import merge_stack, read_stack
from redis_plan.brief.title import read_title

#: Languages whose sentences are read; of others only what needs little language is.
READ_FULLY = ("en", "pl")
_MISSING = {
    "notes": "the planning summary (redis_planning_summary.md) is missing: no decision of the team is known",
    "stack": "the tech stack (tech-stack.md) is missing: client library and server version are open",
}
_PROTOCOLS = {"WebSocket", "Server-Sent Events", "WebRTC"}


@dataclass(frozen=True, slots=True)
class Text:
    """A document cut into blocks, with the roles of its sections and the language that its words are read in."""

    document: Document
    blocks: tuple[Block, ...]
    visible: Sequence[str]  # the lines without what is inert
    roles: Roles
    lines: Sequence[str]
    language: str


def read(project: Path, given: Overrides | None = None) -> Brief:
    """Return the Brief of ``project``, with ``given`` in place of its redis-plan.toml where that is not None.

    Raises :class:`DocumentError` or :class:`OverrideError` on bad input.
    """
    with _without_collector():
        return _read(project, given)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Pause the cycle collector: a large document makes a million objects and no cycle, and it would walk them often."""
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


def _read(project: Path, given: Overrides | None) -> Brief:
    loaded = files.load(project)
    overrides = read_overrides(files.find_folder(project)) if given is None else given
    language = overrides.file.project.language or detect_language(d.text for d in loaded.values())[0]
    texts = _texts(loaded, language)
    words = lexicon(language, *(text.language for text in texts))
    lines: dict[str, Sequence[str]] = {t.document.name: t.lines for t in texts}
    quantities = tuple(q for t in texts for q in _quantities(t))
    requirements = applying.apply_demands(_requirements(texts), overrides, lines)
    stack = applying.apply_stack(_stack(texts), overrides)
    notes = _notes(texts)
    marked = _marked(texts)
    said = come_by_code(_evidence_lines(texts, marked, requirements))
    evidence = read_evidence(said)
    title = overrides.file.project.name or read_title([(t.blocks, t.visible) for t in texts], project)
    live, talk = any(r.realtime for r in requirements), calls_clearly(evidence, "chat")
    cut = [(t.blocks, t.roles) for t in texts]
    kind = nature.judge(plain := _evidence_lines(texts, marked, ()), count_nouns(cut))
    likely = kind == "session" and len(plain) <= nature.MOST_LINES
    gathering = find_gathering(cut, live, title, talk, likely, done_most(evidence))
    entities = with_gathering(_entities(texts, words, requirements), gathering)
    entities = applying.apply_entities(entities, overrides)
    if language in READ_FULLY:
        entities = with_sizes(entities, quantities, lines, words)
    around = {place: p for t in texts for place, p in places(t.blocks, t.roles, t.document.name).items()}
    settled = applying.settled(overrides)
    nouns = (gathering.noun, *gathering.spellings) if gathering else ()
    with containers([settled.session or "", *nouns], own_people(r.text for r in requirements)):
        meets = (gathering is None or bool(gathering.noun)) if settled.session is None else bool(settled.session)
        facts = read_facts(quantities, lines, applying.given_facts(overrides), around, notes, meets)
    judged = ("concurrent_users", "sessions_peak", "sync_latency")
    scale = [next((f for f in facts if f.name == name), None) for name in judged]
    noun = gathering.noun if gathering else ""
    grounds = Found(requirements, quantities, stack, evidence, said, language, noun, kind == "neither", *scale)
    fit, because = applying.apply_fit(*judge_fit(grounds), overrides)
    shared = fit in ("core", "useful") and any(r.realtime for r in requirements)
    assumed = assumed_entities(texts[0].document.name) if shared and not entities else ()
    entities = entities or assumed
    own_keys = read_own_keys(marked, lines, quantities)
    pinned = overrides.file.project.prefix or overrides.file.naming.prefix
    prefixes = () if pinned else prefix.decided(notes, own_keys, lines)
    decided = prefixes[0] if len(prefixes) == 1 else None
    prd_blocks = texts[0].blocks
    return Brief(
        title=title,
        slug=slug_of(title, project),
        language=language,
        fit=fit,
        fit_because=because,
        documents=tuple([t.document.name for t in texts] + ([TOML] if overrides.present else [])),
        requirements=requirements,
        quantities=quantities,
        entities=entities,
        relations=with_bounds(read_relations(entities, prd_blocks), entities, quantities, lines),
        access_patterns=read_access_patterns(requirements, entities, facts, fit in ("core", "useful")),
        stack=stack,
        notes=notes,
        facts=facts,
        remarks=_remarks(loaded, texts, language, requirements, quantities, lines, stack, notes, words)
        + contradictions(facts)
        + prefix.conflict(prefixes)
        + _of_assumed(assumed),
        evidence=evidence,
        restrictions=read_restrictions(said, entities),
        own_keys=own_keys,
        own_settings=read_own_settings(marked, lines),
        name_prefix=pinned or (decided.name if decided else None),
        name_prefix_where=decided.where if decided else "",
        settled=settled,
        gathering=gathering,
        pinned=dict(overrides.file.structures),
        pinned_lines={key: overrides.line("structures", key) for key in overrides.file.structures},
    )


def read_texts(project: Path) -> list[Text]:
    """Return the documents of ``project`` as the reader cuts them, the PRD first."""
    loaded = files.load(project)
    language, _ = detect_language(d.text for d in loaded.values())
    return _texts(loaded, language)


def _texts(loaded: Mapping[Part, Document], language: str) -> list[Text]:
    tongues = {part: _language_of(d, language) for part, d in loaded.items()}
    return [_text(document, part, tongues[part]) for part, document in loaded.items()]


def _text(document: Document, part: Part, language: str) -> Text:
    blocks, visible = parse(document)
    roles = Roles(lexicon(language), part)
    roles.understand(blocks)
    return Text(document, blocks, visible, roles, document.lines, language)


def evidence_lines(texts: Sequence[Text], requirements: Sequence[Requirement]) -> list[Said]:
    """Return the lines of ``texts`` that may call for a use of Redis."""
    return _evidence_lines(texts, _marked(texts), requirements)


def _evidence_lines(
    texts: Sequence[Text], marked: Sequence[tuple[Block, bool]], requirements: Sequence[Requirement]
) -> list[Said]:
    return lines_of(marked, requirements, {text.document.name: text.language for text in texts})


def _marked(texts: Sequence[Text]) -> list[tuple[Block, bool]]:
    """Return the blocks of ``texts``, each with whether its section excludes it."""
    return [(block, "out-of-scope" in text.roles.chain(block.section)) for text in texts for block in text.blocks]


def assumed_entities(document: str) -> tuple[Entity, ...]:
    """Return what a project that needs Redis is taken to keep when no entity was recognised in its documents."""
    return tuple(
        Entity(name, document, 1, lifetime="session", realtime=True, confidence=0.0) for name in ("Session", "Member")
    )


def _of_assumed(assumed: Sequence[Entity]) -> tuple[Remark, ...]:
    if not assumed:
        return ()
    names = " and ".join(entity.name for entity in assumed)
    text = f"no entity was recognised: {names} are assumed; name yours under [entities] in ai/redis-plan.toml"
    return (Remark("unread", text, assumed[0].file, 1),)


#: From this share of frequent words on a companion document has a language of its own.
OWN_LANGUAGE = 0.06


def _language_of(document: Document, main: str) -> str:
    """Return the language of one document: a team may write its stack in another one than its requirements."""
    language, share = detect_language([document.text])
    return language if share > OWN_LANGUAGE and language != "unknown" else main


def _quantities(text: Text) -> tuple[Quantity, ...]:
    words, language = text.roles.words, text.language
    at: dict[int, list[Block]] = {}
    for block in text.blocks:
        for number in range(block.line, max(block.line, block.end) + 1):
            at.setdefault(number, []).append(block)

    def context(block: Block) -> Context | None:
        if not has_number(block.text, language):
            return None
        chain = text.roles.chain(block.section)
        excluded = "out-of-scope" in chain
        header = " | ".join(block.header)
        groups = words.groups(header) if header else frozenset()
        return Context(
            code=block.kind == "code",
            ttl="unit.ttl-column" in groups or (block.kind != "code" and "ttl" in fold(block.text)),
            version="version-column" in groups,
            heading=block.kind == "heading",
            excluded=excluded or (block.kind == "heading" and text.roles.of_title(block.text) == "plan"),
            relevant=True if "unit.ttl-column" in groups and not excluded else None,
            subject=block.section.titles[-1] if block.section.titles else "",
            row=block.kind == "row" and "value-column" in groups,
        )

    known: dict[int, Context | None] = {}  # by the block's id: a block may have thousands of lines

    def stands_in(number: int) -> Context:
        for block in reversed(at.get(number, ())):
            if id(block) not in known:
                known[id(block)] = context(block)
            if (found := known[id(block)]) is not None:
                return found
        return NOWHERE

    return read_quantities(text.visible, text.blocks, text.document.name, language, stands_in)


def _requirements(texts: Sequence[Text]) -> tuple[Requirement, ...]:
    found: list[Requirement] = []
    for text in texts:
        if text.document.part != "stack":
            lines = candidates(text.blocks, text.roles, text.lines)
            found += read_requirements(text.blocks, text.roles, lines)
    return tuple(found)


def _stack(texts: Sequence[Text]) -> tuple[Component, ...]:
    ordered = sorted(texts, key=lambda t: ("stack", "prd", "notes").index(t.document.part))
    every = [c for t in ordered for c in read_stack(t.blocks, t.roles, t.roles.words, t.document.part == "stack")]
    merged = merge_stack(every)
    # a protocol is a component only where no library that speaks it is named
    named = {c.name for c in merged if c.role == "realtime" and c.status in ("chosen", "later")} - _PROTOCOLS
    composed = any(c.name == "Docker Compose" for c in merged)
    return tuple(c for c in merged if not (c.name in _PROTOCOLS and named) and not (c.name == "Docker" and composed))


def _entities(texts: Sequence[Text], words: Lexicon, requirements: Sequence[Requirement]) -> tuple[Entity, ...]:
    found, demanded = entities_by_rule(texts, words, requirements)
    return kept([(t.blocks, t.roles, t.language) for t in texts], found, demanded, words)


def entities_by_rule(
    texts: Sequence[Text], words: Lexicon, requirements: Sequence[Requirement]
) -> tuple[tuple[Entity, ...], set[tuple[str, int]]]:
    """Return the entities that rules find, before they are judged by meaning, and the lines of demand they look at."""
    demanded = {(r.file, r.line) for r in requirements if r.kind != "out-of-scope"}
    return read_entities([(t.blocks, t.roles) for t in texts], words, demanded), demanded


def demands_of(texts: Sequence[Text]) -> tuple[Lexicon, tuple[Requirement, ...]]:
    """Return the words of the languages of ``texts``, and their demands; training reads entities from there."""
    words = lexicon(*(text.language for text in texts))
    return words, _requirements(texts)


def _notes(texts: Sequence[Text]) -> tuple[Note, ...]:
    found: list[Note] = []
    for text in sorted(texts, key=lambda t: ("notes", "stack", "prd").index(t.document.part)):
        notes = read_notes(text.blocks, text.roles)
        offset = {n.id.split("-")[0]: sum(o.id.startswith(n.id.split("-")[0] + "-") for o in found) for n in notes}
        for note in notes:
            prefix, _, count = note.id.partition("-")
            found.append(replace(note, id=f"{prefix}-{int(count) + offset[prefix]:02d}"))
    return tuple(found)


def _remarks(
    loaded: Mapping[Part, Document],
    texts: Sequence[Text],
    language: str,
    requirements: Sequence[Requirement],
    quantities: Sequence[Quantity],
    lines: Mapping[str, Sequence[str]],
    stack: Sequence[Component],
    notes: Sequence[Note],
    words: Lexicon,
) -> tuple[Remark, ...]:
    remarks = [Remark("missing", text) for part, text in _MISSING.items() if part not in loaded]
    for text in texts:
        if not text.document.text.strip():
            remarks.append(Remark("missing", f"{text.document.name} is empty", text.document.name, 1))
    prd = texts[0]
    if not any(b.kind == "heading" or b.label_only for b in prd.blocks):
        remarks.append(
            Remark(
                "unread",
                f"{prd.document.name} has no headings: what is a demand and what is excluded was guessed from the words alone",
                prd.document.name,
                1,
            )
        )
    if language not in READ_FULLY:
        name = lexicon(language).data.get("name", language) if language != "unknown" else "an unknown language"
        read_part = "ids, headings, tables, numbers with units, and technologies"
        remarks.append(
            Remark(
                "unread",
                f"{prd.document.name} is in {name}: we read {read_part}; sentences were not understood, so entities, real-time flags and kinds are incomplete",
                prd.document.name,
                1,
            )
        )
    for text in texts:
        here = [q.line for q in quantities if q.file == text.document.name]
        if len(here) >= MOST_QUANTITIES:
            said = f"{text.document.name} holds data: of its numbers the first {MOST_QUANTITIES:,} were read, to line {here[-1]}"
            remarks.append(Remark("unread", said, text.document.name, here[-1]))
    if not any(r.kind != "out-of-scope" for r in requirements):
        remarks.append(Remark("unread", f"no requirement was recognised in {prd.document.name}", prd.document.name, 1))
    if "stack" in loaded and not any(c.file == loaded["stack"].name for c in stack):
        remarks.append(
            Remark("stack", f"{loaded['stack'].name} names no technology that we know", loaded["stack"].name, 1)
        )
    remarks += stack_remarks(stack)
    remarks += find_contradictions(requirements, notes, words)
    return (*remarks, *find_conflicts(quantities, lines))
