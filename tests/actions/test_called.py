"""Actions that a function of its own carries out, played on a real server: done, and what refuses it or repeats it does nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
import redis

from redis_plan import server
from redis_plan.actions import catalog
from redis_plan.delivery import library
from redis_plan.keyspace import functions
from redis_plan.server import Server
from tests.conftest import BINARIES

KINDS = [kind.id for kind in catalog.kinds().values() if kind.call]
STATE, ROSTER, PRESENCE, LOG = (f"p:{{s}}:{name}" for name in ("state", "roster", "presence", "log"))
ONE, TWO, CHANNEL = "p:{s}:one", "p:{s}:two", "p:{s}:events"
FAR = 10**15
Client = redis.Redis
PLAYS: dict[str, Callable[[Client], None]] = {}


@pytest.fixture(scope="module")
def live() -> Iterator[Server]:
    """The first server of this machine: the ids of these tests are the actions', which the story matrix cites."""
    started = server.start_with(BINARIES[0])
    made = [*functions.functions().values(), *library.common()]
    started.client().function_load(functions.library("called", made))
    yield started
    started.close()


@pytest.fixture
def client(live: Server) -> Client:
    found: Client = live.client(decode_responses=True)
    found.flushall()
    return found


def plays(*ids: str) -> Callable[[Callable[[Client], None]], Callable[[Client], None]]:
    def keep(play: Callable[[Client], None]) -> Callable[[Client], None]:
        PLAYS.update(dict.fromkeys(ids, play))
        return play

    return keep


def opened(c: Client, **fields: str) -> None:
    c.hset(STATE, mapping={"epoch": "ab", "version": "3", "status": "open", **fields})


def heard(c: Client, call: Callable[[], object]) -> list[str]:
    """Return what is published while ``call`` runs."""
    listener = c.pubsub()
    listener.subscribe(CHANNEL)
    listener.get_message(timeout=5)
    call()
    found = []
    while message := listener.get_message(timeout=0.2):
        found.append(message["data"])
    listener.close()
    return found


@plays("session.open")
def _open(c: Client) -> None:
    c.set(LOG, "of another life")
    assert c.fcall("session_create", 3, STATE, ROSTER, LOG, "ab", 60, "owner", "ann") == "created"
    assert c.hmget(STATE, "status", "version", "owner") == ["open", "0", "ann"]
    assert not c.exists(LOG)
    assert c.fcall("session_create", 3, STATE, ROSTER, LOG, "cd", 60, "owner", "bob") == "exists"  # a double click
    assert c.hmget(STATE, "epoch", "owner") == ["ab", "ann"]
    assert c.ttl(STATE) > 0


@plays("session.catch_up")
def _catch_up(c: Client) -> None:
    opened(c, score="7")
    c.rpush(LOG, *(json.dumps({"e": "ab", "v": v, "t": "x"}, separators=(",", ":")) for v in (1, 2, 3)))
    missed = c.fcall("session_catch_up", 2, STATE, LOG, "ab", 1, "5")
    assert [json.loads(part)["v"] for part in missed if str(part).startswith("{")] == [2, 3]
    anew = c.fcall("session_catch_up", 2, STATE, LOG, "cd", 1, "5")
    assert "score" in str(anew)
    assert missed[0] != anew[0]


@plays("session.renew")
def _renew(c: Client) -> None:
    opened(c)
    told = heard(c, lambda: c.fcall("session_renew", 2, STATE, LOG, "cd", CHANNEL, 60, "5"))
    assert c.hget(STATE, "epoch") == "cd"
    assert len(told) == 1
    assert c.fcall("session_renew", 2, STATE, LOG, "cd", CHANNEL, 60, "5")[1] == "same"


@plays("session.hand_over", "session.remove")
def _hand_over_then_remove(c: Client) -> None:
    opened(c)
    assert c.fcall("session_hand_over", 2, STATE, LOG, "row 7", CHANNEL, 60, "5")[1] == "open"
    c.hset(STATE, "status", "ended")
    assert c.fcall("session_remove", 2, STATE, "p:{s}:idem")[-1] == "ended"
    assert c.exists(STATE)
    assert c.fcall("session_hand_over", 2, STATE, LOG, "row 7", CHANNEL, 60, "5")[1] == "handed_over"
    assert c.fcall("session_hand_over", 2, STATE, LOG, "row 7", CHANNEL, 60, "5")[1] == "again"
    c.fcall("session_remove", 2, STATE, "p:{s}:idem")
    assert not c.exists(STATE)


