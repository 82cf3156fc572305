"""The decision on the name scheme, and what describes its figures."""

from __future__ import annotations

from redis_plan.brief.model import Brief
from redis_plan.chapters.naming.findings import Naming
from redis_plan.evidence.decision import Decision, Guard
from redis_plan.keyspace import bounds, naming
from redis_plan.keyspace.model import Keyspace
from redis_plan.words.deciding import decided

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
    guards: list[Guard] = []
    if skew:
        guards.append(Guard("skew over 6 nodes", skew.ids["6"].value, "<=", 1.1, "x"))
    if slots:
        guards.append(Guard("sets of keys in more than one slot", slots.split.value, "<=", 0, "sets"))
    longest = max((bounds.name_bytes(p) for p in keyspace.keys), default=0)
    guards.append(Guard("longest name", longest, "<=", 100, "B"))
    template = core.template if core else f"{keyspace.app}:v1:…"
    return decided(
        "chapters/naming/d02a", guards, core.requirements[:4] if core else (), found=found, slots=slots, skew=skew,
        name=template, owned=naming.hash_tag(template), tagged=tagged(keyspace),
        noun=keyspace.session_noun if keyspace.session_entity else "",
        names=bounds.names_total(keyspace, brief.value("sessions_peak")),
    )  # fmt: skip
