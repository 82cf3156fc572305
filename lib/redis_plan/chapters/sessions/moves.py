"""Moves: what one connection does against a session, step by step, as generators that yield commands and take replies.

A move yields ``(commands, number of replies)`` and is sent the list of replies; ``(commands, 0)`` means that the
connection is cut right after sending. Nothing here waits: :mod:`contender` runs many moves at once on plain sockets, so
that a client library's locks and queues don't hide the contention. Kept free of heavy imports: it runs in children.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Generator
from functools import lru_cache
from typing import Any

import hiredis

Job = dict[str, Any]  # Any: JSON of the parent
Sent = tuple[bytes, int]
Steps = Generator[Sent, list[Any], Any]  # Any: replies of Redis
Move = Callable[[Job, random.Random, str, "Counter[str]"], Steps]


class RefusedError(Exception):
    """Redis answered an error that the move did not expect."""


@lru_cache(maxsize=8192)
def pack(*words: str | int) -> bytes:
    """Return one command as RESP; packed once where the same words come again."""
    parts = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


def ask(*commands: tuple[str | int, ...]) -> Steps:
    """Send ``commands`` together and return their replies; raises :class:`RefusedError` on an error reply."""
    replies = yield b"".join(pack(*command) for command in commands), len(commands)
    for reply in replies:
        if isinstance(reply, hiredis.ReplyError):
            raise RefusedError(str(reply))
    return replies


def arguments(job: Job, name: str, *rest: str | int, **given: str | int) -> list[str | int]:
    """Return ARGV of the function ``name`` as its definition orders it; what is not given is the session's."""
    known = job["given"] | given
    return [*(known[argument] for argument in job["order"][name]), *rest]


def command_of(job: Job, name: str, keys: list[str], args: list[Any]) -> tuple[str | int, ...]:
    """Return the words that run the function ``name`` in the job's form."""
    head = ("FCALL", name) if job["form"] == "function" else ("EVALSHA", job["scripts"][name]["sha"])
    return (*head, len(keys), *keys, *args)


def call(job: Job, name: str, keys: list[str], args: list[Any]) -> Steps:
    """Run a function by FCALL, or by EVALSHA with its text where the server does not know it yet; return its reply."""
    replies = yield pack(*command_of(job, name, keys, args)), 1
    reply = replies[0]
    if isinstance(reply, hiredis.ReplyError) and str(reply).startswith("NOSCRIPT"):
        replies = yield pack("EVAL", job["scripts"][name]["text"], len(keys), *keys, *args), 1
        reply = replies[0]
    if isinstance(reply, hiredis.ReplyError):
        raise RefusedError(str(reply))
    return reply


def envelope(version: int, kind: str, op: str = "", member: str = "", epoch: str = "0") -> str:
    """Return an event as the controls write it, in the functions' format."""
    data = f'{{"m":"{member}"}}' if member else "null"
    return f'{{"e":"{epoch}","v":{version},"t":"{kind}","op":"{op}","d":{data}}}'


# --- one session, many writers ---------------------------------------------------------------------------------------


def apply(job: Job, rng: random.Random, me: str, counts: Counter[str]) -> Steps:
    """Change the state by session_apply."""
    args = arguments(job, "session_apply", "by", me, type="change", data='{"by":1}')
    yield from call(job, "session_apply", job["keys"], args)
    counts["attempts"] += 1
    counts["done"] += 1


def watch(job: Job, rng: random.Random, me: str, counts: Counter[str]) -> Steps:
    """Do the same by WATCH and read in one round trip, MULTI to EXEC in another, until no other writer came between."""
    state, log = job["keys"][0], job["keys"][1]
    reply = None
    while reply is None:
        counts["attempts"] += 1
        _, (epoch, version) = yield from ask(("WATCH", state), ("HMGET", state, "epoch", "version"))
        after = int(version) + 1
        event = envelope(after, "change", epoch=epoch.decode())
        *_, reply = yield from ask(
            ("MULTI",),
            ("HSET", state, "version", after, "by", me),
            ("RPUSH", log, event),
            ("LTRIM", log, -int(job["given"]["log_max"]), -1),
            ("PUBLISH", job["topic"], event),
            ("EXEC",),
        )
    counts["done"] += 1


