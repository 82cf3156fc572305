"""A game by the catalog's actions: what the implementer of one relies on between actions, beside what each does alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from redis_plan import server
from redis_plan.actions import catalog, compose
from redis_plan.delivery import library
from redis_plan.keyspace import functions, records
from tests.conftest import BINARIES

LEASE, AWAY = 60_000, 30_000


class Game:
    """One session on a live server; each action is called by its name in the catalog."""

    def __init__(self, client: redis.Redis) -> None:
        self.client, self.ops = client, 0
        client.flushdb()
        client.fcall(
            "session_create", 3, self.key("state"), self.key("roster"), self.key("log"), "0a", 600, "owner", "host"
        )
        self.shift(-10 * LEASE, "created_at")

    def key(self, name: str, round: str = "") -> str:
        return f"t:v1:{{s}}:{name}" + (f":{round}" if round else "")

    def act(self, id: str, also: tuple[str, ...] = (), with_seat: str = "", **given: Any) -> str:
        """Call an action; what is not given has the catalog's number. Of the keys ``also`` those of the types ``with_seat`` go with a seat."""
        kind = catalog.kinds()[id]
        call = compose.catalogued()[id].call
        self.ops += 1
        named = [self.key(n, given.get("round", "") if n == "votes" else "") for n, _ in call.keys[3:]]
        keys = [self.key("state"), self.key("log"), self.key("idem"), *named, *also]
        numbers = {p.name: str(p.default) for p in kind.parameters}
        own = [str({"value": "null", **numbers, **given}[n]) for n in (*kind.takes, *numbers)]
        own += [with_seat] if with_seat else []
        reply: Any = self.client.fcall(kind.function, len(keys), *keys, "", f"op{self.ops}", 600, "50", 60, *own)
        self.more = reply[2:]
        return str(reply[1])

    def join(self, member: str, name: str = "", **given: Any) -> str:
        shown = name or member
        return self.act("seats.join", member=member, connection="c1", device=f"d-{member}", name=shown, folded=shown.lower(), **given)  # fmt: skip

    def state(self, field: str) -> str | None:
        found: Any = self.client.hget(self.key("state"), field)
        return found

    def shift(self, by_ms: int, field: str) -> None:
        self.client.hset(self.key("state"), field, int(self.state(field) or 0) + by_ms)

    def silent(self, member: str, for_ms: int, connection: str = "c1") -> None:
        seconds, micros = self.client.time()  # type: ignore[misc]
        heard = seconds * 1000 + micros // 1000 - for_ms
        self.client.zadd(self.key("presence"), {f"{member}#{connection}": heard + LEASE})

    def last(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.client.lindex(self.key("log"), -1))  # type: ignore[arg-type]
        return found

    def end(self) -> None:
        assert self.act("session.finish", member="host") == "ok"
        sent = ("session_hand_over", 2, self.key("state"), self.key("log"), "row 7", "", 600, "50")
        assert self.client.fcall(*sent)[1] == "handed_over"  # type: ignore[index]


@pytest.fixture(scope="module")
def live() -> Iterator[redis.Redis]:
    started = server.start_with(BINARIES[0])
    client: redis.Redis = started.client(decode_responses=True)
    made = [  # the whole catalog: whatever a project takes of it fits into one library
        *functions.functions().values(),
        *records.functions_of().values(),
        *library.common(),
        *compose.catalogued().values(),
    ]
    client.function_load(functions.library("game", made))
    yield client
    started.close()


@pytest.fixture
def game(live: redis.Redis) -> Game:
    return Game(live)


def test_a_host_without_a_seat_is_there_and_nobody_waits_for_the_answer(game: Game) -> None:
    assert game.act("hosting.attend", member="host", connection="c1") == "ok"
    assert game.act("presence.mark_away", target="host", away_ms=AWAY) == "early"
    assert [game.join(m) for m in ("ann", "bob")] == ["ok", "ok"]
    assert game.client.hlen(game.key("roster")) == 2  # the host takes no place
    assert game.act("seats.watch", member="zed", connection="c1", device="d-zed") == "ok"
    assert game.act("phases.start", member="host", round="q1") == "ok"
    assert game.act("submission.submit", member="ann", round="q1") == "ok"
    assert game.act("submission.all_in", round="q1") == "waiting"
    assert game.act("submission.submit", member="bob", round="q1") == "ok"
    assert game.act("submission.all_in", round="q1") == "ok"


