"""Notebook 04 in words: what was measured about expiry, a sentence or two for each experiment."""

from __future__ import annotations

import pandas as pd

from redis_plan.brief.model import Brief
from redis_plan.chapters.expiry import atomic_ttl, field_ttl, removal, returned, session_cleanup, sliding
from redis_plan.chapters.expiry.expiry_rules import expected, volatile_keys
from redis_plan.chapters.expiry.findings import (
    Big,
    Cleanup,
    Crash,
    Lag,
    Lazy,
    Leases,
    Mass,
    Replica,
    Returned,
    Sliding,
    Survival,
)
from redis_plan.keyspace.model import Keyspace

LAG_ALT = (
    "Step chart of the share of due keys that were removed against the time since their deadline, one line for each number "
    "of live keys with a TTL; the more live keys, the later."
)
SETTINGS_ALT = (
    "Dot chart of the time from deadline to removal on a logarithmic scale, a row for each hz, effort and load; the rows with a "
    "higher hz or effort lie further left."
)
LAZY_ALT = "Bar chart: keys past their deadline, keys still held in memory, keys seen by a reader, keys left after one read each."
REPLICA_ALT = "Step chart of due keys removed on the primary and on its replica against the time since the deadline; the lines coincide."
EVENTS_ALT = (
    "Scatter chart of how late each timer was seen, by expired event and by a schedule, against its deadline, with the absence of the "
    "listener shaded and events that never came marked by crosses."
)
SLIDING_ALT = "Two bar charts, bytes to file and replica and server time, for plain writes and reads and for three ways to refresh a TTL with them."
SURVIVAL_ALT = "Two lists of write commands: those that keep a key's TTL and those that take it away."
CRASH_ALT = (
    "Bar chart of the keys without a TTL left by a hundred kills, client killed and server killed, for five ways to write a key with "
    "a TTL; only the two separate round trips leave many."
)
MASS_ALT = (
    "Line chart of the longest wait of another client in each 20 ms, before and after the first deadline, with all keys due at once "
    "and with jitter."
)
BIG_ALT = "Bar chart of the server's time to remove one big sorted set by DEL, UNLINK and expiry, with dots for the longest wait of another client."
MEMORY_ALT = (
    "Three line charts of used_memory, RSS and slots of the table of keys after the deadline, in per cent of what the keys added, for "
    "keys that all expire, are all unlinked, or expire but for one in six."
)
LEASES_ALT = "Two bar charts of bytes a member and server time of a renewal for each structure that keeps leases."
CLEANUP_ALT = (
    "Four bar charts for one hash, a list of keys, a scan by prefix and a TTL on each key: bytes a session, server time to end one, "
    "its longest command, keys left right after."
)


def behaviour(brief: Brief, keyspace: Keyspace, lag: Lag, lazy: Lazy, replica: Replica | None) -> str:
    """Return what a TTL does and does not do, measured."""
    keys = volatile_keys(brief, keyspace)
    return "\n".join(
        [
            "### What a TTL does",
            "",
            f"- **For readers it is exact.** Of {lazy.past:,.0f} keys past their deadline that were still in "
            f"memory, readers saw {lazy.seen.linked}.",
            f"- **For memory, counts and events it is late.** Among {lag.live:,.0f} live keys with a TTL a due key "
            f"that nobody reads was removed after {lag.p50.full}; the model expects {lag.expected.linked}.",
            f"- **The lag grows with the live keys.** This project holds {keys:,.0f} keys with a TTL at peak (modelled: registry × "
            f"sessions_peak), so expect {expected(brief, keyspace, lag)}. No metric of the server reports it. {_settings(lag)}",
            f"- TTLs run on while the server is down. {_replica(replica)} A clock that steps moves every deadline: keep NTP slewing, "
            "never stepping (documented: Redis 7.0, EXPIRE).",
            "",
            "[figure 03-expiry-lag]",
            "",
            "So every datum with a deadline carries that deadline as a value (milliseconds of the server's `TIME`), and whoever reads "
            "it checks it. Physical expiry only returns memory.",
        ]
    )


