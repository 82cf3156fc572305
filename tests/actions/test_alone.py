"""Where a project has no session, an action of one key works on that key alone."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from redis_plan import server
from redis_plan.actions import catalog, compose
from redis_plan.errors import RedisPlanError
from redis_plan.keyspace import functions
from tests.conftest import BINARIES

KEY, TTL, HOLD_MS = "t:v1:hold:i1", 600, 60_000


@pytest.fixture(scope="module")
def client() -> Iterator["redis.Redis"]:
    live = server.start_with(BINARIES[0])
    made: redis.Redis = live.client(decode_responses=True)
    kinds = catalog.mechanics()["hold"].kinds.values()
    made.function_load(functions.library("alone", [compose.compose(kind, session=False) for kind in kinds]))
    yield made
    live.close()


def test_an_item_is_held_by_one_until_it_is_given_back_sold_or_over(client: "redis.Redis") -> None:
    def call(name: str, *args: Any) -> str:
        return str(client.fcall(f"hold_{name}", 1, KEY, TTL, *args))

    client.delete(KEY)
    assert call("hold", "ann", "i1", HOLD_MS) == "ok"
    assert call("hold", "bob", "i1", HOLD_MS) == "held"
    assert call("hold", "ann", "i1", HOLD_MS) == "ok"  # for as long again
    assert 0 < client.pttl(KEY) <= HOLD_MS  # type: ignore[operator]
    assert call("lapse", "i1") == "early"
    assert call("release", "bob", "i1") == "not yours"
    assert call("release", "ann", "i1") == "ok"
    assert call("hold", "bob", "i1", HOLD_MS) == "ok"
    assert call("confirm", "ann", "i1", HOLD_MS) == "not yours"
    assert call("confirm", "bob", "i1", HOLD_MS) == "ok"
    assert call("hold", "ann", "i1", HOLD_MS) == "sold"
    # over by its own time, though the key is still there: it counts for nothing
    client.set(KEY, f"2|held|bob|{int(client.time()[0]) * 1000 - 1}|", ex=60)  # type: ignore[index]
    assert call("confirm", "bob", "i1", HOLD_MS) == "not yours"
    assert call("hold", "ann", "i1", HOLD_MS) == "ok"


def test_what_reads_a_session_is_refused_where_there_is_none() -> None:
    with pytest.raises(RedisPlanError, match=r"submission\.submit needs a session"):
        compose.compose(catalog.kinds()["submission.submit"], session=False)
    with pytest.raises(RedisPlanError, match="carried out by session_create"):
        compose.compose(catalog.kinds()["session.open"])