def single(job: Job, rng: random.Random, me: str, counts: Counter[str]) -> Steps:
    """Do the same by commands that are atomic each for itself: HINCRBY gives the version, then log and publish."""
    state, log = job["keys"][0], job["keys"][1]
    version, _ = yield from ask(("HINCRBY", state, "version", 1), ("HSET", state, "by", me))
    event = envelope(version, "change")
    yield from ask(
        ("RPUSH", log, event), ("LTRIM", log, -int(job["given"]["log_max"]), -1), ("PUBLISH", job["topic"], event)
    )
    counts["attempts"] += 1
    counts["done"] += 1


def cas(job: Job, rng: random.Random, me: str, counts: Counter[str]) -> Steps:
    """Do the same by SET IFEQ on a document of the whole state, then log and publish."""
    document, log = job["keys"][0] + ":document", job["keys"][1]
    while True:
        counts["attempts"] += 1
        (old,) = yield from ask(("GET", document))
        version = int(old.partition(b":")[0]) + 1
        (reply,) = yield from ask(("SET", document, f"{version}:{me}", "IFEQ", old.decode()))
        if reply is not None:
            break
    event = envelope(version, "change")
    yield from ask(
        ("RPUSH", log, event), ("LTRIM", log, -int(job["given"]["log_max"]), -1), ("PUBLISH", job["topic"], event)
    )
    counts["done"] += 1


def lose(job: Job, rng: random.Random, me: str, counts: Counter[str]) -> Steps:
    """Do the same by reading and writing back without any guard: the control that loses updates."""
    state, log = job["keys"][0], job["keys"][1]
    (version,) = yield from ask(("HGET", state, "version"))
    event = envelope(int(version or 0) + 1, "change")
    yield from ask(
        ("HSET", state, "version", int(version or 0) + 1, "by", me),
        ("RPUSH", log, event),
        ("LTRIM", log, -int(job["given"]["log_max"]), -1),
        ("PUBLISH", job["topic"], event),
    )
    counts["attempts"] += 1
    counts["done"] += 1


def duplicate(job: Job, rng: random.Random, me: str, counts: Counter[str]) -> Steps:
    """Send the next operation id; every connection of every process sends the same ones."""
    number = counts["sent"]
    args = arguments(job, "session_apply", op_id=f"op{number}", type="change", data="")
    version, status = yield from call(job, "session_apply", job["keys"], args)
    counts["sent"] += 1
    counts[status.decode()] += 1
    counts["sum"] += version  # the first answer's version again: the sums of all connections agree


# --- the last seat ---------------------------------------------------------------------------------------------------


def seats(job: Job, rng: random.Random, me: str, counts: Counter[str]) -> Steps:
    """Join or leave a random session as a random member, by the functions."""
    session = rng.choice(job["sessions"])
    member = f"m{rng.randrange(job['members'])}#{me}"
    if rng.random() < 0.6:
        args = arguments(job, "session_join", member=member, data="{}", channel=session["channel"])
        _, result = yield from call(job, "session_join", session["join"], args)
        counts[{b"full": "full", b"gone": "no session"}.get(result, "joined")] += 1
    else:
        args = arguments(job, "session_leave", member=member.partition("#")[0], channel=session["channel"])
        _, result = yield from call(job, "session_leave", session["join"], args)
        counts["left" if result == b"left" else "was not there"] += 1
    counts["done"] += 1