def _settings(lag: Lag) -> str:
    """Say what a higher hz and effort did, and what they cost an idle server."""
    told = [
        f"{words} brought the median to {lag.settings[name]}"
        for name, words in (("100, effort 1, idle", "`hz 100`"), ("10, effort 10, idle", "`active-expire-effort 10`"))
        if name in lag.settings
    ]
    if loaded := lag.settings.get("10, effort 1, under load"):
        told.append(f"load on the server left it at {loaded}")
    return f"At the same size {', '.join(told)} [{lag.id}]." if told else ""


def _replica(replica: Replica | None) -> str:
    """Say what a replica shows and holds."""
    if replica is None:
        return "A replica hides a key past its deadline and deletes it only when its primary does."
    return (
        f"A replica hides a key past its deadline by its own clock (read there: {replica.read.linked} of {replica.due:.0f}) and "
        f"deletes it only when its primary does; with the primary hung it kept {replica.kept.linked} of {replica.kept.n}, so its "
        "`DBSIZE` and memory are no measure."
    )


def refresh(keyspace: Keyspace, slide: Sliding) -> str:
    """Return the refresh policy with its cost; nothing where every TTL is fixed."""
    if not any(p.ttl.policy == "sliding" for p in keyspace.keys):
        return ""
    return "\n".join(
        [
            "### Refresh",
            "",
            f"Refreshing with every write costs {slide.amplification.full} the bytes to file and each replica "
            f"({slide.bytes[sliding.WRITE].linked} an `HSET`, {slide.bytes[sliding.WRITE_EXPIRE].linked} with `PEXPIRE`), and "
            f"`GETEX` makes a read a write of {slide.bytes[sliding.READ_GETEX].linked}. Refreshing when less than half of the TTL "
            f"is left costs {slide.below_half.full} with {slide.record.condition('refresh below half')}; a busy session "
            "refreshes more rarely still. "
            + (
                "The functions of section 7 do the latter, for all keys of a session in one step, on every state change and heartbeat."
                if keyspace.session_entity
                else "The writers of section 1 do the latter: each notes when it last set a key's TTL."
            ),
        ]
    )


def audit(survival: Survival, samples: pd.DataFrame, crash: Crash) -> str:
    """Return how a TTL is lost: by a command, or by a crash between two."""
    kept = [c for c, k in zip(samples["command"], samples["kept"], strict=True) if k]
    lost = [c for c, k in zip(samples["command"], samples["kept"], strict=True) if not k]
    return "\n".join(
        [
            "### Commands that take a TTL away",
            "",
            f"- Lost by: {', '.join(f'`{c}`' for c in lost)} [{survival.id}].",
            f"- Kept by: {', '.join(f'`{c}`' for c in kept)} [{survival.id}].",
            f"- Never set, by a crash between `SET` and `EXPIRE`: {crash.two_steps.linked} of "
            f"{crash.two_steps.n} kills left a key for ever; `{atomic_ttl.ONE_COMMAND}`, `MULTI` and a function left "
            f"{crash.one_step.linked} in {crash.one_step.n}.",
            "",
            "A write that loses the TTL appears in this design only together with a new one in the same command or function (`SET … EX`, "
            "`SET … KEEPTTL`).",
            "",
            "**Check**, in CI after the test run and hourly on a replica: `SCAN` the registry's patterns, `TTL` each; -1 outside the "
            "allow-list of section 1 fails.",
        ]
    )


