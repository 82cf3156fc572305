"""The text of the memory appendix: what its template needs beside the design and the findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from redis_plan.brief.model import Brief
from redis_plan.chapters.memory import memory_tables
from redis_plan.chapters.memory.findings import Memory
from redis_plan.chapters.memory.memory_tables import written
from redis_plan.keyspace import bounds
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.memory import capacity, model, project
from redis_plan.memory.layout import Build
from redis_plan.words import words
from redis_plan.words.memory_words import Words
from redis_plan.words.tables import listed

#: Names are worth shortening from this share of the dataset on, in per cent.
_WORTH = 5.0
#: Below this share of used_memory RSS has not grown with the load but was there before.
_RSS_GREW = 0.7
#: Steps of the tables below this are not worth a word, in bytes.
_TOLD_STEP = 65_536
_COMPACT = ("listpack", "intset", "listpackex")


@dataclass(frozen=True, slots=True)
class Near:
    """The keys that are nearest to leaving their compact encoding, and a key that a test asks."""

    names: str
    example: str
    encoding: str


def told(
    brief: Brief,
    keyspace: Keyspace,
    found: Memory,
    build: Build,
    loaded: pd.DataFrame,
    grown: pd.DataFrame,
    steps: Sequence[tuple[int, float]],
) -> str:
    """Return bytes, growth, budget, a full server, encodings, savings and big keys.

    ``loaded`` are the samples of ``found.fit``, ``grown`` those of ``found.budget``, ``steps`` the tables' doublings as
    sessions and bytes.
    """
    said, peak, available = Words.of(keyspace), brief.value("sessions_peak"), brief.value("memory_budget")
    carries = found.budget.carries.value if found.budget else peak
    fit = found.fit
    return words.render(
        "chapters/memory/model", brief, keyspace, found=found, one=said.one, many=said.many, groups=said.groups,
        each=said.keys_each, of_sessions=said.sessions, rss_grew=_RSS_GREW, worth=_WORTH,
        admission_share=capacity.ADMISSION_SHARE, **_bytes(keyspace, brief, found, build, loaded),
        top=said.count(found.line.top.value) if found.line else "", steps=_steps(said, steps),
        budget=memory_tables.budget_table(grown, available, said) if found.budget else "",
        carries=said.count(carries), next_size=said.count(0.7 * carries),
        peak=f"{said.count(peak)} ({brief.fact('sessions_peak').where})",
        smaller=(said.each(found.budget.dataset.value / peak), said.each(found.budget.most(peak))) if found.budget and carries < peak else (),
        ending=listed(p for p in keyspace.keys if bounds.falls_due(p)),
        only=listed(p for p in keyspace.keys if p.authoritative), rebuilt=listed(p for p in keyspace.keys if not p.authoritative),
        **_encodings(keyspace, build),
        big="; ".join(f"`{p.template}` {written(size)}" for p, size in big_keys(keyspace, build)[:3]),
        shared=fit.record.conditions.get("caution", "") if fit else "",
    )  # fmt: skip


def _bytes(keyspace: Keyspace, brief: Brief, found: Memory, build: Build, loaded: pd.DataFrame) -> dict[str, object]:
    """Return what is told of the bytes of one session, or of the keys."""
    fit, said = found.fit, Words.of(keyspace)
    if fit is None:
        return dict.fromkeys(("server", "terms", "largest", "share", "bytes"), "")
    each = {str(row["pattern"]): float(row["bytes_per_session"]) for row in loaded.to_dict("records")}
    own = {p.name: each[p.name] for p in keyspace.keys if p.scope != "global"} if said.sessions else {}
    largest = max(own, key=lambda name: own[name]) if own else ""
    return {
        "server": f"{fit.record.server.product.capitalize()} {fit.record.server.version}, {build.allocator}",
        "terms": " + ".join(f"{size:,.0f} ({name})" for name, size in own.items()),
        "largest": largest,
        "share": f"{100 * own[largest] / fit.session.value:.0f} %" if own else "",
        "bytes": memory_tables.pattern_table(
            keyspace, brief, loaded, build, bool(fit.record.conditions.get("caution"))
        ),
    }


def _steps(said: Words, steps: Sequence[tuple[int, float]]) -> str:
    """Return the last doublings of the tables that are worth a word."""
    merged: dict[int, float] = {}
    for count, size in steps:
        merged[count] = merged.get(count, 0.0) + size
    told = [f"{said.count(count)} (+{written(size)})" for count, size in merged.items() if size >= _TOLD_STEP]
    return ", ".join(told[-3:])


def _encodings(keyspace: Keyspace, build: Build) -> dict[str, object]:
    """Return which keys leave the compact encoding at their bound, and the test that holds the others."""
    limits = ", ".join(
        f"`{name} {build.settings.get(name, value)}`"
        for name, value in build.layout.settings.items()
        if name.startswith(("hash-max", "zset-max", "set-max"))
    )
    keys = [load for load in project.loads(keyspace, 1, full=True) if load.shape.type in ("hash", "zset", "set")]
    compact = [load for load in keys if model.predict(load.shape, build).encoding in _COMPACT]
    wide = "; ".join(_why(load, build) for load in keys if load not in compact)
    compact.sort(key=lambda load: _room(load, build))
    near = None
    if compact:
        names = ", ".join(f"`{load.pattern.name}` {_used(load, build)}" for load in compact[:3])
        encoding = model.predict(compact[0].shape, build).encoding
        near = Near(names, next(iter(project.keys(compact[0], 0, 1))), encoding)
    return {"collections": bool(keys), "limits": limits, "wide": wide, "near": near}


def _limits(load: project.Load, build: Build) -> tuple[int, int, int, int]:
    """Return elements and limit, longest value and limit (0: no limit) of a key at its bound."""
    kind, shape = load.pattern.type, load.shape
    entries = build.number(f"{kind}-max-listpack-entries") or build.number("set-max-intset-entries")
    longest = max(shape.names.bounds[1] if kind != "set" else 0, shape.sizes.bounds[1] if kind != "zset" else 0)
    return shape.n_elem, entries, longest, build.number(f"{kind}-max-listpack-value")


def _room(load: project.Load, build: Build) -> float:
    elements, entries, longest, limit = _limits(load, build)
    return 1 - max(elements / max(entries, 1), longest / limit if limit else 0.0)


def _used(load: project.Load, build: Build) -> str:
    elements, entries, longest, limit = _limits(load, build)
    if limit and longest / limit >= elements / max(entries, 1):
        return f"({longest} of {limit} B)"
    return f"({elements:,} of {entries:,})"


def _why(load: project.Load, build: Build) -> str:
    elements, entries, longest, limit = _limits(load, build)
    if elements > entries:
        reason = f"{elements:,} elements of {entries:,}"
    elif limit and longest > limit:
        reason = f"a value of {longest} B, {limit} allowed"
    else:
        reason = "this version has no compact set of text"
    return f"`{load.pattern.name}` ({reason})"


def big_keys(keyspace: Keyspace, build: Build) -> list[tuple[KeyPattern, float]]:
    """Return the patterns whose keys are largest at their bound, with those bytes, largest first."""
    costs = {cost.pattern: cost.bytes_at_bound for cost in project.costs(keyspace, build)}
    return sorted(((p, costs[p.name]) for p in keyspace.keys), key=lambda item: -item[1])
