"""A design: the keyspace that a Brief asks for, composed from the catalog's use patterns.

Core patterns stand for every project with sessions; others come when an entity or a requirement asks for them; a
real-time or short-lived entity that no pattern fits gets a hash of records named after it; what lasts stays in the
team's database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from redis_plan.brief.model import Brief
from redis_plan.errors import OverrideError
from redis_plan.keyspace import building, cues, declared, own, pins, restricted, seating, serving, statefields, uses
from redis_plan.keyspace.building import Ground
from redis_plan.keyspace.catalog import KeySpec
from redis_plan.keyspace.linter import lint
from redis_plan.keyspace.model import SHARDED, Bound, Field, KeyPattern, Keyspace, Leavers
from redis_plan.keyspace.together import RECORD
from redis_plan.keyspace.uses import Use
from redis_plan.keyspace.versions import offers

PINNED = "pinned by the team in `redis-plan.toml`"


def design(brief: Brief, structures: Mapping[str, str] | None = None) -> Keyspace:
    """Return the keyspace for ``brief``, lint findings included.

    ``structures`` names the candidate that holds a key, by the key's name; elsewhere the catalog's first preference
    that the stack's server offers stands. What the team pinned wins over both. Raises :class:`OverrideError` where
    ``redis-plan.toml`` pins a prefix or a structure that can't be.
    """
    return draft(brief).keyspace(structures or {})


@dataclass(frozen=True, slots=True)
class Slot:
    """One key of a draft: its name, the use it comes from, and what the catalog says of it."""

    name: str
    use: uses.Use
    spec: KeySpec


@dataclass(frozen=True, slots=True)
class Draft:
    """Which keys a Brief asks for, before it is decided how each is held; other numbers can be put in cheaply."""

    ground: Ground
    uses: tuple[uses.Use, ...]
    slots: tuple[Slot, ...]
    state_fields: tuple[Field, ...] = ()
    leavers: Mapping[str, Leavers] = field(default_factory=dict)  # keys in which each member has one entry

    def rescaled(self, brief: Brief) -> Draft:
        """Return the same keys with the facts and the stack of ``brief``."""
        ground = self.ground
        return replace(self, ground=Ground.of(brief, ground.keyspace, ground.session))

    def with_uses(self, more: tuple[Use, ...]) -> Draft:
        """Return the same keys and those of ``more`` uses behind them."""
        taken = {slot.name for slot in self.slots}
        return replace(self, uses=(*self.uses, *more), slots=(*self.slots, *_slots(more, self.ground, taken)))

    def without(self, dropped: Collection[str], idle: Collection[str] = ()) -> Draft:
        """Return the same keys but for those of the uses ``dropped``, and those called ``idle``.

        What is told of their things, where anything is, the session's state then says.
        """
        gone = {id(slot.use) for slot in self.slots if slot.name in idle or slot.use.pattern.use in dropped}
        moved = tuple(
            e for use in self.uses if id(use) in gone for e in use.entities if cues.asked_live(e, self.ground.brief)
        )
        kept = {
            id(use): replace(use, entities=(*use.entities, *moved)) if use.pattern.use == "state" else use
            for use in self.uses
            if id(use) not in gone
        }
        slots = tuple(replace(slot, use=kept[id(slot.use)]) for slot in self.slots if id(slot.use) in kept)
        return replace(self, uses=tuple(kept.values()), slots=slots)

    def with_actions(
        self, actions: tuple[Bound, ...], state_fields: tuple[Field, ...], leavers: Mapping[str, Leavers]
    ) -> Draft:
        """Return the same keys, what is done on them, the fields of the state that this goes by, and what a member has there."""
        keyspace = replace(self.ground.keyspace, actions=actions)
        ground = replace(self.ground, keyspace=keyspace)
        return replace(self, ground=ground, state_fields=state_fields, leavers=leavers)

    def held(self, slot: Slot, candidate: str) -> KeyPattern:
        """Return the key of ``slot`` as ``candidate`` holds it, tied to nothing yet."""
        return building.build(slot.use, slot.spec, self.ground, candidate, slot.name)

    def pinned(self, slot: Slot) -> str:
        """Return the candidate that the team pinned for ``slot``, or that of the key it adopted, or "".

        One connection hears all channels of a session: the others are sharded where its events are pinned so.
        """
        asked = slot.use.pattern, slot.spec, slot.name, self.ground.brief
        found, events = pins.pinned(*asked), self._events_beside(slot)
        sharded = events is not None and self.pinned(events) == SHARDED
        if events and found and found.type == "channel" and (found.name == SHARDED) != sharded:
            place = pins.line_of(self.ground.brief, slot.name, slot.use.pattern.use)
            raise OverrideError(
                f"{place}: {slot.name} is pinned to {found.name} and {events.name} is not, but one connection hears all "
                f"channels of a session: pin {events.name}, and {slot.name} follows"
            )
        if sharded and not found:
            return SHARDED
        found = found or own.adopted(*asked)
        return found.name if found else ""

    def _events_beside(self, slot: Slot) -> Slot | None:
        """Return the events of a session where ``slot`` is a further channel of it."""
        if slot.spec.type != "channel" or slot.spec.scope != "session" or slot.use.pattern.use == "events":
            return None
        return next((other for other in self.slots if other.use.pattern.use == "events"), None)

    def keyspace(self, structures: Mapping[str, str]) -> Keyspace:
        """Return the keyspace in which ``structures`` hold the keys, tied to its needs and linted."""
        ground, brief = self.ground, self.ground.brief
        patterns = [self._pattern(slot, structures) for slot in self.slots]
        patterns = seating.told(restricted.marked(patterns, brief), brief, ground.keyspace.actions)
        patterns = seating.bounded(patterns, self.leavers)
        patterns = statefields.with_fields(statefields.with_code(patterns), self.state_fields)
        patterns = own.with_stated_ttls(_with_records(patterns), brief)
        patterns, unserved = serving.serve(patterns, list(self.uses), brief, ground.session)
        keyspace = replace(ground.keyspace, patterns=tuple(patterns), unserved=unserved, own=own.judge(patterns, brief))
        return replace(keyspace, findings=lint(keyspace, brief))

    def _pattern(self, slot: Slot, structures: Mapping[str, str]) -> KeyPattern:
        if pinned := self.pinned(slot):
            return replace(self.held(slot, pinned), because=PINNED)
        return self.held(slot, structures.get(slot.name) or preferred(slot.spec, self.ground.brief))


def draft(brief: Brief) -> Draft:
    """Return the keys that ``brief`` asks for; raises :class:`OverrideError` for a pin of what is no key."""
    session = cues.find_session(brief)
    found = tuple(uses.choose(brief, session))
    keyspace = empty(brief, session)
    ground = Ground.of(brief, keyspace, session)
    ours = declared.keys(brief, keyspace, session is not None)
    designed = tuple(_slots(found, ground, set()))
    declared.check_names(ours, ((slot.name, slot.spec) for slot in designed))
    there = tuple(slot for slot in designed if not declared.instead_of(ours, slot.name, slot.use))
    slots = (*there, *(Slot(one.name, one.use, one.spec) for one in ours))
    found = (*(use for use in found if any(slot.use is use for slot in there)), *(one.use for one in ours))
    pins.check_names(brief, tuple(slot.name for slot in slots))
    return Draft(ground, found, slots)


def empty(brief: Brief, session: cues.SessionNoun | None) -> Keyspace:
    """Return the keyspace of ``brief`` without keys: what its names begin with, and what its things are called."""
    return Keyspace(
        app=pins.check_prefix(brief),
        schema_version=1,
        session_noun=session.word if session else "session",
        patterns=(),
        member_noun=cues.find_member(brief, session),
        session_entity=session.entity.name if session else "",
    )


def preferred(spec: KeySpec, brief: Brief) -> str:
    """Return the first preferred candidate that the stack's server offers; "" where the catalog prefers none."""
    by_name = {c.name: c for c in spec.candidate}
    for name in spec.prefer:
        if offers(brief, by_name[name]):
            return name
    # an older server than all of them need: the design stands, and lint says what is missing
    return spec.prefer[0] if spec.prefer else ""


def _slots(found: tuple[uses.Use, ...], ground: Ground, taken: set[str]) -> Iterator[Slot]:
    for use in found:
        for original in use.pattern.key:
            spec = original.adapted(ground.session is not None)
            name = building.free_name(use, spec, ground, taken)
            yield Slot(name, use, spec)
            taken.add(name)


def _with_records(patterns: list[KeyPattern]) -> list[KeyPattern]:
    """Name session_record among the writers of what it writes besides the collection."""
    if not any(RECORD in p.functions for p in patterns):
        return patterns
    written = ("state", "log", "idem", "events")
    return [replace(p, writers=(*p.writers, RECORD)) if p.use in written else p for p in patterns]
