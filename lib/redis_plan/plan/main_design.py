"""The plan's own text of sections 1 to 5: what its templates need beside the design and the evidence."""

from __future__ import annotations

import pandas as pd

from redis_plan import units
from redis_plan.brief.model import Brief, Fact
from redis_plan.chapters.naming.structure_text import field_names
from redis_plan.evidence.store import Evidence
from redis_plan.keyspace import chain, expression, naming
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.plan import levers
from redis_plan.words import command_block, expiry_rules, words
from redis_plan.words.keyspace_text import table
from redis_plan.words.memory_words import Words
from redis_plan.words.sync_common import tail

#: A key with a smaller share of one session's bytes has no row in the plan itself.
_SHOWN_SHARE = 0.01
_INDEXES = ("zset", "set", "list", "stream", "hash")


def clause(text: str) -> str:
    """Return the first clause of a registry's sentence, which can stand alone in a cell.

    >>> clause("answers of one round: player id, hidden; hidden (prd.md:10): in no snapshot")
    'answers of one round: player id, hidden'
    """
    return text.split(";", maxsplit=1)[0].split(", which ", maxsplit=1)[0].strip()


def facts_used(brief: Brief, keyspace: Keyspace) -> tuple[Fact, ...]:
    """Return the facts that this design rests on: a lifetime that no key has is none of them, and without keys none is."""
    if not keyspace.keys:
        return ()
    formulas = {name for p in keyspace.keys for name in expression.facts_in(p.ttl.expression or 0)}
    return tuple(f for f in brief.facts if not f.name.endswith("_ttl") or f.name in formulas or f.name == "idle_ttl")


def _listed(patterns: list[KeyPattern]) -> str:
    return ", ".join(f"`{p.name}`" for p in patterns)


def naming_section(brief: Brief, keyspace: Keyspace, slots: Evidence) -> str:
    """Return the running text of section 1."""
    indexes = [p for p in keyspace.keys if p.scope == "global" and p.type in _INDEXES]
    first = keyspace.keys[0].template if keyspace.keys else ""
    example = naming.example(first) if first else ""
    return words.render("naming", brief, keyspace, slots=slots, indexes=_listed(indexes), example=example)


def structures_section(brief: Brief, keyspace: Keyspace, cliff: Evidence) -> str:
    """Return the running text of section 2, with the fields of every key that has more than one."""
    rows = [
        [f"`{p.name}`", p.type, field_names(p), clause(p.at_bound) or "–"] for p in keyspace.keys if len(p.fields) > 1
    ]
    shown = table(["Key", "Type", "Fields", "At the bound"], rows) if rows else ""
    return words.render("structures", brief, keyspace, fields=shown, cliff=cliff)


def expiry_section(brief: Brief, keyspace: Keyspace, lag: Evidence, slide: Evidence, crash: Evidence) -> str:
    """Return the running text of section 3, with the commands of a timer's worker."""
    timers = expiry_rules.timer_commands(brief, keyspace)
    return words.render(
        "expiry", brief, keyspace, lag=lag, slide=slide, crash=crash, links=_chain(keyspace, brief),
        swept=expiry_rules.swept(keyspace), timers=command_block.block(timers) if timers else "",
        sliding=any(p.ttl.policy == "sliding" for p in keyspace.keys) and not slide.not_run,
        jitter=_listed([p for p in keyspace.keys if p.use == "cache"]),
        untimed=_listed([p for p in keyspace.keys if p.ttl.policy == "none"]),
    )  # fmt: skip


def _chain(keyspace: Keyspace, brief: Brief) -> str:
    """Return how many lifetimes depend on each other, and every one that is broken."""
    links = chain.links(keyspace, brief)
    broken = [link for link in links if not link.holds]
    if not links:
        return ""
    if not broken:
        return f"Lifetimes that depend on each other: {'all ' + str(len(links)) if len(links) > 1 else 'the one'} {'inequalities hold' if len(links) > 1 else 'inequality holds'}, such as {links[0].says} ({units.write(links[0].left, 's')} against {units.write(links[0].right, 's')})."
    return "**Broken**: " + "; ".join(
        f"{link.says}, {units.write(link.left, 's')} against {units.write(link.right, 's')}: {link.because}"
        for link in broken
    )


def synchronization_section(
    brief: Brief, keyspace: Keyspace, pubsub: Evidence, beacon: Evidence, sizing: Evidence | None = None
) -> str:
    """Return the running text of section 4."""
    copies = [p for p in keyspace.keys if not p.authoritative]
    envelope = (
        '{"e":"5f0c1b2a9d3e4f60","v":42,"ts":1795411145171,"t":"change","op":"01JD8Q6Z7K3W9M2N4P5R6S7T8V",'
        '"d":{"set":{"status":"open"}}}'
    )
    return words.render(
        "synchronization", brief, keyspace, pubsub=pubsub, beacon=beacon, sizing=sizing, envelope=envelope,
        tail=tail(pubsub), copies=_listed(copies),
    )  # fmt: skip


def memory_section(
    brief: Brief, keyspace: Keyspace, samples: pd.DataFrame, fit: Evidence, budget: Evidence, full: Evidence,
    small: Evidence, packed: Evidence,
) -> str:  # fmt: skip
    """Return the running text of section 5; ``samples`` are those of ``fit``."""
    said, peak = Words.of(keyspace), brief.value("sessions_peak")
    shares = _shares(keyspace, samples) if not fit.not_run else []
    whole = sum(size for _, size, _ in shares) or 1.0
    rows = [
        [f"`{p.name}`", many, units.write(round(size), "B"), f"{100 * size / whole:.0f} %"]
        for p, size, many in shares
        if size / whole >= _SHOWN_SHARE
    ]
    causes = levers.levers(brief, keyspace, fit, budget, small, packed)
    last = said.a_one.capitalize() if said.sessions else "At the peak"
    carried = peak if budget.not_run else budget["sessions_in_budget"].value
    return words.render(
        "memory", brief, keyspace, fit=fit, budget=budget, full=full, groups=said.groups,
        bytes=table(["Key", "Elements × keys", last, "Share"], rows, right=(2, 3)),
        largest=shares[0][0].name if shares and said.sessions else "",
        share=f"{100 * shares[0][1] / whole:.0f} %" if shares else "",
        carries=said.count(carried), peak=f"{said.count(peak)} ({brief.fact('sessions_peak').where})",
        authoritative=any(p.authoritative for p in keyspace.keys),
        levers=levers.lever_table(brief, keyspace, causes, budget) if carried < peak else "",
    )  # fmt: skip


def _shares(keyspace: Keyspace, samples: pd.DataFrame) -> list[tuple[KeyPattern, float, str]]:
    """Return each key with its bytes, of one session or of all at the peak, and its count, largest first."""
    rows = {str(row["pattern"]): row for row in samples.to_dict("records")}
    own = [p for p in keyspace.keys if p.scope != "global"] if keyspace.session_entity else list(keyspace.keys)
    found = []
    for p in own:
        size = float(rows[p.name]["bytes_per_session" if keyspace.session_entity else "measured_bytes"])
        found.append((p, size, f"{p.typical_elements:,.0f} × {p.per_session:,.0f}"))
    return sorted(found, key=lambda item: -item[1])