def test_a_host_who_fell_silent_is_shown_as_away_and_back_again(game: Game) -> None:
    assert game.act("hosting.attend", member="host", connection="c1") == "ok"
    assert game.act("presence.back", member="eve") == "not here"
    game.silent("host", AWAY)
    assert game.act("presence.mark_away", target="host", away_ms=AWAY) == "ok"
    assert game.act("presence.back", member="host") == "ok"
    assert game.state("away:host") is None


def test_a_room_that_was_just_opened_does_not_miss_its_host_yet(game: Game) -> None:
    game.shift(10 * LEASE, "created_at")
    assert game.act("presence.mark_away", target="host", away_ms=AWAY) == "early"
    game.shift(-AWAY, "created_at")
    assert game.act("presence.mark_away", target="host", away_ms=AWAY) == "ok"


def test_nobody_waits_for_who_is_marked_away(game: Game) -> None:
    assert [game.join(m) for m in ("ann", "bob")] == ["ok", "ok"]
    game.act("phases.start", member="host", round="q1")
    game.act("submission.submit", member="ann", round="q1")
    game.silent("bob", AWAY)
    assert game.act("submission.all_in", round="q1") == "waiting"
    assert game.act("presence.mark_away", target="bob", away_ms=AWAY) == "ok"
    assert game.act("submission.all_in", round="q1") == "ok"


def test_a_round_in_which_nobody_is_there_is_not_over_because_all_have_answered(game: Game) -> None:
    game.act("phases.start", member="host", round="q1")
    assert game.act("submission.all_in", round="q1") == "waiting"
    assert game.join("ann") == "ok"
    assert game.act("submission.submit", member="ann", round="q1") == "ok"
    game.client.delete(game.key("presence"))  # everybody is away for a moment, with a gateway, say
    assert game.act("submission.all_in", round="q1") == "waiting"
    assert game.join("ann") in ("ok", "again", "duplicate", "joined")
    assert game.act("submission.all_in", round="q1") == "ok"


def test_a_rematch_begins_with_nothing_of_the_game_before(game: Game) -> None:
    game.join("ann")
    for q in ("q1", "q2"):
        game.act("phases.start", member="host", round=q)
        assert game.act("submission.submit", member="ann", round=q) == "ok"
        assert game.act("claim.claim", member="ann", object=q) == "ok"
        game.act("phases.stop_early", member="host", round=q)
    assert game.act("scoring.award", target="ann", reason="q1", amount=5) == "ok"
    assert game.act("secrets.deal", target="ann", value='"queen"') == "ok"
    assert game.act("autobid.set_maximum", member="ann", value='"90"') == "ok"
    assert game.act("session.rematch", member="host") == "unnamed"
    assert sorted(game.more) == ["votes:q1", "votes:q2"]
    assert game.client.zcard(game.key("score")) == 1  # refused: nothing is written
    also = tuple(game.key(part) for part in game.more)
    assert game.act("session.rematch", also, member="host") == "ok"
    of_before = ("votes*", "claims", "score", "dealt", "limits")
    assert [key for part in of_before for key in game.client.keys(f"*:{part}")] == []
    assert [f for f in game.client.hkeys(game.key("state")) if f.startswith("key:votes")] == []
    assert (game.state("phase"), game.state("round")) == ("lobby", None)
    # the same question under the same id, by the same players
    game.act("phases.start", member="host", round="q1")
    assert game.act("submission.submit", member="ann", round="q1") == "ok"
    assert game.act("claim.claim", member="ann", object="q1") == "ok"
    assert game.act("scoring.award", target="ann", reason="q1", amount=5) == "ok"


