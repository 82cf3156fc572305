"""Section 8 in words, its second half: failover arithmetic, changes without a stop, options of the client library."""

from __future__ import annotations

from dataclasses import dataclass

from redis_plan import resources, units
from redis_plan.brief.model import Brief
from redis_plan.keyspace import functions, settings
from redis_plan.keyspace.model import Keyspace

#: Topology, seconds until the failure is detected, seconds of agreement and election, the setting (Redis documentation:
#: Sentinel, cluster specification; defaults of 7.0).
_TOPOLOGIES = (
    ("Sentinel, defaults", 30.0, 2.0, "down-after-milliseconds 30000"),
    ("Sentinel, tuned", 1.0, 2.0, "down-after-milliseconds 1000; false alarms on a busy host"),
    ("Cluster, defaults", 15.0, 2.0, "cluster-node-timeout 15000"),
    ("Cluster, tuned", 2.0, 2.0, "cluster-node-timeout 2000"),
)
#: Seconds that clients take to find the new primary, subscribe and read again (assumed).
_CLIENTS_S = 1.0

_HOST = (
    "**Host** (documented: Redis administration): transparent huge pages off, `vm.overcommit_memory = 1`, swap off or small, "
    "`net.core.somaxconn` ≥ `tcp-backlog`, memory limit of the container ≥ the host memory of section 5."
)


def _topology(brief: Brief) -> str:
    if settings.replicated(brief):
        return "One primary, one replica in another zone, three Sentinels (or the managed service's equal)."
    return (
        "The documents name no replica: one server, whose append-only file and memory this plan sizes; a restart is its recovery "
        "(section 9). With one replica in another zone and three Sentinels the figures below would hold; it also takes "
        "`repl-backlog-size` of 60 s of writes, which `maxmemory` counts."
    )


def availability(brief: Brief, keyspace: Keyspace) -> str:
    """Return the failover arithmetic against the sync target; a short word where nothing is worth a failover."""
    if brief.fit == "no":
        return "\n".join(
            [
                "### Availability",
                "",
                "One instance, or the smallest one that the managed service offers with a replica: nothing here is worth a failover "
                "of our own. While Redis is away the service goes on by section 9, and a restart brings it back as that says.",
                "",
                _HOST,
            ]
        )
    target = brief.value("sync_latency")
    rows, fast = [], []
    for name, detection, election, setting in _TOPOLOGIES:
        total = detection + election + _CLIENTS_S
        fast += [name] if total <= target else []
        rows.append(
            f"| {name} | {units.write(detection, 's')} | {units.write(election, 's')} | {units.write(_CLIENTS_S, 's')} "
            f"| {units.write(total, 's')} | {'yes' if total <= target else 'no'} | `{setting}` |"
        )
    verdict = (
        f"Within {units.write(target, 's')} recovers: {', '.join(fast)}."
        if fast
        else f"No setting here detects a dead primary and recovers within {units.write(target, 's')}."
    )
    after = "catch up by version" if not functions.missing(keyspace) else "read again what they show"
    guard = (
        " `min-replicas-to-write 1` and `min-replicas-max-lag 5` make an isolated primary stop accepting writes that would be "
        "lost; with a single replica they stop writes whenever that one is away, so set them where there are two. A primary that restarts by itself with persistence off wipes its replicas: "
        "never combine the two."
        if settings.conditions_of(keyspace)["authoritative"]
        else " Without persistence a primary must not restart by itself while it has replicas: it comes back empty and empties them."
    )
    return "\n".join(
        [
            "### Availability",
            "",
            f"{_topology(brief)} An unplanned failover takes detection + agreement and election + "
            "rediscovery, resubscription and resynchronisation by the clients "
            f"(about {units.write(_CLIENTS_S, 's')}, assumed). Compared with the sync target:",
            "",
            "| Topology | Detection | Election | Clients | Sum | Within target | Setting |",
            "|:--|--:|--:|--:|--:|:--|:--|",
            *rows,
            "",
            f"*Grade: documented (Sentinel and cluster documents, defaults of Redis 7.0), not measured here. Target "
            f"{units.write(target, 's')} ({brief.fact('sync_latency').where}).*",
            "",
            f"{verdict} During an unplanned failover clients see the banner of section 9, and {after} when it is over.{guard}",
            "",
            _HOST,
        ]
    )


