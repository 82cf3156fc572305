"""Decisions of notebook 08: what is written to disk, and how clients get right again."""

from __future__ import annotations

from redis_plan.actions.matrix import Stories
from redis_plan.brief.model import Brief
from redis_plan.chapters.recovery.findings import Convergence, Recovery, Survival
from redis_plan.evidence.decision import Alternative, Decision, Guard
from redis_plan.keyspace.model import Keyspace


def persistence_decision(keyspace: Keyspace, a: Survival, serving: tuple[str, ...]) -> Decision:
    """Return D-08a: what is written to disk; nothing where every key comes back from its writers."""
    needed = [p.name for p in keyspace.keys if p.authoritative]
    always = f"{a.always_acked.linked} acknowledged in the time in which everysec made {a.everysec_acked.linked}"
    if not needed:
        return Decision(
            id="D-08a",
            title="Nothing on disk",
            question="What must survive a crash of Redis, and at what price?",
            decision='`appendonly no`, `save ""`: no key is authoritative, each comes back from its writers.',
            because=f"After SIGKILL without persistence {a.no_persistence_lost.linked} of "
            f"{a.no_persistence_acked.value:,.0f} were missing [{a.id}], and all of them would be written again",
            instead_of=(
                Alternative("appendonly yes, appendfsync always", always, naive=True),
                Alternative("appendonly yes, appendfsync everysec", f"{a.everysec_lost.linked} lost, for data that is stale by then"),
            ),
            costs="After a restart readers see nothing until the writers have come round.",
            holds_while=(Guard("authoritative key patterns", 0, "<=", 0, "patterns"),),
            requirements=serving,
        )  # fmt: skip
    return Decision(
        id="D-08a",
        title="Append-only file, fsync every second",
        question="What must survive a crash of Redis, and at what price?",
        decision="`appendonly yes`, `appendfsync everysec`, no RDB snapshots besides the file's own base: "
        f"{len(needed)} of {len(keyspace.keys)} key patterns are authoritative.",
        because=f"After SIGKILL {a.everysec_lost.linked} of {a.everysec_acked.value:,.0f} acknowledged were missing; "
        "the fsync policy matters only when the kernel dies too",
        instead_of=(
            Alternative("no persistence", f"{a.no_persistence_lost.linked} lost", naive=True),
            Alternative("appendfsync always", always),
        ),
        costs="Power loss costs the last one to two seconds, and so does a kill while the fsync of a slow disk still runs; the file has to be rewritten now and then (fork, copy-on-write).",
        holds_while=(Guard("acknowledged changes lost to a process kill", a.everysec_lost.value, "<=", 0, "changes"),),
        requirements=serving,
    )  # fmt: skip


def convergence_decision(brief: Brief, b: Convergence, c: Convergence, serving: tuple[str, ...]) -> Decision:
    """Return D-08b: how clients get right again."""
    return Decision(
        id="D-08b",
        title="Epoch and version decide what a client gets back",
        question="How does every client get right again after Redis was away?",
        decision="It asks with its epoch and version; a contiguous delta, or a snapshot; another epoch is always a snapshot.",
        because=f"After a restart with the file every client was right within {b.convergence.full} in the middle; without one "
        f"{c.epoch_changes.linked} saw the new epoch",
        instead_of=(
            Alternative("every client loads everything on every reconnect", f"a snapshot for each of {b.clients.linked} and each gap; here {b.snapshots.linked} by snapshot and {b.deltas.linked} by delta", naive=True),
            Alternative("trust the connection: no catch-up", "a tenth of the deliveries was dropped here, and each would have stayed missing"),
        ),
        costs="The log's memory; a function more; the beacon.",
        holds_while=(
            Guard("clients in a wrong state", b.wrong.value + c.wrong.value, "<=", 0, "clients"),
            Guard("time from the server's return to the last right client", max(b.slowest.value, c.slowest.value), "<=", brief.value("sync_latency"), "s"),
        ),
        requirements=serving,
    )  # fmt: skip


def decisions(brief: Brief, stories: Stories, found: Recovery) -> list[Decision]:
    """Return the decisions of section 9 that this run's evidence can carry."""
    if found.with_file is None or found.without_file is None:
        return []
    return [
        convergence_decision(
            brief,
            found.with_file,
            found.without_file,
            stories.served_by("availability", "session.catch_up", "session.renew"),
        )
    ]


def durability_decisions(keyspace: Keyspace, stories: Stories, found: Recovery) -> list[Decision]:
    """Return the decision of section 8 that this run's evidence can carry."""
    if found.survival is None:
        return []
    return [persistence_decision(keyspace, found.survival, stories.served_by("availability"))]