@pytest.mark.parametrize("begins", ["ready.all_ready", "phases.start", "session.rematch"])
def test_however_the_next_one_begins_nobody_is_ready_for_it_yet(game: Game, begins: str) -> None:
    game.join("ann")
    assert game.act("ready.ready", member="ann") == "ok"
    assert game.act(begins, member="host", round="q1") == "ok"
    if begins != "session.rematch":
        game.shift(-600_000, "phase_until")
        assert game.act("phases.time_up", round="q1") == "ok"
    assert game.act("ready.all_ready", round="q2") == "nobody"
    assert game.act("ready.ready", member="ann") == "ok"
    assert game.act("ready.all_ready", round="q2") == "ok"


def test_nothing_begins_by_itself_where_nobody_is(game: Game) -> None:
    assert game.act("ready.all_ready", round="q1") == "nobody"
    assert game.state("phase") != "open"


def test_what_ended_is_played_again_once_its_result_is_kept(game: Game) -> None:
    game.join("ann")
    game.act("phases.start", member="host", round="q1")
    assert game.act("session.finish", member="host") == "ok"
    assert (game.state("phase"), game.state("phase_until")) == (None, None)  # nothing runs on in what has ended
    assert game.act("session.rematch", member="host") == "ended"
    game.client.hset(game.key("state"), "status", "open")
    game.end()
    assert game.act("session.rematch", member="ann") == "not allowed"
    assert game.act("session.rematch", member="host") == "ok"
    assert (game.state("status"), game.state("receipt")) == ("open", None)
    assert game.last()["d"]["set"]["status"] == "open"
    assert game.client.fcall("session_remove", 2, game.key("state"), game.key("idem")) == [
        "open"
    ]  # it is not removed any more
    assert game.act("phases.start", member="host", round="q1") == "ok"


def test_a_paused_room_whose_host_vanished_goes_on_where_it_was(game: Game) -> None:
    game.act("phases.start", member="host", round="q1", length_ms=20_000)
    assert game.act("phases.pause", member="host") == "ok"
    left = game.state("phase_left")
    game.act("presence.mark_away", target="host")
    game.shift(-600_000, "away:host")
    assert game.act("hosting.pause_absent") == "ok"
    assert game.act("hosting.take_up", member="host") == "ok"
    assert game.last()["d"]["phase"] == "paused"
    assert (game.state("phase"), game.state("phase_left"), game.state("away:host")) == ("paused", left, None)
    assert game.act("phases.resume", member="host") == "ok"


def test_who_is_kicked_has_no_points_and_nothing_that_goes_with_a_seat_whatever_keeps_it(game: Game) -> None:
    for who in ("ann", "bob"):
        game.join(who)
        assert game.act("teams.choose", member=who, team="red") == "ok"
        game.client.zadd(game.key("own"), {who: 1})  # a key of a team's own
    game.act("scoring.award", target="ann", reason="q1", amount=5)
    gone = (game.key("teams"), game.key("own"))
    assert game.act("seats.kick", gone, "hash zset", member="host", target="ann") == "ok"
    assert game.client.zrange(game.key("score"), 0, -1) == []
    assert (game.client.hkeys(game.key("teams")), game.client.zrange(game.key("own"), 0, -1)) == (["bob"], ["bob"])
    assert game.state("hidden:gained:ann") is None


def test_who_is_kicked_waits_no_more_and_is_not_admitted(game: Game) -> None:
    game.join("ann")
    assert game.act("waiting.wait", member="ann", value='"a hand"') == "ok"
    assert game.act("seats.kick", (game.key("waiting"),), "hash", member="host", target="ann") == "ok"
    assert game.client.hgetall(game.key("waiting")) == {}
    assert game.act("waiting.admit", member="host", target="ann") == "not now"


def test_a_kick_that_is_told_of_a_key_which_is_not_given_writes_nothing(game: Game) -> None:
    game.join("ann")
    game.client.zadd(game.key("own"), {"ann": 1})
    with pytest.raises(redis.ResponseError, match="BADARG seats_kick: with_seat"):
        game.act("seats.kick", (), "zset", member="host", target="ann")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        game.act("seats.kick", (game.key("own"),), "hash", member="host", target="ann")
    assert game.client.hkeys(game.key("roster")) == ["ann"]