def token_seats(job: Job, rng: random.Random, me: str, counts: Counter[str]) -> Steps:
    """Do the same by single atomic commands: a seat is a token in a list, LPOP takes it and RPUSH gives it back."""
    session = rng.choice(job["sessions"])
    roster = session["join"][1]
    tokens, member = roster + ":tokens", f"m{rng.randrange(job['members'])}"
    counts["done"] += 1
    if rng.random() < 0.6:
        (token,) = yield from ask(("LPOP", tokens))
        if token is None:
            counts["full"] += 1
            return
        (seated,) = yield from ask(("HSETNX", roster, member, me))
        if not seated:
            yield from ask(("RPUSH", tokens, token.decode()))
            return
    else:
        (left,) = yield from ask(("HDEL", roster, member))
        if not left:
            return
        yield from ask(("RPUSH", tokens, "seat"))
    yield from _single_bump(session, counts)


def _single_bump(session: dict[str, Any], counts: Counter[str]) -> Steps:
    (version,) = yield from ask(("HINCRBY", session["join"][0], "version", 1))
    yield from ask(("RPUSH", session["join"][3], envelope(version, "change")))
    counts["bumped"] += 1


def naive_seats(job: Job, rng: random.Random, me: str, counts: Counter[str]) -> Steps:
    """Do the same as it comes to mind: count, then write; read the version, then write it. The control that must fail."""
    session = rng.choice(job["sessions"])
    state, roster = session["join"][0], session["join"][1]
    member = f"m{rng.randrange(job['members'])}"
    counts["done"] += 1
    if rng.random() < 0.6:
        taken, there = yield from ask(("HLEN", roster), ("HEXISTS", roster, member))
        if there or taken >= job["given"]["capacity"]:
            counts["full"] += 1
            return
        _, seated = yield from ask(("HSET", roster, member, me), ("HLEN", roster))
        counts["over"] += seated > job["given"]["capacity"]
    else:
        (left,) = yield from ask(("HDEL", roster, member))
        if not left:
            return
    (version,) = yield from ask(("HGET", state, "version"))
    after = int(version or 0) + 1
    yield from ask(("HSET", state, "version", after), ("RPUSH", session["join"][3], envelope(after, "change")))
    counts["bumped"] += 1


# --- one vote a voter ------------------------------------------------------------------------------------------------


def votes(job: Job, rng: random.Random, me: str, counts: Counter[str]) -> Steps:
    """Vote as the next voter by session_record; every connection votes as the same voters, as double clicks do."""
    voter = f"v{counts['sent']}"
    change: dict[str, str | int] = {"type": "vote", "data": "", "command": "HSETNX", "most": 10**9, "element": voter}
    args = arguments(job, "session_record", rng.choice("ab"), **change)
    _, status = yield from call(job, "session_record", [*job["keys"][:3], job["ballot"]], args)
    counts["sent"] += 1
    counts["done"] += 1
    counts["counted"] += status == b"ok"


def set_votes(job: Job, rng: random.Random, me: str, counts: Counter[str]) -> Steps:
    """Do the same by single commands: SADD says whether the voter is new, and only then the tally is counted."""
    voter = f"v{counts['sent']}"
    (new,) = yield from ask(("SADD", job["ballot"] + ":voters", voter))
    if new:
        yield from ask(("HINCRBY", job["ballot"], rng.choice("ab"), 1))
    counts["sent"] += 1
    counts["done"] += 1
    counts["counted"] += new


def naive_votes(job: Job, rng: random.Random, me: str, counts: Counter[str]) -> Steps:
    """Do the same by looking first and counting then: the control that counts a double click twice."""
    voter = f"v{counts['sent']}"
    (voted,) = yield from ask(("SISMEMBER", job["ballot"] + ":voters", voter))
    if not voted:
        yield from ask(("SADD", job["ballot"] + ":voters", voter), ("HINCRBY", job["ballot"], rng.choice("ab"), 1))
    counts["sent"] += 1
    counts["done"] += 1
    counts["counted"] += not voted


MOVES: dict[str, Move] = {
    "apply": apply, "watch": watch, "single": single, "cas": cas, "lose": lose, "duplicate": duplicate,
    "seats": seats, "token_seats": token_seats, "naive_seats": naive_seats,
    "votes": votes, "set_votes": set_votes, "naive_votes": naive_votes,
}  # fmt: skip