@plays("seats.beat", "seats.leave", "seats.sweep")
def _seats(c: Client) -> None:
    opened(c)
    c.hset(ROSTER, mapping={"ann": "{}", "bob": "{}", "cyd": "{}"})
    c.zadd(PRESENCE, {"ann#1": 1, "bob#1": FAR, "cyd#1": 1})
    assert c.fcall("session_heartbeat", 2, STATE, PRESENCE, "ann#1", 60_000, 60) == "renewed"
    ends = float(c.zscore(PRESENCE, "ann#1") or 0)
    assert c.fcall("session_heartbeat", 2, STATE, PRESENCE, "ann#1", 60_000, 60, 20_000) == "renewed"
    assert ends - 20_000 <= float(c.zscore(PRESENCE, "ann#1") or 0) < ends  # it runs from the last sign of life
    assert c.fcall("session_heartbeat", 2, STATE, PRESENCE, "dan#1", 60_000, 60) == "lapsed"
    c.fcall("session_sweep", 4, STATE, ROSTER, PRESENCE, LOG, CHANNEL, 60, "5")
    assert set(c.hkeys(ROSTER)) == {"ann", "bob"}  # only cyd was silent
    assert c.fcall("session_leave", 4, STATE, ROSTER, PRESENCE, LOG, "bob", 60, CHANNEL, "5")[1] == "left"
    assert c.fcall("session_leave", 4, STATE, ROSTER, PRESENCE, LOG, "bob", 60, CHANNEL, "5")[1] == "absent"
    assert c.hkeys(ROSTER) == ["ann"]


@plays("codes.try_code", "codes.right_code", "rates.hit")
def _tries(c: Client) -> None:
    assert [c.fcall("rate_hit", 1, ONE, 2, 60)[1] for _ in range(3)] == ["allowed", "allowed", "refused"]
    assert 0 < c.ttl(ONE) <= 60
    c.set(TWO, 2, ex=60)
    assert c.fcall("rate_back", 1, TWO, 60) == "given_back"
    assert c.fcall("rate_hit", 1, TWO, 2, 60)[1] == "allowed"
    assert c.fcall("rate_back", 1, f"{TWO}:none", 60) == "none"


@plays("signals.send")
def _signal(c: Client) -> None:
    told = heard(c, lambda: [c.fcall("signal_send", 1, ONE, 2, 60, CHANNEL, f"m{n}") for n in range(4)])
    assert told == ["m0", "m1"]
    assert c.keys("p:*") == [ONE]  # no signal is stored


@plays("ticker.update")
def _ticker(c: Client) -> None:
    told = heard(c, lambda: c.fcall("latest_put", 1, ONE, CHANNEL, "tick", 20, 60, "price", "7"))
    assert (told, c.hgetall(ONE)) == (["tick"], {"price": "7", "at": "20"})
    assert heard(c, lambda: c.fcall("latest_put", 1, ONE, CHANNEL, "late", 19, 60, "price", "6")) == []
    assert c.hget(ONE, "price") == "7"


@plays("history.add")
def _history(c: Client) -> None:
    for at in (1, 2, 3, 3):
        c.fcall("series_add", 1, ONE, at, f"{at}:v", 2, 60)
    assert [score for _, score in c.zrange(ONE, 0, -1, withscores=True)] == [2, 3]


@plays("locking.lock", "locking.renew", "locking.unlock")
def _lock(c: Client) -> None:
    assert c.fcall("lock_take", 2, ONE, TWO, "ann", 60_000, 600) == [1, "taken"]
    assert c.fcall("lock_take", 2, ONE, TWO, "bob", 60_000, 600)[1] == "held"
    assert c.fcall("lock_renew", 1, ONE, "ann", 1, 90_000) == "renewed"
    assert 60_000 < c.pttl(ONE) <= 90_000
    assert c.fcall("lock_renew", 1, ONE, "bob", 1, 90_000) == "lost"
    assert c.fcall("lock_release", 1, ONE, "bob", 1) == "lost"
    assert c.fcall("lock_release", 1, ONE, "ann", 1) == "released"
    assert c.fcall("lock_take", 2, ONE, TWO, "bob", 60_000, 600) == [2, "taken"]
    c.pexpire(ONE, 0)  # its time is over: the next one takes it, and who had it can do nothing to it
    assert c.fcall("lock_take", 2, ONE, TWO, "ann", 60_000, 600) == [3, "taken"]
    assert [c.fcall("lock_renew", 1, ONE, "bob", 2, 60_000), c.fcall("lock_release", 1, ONE, "bob", 2)] == ["lost"] * 2


