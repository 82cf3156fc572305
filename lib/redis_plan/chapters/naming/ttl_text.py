"""Text of section 3 that follows from the keyspace: the table of TTLs, their inequalities, and who may live without."""

from __future__ import annotations

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.keyspace import chain, expression, naming
from redis_plan.keyspace.cues import with_article
from redis_plan.keyspace.model import Keyspace
from redis_plan.words.tables import table


def ttl_table(keyspace: Keyspace, brief: Brief) -> str:
    """Return the TTL of every key: value, policy, what it is computed from, who deletes before it."""
    rows = [
        [
            f"`{p.name}`",
            units.write(p.ttl.seconds, "s") if p.ttl.seconds is not None else "none",
            p.ttl.policy,
            f"`{p.ttl.expression}`" if p.ttl.expression else "–" if p.ttl.seconds is None else "constant",
            p.deleted_by,
            p.ttl.because,
        ]
        for p in keyspace.keys
    ]
    return "\n".join(
        [
            "### TTL of every key",
            "",
            (
                "Explicit deletion does the work, a sweeper is second, the TTL is the net"
                if chain.swept(keyspace)
                else "The TTL ends what nobody used up or revoked before"
            )
            + ": a key whose time has come stays in "
            "memory until the server's slow sweep meets it. Readers therefore never conclude anything from a key that is still there; "
            + (
                "they compare `status`, the epoch or the deadline."
                if keyspace.session_entity
                else "they compare the deadline or the time in the value."
            ),
            "",
            table(["Key", "TTL", "Policy", "Computed as", "Deleted by", "Why"], rows, right=(1,)),
            "",
            f"*TTLs are modelled from {_facts(keyspace, brief)}.*",
        ]
    )


def _facts(keyspace: Keyspace, brief: Brief) -> str:
    used = dict.fromkeys(n for p in keyspace.keys for n in expression.facts_in(p.ttl.expression or 0))
    known = [f for f in brief.facts if f.name in used]
    return (
        "; ".join(f"`{f.name}` = {units.write(f.value, f.unit)} ({f.where})" for f in known)
        or "constants of the catalog"
    )


def inequalities(keyspace: Keyspace, brief: Brief) -> str:
    """Return the TTL chain evaluated with this project's values."""
    links = chain.links(keyspace, brief)
    if not links:
        return "### Inequalities\n\nNo two lifetimes of this design depend on each other."
    rows = [
        [
            link.says,
            f"{units.write(link.left, 's')} {'≥' if link.op == '>=' else '>'} {units.write(link.right, 's')}",
            "holds" if link.holds else "**broken**",
            link.because,
        ]
        for link in links
    ]
    lines = [
        "### Inequalities",
        "",
        "Each is evaluated at every build. A broken one is a finding of the linter, too.",
        "",
        table(["Inequality", "Values", "Verdict", "If broken"], rows),
    ]
    if "presence" in {p.name for p in keyspace.keys}:
        lines += [
            "",
            f"The lease of a connection is {units.write(chain.lease(brief), 's')}: the reconnect grace, and never less than three heartbeats. "
            f"A client stops retrying an operation after {units.write(chain.retry_window(brief), 's')} (modelled: the reconnect grace, at least three sync latencies).",
        ]
    return "\n".join(lines)


def setting_rules(keyspace: Keyspace) -> str:
    """Return who sets TTLs, in which step, and who refreshes them."""
    jitter = [p.name for p in keyspace.keys if p.use == "cache"]
    lines = [
        "### Setting and keeping TTLs",
        "",
        "- A TTL is set in the step that creates the key: `SET … EX`, inside the function, or in the same `MULTI`. A separate "
        "`EXPIRE` after an `await` leaves a key for ever when the process dies between the two.",
    ]
    if keyspace.session_entity:
        lines.append(
            f"- All keys of {with_article(keyspace.session_noun)} are refreshed in one step by every function that changes it and by `session_heartbeat`, when less "
            "than half of the TTL is left: refreshing on every write would double the bytes of the append-only file."
        )
        lines.append(
            "- If `state` is gone and other keys are left (or the other way round), the functions answer `gone` or a snapshot; "
            "`session_create` unlinks leftovers, and the epoch keeps old clients from using them."
        )
    if jitter:
        lines.append(
            f"- {', '.join(f'`{n}`' for n in jitter)}: up to 10 % is added at random, so that entries written together don't end together."
        )
    return "\n".join(lines)


def untimed(keyspace: Keyspace) -> str:
    """Return the allow-list of keys without a TTL, and the check that finds any other."""
    kept = [p for p in keyspace.keys if p.ttl.policy == "none"]
    if not kept:
        return "### Keys without a TTL\n\nNone. Any key with TTL −1 is a leak; the drift check of section 1 finds it."
    rows = [[f"`{naming.acl_pattern(p.template)}`", p.deleted_by, p.ttl.because] for p in kept]
    return "\n".join(
        [
            "### Keys without a TTL",
            "",
            "Only these; any other key with TTL −1 is a leak, and the drift check of section 1 finds it in CI.",
            "",
            table(["Key", "Emptied by", "Why no TTL, and its leak check"], rows),
        ]
    )
