"""Fuzz moves: one random step of a session's life, by the functions, and the same by plain commands as a control.

What a session goes through is drawn at random: create, join, change, leave, heartbeat, sweep (some leases lapse
at once), catch-up, end; operations are sent twice, or their connection is cut before the answer and
they are sent again; and now and then a connection tries what its user must not.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import Any

import hiredis

from redis_plan.chapters.sessions.moves import Job, Move, Steps, arguments, ask, call, command_of, envelope, pack

#: What happens how often, in per cent.
CHANCES = {
    "join": 22, "leave": 12, "apply": 40, "heartbeat": 8, "sweep": 4, "catch_up": 6, "end": 2, "create": 4, "trespass": 2,
}  # fmt: skip
_NAMES, _WEIGHTS = list(CHANCES), list(CHANCES.values())
_REPEATED, _CUT, _LAPSED = 0.10, 0.03, 0.05


def fuzz(job: Job, rng: random.Random, me: str, counts: Counter[str]) -> Steps:
    """Do one random thing to one random session by the functions."""
    what = rng.choices(_NAMES, _WEIGHTS)[0]
    session = rng.choice(job["sessions"])
    member = f"{rng.choice(job['members'])}#{me}"

    def run(name: str, **given: str | int) -> Steps:
        return call(job, name, session["keys"][name], arguments(job, name, channel=session["channel"], **given))

    counts[what] += 1
    counts["done"] += 1
    match what:
        case "create":
            yield from run("session_create", epoch=f"{rng.getrandbits(64):016x}")
        case "join":
            lapsed = {"lease_ms": 1} if rng.random() < _LAPSED else {}
            _, result = yield from run("session_join", member=member, data="{}", **lapsed)
            counts["refused: full"] += result == b"full"
        case "leave":
            yield from run("session_leave", member=member.partition("#")[0])
        case "heartbeat":
            yield from run("session_heartbeat", member=member)
        case "sweep":
            removed = yield from run("session_sweep")
            counts["swept"] += len(removed)
        case "catch_up":
            yield from run("session_catch_up", known_epoch="c0ffee", version=rng.randrange(50), overlap=1)
        case "end":
            yield from run("session_end")
            yield from run("session_hand_over", receipt="kept")
            yield from run("session_remove")
        case "apply":
            yield from _apply(job, rng, me, counts, session)
        case "trespass":
            yield from _trespass(job, rng, counts)


def _apply(job: Job, rng: random.Random, me: str, counts: Counter[str], session: dict[str, Any]) -> Steps:
    """Change the state under a fresh operation id; one in ten is sent twice, one in thirty over a connection that is cut."""
    op = f"{me}-{counts['apply']}"
    keys = session["keys"]["session_apply"]
    args = arguments(job, "session_apply", "by", me, channel=session["channel"], op_id=op, type="change", data="")
    if rng.random() < _CUT:
        counts["cut"] += 1
        yield pack(*command_of(job, "session_apply", keys, args)), 0
    _, first = yield from call(job, "session_apply", keys, args)
    if rng.random() < _REPEATED:
        counts["sent twice"] += 1
        _, again = yield from call(job, "session_apply", keys, args)
        counts["applied twice"] += first == again == b"ok"  # "gone" and then "ok" is a session that was made anew


def _trespass(job: Job, rng: random.Random, counts: Counter[str]) -> Steps:
    """Try what the gateway's user must not; a refusal is what should happen."""
    replies = yield pack(*rng.choice(job["forbidden"])), 1
    refused = isinstance(replies[0], hiredis.ReplyError) and "NOPERM" in str(replies[0])
    counts["denied" if refused else "trespassed"] += 1


def naive_fuzz(job: Job, rng: random.Random, me: str, counts: Counter[str]) -> Steps:
    """Do the same random things with the commands that come to mind, one after the other: the control."""
    what = rng.choices(_NAMES, _WEIGHTS)[0]
    keys = rng.choice(job["sessions"])["plain"]
    state, roster, presence = keys["state"], keys["roster"], keys["presence"]
    member, ttl, now = rng.choice(job["members"]), job["given"]["ttl_s"], int(time.time() * 1000)
    counts["done"] += 1
    (alive,) = yield from ask(("EXISTS", state))
    if what == "create" and not alive:
        yield from ask(("HSET", state, "epoch", f"{rng.getrandbits(64):016x}", "version", 0))
        yield from ask(("EXPIRE", state, ttl))
    if not alive:
        return
    match what:
        case "join":
            (taken,) = yield from ask(("HLEN", roster))
            if taken < job["given"]["capacity"]:
                yield from ask(("HSET", roster, member, me))
                yield from ask(
                    ("ZADD", presence, now + job["given"]["lease_ms"], f"{member}#{me}"), ("EXPIRE", roster, ttl)
                )
                yield from _bump(keys, counts, "join", member=member)
        case "leave":
            (left,) = yield from ask(("HDEL", roster, member))
            if left:
                yield from ask(("ZREM", presence, f"{member}#{me}"))
                yield from _bump(keys, counts, "leave", member=member)
        case "sweep":
            (lapsed,) = yield from ask(("ZRANGEBYSCORE", presence, "-inf", now + job["given"]["lease_ms"] // 2))
            for connection in lapsed[:5]:
                name = connection.decode()
                yield from ask(("ZREM", presence, name), ("HDEL", roster, name.partition("#")[0]))
                yield from _bump(keys, counts, "leave", member=name.partition("#")[0])
        case "end":
            for name in ("state", "roster", "presence", "log"):
                yield from ask(("DEL", keys[name]))
        case "apply":
            op = f"{me}-{counts['apply']}"
            counts["apply"] += 1
            for _ in range(1 + (rng.random() < _REPEATED)):  # a retry that does not know the first one arrived
                yield from _bump(keys, counts, "change", op=op)


def _bump(keys: dict[str, str], counts: Counter[str], kind: str, op: str = "", member: str = "") -> Steps:
    ((epoch, version),) = yield from ask(("HMGET", keys["state"], "epoch", "version"))
    after, life = int(version or 0) + 1, (epoch or b"0").decode()
    yield from ask(("HSET", keys["state"], "version", after))
    yield from ask(("RPUSH", keys["log"], envelope(after, kind, op, member, life)))


MOVES: dict[str, Move] = {"fuzz": fuzz, "naive_fuzz": naive_fuzz}
