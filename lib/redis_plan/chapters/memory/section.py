"""The plan's own text of section 5: what its template needs beside the design and the findings."""

from __future__ import annotations

import pandas as pd

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.memory.findings import Memory
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.words import levers, words
from redis_plan.words.memory_words import Words
from redis_plan.words.tables import table

#: Keys with a smaller share of one session's bytes have one row together in the plan itself.
_SHOWN_SHARE = 0.015


def memory(brief: Brief, keyspace: Keyspace, found: Memory, samples: pd.DataFrame) -> str:
    """Return the running text of section 5; ``samples`` are those of ``found.fit``."""
    said, peak = Words.of(keyspace), brief.value("sessions_peak")
    shares = _shares(keyspace, samples) if found.fit else []
    whole = sum(size for _, size, _ in shares) or 1.0
    if found.fit and said.sessions:
        whole = found.fit.session.value
    rows = [
        [f"`{p.name}`", many, units.write(round(size), "B"), f"{100 * size / whole:.0f} %"]
        for p, size, many in shares
        if size / whole >= _SHOWN_SHARE
    ]
    if small := [(p, size) for p, size, _ in shares if size / whole < _SHOWN_SHARE]:
        size = sum(size for _, size in small)
        names = ", ".join(f"`{p.name}`" for p, _ in small)
        rows.append([names, "–", units.write(round(size), "B"), f"{100 * size / whole:.0f} %"])
    if found.fit and said.sessions:
        rest = whole - sum(size for _, size, _ in shares)
        rows.append([levers.TABLES, "–", units.write(round(rest), "B"), f"{100 * rest / whole:.0f} %"])
    last = said.a_one.capitalize() if said.sessions else "At the peak"
    carried = found.budget.carries.value if found.budget else peak
    cures = levers.levers(brief, keyspace, found) if carried < peak else ()
    return words.render(
        "chapters/memory/memory", brief, keyspace, found=found, groups=said.groups,
        bytes=table(["Key", "Elements × keys", last, "Share"], rows, right=(2, 3)),
        largest=shares[0][0].name if shares and said.sessions else "",
        share=f"{100 * shares[0][1] / whole:.0f} %" if shares else "",
        carries=said.count(carried), fits=carried >= peak and brief.fact("memory_budget").grade != "assumed", peak=f"{said.count(peak)} ({brief.fact('sessions_peak').where})",
        across=_across(keyspace, found) if said.sessions else "",
        authoritative=any(p.authoritative for p in keyspace.keys),
        levers=levers.lever_table(brief, keyspace, cures, found.budget) if found.budget else "",
    )  # fmt: skip


def _across(keyspace: Keyspace, found: Memory) -> str:
    """Return the bytes of the keys that belong to no session, and which takes most of them; "" where they are next to nothing."""
    if found.fit is None or found.budget is None:
        return ""
    each = found.fit.a_key
    sizes = {
        p.name: each[p.name].value * p.per_session for p in keyspace.keys if p.scope == "global" and p.name in each
    }
    whole, largest = sum(sizes.values()), max(sizes, key=lambda name: sizes[name], default="")
    if whole < _SHOWN_SHARE * found.budget.dataset.value:
        return ""
    return f"{units.write(round(whole), 'B')}, {100 * sizes[largest] / whole:.0f} % of it `{largest}`"


def _shares(keyspace: Keyspace, samples: pd.DataFrame) -> list[tuple[KeyPattern, float, str]]:
    """Return each key with its bytes, of one session or of all at the peak, and its count, largest first."""
    rows = {str(row["pattern"]): row for row in samples.to_dict("records")}
    own = [p for p in keyspace.keys if p.scope != "global"] if keyspace.session_entity else list(keyspace.keys)
    found = []
    for p in own:
        size = float(rows[p.name]["bytes_per_session" if keyspace.session_entity else "measured_bytes"])
        found.append((p, size, f"{p.typical_elements:,.0f} × {p.per_session:,.0f}"))
    return sorted(found, key=lambda item: -item[1])