def changes(brief: Brief, keyspace: Keyspace) -> str:
    """Return how each part is changed while clients are connected, and what they see of it."""
    sessions = not functions.missing(keyspace)
    again = "catch up by version" if sessions else "read again what they show"
    writers = "gateways" if keyspace.channels else "services"
    durable = settings.conditions_of(keyspace)["authoritative"]
    rows = [
        (
            "application",
            "old and new side by side; each drains before it stops"
            + (" (section 7, leases outlive it)" if sessions else ""),
            f"one reconnect, then they {again}" if keyspace.channels else "nothing",
        ),
        (
            "functions",
            f"`FUNCTION LOAD REPLACE` on every primary, before the {writers} that call them; arguments are only added at the "
            "end, a changed meaning gets a new name",
            "nothing",
        ),
        ("names and formats", "section 1, *Change of names and formats*: readers first, then writers", "nothing"),
        (
            "a directive",
            "`CONFIG SET`, then `CONFIG REWRITE`; one marked *restart* in the table above goes to the replica first, then as the "
            "next row",
            "nothing, or as the next row",
        ),
        (
            "Redis version, host, size of the node",
            "a new replica joins; `INFO replication` shows equal offsets; `FAILOVER TO <host> <port> TIMEOUT 10000`; the old "
            "primary is upgraded and follows",
            "a pause of writes until the replica has caught up, then "
            + (f"they {again}" if keyspace.channels else "retried requests succeed")
            + "; no acknowledged write is lost",
        ),
        (
            "several primaries",
            "only when section 5's growth table says so; keys that change together share a slot already. Slots move one by one "
            "(TRYAGAIN, section 9), or at once on Redis 8.4 and Valkey 9.0",
            "single retries; a channel whose slot moved is subscribed again",
        ),
        (
            "restore from a backup",
            "copy the files of a replica every hour (assumed); to restore, start without clients"
            + (", give every `state` a new epoch (section 9)" if sessions else "")
            + f", then the {writers}"
            if durable
            else "nothing to restore: every key is filled again by its writers",
            "what was written since the copy is gone" if durable else "empty views until then",
        ),
    ]
    if brief.fit == "no":
        rows = [row for row in rows if row[0] not in ("several primaries", "names and formats")]
    return "\n".join(
        [
            "### Changes without a stop",
            "",
            "| What changes | How | What clients see |",
            "|:--|:--|:--|",
            *(f"| {what} | {how} | {seen} |" for what, how, seen in rows),
            "",
            "*Grade: documented (FAILOVER since Redis 6.2, FUNCTION LOAD, CONFIG SET, cluster specification); the pauses were not "
            "measured here.*",
        ]
    )


def failover() -> str:
    """Return how long an unplanned failover takes with the slowest and the quickest setting."""
    totals = [(name, detection + election + _CLIENTS_S) for name, detection, election, _ in _TOPOLOGIES]
    (slow, most), (quick, least) = max(totals, key=lambda t: t[1]), min(totals, key=lambda t: t[1])
    return f"{units.write(most, 's')} with {slow}, {units.write(least, 's')} with {quick} (modelled from documented defaults)."


def short(brief: Brief, keyspace: Keyspace) -> str:
    """Return what a failover means for this project in a few sentences."""
    if brief.fit == "no":
        return "One instance: nothing here is worth a failover of our own."
    target = brief.value("sync_latency")
    fast = any(detection + election + _CLIENTS_S <= target for _, detection, election, _ in _TOPOLOGIES)
    has = "" if settings.replicated(brief) else "The documents name no replica: a restart is the recovery. "
    kept = "" if fast else f"None keeps the target of {units.write(target, 's')}: meanwhile "
    seen = "clients see the banner of section 9 and " + (
        "catch up by version." if not functions.missing(keyspace) else "read again."
    )
    return f"{has}A failover would take {failover()} {kept}{seen if kept else seen.capitalize()}"


@dataclass(frozen=True, slots=True)
class Client:
    """The client library that the stack implies: its options, each with its reason, and how many connections there are."""

    library: str
    implied_by: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    reasons: tuple[str, ...]
    connections: str


def client(brief: Brief, keyspace: Keyspace) -> Client:
    """Return the client library of a project's stack with its options filled in."""
    table = resources.catalog("clients.toml")["client"]
    names = {c.name.lower() for c in brief.stack if c.status in ("chosen", "later")}
    entry = next(c for c in table if not c["implied_by"] or names & set(c["implied_by"]))  # the last is for any stack
    timeout, process = brief.value("sync_latency") / 2, "gateway" if keyspace.channels else "service"
    given = {"timeout_ms": round(timeout * 1000), "timeout_s": units.significant(timeout)}
    nodes, each = brief.value("gateway_nodes"), settings.CONNECTIONS_PER_GATEWAY
    return Client(
        entry["library"],
        tuple(sorted(names & set(entry["implied_by"]))),
        tuple((name, value.format(**given).replace("gateway", process)) for name, value, _ in entry["options"]),
        tuple(reason.replace("gateway", process) for _, _, reason in entry["options"]),
        f"{nodes:g} {process}s × {each:g} + 8 = {nodes * each + 8:g} connections (modelled)",
    )


def client_options(brief: Brief, keyspace: Keyspace) -> str:
    """Return the options of the client library that the stack implies, and how many connections there are."""
    found, nodes, each = client(brief, keyspace), brief.fact("gateway_nodes"), settings.CONNECTIONS_PER_GATEWAY
    why = (
        f"implied by {', '.join(found.implied_by)} in the stack"
        if found.implied_by
        else "the stack names no client library"
    )
    process = "gateway" if keyspace.channels else "service"
    rows = [
        f"| `{name}` | `{value}` | {reason} |"
        for (name, value), reason in zip(found.options, found.reasons, strict=True)
    ]
    subscriber = "one that subscribes and one to spare" if keyspace.channels else "two to spare"
    return "\n".join(
        [
            f"### Client: {found.library}",
            "",
            f"Options for {found.library} ({why}). Each {process} has {each - 2:g} connections for commands, {subscriber}; with 8 for "
            f"workers, metrics and people that is {found.connections.partition('= ')[2]} ({process}s: {nodes.where}).",
            "",
            "| Option | Value | Because |",
            "|:--|:--|:--|",
            *rows,
            "",
            "*Grade: documented (the library's option documents, 2026-08); timeouts modelled from the sync target.*",
        ]
    )
