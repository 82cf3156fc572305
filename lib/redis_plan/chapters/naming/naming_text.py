"""Text of section 1 that rests on measurements: one slot for what changes together, the cost of names, the decision."""

from __future__ import annotations

from collections.abc import Mapping

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.naming.findings import NameCost, Naming
from redis_plan.evidence.decision import Alternative, Decision, Guard
from redis_plan.keyspace import bounds, naming
from redis_plan.keyspace.cues import plural
from redis_plan.keyspace.model import Keyspace
from redis_plan.keyspace.together import together
from redis_plan.words.tables import table

SKEW_ALT = (
    "Strip plot of each node's share of the ids for 3, 6 and 12 nodes, where random ids stay near an even "
    "share and small integer tags do not."
)
NAME_ALT = "Step line of the bytes of one key against the length of its name, with the short, the chosen and the long form marked."


def tagged(keyspace: Keyspace) -> bool:
    """Whether any name has a hash tag, so that it matters how evenly tags spread over nodes."""
    return any(naming.hash_tag(p.template) for p in keyspace.keys)


def atomic_steps(keyspace: Keyspace, found: Naming) -> str:
    """Return which keys change together, and what the server said of their slots."""
    rows = [
        [
            f"`{step}`" if step.startswith("session_") else step,
            ", ".join(f"`{p.name}`" for p in keyspace.keys if p.template in templates),
        ]
        for step, templates in together(keyspace).items()
    ]
    lines = ["### What changes together", ""]
    if not rows:
        return "\n".join([*lines, "No step changes more than one key, so no step can cross a slot."])
    lines += [table(["Step", "Its keys"], rows), ""]
    if (slots := found.slots) is None:
        lines.append(f"Not verified on a live server: {found.why_not('slots')}")
    else:
        lines.append(
            f"A cluster-enabled server computed the slots of {slots.names.linked}, also for hostile ids (braces, colons, NUL, 10 kB of emoji): "
            f"{slots.split.linked} of keys lie in more than one slot; without the tags {slots.split_without_tag.linked} do. "
            + (
                f"Every function was called on it: {slots.crossslot.linked} with CROSSSLOT, against "
                f"{slots.crossslot_without_tag.linked} for names without tags."
                if keyspace.session_entity
                else ""
            )
        )
    if skew := found.skew:
        lines += ["", "[figure 01-slot-skew]", ""]
        live = skew.live.full if skew.live else ""
        chance = f"At this project's peak chance decides more than the hash: {live} on the fullest of 3."
        lines.append(
            f"The fullest of 3, 6 and 12 nodes holds {skew.ids['3'].linked}, {skew.ids['6'].linked} and {skew.ids['12'].linked} its even share of "
            f"{plural(keyspace.session_noun) if keyspace.session_entity else 'keys with random ids'}; hash tags {{0}}…{{127}} would give {skew.tags['3'].linked}, {skew.tags['6'].linked} and {skew.tags['12'].linked}. "
            + (chance if live and keyspace.session_entity else "")
        )
    return "\n".join(lines)


def name_budget(keyspace: Keyspace, brief: Brief, cost: NameCost | None) -> str:
    """Return the bytes of names at peak, and what shorter ones would save."""
    peak = brief.value("sessions_peak")
    taken = {p.name: bounds.name_bytes(p) * bounds.keys_at_peak(p, peak) for p in keyspace.keys}
    total = bounds.names_total(keyspace, peak)
    budget = brief.fact("memory_budget")
    lines = [
        "### Length budget",
        "",
        f"A name is at most {max((bounds.name_bytes(p) for p in keyspace.keys), default=0)} B here; the budget is 100 B. All names at peak "
        f"together take {units.write(total, 'B')} (modelled, before the allocator rounds up), "
        f"{units.significant(100 * total / budget.value, 2)} % of the {units.write(budget.value, 'B')} there are ({budget.where})."
        + _most_of_it(taken),
    ]
    if cost:
        lines.append(
            f"One key with an 8-byte value and a TTL takes {cost.chosen_key.full} under the chosen form of name "
            f"({cost.chosen_length}), {cost.short_key.linked} under one-letter parts "
            f"({cost.short_length}) and {cost.long_key.linked} under a spelt-out one "
            f"({cost.long_length}). One-letter names would save {cost.readable_total.linked} at peak in all, and "
            f"nobody could read a SLOWLOG."
        )
    return "\n".join(lines)


def _most_of_it(taken: Mapping[str, float]) -> str:
    """Say which key's names take the most, and how much."""
    if len(taken) < 2:
        return ""
    name = max(taken, key=lambda n: taken[n])
    return f" Most of it is `{name}`: {units.write(taken[name], 'B')}."


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
