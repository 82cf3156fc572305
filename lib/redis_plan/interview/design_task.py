"""The design as a task for a coding assistant: documents, what serves each demand, mechanics, vocabulary, own Lua, schema.

What comes back is verified by ``redis-plan design --check``: a language model proposes, and this project proves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from redis_plan import resources, units
from redis_plan.actions import catalog, designing, vocabulary
from redis_plan.actions.matrix import Stories, stories
from redis_plan.actions.model import Kind
from redis_plan.actions.own_lua.allowed import commands, offered, refused
from redis_plan.actions.vocabulary import Word
from redis_plan.brief.overrides import NAME
from redis_plan.brief.overrides.published import keys_of
from redis_plan.brief.overrides.schema import (
    DeclaredAction,
    DeclaredChannel,
    DeclaredField,
    DeclaredKey,
    DeclaredParameter,
    DeclaredRole,
)
from redis_plan.interview.assistant import MARKS, documents, fenced
from redis_plan.interview.reading import Reading
from redis_plan.keyspace import calls
from redis_plan.keyspace.model import Keyspace


def task(reading: Reading) -> str:
    """Return the task as Markdown; faulty declarations are left out of the design, so that they can be mended."""
    brief = reading.brief
    keyspace = designing.served(designing.keys(brief).keyspace({}), brief)
    found = stories(brief, keyspace)
    parts = [
        f"# Design the actions of “{brief.title}”",
        (resources.catalog_dir() / "designer.md").read_text("utf-8").replace("$file", f"ai/{NAME}").strip(),
        f"## The documents\n\n{MARKS}\n\n" + "\n\n".join(documents(reading)),
        "## What was read\n\n" + "\n".join(_read(reading)),
        "## What serves each demand now\n\n" + "\n".join(_served(found)),
        "## The keys of the design\n\n" + "\n".join(_keys(keyspace)),
        "## Mechanics of the catalog\n\nEach with what it asks → what it does.\n\n" + "\n".join(_mechanics()),
        "## Guards\n\n" + "\n".join(_words(vocabulary.guards())),
        "## Effects\n\n" + "\n".join(_words(vocabulary.effects())),
        "## Arguments\n\n" + "\n".join(_arguments()),
        "## Own Lua\n\n" + "\n".join(_own_lua()),
        "## What an entry may say\n\n" + "\n".join(_schema()),
    ]
    return "\n\n".join(parts) + "\n"


def _read(reading: Reading) -> Iterator[str]:
    """Yield what the design is computed from; `redis-plan read --check` has held it against the documents."""
    session = reading.session.word if reading.session else "none: nothing is shared live"
    yield f"- session: {session}; somebody in it is called {reading.member}"
    yield f"- entities: {', '.join(f'{e.name} ({e.lifetime})' for e in reading.brief.entities) or 'none'}"
    for fact in reading.brief.facts:
        if fact.grade != "assumed":
            yield f"- `{fact.name}`: {units.write(fact.value, fact.unit)} ({fact.where})"


def _served(found: Stories) -> Iterator[str]:
    """Yield the demands that nothing serves first: they are what the task is about."""
    for row in sorted(found.rows, key=lambda row: ("not", "generic", "concrete", "outside").index(row.served)):
        by = f" by {', '.join(f'`{name}`' for name in row.actions)}" if row.actions else ""
        yield f"- {row.id} ({row.place}), {row.served}{by}: “{' '.join(row.text.split())[:160]}”"


def _keys(keyspace: Keyspace) -> Iterator[str]:
    for pattern in keyspace.keys:
        local = pattern.name.replace("-", "_")
        yield f"- `{local}` ({pattern.type}) `{pattern.template}`: {pattern.holds}"


def _mechanics() -> Iterator[str]:
    for mechanic in catalog.mechanics().values():
        yield f"- **{mechanic.name}**: {mechanic.title}"
        yield from (
            f"  - `{kind.id}` ({', '.join(kind.actors)}): {kind.says}. {_does(kind)}"
            for kind in mechanic.kinds.values()
        )


def _does(kind: Kind) -> str:
    if kind.call:
        return f"Carried out by `{kind.call}`."
    return (
        f"{_listed(g.name for g in kind.guards) or 'nothing'} → {_listed(e.name for e in kind.effects) or 'announces'}"
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _words(words: Mapping[str, Word]) -> Iterator[str]:
    for word in words.values():
        options = ", ".join(f"{name}: {kind}" for name, kind in word.options.items())
        types = f" on a {' or a '.join(word.types)}" if word.types else ""
        answer = f"; else “{word.answer}”" if word.answer else ""
        yield f"- `{word.name}` {{{options}}}{types}: {word.says}{answer}"


def _arguments() -> Iterator[str]:
    yield "Of the vocabulary, by name:"
    yield ""
    yield from (f"- `{a.name}`: {a.says}" for a in vocabulary.arguments().values())
    yield ""
    yield 'Forms of further ones, `arguments = { x = "number" }`:'
    yield ""
    yield from (f"- `{name}`: {form['says']}" for name, form in vocabulary.forms().items())


def _own_lua() -> Iterator[str]:
    by_types: dict[tuple[str, ...], list[str]] = {}
    for command in commands().values():
        by_types.setdefault(command.types, []).append(command.name)
    yield from (f"- on a {' or '.join(types)}: {', '.join(names)}" for types, names in by_types.items())
    yield f"- names: {_listed(offered())}"
    yield f"- never: {', '.join(refused())}"
    yield f"- functions of the kernel, which no action is called as: {', '.join(calls.calls())}"
    yield ""
    yield fenced(_EXAMPLE, "lua")


_EXAMPLE = """\
local left = tonumber(redis.call('HGET', keys.stock, args.item) or '0') or 0
if left < args.amount then return 'sold out' end   -- named in results
event.left = left - args.amount                    -- shows = ["own left"]
redis.call('HSET', keys.stock, args.item, digits(event.left))
"""


def _schema() -> Iterator[str]:
    yield "`[[actions]]`:"
    yield ""
    yield from keys_of(DeclaredAction)
    yield "  - an entry of `parameters`:"
    yield from (f"    {line}" for line in keys_of(DeclaredParameter))
    yield '  - a guard or effect: `{ guard = "…", <option> = "…" }`; `answer = "…"` gives a refusal another name'
    yield "  - `shows`: an argument, a parameter, `now`, `count <key>`, `field <field>`, `own <name>`"
    yield ""
    yield "`[[keys]]`:"
    yield ""
    yield from keys_of(DeclaredKey)
    yield "  - an entry of `fields`:"
    yield from (f"    {line}" for line in keys_of(DeclaredField))
    for table, model in (("channels", DeclaredChannel), ("roles", DeclaredRole)):
        yield ""
        yield f"`[[{table}]]`:"
        yield ""
        yield from keys_of(model)
