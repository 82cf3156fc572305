"""The story matrix: each demand of the documents, and what serves it.

It is the only source of "serves": a demand is served where an action carries it out and something ran that action. What no
action carries out is met by the design as a whole, or belongs elsewhere, or is not served, and then the row says what would declare it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from redis_plan.actions import ability, elsewhere, sharing
from redis_plan.actions.ability import Homes
from redis_plan.actions.finding import actions_of
from redis_plan.actions.matching import Found, Match, Matches, matches
from redis_plan.actions.model import Action, Kind
from redis_plan.brief.model import Brief
from redis_plan.keyspace import cues
from redis_plan.keyspace.model import Keyspace

Served = Literal["concrete", "generic", "outside", "not"]
SERVED: tuple[Served, ...] = ("concrete", "generic", "outside", "not")
#: What a number of demands that are served in a way is followed by.
SAID: dict[Served, str] = {
    "concrete": "carried out by an action of their own",
    "generic": "met by the design as a whole",
    "outside": "outside Redis",
    "not": "not served",
}
#: The tests of the suite that play every kind of action on a real server: what is composed, and what a function carries out.
COMPOSED = "tests/actions/test_mechanics.py::test_plays[{id}]"
CALLED = "tests/actions/test_called.py::test_plays[{id}]"
#: What is said of an action that no run has played with this project's own keys, numbers and words.
NOT_PLAYED = "no run of this project has played it"
#: What plays a declared action on a real server.
DECLARED = "redis-plan design --check"


@dataclass(frozen=True, slots=True)
class Row:
    """A demand, how it is served, by which actions on which keys, what ran, and why it is said so."""

    id: str
    file: str
    line: int
    text: str
    served: Served
    actions: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    test: str = ""
    why: str = ""
    lacking: str = ""  # the use whose key the design lacks, where an action would carry it out
    likely: str = ""  # the kind of action that may carry it out, where none surely does
    by: tuple[str, ...] = ()  # the kinds of its actions as <mechanic>.<name>, or the quality of the whole

    @property
    def place(self) -> str:
        """``prd.md:89``."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Stories:
    """The matrix of a project with its actions.

    ``shared`` is None where the design has a session; else what could be one, "" where nothing is known.
    """

    rows: tuple[Row, ...]
    actions: tuple[Action, ...]
    shared: str | None = None

    def served_by(self, *labels: str, most: int = 5) -> tuple[str, ...]:
        """Return ids of the demands that are met by one of ``labels``: kinds of action, mechanics, qualities of the whole."""
        wanted = set(labels)
        found = [r.id for r in self.rows if wanted & {*r.by, *(label.partition(".")[0] for label in r.by)}]
        return tuple(found[:most])

    @property
    def counts(self) -> dict[Served, int]:
        """How many demands are served in which way."""
        return counts(self.rows)


def stories(brief: Brief, keyspace: Keyspace) -> Stories:
    """Return the actions and the matrix of a project, its demands read once."""
    found = matches(brief, keyspace)
    actions = actions_of(found, brief, keyspace)
    shared = None
    if keyspace.use("state") is None:
        needing = [m.demand for m in found.every if any(ability.lives_in_session(f.kind) for f in m.lacking)]
        shared = sharing.could_be_session(brief, needing) if brief.fit != "no" else ""
    rows = (_with_its_number(row, brief, keyspace) for row in _rows(found, keyspace, actions, shared))
    return Stories(tuple(rows), actions, shared)


def _with_its_number(row: Row, brief: Brief, keyspace: Keyspace) -> Row:
    """Return ``row``, served as a demand on the whole where nothing else does it and its line states that quality's number."""
    if row.served != "not" or row.lacking:
        return row
    for name, quality in elsewhere.qualities().items():
        stated = (fact for fact in brief.facts if fact.name in quality.facts and fact.grade == "documented")
        if any(fact.where == row.place for fact in stated):
            return _of_the_whole(replace(row, likely=""), name, keyspace) or row
    return row