@plays("matching.enter", "matching.leave")
def _in_line(c: Client) -> None:
    assert [c.fcall("wait_enter", 1, ONE, name, 60) for name in ("ann", "bob", "ann")] == [
        [1, "waits"],
        [2, "waits"],
        [1, "again"],
    ]
    assert [c.fcall("wait_leave", 1, ONE, "ann") for _ in range(2)] == ["left", "absent"]
    assert c.fcall("wait_enter", 1, ONE, "bob", 60) == [1, "again"]
    assert c.ttl(ONE) > 0


@plays("matching.match")
def _match(c: Client) -> None:
    c.zadd(ONE, {"ann": 1, "bob": 2, "cyd": 3})
    assert set(c.fcall("match_take", 1, ONE, 2)) == {"ann", "bob"}
    assert c.fcall("match_take", 1, ONE, 2) == []
    assert c.zrange(ONE, 0, -1) == ["cyd"]


@plays("notifications.notify", "notifications.seen")
def _inbox(c: Client) -> None:
    told = heard(c, lambda: [c.fcall("inbox_push", 1, ONE, CHANNEL, f"m{n}", 2, 60) for n in range(3)])
    assert (told, set(c.lrange(ONE, 0, -1))) == (["m0", "m1", "m2"], {"m1", "m2"})
    assert [c.fcall("inbox_seen", 1, ONE, "m1") for _ in range(2)] == [1, 1]  # so many are left
    assert c.lrange(ONE, 0, -1) == ["m2"]


@plays("online.beat")
def _online(c: Client) -> None:
    assert [c.fcall("online_beat", 1, ONE, "ann", 60_000, 600) for _ in range(2)] == ["new", "known"]


@plays("positions.move", "positions.forget")
def _positions(c: Client) -> None:
    assert c.fcall("position_put", 2, ONE, TWO, "car", "21.0", "52.2", 60_000, 600) == "ok"
    c.geoadd(ONE, (21.0, 52.2, "silent"))
    c.zadd(TWO, {"silent": 1})
    assert c.fcall("position_sweep", 2, ONE, TWO, 10) == ["silent"]
    assert c.geosearch(ONE, longitude=21, latitude=52.2, radius=5, unit="km") == ["car"]


@plays("cells.move")
def _cells(c: Client) -> None:
    assert c.fcall("cell_move", 2, ONE, TWO, "car", 60_000, 60) == "new"
    assert c.fcall("cell_move", 2, TWO, ONE, "car", 60_000, 60) == "moved"
    assert (c.zrange(ONE, 0, -1), c.exists(TWO)) == (["car"], 0)


@plays("timers.claim_due", "timers.done")
def _due(c: Client) -> None:
    c.zadd(ONE, {"room:close": 1, "later": FAR})
    claims = c.fcall("due_claim", 1, ONE, 60_000, 10)
    assert "room:close" in str(claims)
    assert "later" not in str(claims)
    assert c.fcall("due_claim", 1, ONE, 60_000, 10) == []  # another worker gets nothing
    until = int(c.zscore(ONE, "room:close") or 0)
    assert c.fcall("due_done", 1, ONE, "room:close", until - 1) == "lost"
    assert c.fcall("due_done", 1, ONE, "room:close", until) == "done"
    assert c.zrange(ONE, 0, -1) == ["later"]


@plays("topics.publish")
def _topic(c: Client) -> None:
    told = heard(c, lambda: [c.fcall("topic_tell", 1, ONE, CHANNEL, '{"free":3}', 60) for _ in range(2)])
    assert told == ['{"seq":1,"d":{"free":3}}', '{"seq":2,"d":{"free":3}}']
    assert c.ttl(ONE) > 0
    with pytest.raises(redis.ResponseError, match="BADARG"):
        c.fcall("topic_tell", 1, ONE, CHANNEL, "{no json", 60)
    assert c.get(ONE) == "2"


@plays("caching.cache")
def _cache(c: Client) -> None:
    assert [c.fcall("cache_keep", 1, ONE, f"answer {n}", 100) for n in range(2)] == ["kept", "kept"]
    assert (c.get(ONE), 100 <= c.ttl(ONE) <= 110) == ("answer 1", True)


@plays("tokens.issue", "tokens.redeem")
def _token(c: Client) -> None:
    assert c.fcall("token_issue", 1, ONE, "invite", "room 7", 60) == "issued"
    assert c.fcall("token_issue", 1, ONE, "invite", "room 8", 60) == "taken"
    assert 0 < c.ttl(ONE) <= 60
    assert c.fcall("token_redeem", 1, ONE, "login") == []  # for another purpose: it is not used up
    assert [c.fcall("token_redeem", 1, ONE, "invite") for _ in range(2)] == [["room 7"], []]