def test_a_role_that_lets_do_more_goes_with_the_seat_and_counts_no_more(game: Game) -> None:
    for who in ("ann", "bob", "cyd"):
        game.join(who)
    for who in ("ann", "bob"):
        assert game.act("hosting.give_role", member="host", target=who, role="cohost") == "ok"
    assert game.act("hosting.give_role", member="host", target="cyd", role="cohost") == "full"
    keys = [game.key(name) for name in ("state", "roster", "presence", "log")]
    assert game.client.fcall("session_leave", 4, *keys, "ann", 600, "", "50")[1] == "left"  # type: ignore[index]
    assert (game.state("role:ann"), game.last()["d"]["del"]) == (None, ["role:ann"])
    assert game.act("hosting.give_role", member="host", target="cyd", role="cohost") == "ok"
    assert game.act("seats.kick", member="host", target="bob") == "ok"
    assert game.state("role:bob") is None


def test_a_paused_holder_of_a_lock_writes_nothing_after_the_next_one_took_it(game: Game) -> None:
    lock, fence = game.key("lock"), game.key("fence")

    def take(holder: str, ms: int) -> int:
        found: Any = game.client.fcall("lock_take", 2, lock, fence, holder, ms, 600)
        return int(found[0])

    first = take("ann", 60_000)
    assert game.act("locking.save", member="ann", object="o1", token=first, value="1") == "ok"
    assert game.act("locking.save", member="bob", object="o1", token=first, value="0") == "lost"  # whoever guesses it
    game.client.pexpire(lock, 0)
    assert game.act("locking.save", member="ann", object="o1", token=first, value="2") == "lost"
    second = take("bob", 60_000)
    assert game.act("locking.save", member="ann", object="o1", token=first, value="2") == "lost"
    assert game.act("locking.save", member="bob", object="o1", token=second, value="3") == "ok"
    assert [game.last()["d"][name] for name in ("member", "value")] == ["bob", 3]


def test_who_only_watches_is_kicked_and_neither_watches_nor_joins_again(game: Game) -> None:
    def watch(member: str, device: str) -> str:
        return game.act("seats.watch", member=member, connection="c1", device=device)

    assert [watch("zed", "d1"), watch("zoe", "d2")] == ["ok", "ok"]
    assert game.act("seats.kick", member="host", target="zed") == "ok"
    assert game.client.zrange(game.key("presence"), 0, -1) == ["watch:zoe#c1"]
    assert (game.last()["t"], game.last()["d"]["target"]) == ("leave", "zed")
    assert [watch("zed", "d9"), watch("yan", "d1")] == ["banned", "banned"]
    assert game.act("seats.join", member="xi", connection="c1", device="d1", name="xi", folded="xi") == "banned"
    assert game.act("seats.kick", member="host", target="nobody") == "unknown"


def test_a_watcher_who_is_gone_leaves_nothing_of_the_device(game: Game) -> None:
    assert game.act("seats.watch", member="zed", connection="c1", device="d1") == "ok"
    game.client.zadd(game.key("presence"), {"watch:zed#c1": 1})
    keys = [game.key(name) for name in ("state", "roster", "presence", "log")]
    assert game.client.fcall("session_sweep", 4, *keys, "", 600, "50") == ["watch:zed#c1"]
    assert game.state("hidden:device:zed") is None


def with_seat(game: Game) -> tuple[list[str], str]:
    """The catalog's keys in which a member has an entry only as long as the seat, and their types."""
    found = [
        (game.key(name), mechanic.keys[name][1])
        for mechanic in catalog.mechanics().values()
        for name, word in mechanic.leavers.items()
        if word == "go"
    ]
    return [key for key, _ in found], " ".join(type_ for _, type_ in found)


