"""Decisions of the memory notebook: how the state and the log are kept, and how large maxmemory is."""

from __future__ import annotations

import math

from redis_plan.brief.model import Brief
from redis_plan.chapters.memory.findings import Full, Memory, State
from redis_plan.evidence.decision import Decision, Guard
from redis_plan.keyspace.cues import with_article
from redis_plan.keyspace.model import Keyspace
from redis_plan.memory import capacity, project
from redis_plan.words.capacity import Budget, Fit
from redis_plan.words.deciding import decided
from redis_plan.words.memory_words import Words

#: Share of a session that its state may take more as a hash than as one string, per cent: what field-wise writes are worth (chosen).
_WORTH = 5.0


def state_decision(keyspace: Keyspace, found: Memory) -> Decision:
    """Return D-06a: the layout of the session state, by its bytes and by what they are of a whole session."""
    assert found.state is not None  # the caller has asked
    pattern = next(p for p in keyspace.keys if project.is_record(p))
    apart = Guard(
        "bytes of the hash against one key a field", found.state.hash.value, "<=", found.state.key_per_field.value, "B"
    )
    guards = (apart, _against_string(keyspace, found.state, found.fit))
    longest = max(field.max_bytes for field in pattern.fields)
    return decided("chapters/memory/d06a", guards, pattern.requirements, found=found, pattern=pattern, longest=longest)


def _against_string(keyspace: Keyspace, state: State, fit: Fit | None) -> Guard:
    hashed, string = state.hash.value, state.string.value
    if fit is None or not keyspace.session_entity:
        return Guard("hash against the JSON string with 10 % tolerance", hashed, "<=", 1.1 * string, "B")
    share = 100 * max(0.0, hashed - string) / fit.session.value
    noun = with_article(keyspace.session_noun)
    return Guard(f"share of {noun} that the hash takes beyond a JSON string", share, "<=", _WORTH, "%")


def log_decision(keyspace: Keyspace, found: Memory) -> Decision:
    """Return D-06b: the structure of the event log, by bytes."""
    assert found.log is not None  # the caller has asked
    full, one = found.log.full, found.log.one_entry
    pattern = next(p for p in keyspace.keys if p.use == "log")
    as_list = pattern.type == "list"
    chosen, other = ("list", "stream") if as_list else ("stream", "list")
    guards = (
        Guard(
            f"bytes of a full {chosen}", full[chosen].value, "<=", (1.0 if as_list else 1.25) * full[other].value, "B"
        ),
        Guard("with one entry", one[chosen].value, "<=", one[other].value * (1.0 if as_list else 12.0), "B"),
    )
    return decided(
        "chapters/memory/d06b", guards, pattern.requirements, found=found, pattern=pattern, chosen=chosen, other=other
    )


def eviction_decision(brief: Brief, keyspace: Keyspace, budget: Budget, full: Full | None) -> Decision:
    """Return D-06c: how large maxmemory is, and what happens before the server is full."""
    counts = Words.of(keyspace)
    authoritative = any(pattern.authoritative for pattern in keyspace.keys)
    most, peak, twice = brief.fact("memory_budget"), brief.value("sessions_peak"), budget.host_twice.value
    node = most.value if twice <= most.value else float(2 ** math.ceil(math.log2(twice)))
    enough = most.grade != "assumed" and budget.carries.value >= peak
    carried = f"{counts.groups} at the peak, of those that the stated node carries"
    guards = [
        Guard(carried, peak, "<=", budget.carries.value, counts.groups)
        if enough
        else Guard("host memory at the peak, what is assumed at its highest", budget.host_high.value, "<=", node, "B")
    ]
    if authoritative and full is not None:
        broken = f"{counts.groups} broken at the limit"
        guards.append(Guard(broken, full.broken_by_refusing.value, "<=", 0.0, counts.groups))
    return decided(
        "chapters/memory/d06c", guards, budget=budget, full=full, counts=counts, authoritative=authoritative,
        most=most, peak=peak, node=node, grown=node > most.value, enough=enough,
        share=f"{100 * capacity.ADMISSION_SHARE:.0f}",
    )  # fmt: skip
