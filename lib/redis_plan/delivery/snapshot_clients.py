"""How the clients read a snapshot, and what people may ask for by a message, as the actions' modules are rendered with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis_plan.actions import catalog, vocabulary
from redis_plan.delivery import acting, snapshots
from redis_plan.delivery.artefact import quote
from redis_plan.delivery.brackets import python_call, typescript_call
from redis_plan.delivery.snapshots import Part
from redis_plan.delivery.spelling import camel, snake
from redis_plan.keyspace.model import Bound, Keyspace

#: What a gateway does by itself as sockets come, and nobody asks for by a message: the kinds by what they are to it.
ENTRANCES = {"join": "seats.join", "watch": "seats.watch", "attend": "hosting.attend"}
#: What a snapshot has beside its collections.
_TAKEN = ("version", "epoch", "own_role", "ownRole", "state")
_HASH = ("dict[str, str]", "Record<string, string>", "_rows({})", "rows({})")
_LIST = ("list[str]", "string[]", "[_text(entry) for entry in {}]", "({} as unknown[]).map(String)")
_TYPES = {
    "ranked": ("Ranked", "Ranked", "_ranked({})", "ranked({})"),
    "highest": ("Highest", "Highest", "_highest({})", "highest({})"),
    "counted": ("Hidden", "Hidden", "_hidden({})", "hidden({})"),
    "named": ("Named", "Named", "_named({})", "named({})"),
}
_SHAPES = {
    "ranked": ("Ranked", "The first places, each a member and its points, and one's own place, from 1 on, and points.",
               [("top", "list[tuple[str, float]]", "[string, number][]"), ("place", "int | None", "number | null"),
                ("points", "float | None", "number | null")]),
    "highest": ("Highest", "Whose the highest is, and how much; none before the first.",
                [("member", "str | None", "string | null"), ("amount", "int | None", "number | null")]),
    "counted": ("Hidden", "What nobody may see of others: how many there are, and one's own.",
                [("count", "int", "number"), ("own", "str | None", "string | null")]),
    "named": ("Named", "Whose there are, and not what; and one's own.",
              [("members", "list[str]", "string[]"), ("own", "str | None", "string | null")]),
}  # fmt: skip


def entrances(keyspace: Keyspace) -> dict[str, Bound]:
    """Return the actions by which somebody comes in here, by what they are to a gateway."""
    made = {action.kind: action for action, _ in acting.composed(keyspace)}
    return {name: made[kind] for name, kind in ENTRANCES.items() if kind in made}


def names(keyspace: Keyspace) -> dict[str, Any]:  # Any: what the templates loop over
    """Return what the templates of the actions' modules say of snapshots and of what is asked for."""
    shown = snapshots.parts(keyspace)
    of_round = any(part.of_round for part in shown)
    return {
        "seen": [_part(part, place) for place, part in enumerate(shown, 5)],
        "shapes": [shape for form, shape in _SHAPES.items() if any(part.form == form for part in shown)],
        "asked": list(_asked(keyspace)) if shown else [],
        "chosen": list(_chosen(keyspace)) if shown else [],
        "of_round": of_round,
        "snapshot": _method(shown, of_round),
    }


def _part(part: Part, place: int) -> dict[str, str]:
    """Return how a collection is called, typed and read; ``place`` is where it stands in the reply."""
    py, ts = _free(snake(part.pattern.name)), _free(camel(part.pattern.name))
    types = _TYPES.get(part.form, _LIST if part.pattern.type == "list" else _HASH)
    return {"py": py, "ts": ts, "py_type": types[0], "ts_type": types[1],
            "py_read": types[2].format(f"reply[{place}]"), "ts_read": types[3].format(f"reply[{place}]")}  # fmt: skip


def _free(name: str) -> str:
    return f"{name}_" if name in _TAKEN else name


def _chosen(keyspace: Keyspace) -> Iterator[tuple[str, str, str]]:
    """Yield the numbers that people may choose within bounds that the documents name: the action, the word, in TypeScript."""
    for action, _ in acting.composed(keyspace):
        kind, values = catalog.kind_of(action), dict(action.values)
        usual = {parameter.name: parameter.default for parameter in kind.parameters}
        for guard in (guard for guard in kind.guards if guard.name == "within"):
            bounds = [str(guard.options[bound]) for bound in ("least", "most")]
            if any(values.get(bound, usual[bound]) != usual[bound] for bound in bounds):
                word = str(guard.options["value"])
                yield action.name, word, camel(word)


def _asked(keyspace: Keyspace) -> Iterator[tuple[str, tuple[str, ...], str, str]]:
    """Yield what people ask for: the name, the arguments of the message, and both as Python and TypeScript write them."""
    for action, function in acting.composed(keyspace):
        kind = catalog.kind_of(action)
        if function.call.of_session and "member" in kind.takes and action.kind not in ENTRANCES.values():
            known = vocabulary.arguments_of(kind)
            words = tuple(word for word in kind.takes if word != "member" and not known[word].of)
            py = python_call(
                f"    {quote(action.name)}: (", [quote(w) for w in words], ",)" if len(words) == 1 else ")", 4
            )
            yield action.name, words, py, f"[{', '.join(quote(w) for w in (camel(action.name), *words))}]"


def _method(shown: tuple[Part, ...], of_round: bool) -> dict[str, str]:
    py_keys = [
        "k.state(session_id)",
        *(f"k.{snake(p.pattern.name)}(session_id{', round' if p.of_round else ''})" for p in shown),
    ]
    ts_keys = [
        "k.state(sessionId)",
        *(f"k.{camel(p.pattern.name)}(sessionId{', round' if p.of_round else ''})" for p in shown),
    ]
    name = quote(snapshots.NAME)
    return {
        "py_signature": python_call(
            "    def snapshot_of(",
            ["self", "session_id: Id", "member: Id", *(['round: Id = "none"'] if of_round else [])],
            ") -> Call[Snapshot | None]:", 4,
        ),
        "py_body": "        k = self.keys\n" + python_call("        keys = [", py_keys, "]", 8)
        + f"\n        return Call({name}, keys, [encode_id(member)], _snapshot)",
        "ts_signature": typescript_call(
            "  async snapshotOf(",
            ["sessionId: Id", "member: Id", *(['round: Id = "none"'] if of_round else [])],
            "): Promise<Snapshot | undefined> {", 2,
        ),
        "ts_body": "    const k = this.keys;\n" + typescript_call("    const keys = [", ts_keys, "];", 4)
        + f"\n    const reply = (await this.operations.call({name}, keys, [encodeId(member)])) as unknown[];",
    }  # fmt: skip