def gone(game: Game, member: str, how: str) -> None:
    """End the seat of a member, who leaves or whose lease lapses."""
    further, types = with_seat(game)
    keys = [*(game.key(name) for name in ("state", "roster", "presence", "log")), *further]
    if how == "leaves":
        assert game.client.fcall("session_leave", len(keys), *keys, member, 600, "", "50", types)[1] == "left"  # type: ignore[index]
    else:
        game.client.zadd(game.key("presence"), {f"{member}#c1": 1})
        assert game.client.fcall("session_sweep", len(keys), *keys, "", 600, "50", types) == [f"{member}#c1"]


@pytest.mark.parametrize("how", ["leaves", "lapses"])
def test_a_full_team_takes_a_new_member_once_one_of_it_is_gone(game: Game, how: str) -> None:
    for who in ("ann", "bob", "cyd"):
        assert game.join(who) == "ok"
    assert [game.act("teams.choose", member=who, team="red", most=2) for who in ("ann", "bob")] == ["ok", "ok"]
    assert game.act("waiting.wait", member="ann", most=1) == "ok"
    assert game.act("teams.choose", member="cyd", team="red", most=2) == "full"
    assert game.act("waiting.wait", member="cyd", most=1) == "full"
    gone(game, "ann", how)
    assert game.act("teams.choose", member="cyd", team="red", most=2) == "ok"
    assert game.act("waiting.wait", member="cyd", most=1) == "ok"
    assert game.client.hgetall(game.key("teams")) == {"bob": "red", "cyd": "red"}
    assert game.join("ann") == "ok"  # back again: the place is taken meanwhile
    assert game.act("teams.choose", member="ann", team="red", most=2) == "full"


@pytest.mark.parametrize("how", ["leaves", "lapses"])
def test_a_ranking_keeps_who_is_gone_and_their_answer_counts(game: Game, how: str) -> None:
    game.join("ann")
    game.act("phases.start", member="host", round="q1")
    assert game.act("submission.submit", member="ann", round="q1") == "ok"
    assert game.act("scoring.award", target="ann", reason="q1", amount=5) == "ok"
    gone(game, "ann", how)
    assert game.client.zscore(game.key("score"), "ann") == 5
    assert game.client.hexists(game.key("votes", "q1"), "ann")
    assert game.act("scoring.award", target="ann", reason="q2", amount=5) == "unknown"  # but nothing is added


def test_one_connection_of_two_less_takes_nothing_else_away(game: Game) -> None:
    game.join("ann")
    game.act("teams.choose", member="ann", team="red")
    game.client.zadd(game.key("presence"), {"ann#c2": 1})
    further, types = with_seat(game)
    keys = [*(game.key(name) for name in ("state", "roster", "presence", "log")), *further]
    assert game.client.fcall("session_sweep", len(keys), *keys, "", 600, "50", types) == ["ann#c2"]
    assert game.client.hgetall(game.key("teams")) == {"ann": "red"}


def test_nobody_leaves_where_a_key_that_goes_with_the_seat_is_none_or_of_another_type(game: Game) -> None:
    game.join("ann")
    game.act("teams.choose", member="ann", team="red")
    before = game.client.hgetall(game.key("state"))
    keys = [game.key(name) for name in ("state", "roster", "presence", "log", "teams")]
    for types, says in (("zset", "WRONGTYPE"), ("hash hash", "BADARG session_leave"), ("list", "BADARG session_leave")):
        with pytest.raises(redis.ResponseError, match=says):
            game.client.fcall("session_leave", 5, *keys, "ann", 600, "", "50", types)
    assert game.client.hexists(game.key("roster"), "ann")
    assert game.client.hgetall(game.key("state")) == before


def test_nobody_kicks_the_owner(game: Game) -> None:
    assert [game.join("ann"), game.join("host")] == ["ok", "ok"]
    assert game.act("hosting.give_role", member="host", target="ann", role="cohost") == "ok"
    assert game.act("seats.kick", member="ann", target="host") == "not allowed"