def as_session(noun: str | None) -> str:
    """Return what ``ai/redis-plan.toml`` says where ``noun`` is the session; "room" stands for a word that nobody has read."""
    return f'[session] noun = "{noun or "room"}"'


def shown_by(found: Stories, ran: Mapping[str, str]) -> Stories:
    """Return the matrix with what ran a demand's own actions, ``ran`` being the evidence of a run by action.

    An action that no run of the project has played keeps the test of its kind, and the row says that it is no more.
    """
    return replace(found, rows=tuple(_shown(row, ran) if row.served == "concrete" else row for row in found.rows))


def refuted(found: Stories, why: Mapping[str, str]) -> Stories:
    """Return the matrix with the demands that a number of a run contradicts as not served: ``why``, by the demand's place."""
    rows = (
        replace(row, served="not", why=why[row.place]) if row.served == "generic" and row.place in why else row
        for row in found.rows
    )
    return replace(found, rows=tuple(rows))


def _shown(row: Row, ran: Mapping[str, str]) -> Row:
    by: dict[str, list[str]] = {}
    for name in row.actions:
        if name in ran:
            by.setdefault(ran[name], []).append(name)
    told = "; ".join(f"{id} {', '.join(names)}" for id, names in by.items())
    return replace(row, test=told or f"{row.test} (its kind; {NOT_PLAYED})")


def summary(rows: Sequence[Row]) -> str:
    """Return the counts in words: "53 demands: 30 carried out by an action of their own, 17 not served"."""
    parts = [f"{n} {SAID[served]}" for served, n in counts(rows).items() if n]
    return f"{len(rows)} demand{'s' * (len(rows) != 1)}: {', '.join(parts) or 'none'}"


def counts(rows: Iterable[Row]) -> dict[Served, int]:
    """Return how many of ``rows`` are served in which way, each way there."""
    found = dict.fromkeys(SERVED, 0)
    for row in rows:
        found[row.served] += 1
    return found


def declared(row: Row, use: str = "") -> str:
    """Return what ``ai/redis-plan.toml`` says where ``use``, or an action that the team declares, serves ``row``."""
    if not use:
        return f'[[actions]] name = "…", serves = ["{row.place}"]'
    return f'[uses] take = [{{ use = "{use}", serves = ["{row.place}"] }}]'


def confirmed(row: Row, kind: Kind) -> str:
    """Return what ``ai/redis-plan.toml`` says where an action of ``kind`` serves ``row``."""
    if kind.call and kind.use != ability.SESSION:
        return declared(row, kind.use)
    return f'[[actions]] name = "{kind.name}", like = "{kind.id}", serves = ["{row.place}"]'


def _rows(found: Matches, keyspace: Keyspace, actions: Sequence[Action], shared: str | None) -> tuple[Row, ...]:
    by_kind = {action.kind.id: action for action in actions}
    return tuple(_row(match, keyspace, by_kind, found.homes, shared) for match in found.every)


def _row(match: Match, keyspace: Keyspace, by_kind: Mapping[str, Action], homes: Homes, shared: str | None) -> Row:
    made = [(by_kind[f.kind.id], f) for f in match.every if f.kind.id in by_kind]
    bare = Row(match.demand.id, match.demand.file, match.demand.line, match.demand.text, "not")
    if made:
        patterns = [p.template for action, _ in made for p in ability.touched(action.kind, action.keys, keyspace)]
        action, found = made[0]
        return replace(
            bare,
            served="concrete",
            actions=tuple(a.name for a, _ in made),
            keys=tuple(dict.fromkeys(patterns)),
            test=played(action.kind),
            why=_because(action, found, keyspace) + _left_open(match),
            by=(*(a.kind.id for a, _ in made), *dict.fromkeys(part.quality for part in match.criteria if part.quality)),
        )
    if match.outside:
        kind = elsewhere.outside()[match.outside]
        return replace(bare, served="outside", why=f"{kind.title}: {kind.where}; {kind.why}")
    if match.quality and (met := _of_the_whole(bare, match.quality, keyspace)):
        return met
    return _unserved(match, bare, keyspace, homes, shared)


