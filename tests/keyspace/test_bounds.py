"""Bounds: the encodings that a design expects are those that servers report at the bound."""

import random
import re
from collections import Counter
from dataclasses import replace

import pytest

from redis_plan.expressions import evaluate
from redis_plan.keyspace import bounds, chain, design, naming
from redis_plan.keyspace.model import KeyPattern
from redis_plan.server import Server

from .briefs import facts, prices, workshop

DESIGNS = {
    "small": design(workshop()),
    "large": design(replace(workshop(), facts=facts(members_per_session=1000, member_bytes=90))),
    "prices": design(prices()),
}
KEYS = [pytest.param(p, id=f"{name}-{p.name}") for name, keyspace in DESIGNS.items() for p in keyspace.keys]


def fill(client, key: str, pattern: KeyPattern) -> None:  # type: ignore[no-untyped-def]
    """Write the key at its bound with values at their largest."""
    count, widest = int(pattern.max_elements), max(field.max_bytes for field in pattern.fields)
    pipe = client.pipeline(transaction=False)
    if pattern.type == "hash" and pattern.max_elements <= len(pattern.fields) + 1:
        pipe.hset(key, mapping={f.name: "x" * f.max_bytes for f in pattern.fields})
    else:
        for i in range(count):
            element = f"{i}".rjust(widest, "x")
            match pattern.type:
                case "hash":
                    pipe.hset(key, str(i), element)
                case "zset":
                    pipe.zadd(key, {element: 1795436400000 + i})
                case "set":
                    pipe.sadd(key, element)
                case "list":
                    pipe.rpush(key, "x" * sum(f.max_bytes for f in pattern.fields))
                case "string":
                    pipe.set(key, "7" if pattern.fields[0].type == "integer" else "x" * widest)
    pipe.execute()


@pytest.mark.parametrize("pattern", KEYS)
def test_the_expected_encoding_is_what_the_server_reports(own_server: Server, pattern: KeyPattern) -> None:
    client, key = own_server.client(), f"bounds:{pattern.name}"
    fill(client, key, pattern)
    seen = client.object("encoding", key)
    client.unlink(key)
    seen = seen.decode() if isinstance(seen, bytes) else seen
    assert seen in re.split(" or ", bounds.expected(pattern, own_server.setting).name)


def test_every_inequality_of_a_designed_keyspace_holds() -> None:
    for name, keyspace in DESIGNS.items():
        brief = prices() if name == "prices" else workshop()
        assert all(link.holds for link in chain.links(keyspace, brief))


def test_a_lease_outlives_three_heartbeats_even_where_the_grace_is_short() -> None:
    brief = replace(workshop(), facts=facts(reconnect_grace=2, heartbeat=10))
    assert chain.lease(brief) == 30
    assert "30 s" in design(brief).pattern("presence").holds


def test_names_at_peak_grow_with_the_sessions() -> None:
    keyspace = DESIGNS["small"]
    assert bounds.names_total(keyspace, 2000) > 5 * bounds.names_total(keyspace, 200)


def test_a_bound_of_what_lies_in_buckets_is_that_of_the_fullest_one_and_not_the_mean() -> None:
    """Ids as sessions have them, spread by the slot of their name: in hardly any spread does a bucket hold more than its bound."""
    rng, sessions, buckets, spreads, over = random.Random(7), 500, 16, 300, 0
    for _ in range(spreads):
        held = Counter(naming.slot(naming.encode_id(f"{rng.getrandbits(60):012X}")) % buckets for _ in range(sessions))
        over += max(held.values()) > evaluate("fullest(sessions, 16)", {"sessions": sessions})
    assert over <= 2
    mean = sessions / buckets
    assert mean < evaluate("fullest(sessions, 16)", {"sessions": sessions}) < 2 * mean
    due = next(p for p in DESIGNS["small"].keys if p.use == "due")
    assert due.max_elements == 3 * evaluate("fullest(n, 16)", {"n": workshop().value("sessions_peak")})
