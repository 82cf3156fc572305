"""The decision on the name scheme, and what describes its figures."""

from __future__ import annotations

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.naming.findings import Naming
from redis_plan.evidence.decision import Alternative, Decision, Guard
from redis_plan.keyspace import bounds, naming
from redis_plan.keyspace.model import Keyspace

SKEW_ALT = (
    "Strip plot of each node's share of the ids for 3, 6 and 12 nodes, where random ids stay near an even "
    "share and small integer tags do not."
)
NAME_ALT = "Step line of the bytes of one key against the length of its name, with the short, the chosen and the long form marked."


def tagged(keyspace: Keyspace) -> bool:
    """Whether any name has a hash tag, so that it matters how evenly tags spread over nodes."""
    return any(naming.hash_tag(p.template) for p in keyspace.keys)


def naming_decision(keyspace: Keyspace, brief: Brief, found: Naming) -> Decision:
    """Return the decision on the name scheme."""
    slots = found.slots if found.slots and found.slots.steps.value > 0 else None
    skew = found.skew if tagged(keyspace) else None
    core = next((p for p in keyspace.keys if p.scope == "session"), keyspace.keys[0] if keyspace.keys else None)
    because = (
        [f"of all sets of keys that change together, {slots.split.linked} lie in more than one slot"] if slots else []
    )
    guards: list[Guard] = []
    if skew:
        because.append(f"the fullest of 6 nodes holds {skew.ids['6'].linked} its even share")
        guards.append(Guard("skew over 6 nodes", skew.ids["6"].value, "<=", 1.1, "x"))
    if slots:
        guards.append(Guard("sets of keys in more than one slot", slots.split.value, "<=", 0, "sets"))
    longest = max((bounds.name_bytes(p) for p in keyspace.keys), default=0)
    guards.append(Guard("longest name", longest, "<=", 100, "B"))
    instead = [
        Alternative(
            "names without hash tags",
            f"{slots.split_without_tag.linked} of keys in more than one slot"
            if slots
            else "no step of this design changes two keys, so this is what it has",
            naive=True,
        )
    ]
    if skew:
        instead.append(
            Alternative(
                "one constant tag for the application", f"{skew.constant['6'].linked} an even share on one of 6 nodes"
            )
        )
        instead.append(
            Alternative("hash tags {0}…{127}", f"{skew.tags['6'].linked} an even share on the fullest of 6 nodes")
        )
    if found.cost:
        instead.append(Alternative("one-letter names", f"{found.cost.short_key.linked} a key"))
    template = core.template if core else f"{keyspace.app}:v1:…"
    tag = "the id of the owner as the only hash tag, " if naming.hash_tag(template) else ""
    return Decision(
        id="D-02a",
        title="How keys are named",
        question="What shall the keys be called?",
        decision=f"`{template}`: application, schema version, {tag}the part, further ids.",
        because="; ".join(because) + "." if because else "a name says whose it is and what it holds, in a form that a check can verify.",
        instead_of=tuple(instead),
        costs=(f"{units.write(bounds.names_total(keyspace, brief.value('sessions_peak')), 'B')} of names at peak (modelled). "
               + (f"One {keyspace.session_noun} never spreads over several nodes." if keyspace.session_entity else
                  "What shares a tag never spreads over several nodes." if tagged(keyspace) else "Parts are spelt out.")),
        holds_while=tuple(guards),
        requirements=core.requirements[:4] if core else (),
    )  # fmt: skip
