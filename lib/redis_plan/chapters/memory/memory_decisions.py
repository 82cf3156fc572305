"""Decisions of the memory notebook: how the state and the log are kept, and how large maxmemory is."""

from __future__ import annotations

import math

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.memory.findings import Full, Memory, State
from redis_plan.evidence.decision import Alternative, Decision, Guard
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
    words = Words.of(keyspace)
    authoritative = any(pattern.authoritative for pattern in keyspace.keys)
    admission = budget.admission.value
    if full is None:
        because = (
            "a refused write is seen, half of what belongs together is not; the test of a full server did not run here"
        )
        lost = "not measured here"
    else:
        kept, refused, broken, evicted = (
            f"{number:.0f}"
            for number in (full.whole_by_refusing, full.refused, full.broken_by_refusing, full.broken_by_evicting)
        )
        because = (
            f"at its limit a server with noeviction kept {kept} {words.groups} whole, refused {refused} and broke {broken}; with allkeys-lru it "
            f"accepted all and left {evicted} with a part of their keys (measured, [{full.id}])"
        )
        lost = f"{evicted} {words.groups} broken without an error [{full.id}]"
    if not authoritative:
        because = "every key of this keyspace can be rebuilt, so the least recently used may go"
    available, twice = brief.value("memory_budget"), budget.host_twice.value
    stated, peak = brief.fact("memory_budget").grade != "assumed", brief.value("sessions_peak")
    node = available if twice <= available else float(2 ** math.ceil(math.log2(twice)))
    room, enough = "the node", stated and budget.carries.value >= peak
    if node > available and not enough:
        room = f"a node of {units.write(node, 'B')}"
        because += (
            f". The budget of {units.write(available, 'B')} ({brief.fact('memory_budget').where}) carries "
            f"{words.count(budget.carries.value)} [{budget.id}]; the peak is {words.count(peak)}, and "
            "twice the peak must fit, so the node is sized by that"
        )
    share = f"{100 * capacity.ADMISSION_SHARE:.0f} % of it, {budget.admission.linked}"
    admitted = (
        f"The service refuses every new {words.one} while `used_memory` is above {round(admission)} B ({share}); those that are alive "
        "keep the rest."
        if authoritative
        else f"Nobody is refused: what was used least goes first. The peak fits into {share}."
    )
    policy = "noeviction" if authoritative else "allkeys-lru"
    host, doubled = budget.host.linked, budget.host_twice.linked
    if enough:
        size = f" The stated node of {units.write(available, 'B')} carries the peak, which takes {host}"
    elif budget.maxmemory.value < budget.for_peak.value:
        size = (
            " The node that the documents state leaves no more beside fragmentation, a fork and the system. The peak asks for a "
            f"`maxmemory` of {budget.for_peak.linked}: then the host is {room} with at least {host}"
        )
    else:
        size = f" The host is {room} with at least {host}"
    growth = (
        f"twice the peak asks for {units.write(node, 'B')}"
        if node > available and enough
        else "twice the peak still fits"
    )
    told = "host memory at the peak, what is assumed at its highest"
    guards = [
        Guard(
            f"{words.groups} at the peak, of those that the stated node carries",
            peak,
            "<=",
            budget.carries.value,
            words.groups,
        )
        if enough
        else Guard(told, budget.host_high.value, "<=", node, "B")
    ]
    if authoritative and full is not None:
        guards.append(
            Guard(f"{words.groups} broken at the limit", full.broken_by_refusing.value, "<=", 0.0, words.groups)
        )
    return Decision(
        id="D-06c",
        title="maxmemory is a computed number" + (", and admission stops before it" if authoritative else ""),
        question="How large is `maxmemory`, and who is refused when memory runs short?"
        if authoritative
        else "How large is `maxmemory`, and what goes when memory runs short?",
        decision=(
            f"`maxmemory {round(budget.maxmemory.value)}` with `maxmemory-policy {policy}`. {admitted}{size}, and "
            f"{growth} ({doubled})"
        ),
        because=because,
        instead_of=(
            Alternative("no maxmemory: the kernel kills the process", "everything lost at once", naive=True),
            Alternative("allkeys-lru on what has no other copy", lost)
            if authoritative
            else Alternative("noeviction", "writes refused"),
            Alternative("volatile-ttl", "as soon as no key with a TTL is left it refuses like noeviction"),
        ),
        costs="a quarter of maxmemory is head room; creating one can be refused while memory is still free"
        if authoritative
        else "a quarter of maxmemory is head room; the hit rate falls without an error when it is gone",
        holds_while=tuple(guards),
    )