def played(kind: Kind) -> str:
    """Return the test that plays ``kind`` on a real server, or the command that does."""
    if kind.declared:
        return DECLARED
    return (CALLED if kind.call else COMPOSED).format(id=kind.id)


def _because(action: Action, found: Found, keyspace: Keyspace) -> str:
    """Return what the action does, and what tells that the demand asks for it."""
    nouns = {"member": keyspace.member_noun, "noun": keyspace.session_noun, "entity": action.entity}
    nouns |= {"members": cues.plural(keyspace.member_noun)}
    does = cues.filled(action.kind.says, nouns)
    if found.declared:
        return f"{does} (redis-plan.toml:{found.declared} says that it serves this)"
    return f"{does}; the demand is like “{found.likeness.example}”"


def _left_open(match: Match) -> str:
    """Return which criteria no action of the demand is known to do: somebody has to look at them."""
    places = [f"{r.file}:{r.line}" for r in match.open]
    return f"; not said of {' and '.join(places)}" if places else ""


def _of_the_whole(bare: Row, name: str, keyspace: Keyspace) -> Row | None:
    """Return the row of a demand on the whole; None where the design has none of the keys that would meet it."""
    quality = elsewhere.qualities()[name]
    keys = tuple(p.template for use in quality.uses if (p := keyspace.use(use)))
    if not keys:
        return None
    why = f"{quality.title}: {quality.how}"
    return replace(bare, served="generic", keys=keys, test=quality.evidence, why=why, by=(name,))


def _unserved(match: Match, bare: Row, keyspace: Keyspace, homes: Homes, shared: str | None) -> Row:
    """Return the row of a demand that nothing serves, with the entry of ``ai/redis-plan.toml`` that would have it served."""
    lacking = next((f.kind for part in (match, *match.criteria) for f in part.lacking), None)
    if lacking is None and match.likely:
        kind = match.likely.kind
        if kind.declared:
            says = f"{kind.name} of redis-plan.toml:{kind.declared} may carry it out; where it does, add {bare.place} to its serves"
            return replace(bare, why=says, likely=kind.id)
        use = ability.to_be_taken(kind, keyspace, homes)
        entry = declared(bare, use) if use else confirmed(bare, kind)
        says = f"{kind.id} may carry it out, which is not sure; where it does, say so: {entry}"
        return replace(bare, why=says, likely=kind.id, lacking=use)
    if lacking is None:
        return replace(bare, why=f"no action does this; where it is about live state, declare it: {declared(bare)}")
    if shared is not None and ability.lives_in_session(lacking):
        does = f"{lacking.id} would carry it out in a session, and the documents name none"
        where = f"where {cues.with_article(shared)} is one" if shared else "where something is one"
        return replace(bare, why=f"{does}; {where}, say so: {as_session(shared)}", lacking=ability.SESSION)
    use = lacking.use if lacking.use != ability.SESSION else next((use for use, _ in lacking.keys.values()), "state")
    types = {of: type for of, type in lacking.keys.values() if of != ability.RECORDS}
    if held := next((p for p in keyspace.keys if types.get(p.use, p.type) != p.type), None):
        does = (
            f"{lacking.id} would carry it out on a {types[held.use]}, and the design holds {held.name} as a {held.type}"
        )
        return replace(
            bare, why=f'{does}; declare it: [structures] {held.name} = "{types[held.use]}"', lacking=held.use
        )
    does = f"{lacking.id} would carry it out, and the design lacks its key; declare it: {declared(bare, use)}"
    return replace(bare, why=does, lacking=use)