def test_a_name_that_waits_is_seen_by_nobody_else_until_it_is_approved(game: Game) -> None:
    """Where the session checks names: the seat shows none, a name that changed meanwhile is looked at anew."""
    game.client.hset(game.key("state"), "checks_names", 1)

    def version(member: str) -> str:
        return str(game.client.hget(game.key("names"), member)).partition("|")[0]

    def decide(what: str, member: str, **given: Any) -> str:
        return game.act(f"naming.{what}_name", member="host", target=member, **given)

    def seen() -> str:
        snapshot = game.client.fcall("session_catch_up", 2, game.key("state"), game.key("log"), "ff", 0, "50", 1)
        return f"{game.client.lrange(game.key('log'), 0, -1)} {snapshot} {game.client.hgetall(game.key('roster'))}"

    assert [game.join("ann", "Łotr"), game.join("bob", "łotr")] == ["ok", "ok"]
    assert "otr" not in seen()
    looked_at = version("ann")
    assert game.act("seats.rename", member="ann", name="Ann", folded="ann") == "ok"
    assert decide("approve", "ann", expected=looked_at) == "conflict"
    assert decide("approve", "ann", expected=version("ann")) == "ok"
    assert (game.last()["t"], game.last()["d"]["name"]) == ("named", "Ann")
    assert json.loads(str(game.client.hget(game.key("roster"), "ann"))) == {"name": "Ann"}
    assert game.join("ann", "Ann") == "ok"  # back again: what was approved needs no second look
    assert json.loads(str(game.client.hget(game.key("roster"), "ann"))) == {"name": "Ann"}
    assert decide("refuse", "bob") == "ok"
    assert game.join("bob", "łotr") == "ok"  # refused stays refused
    assert decide("approve", "bob", expected=version("bob")) == "not now"
    assert game.act("seats.rename", member="bob", name="ANN", folded="ann") == "name taken"
    assert "otr" not in seen()


def test_of_two_who_wait_with_one_name_one_gets_it(game: Game) -> None:
    game.client.hset(game.key("state"), "checks_names", 1)
    assert [game.join("ann", "Zoë"), game.join("bob", "ZOË")] == ["ok", "ok"]
    given = {"member": "host", "expected": "1"}
    assert game.act("naming.approve_name", target="ann", **given) == "ok"
    assert game.act("naming.approve_name", target="bob", **given) == "name taken"


def test_a_question_is_open_as_long_as_the_host_says_within_the_bounds(game: Game) -> None:
    def start(length_ms: int) -> str:
        bounds = {"length_least": 5000, "length_most": 60_000}
        return game.act("phases.start", member="host", round="q1", length_ms=length_ms, **bounds)

    assert [start(4999), start(60_001)] == ["bad length", "bad length"]
    before = game.client.time()[0]  # type: ignore[index]
    assert start(60_000) == "ok"
    assert int(game.state("phase_until") or 0) >= 1000 * (before + 60)


def test_a_ban_holds_for_the_device_that_the_member_came_with_though_nobody_names_it(game: Game) -> None:
    def come(member: str, device: str) -> str:
        return game.act("seats.join", member=member, connection="c1", device=device, name=member, folded=member)

    assert [come("ann", "d1"), come("bob", "bob"), come("cyd", "d3")] == ["ok", "ok", "ok"]
    assert game.state("hidden:device:ann") == "d1"
    assert game.state("hidden:device:bob") is None  # the member itself: nothing more to keep
    assert not any("d1" in event for event in game.client.lrange(game.key("log"), 0, -1))
    assert [game.act("seats.kick", member="host", target=who) for who in ("ann", "bob")] == ["ok", "ok"]
    assert [come("zoe", "d1"), come("ann", "d9"), come("bob", "bob"), come("zoe", "d4")] == [*["banned"] * 3, "ok"]
    assert game.act("seats.unban", member="host", target="ann") == "ok"
    assert [come("zed", "d1"), come("ann", "d9")] == ["ok", "ok"]
    left = {name for name in game.client.hkeys(game.key("state")) if name.startswith("hidden:")}
    assert left == {"hidden:ban:bob", *(f"hidden:device:{who}" for who in ("ann", "cyd", "zed", "zoe"))}
    keys = [game.key(name) for name in ("state", "roster", "presence", "log")]
    assert game.client.fcall("session_leave", 4, *keys, "cyd", 600, "", "50")[1] == "left"
    assert game.state("hidden:device:cyd") is None


