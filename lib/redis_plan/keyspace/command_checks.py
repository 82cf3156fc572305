"""Command checks: lint rules about the commands by which a key is written and read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from redis_plan.keyspace import naming, versions
from redis_plan.keyspace.catalog import use_patterns
from redis_plan.keyspace.model import Candidate
from redis_plan.keyspace.subject import Fault, Subject, commands_of

_ONE_STEP = re.compile(r"MULTI|script|FCALL|session_\w+")
_SETS_TTL = re.compile(r"\b(P?EXPIRE(AT)?|(H|P)?SETEX|GETEX|EX|PX)\b")
_FIELD_TTL = re.compile(r"\b(HP?EXPIRE(AT)?|HSETEX|HGETEX|HP?TTL|HPERSIST)\b")
#: What a stream allocates with its first entry (stream-node-max-bytes, redis.conf 7.0).
STREAM_NODE_BYTES = 4096


def ttl_apart(subject: Subject) -> Iterator[Fault]:
    """Find keys whose TTL is set by a command of its own, in no step with the write."""
    for p in subject.keyspace.keys:
        written = p.candidate.write if p.candidate else ()
        apart = len(written) > 1 and any(c.split()[0] in ("EXPIRE", "PEXPIRE", "HPEXPIRE", "HEXPIRE") for c in written)
        if apart and not p.functions and not any(_ONE_STEP.search(w) for w in p.writers):
            yield p.name, {"commands": "; ".join(c.split()[0] for c in written)}


def ttl_unset(subject: Subject) -> Iterator[Fault]:
    """Find keys with a TTL that no writer sets."""
    for p in subject.keyspace.keys:
        text = " ".join((*p.writers, *(p.candidate.write if p.candidate else ())))
        if p.ttl.seconds is not None and not p.functions and not _SETS_TTL.search(text):
            yield p.name, {"writers": "; ".join(p.writers)}


def ttl_dropped(subject: Subject) -> Iterator[Fault]:
    """Find structures that write with a plain SET, which takes a TTL away."""
    for p in subject.keyspace.keys:
        for command in p.candidate.write if p.candidate else ():
            words = command.split()
            kept = {"EX", "PX", "EXAT", "PXAT", "KEEPTTL", "NX"} & set(words)
            if p.ttl.seconds is not None and words[0] in ("SET", "GETSET") and not kept:
                yield p.name, {"command": command}


def multi_across_slots(subject: Subject) -> Iterator[Fault]:
    """Find one MULTI that writes keys of different slots."""
    for one, other in combinations(subject.keyspace.keys, 2):
        if one.use == other.use and (one.entities != other.entities or not one.entities):
            continue  # one wording of the catalog for two things that are written apart; a file does not say which
        shared = [w for w in one.writers if "MULTI" in w and w in other.writers]
        tags = {naming.hash_tag(p.template) or p.template for p in (one, other)}
        if shared and len(tags) > 1:
            yield one.name, {"other": other.name, "step": shared[0]}


def field_ttl_unsupported(subject: Subject) -> Iterator[Fault]:
    """Find TTLs of hash fields on a server without them."""
    needed = Candidate("", "hash", "", (), (), since="7.4", feature="hash-field-ttl")
    if versions.offers(subject.brief, needed):
        return
    product, version = versions.stack_server(subject.brief)
    has = f"{product.capitalize()} {'.'.join(map(str, version))}"
    for p in subject.keyspace.keys:
        if found := next((m[0] for c in commands_of(p) if (m := _FIELD_TTL.search(c))), None):
            yield p.name, {"command": found, "has": has}


def pattern_subscription(subject: Subject) -> Iterator[Fault]:
    """Find subscriptions by pattern."""
    for p in subject.keyspace.channels:
        if any("PSUBSCRIBE" in command for command in commands_of(p)):
            yield p.name, {}


def lock_without_fence(subject: Subject) -> Iterator[Fault]:
    """Find locks without a fencing token."""
    uses = {p.name for p in subject.keyspace.keys if p.use == "lock"}
    if uses and "fence" not in uses:
        yield min(uses), {}


def log_without_version(subject: Subject) -> Iterator[Fault]:
    """Find logs whose entries don't tell epoch and version."""
    for p in subject.keyspace.keys:
        names = {f.name for f in p.fields}
        told = {"e", "v"} <= names or any("{e, v" in f.meaning for f in p.fields)
        if p.use == "log" and not told:
            yield p.name, {}


def stream_floor(subject: Subject) -> Iterator[Fault]:
    """Find many small streams, each of which takes a whole node from its first entry on."""
    for p in subject.keyspace.keys:
        size = p.typical_elements * sum(f.max_bytes for f in p.fields)
        many = p.scope != "global" or p.per_session > 64
        if p.type == "stream" and many and size < STREAM_NODE_BYTES:
            yield p.name, {"size": f"{size:,.0f} B"}


def unused_pin(subject: Subject) -> Iterator[Fault]:
    """Find pins of uses that this project does not get."""
    known = {p.name for p in subject.keyspace.patterns} | {p.use for p in subject.keyspace.patterns}
    uses = {p.use for p in use_patterns()}
    for pinned in subject.brief.pinned:
        if pinned in uses - known:
            yield pinned, {}


CHECKS = (
    ttl_apart, ttl_unset, ttl_dropped, multi_across_slots, field_ttl_unsupported, pattern_subscription,
    lock_without_fence, log_without_version, stream_floor, unused_pin,
)  # fmt: skip