@plays("requests.begin", "requests.done")
def _request(c: Client) -> None:
    assert [c.fcall("request_begin", 1, ONE, 60) for _ in range(2)] == [["new"], ["pending"]]
    assert c.fcall("request_done", 1, ONE, "pending", 60) == "kept"  # an answer may say anything
    assert c.fcall("request_begin", 1, ONE, 60) == ["done", "pending"]
    assert c.fcall("request_done", 1, ONE, "another", 60) == "lost"
    assert c.ttl(ONE) > 0


@plays("work.add", "work.done")
def _work(c: Client) -> None:
    c.xgroup_create(ONE, "workers", "0", mkstream=True)
    assert [c.fcall("job_add", 1, ONE, 2, f"job {n}")[1] for n in range(3)] == ["added", "added", "full"]
    ((_, [(job, _)]),) = c.xreadgroup("workers", "ann", {ONE: ">"}, count=1)
    assert [c.fcall("job_done", 1, ONE, "workers", job) for _ in range(2)] == ["done", "lost"]
    assert (c.xlen(ONE), c.xpending(ONE, "workers")["pending"]) == (1, 0)


@plays("invites.draw_code", "invites.release_code")
def _code(c: Client) -> None:
    assert [c.fcall("code_take", 1, ONE, room, 60) for room in ("r1", "r2", "r1")] == ["taken", "held", "taken"]
    assert 0 < c.ttl(ONE) <= 60
    assert [c.fcall("code_release", 1, ONE, room) for room in ("r2", "r1", "r1")] == ["lost", "released", "lost"]
    assert c.fcall("code_take", 1, ONE, "r2", 60) == "taken"


@plays("boards.rank", "boards.fill")
def _board(c: Client) -> None:
    assert c.fcall("board_put", 1, ONE, "ann", 5, 3, 60) == [0, "missing"]
    assert not c.exists(ONE)
    assert c.fcall("board_fill", 1, ONE, 3, 60, "ann", "4", "bob", "3") == 2
    assert c.fcall("board_put", 1, ONE, "bob", "7.5", 3, 60) == [1, "ranked"]
    assert c.fcall("board_fill", 1, ONE, 3, 60, "bob", "3", "cyd", "1") == 3  # what was put since stands
    assert c.fcall("board_put", 1, ONE, "dan", 0, 3, 60) == [0, "below"]
    assert c.zrange(ONE, 0, -1, desc=True, withscores=True) == [("bob", 7.5), ("ann", 4), ("cyd", 1)]
    assert 0 < c.ttl(ONE) <= 60
    for wrong in (("eve",), ("eve", "many"), ("eve", "1e-400"), ("", "1"), ()):
        with pytest.raises(redis.ResponseError, match="BADARG board_fill"):
            c.fcall("board_fill", 1, ONE, 3, 60, *wrong)
    with pytest.raises(redis.ResponseError, match="BADARG board_put: points"):
        c.fcall("board_put", 1, ONE, "ann", "-1e-400", 3, 60)  # nearer to zero than a double can be
    assert [c.fcall("board_put", 1, ONE, "ann", zero, 3, 60)[1] for zero in ("0e-400", "-0.0", "1e-300")] == [
        "ranked"
    ] * 3


@plays("visitors.count")
def _visitors(c: Client) -> None:
    assert [c.fcall("unique_add", 1, ONE, name, 60) for name in ("ann", "ann", "bob")] == ["new", "known", "new"]
    assert c.pfcount(ONE) == 2


@plays("switches.switch")
def _flags(c: Client) -> None:
    told = heard(c, lambda: c.fcall("flag_set", 1, ONE, CHANNEL, 1, "chat", "on"))
    assert (told, c.hgetall(ONE)) == (["chat"], {"chat": "on"})
    assert [c.fcall("flag_set", 1, ONE, "", 1, *flag) for flag in (("map", "on"), ("chat", "off"))] == ["full", "set"]
    assert c.hgetall(ONE) == {"chat": "off"}


@plays("things.put")
def _things(c: Client) -> None:
    told = heard(c, lambda: c.fcall("hash_put", 1, ONE, CHANNEL, "ready", 60, "status", "ready", "by", "ann"))
    assert (told, c.hgetall(ONE)) == (["ready"], {"status": "ready", "by": "ann"})
    assert c.ttl(ONE) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_plays(client: Client, kind: str) -> None:
    PLAYS[kind](client)