def test_what_a_round_gave_is_given_once_and_taken_back_without_being_told_how_much(game: Game) -> None:
    game.join("ann")
    assert game.act("scoring.award", target="ann", reason="q1", amount=70) == "ok"
    assert game.act("scoring.award", target="ann", reason="q1", amount=90) == "again"
    assert game.act("scoring.award", target="ann", reason="q2", amount=30) == "ok"
    assert game.act("scoring.take_back", target="ann", reason="q3") == "unknown"
    assert game.act("scoring.take_back", target="ann", reason="q2") == "ok"
    assert (game.last()["d"]["amount"], game.client.zscore(game.key("score"), "ann")) == (30, 70)
    assert game.act("scoring.take_back", target="ann", reason="q2") == "unknown"
    assert game.act("scoring.award", target="ann", reason="q2", amount=10) == "ok"
    assert not any("gained" in event for event in game.client.lrange(game.key("log"), 0, -1))


@pytest.mark.parametrize(
    ("name", "folded", "answer"),
    [
        ("A", "a", "bad name"),
        ("x" * 21, "x" * 21, "bad name"),
        ("Łódź łódź łódź łódź ł", "łódź łódź łódź łódź ł", "bad name"),  # 21 characters in more bytes
        ("Ann", "bob", "bad name"),  # compared as something that is not shown
        (" Ann ", "ann", "ok"),
        ("Łódź łódź łódź łódź ", "łódź łódź łódź łódź", "ok"),
    ],
)
def test_a_name_has_its_length_and_is_compared_as_it_is_shown(game: Game, name: str, folded: str, answer: str) -> None:
    given = {"name": name, "folded": folded, "name_least": 2, "name_most": 20}
    assert game.act("seats.join", member="ann", connection="c1", device="d1", **given) == answer


def test_a_full_roster_of_long_names_stays_compact(game: Game) -> None:
    """The name stands in an entry once: 60 names of 40 characters are one listpack, half of what a table of them takes."""
    for number in range(60):
        assert game.join(f"m{number}", f"{'N' * 38}{number:02d}", capacity=60) == "ok"
    assert game.client.object("encoding", game.key("roster")) == "listpack"
    assert game.join("late", f"{'n' * 38}07", capacity=61) == "name taken"


@pytest.mark.parametrize(
    "names",
    [("Łukasz", "łukasz"), ("łukasz", "Łukasz"), ("Straße", "STRASSE"), ("strasse", "Straße"), ('a"b\\', 'A"B\\')],
)
def test_no_two_names_are_one_as_names_are_compared_in_whatever_order_they_come(game: Game, names: list[str]) -> None:
    folded = [name.upper().lower() for name in names]
    given = [{"name": name, "folded": fold} for name, fold in zip(names, folded, strict=True)]
    assert game.act("seats.join", member="ann", connection="c1", device="ann", **given[0]) == "ok"
    assert game.act("seats.join", member="bob", connection="c1", device="bob", **given[1]) == "name taken"
    assert game.act("seats.rename", member="ann", **given[1]) == "ok"


def test_a_session_may_have_fewer_seats_than_the_project_lets_any_have(game: Game) -> None:
    game.client.hset(game.key("state"), "capacity", 1)
    assert [game.join(m, capacity=60) for m in ("ann", "bob", "ann")] == ["ok", "full", "ok"]
    game.client.hset(game.key("state"), "capacity", 99)
    assert [game.join(m, capacity=2) for m in ("bob", "cyd")] == ["ok", "full"]


def test_an_owner_is_written_as_the_actions_compare_it(game: Game) -> None:
    named = (game.key("state"), game.key("roster"), game.key("log"))
    game.client.flushdb()
    with pytest.raises(redis.ResponseError, match="BADARG session_create: owner"):
        game.client.fcall("session_create", 3, *named, "0a", 600, "owner", "ann:1")
    assert game.client.keys("*") == []
    assert game.client.fcall("session_create", 3, *named, "0a", 600, "owner", "ann%3A1") == "created"
    assert game.act("session.finish", member="ann%3A1") == "ok"
