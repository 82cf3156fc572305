"""Text of section 1 that rests on measurements: one slot for what changes together, the cost of names, the decision."""

from __future__ import annotations

from collections.abc import Mapping

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.evidence.decision import Alternative, Decision, Guard
from redis_plan.evidence.store import Evidence, write_value
from redis_plan.keyspace import bounds, naming
from redis_plan.keyspace.cues import plural
from redis_plan.keyspace.model import Keyspace
from redis_plan.keyspace.together import together
from redis_plan.words.keyspace_text import table

SKEW_ALT = (
    "Strip plot of each node's share of the ids for 3, 6 and 12 nodes, where random ids stay near an even "
    "share and small integer tags do not."
)
NAME_ALT = "Step line of the bytes of one key against the length of its name, with the short, the chosen and the long form marked."


def tagged(keyspace: Keyspace) -> bool:
    """Whether any name has a hash tag, so that it matters how evenly tags spread over nodes."""
    return any(naming.hash_tag(p.template) for p in keyspace.keys)


def atomic_steps(keyspace: Keyspace, skew: Evidence, slots: Evidence) -> str:
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
    if slots.not_run:
        lines.append(f"Not verified on a live server: {slots.not_run}")
    else:
        lines.append(
            f"A cluster-enabled server computed the slots of {slots.number('names')}, also for hostile ids (braces, colons, NUL, 10 kB of emoji): "
            f"{slots.number('split')} of keys lie in more than one slot; without the tags {slots.number('split_without_tag')} do. "
            + (
                f"Every function was called on it: {slots.number('crossslot')} with CROSSSLOT, against "
                f"{slots.number('crossslot_without_tag')} for names without tags."
                if keyspace.session_entity
                else ""
            )
        )
    if "ids_6" in skew:
        lines += ["", "[figure 01-slot-skew]", ""]
        chance = f"At this project's peak chance decides more than the hash: {skew.cite('live_3')} on the fullest of 3."
        lines.append(
            f"The fullest of 3, 6 and 12 nodes holds {skew.number('ids_3')}, {skew.number('ids_6')} and {skew.number('ids_12')} its even share of "
            f"{plural(keyspace.session_noun) if keyspace.session_entity else 'keys with random ids'}; hash tags {{0}}…{{127}} would give {skew.number('tags_3')}, {skew.number('tags_6')} and {skew.number('tags_12')}. "
            + (chance if keyspace.session_entity else "")
        )
    return "\n".join(lines)


def name_budget(keyspace: Keyspace, brief: Brief, cost: Evidence) -> str:
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
    if not cost.not_run:
        lines.append(
            f"One key with an 8-byte value and a TTL takes {cost.cite('chosen_key')} under the chosen form of name "
            f"({write_value(cost['chosen_length'])}), {cost.number('short_key')} under one-letter parts "
            f"({write_value(cost['short_length'])}) and {cost.number('long_key')} under a spelt-out one "
            f"({write_value(cost['long_length'])}). One-letter names would save {cost.number('readable_total')} at peak in all, and "
            f"nobody could read a SLOWLOG."
        )
    return "\n".join(lines)


def _most_of_it(taken: Mapping[str, float]) -> str:
    """Say which key's names take the most, and how much."""
    if len(taken) < 2:
        return ""
    name = max(taken, key=lambda n: taken[n])
    return f" Most of it is `{name}`: {units.write(taken[name], 'B')}."


def naming_decision(
    keyspace: Keyspace, brief: Brief, skew: Evidence | None, cost: Evidence, slots: Evidence
) -> Decision:
    """Return the decision on the name scheme."""
    stepped = "split" in slots and slots["steps"].value > 0
    core = next((p for p in keyspace.keys if p.scope == "session"), keyspace.keys[0] if keyspace.keys else None)
    because = (
        [f"of all sets of keys that change together, {slots.number('split')} lie in more than one slot"]
        if stepped
        else []
    )
    guards: list[Guard] = []
    if skew is not None and not skew.not_run and tagged(keyspace):
        because.append(f"the fullest of 6 nodes holds {skew.number('ids_6')} its even share")
        guards.append(Guard("skew over 6 nodes", skew["ids_6"].value, "<=", 1.1, "x"))
    if stepped:
        guards.append(Guard("sets of keys in more than one slot", slots["split"].value, "<=", 0, "sets"))
    longest = max((bounds.name_bytes(p) for p in keyspace.keys), default=0)
    guards.append(Guard("longest name", longest, "<=", 100, "B"))
    instead = [
        Alternative(
            "names without hash tags",
            f"{slots.number('split_without_tag')} of keys in more than one slot"
            if stepped
            else "no step of this design changes two keys, so this is what it has",
            naive=True,
        )
    ]
    if skew is not None and not skew.not_run and tagged(keyspace):
        instead.append(
            Alternative(
                "one constant tag for the application", f"{skew.number('constant_6')} an even share on one of 6 nodes"
            )
        )
        instead.append(
            Alternative("hash tags {0}…{127}", f"{skew.number('tags_6')} an even share on the fullest of 6 nodes")
        )
    if "short_key" in cost:
        instead.append(Alternative("one-letter names", f"{cost.number('short_key')} a key"))
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