def bulk(mass: Mass, big: Big, memory: Returned | None, cleanup: Cleanup | None) -> str:
    """Return the rules for much at once, for big keys and for whole sessions."""
    at_once, jitter = removal.AT_ONCE, removal.JITTER
    lines = [
        "### Much at once",
        "",
        f"With {mass.record.condition('keys')} keys due at one moment another client's longest wait was {mass.longest[at_once].linked} "
        f"against {mass.longest[removal.REST].linked} before, and {mass.longest[jitter].linked} with the deadlines spread over "
        f"{mass.record.condition('jitter')}; the longest expire cycle took {mass.cycle[at_once].linked} and "
        f"{mass.cycle[jitter].linked}. {mass.record.conclusion} Up to 10 % of jitter on TTLs that are set in bulk costs nothing "
        "and keeps a larger wave from forming (documented: Redis latency guide, expires).",
        "",
        "[figure 03-mass-expiry]",
        "",
        "| One big key removed by | Server busy | Longest wait of another client |",
        "|:--|--:|--:|",
        *(
            f"| {name} | {big.blocked[name].linked} | {big.longest[name].linked} |"
            for name in (removal.CONTROL, "DEL", "UNLINK", "expiry, lazyfree no", "expiry, lazyfree yes")
        ),
        "",
        f"*{big.record.condition('members')} members; `UNLINK` frees in the background above 64 elements (documented: redis/redis "
        "src/lazyfree.c, 7.0). Section 8 sets `lazyfree-lazy-expire yes`.*",
    ]
    if cleanup:
        lines += ["", _cleanup(cleanup)]
    if memory:
        lines += ["", _memory(memory)]
    return "\n".join(lines)


def _cleanup(cleanup: Cleanup) -> str:
    """Say how a whole session is best removed."""
    one, listed, scanned, ttl = (
        session_cleanup.HASH,
        session_cleanup.LISTED,
        session_cleanup.SCANNED,
        session_cleanup.TTL,
    )
    return (
        f"Ending one session of {cleanup.record.condition('parts a session')} parts among {cleanup.record.condition('sessions')} cost "
        f"{cleanup.server[one].linked} as one hash, {cleanup.server[listed].linked} as keys that a list names and "
        f"{cleanup.server[scanned].linked} as keys found by prefix (longest command {cleanup.longest[scanned].linked}, "
        f"growing with the keyspace); left to their TTLs, {cleanup.left[ttl].linked} were still there. So what belongs together "
        "is one key or is named by one, and production code never scans to clean up."
    )


def _memory(memory: Returned) -> str:
    """Say what comes back after expiry."""
    all_gone, mostly = returned.EXPIRED, returned.MOSTLY
    return (
        f"{memory.record.condition('watched')} after all of {memory.record.condition('keys')} keys had expired, {memory.used[all_gone].linked} "
        f"of their `used_memory` and {memory.rss[all_gone].linked} of their RSS were left; where one in six stayed, the table "
        f"of keys kept {memory.slots[mostly].linked} of its slots (it shrinks below a tenth). Size hosts by the peak; alert on "
        "`used_memory`."
    )


def leases(lease: Leases) -> str:
    """Return the choice between a lease by score, a hash-field TTL and a key each."""
    lines = [
        "### Leases of members",
        "",
        "| Structure | Bytes a member | Renewal | Counted after all lapsed | Told who lapsed |",
        "|:--|--:|--:|--:|:--|",
        *(
            f"| {name} | {lease.bytes[name].linked} | {lease.renewal[name].linked} | {lease.counted[name].linked} "
            f"| {'the sweep' if lease.named[name].value else 'nobody'} |"
            for name in lease.bytes
        ),
        "",
    ]
    if field_ttl.FIELD not in lease.bytes:
        lines += [f"Not run: {lease.record.condition('not run')} [{lease.id}].", ""]
    lines.append(
        "Leases stay in a sorted set by deadline: it runs on every version, tells who has lapsed (`ZRANGEBYSCORE … -inf now`) and so "
        "lets the sweep publish each leave; a field TTL removes in silence. Hash-field TTL needs Redis 7.4 or Valkey 9.0 (documented)."
    )
    return "\n".join(lines)
