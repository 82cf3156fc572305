"""The delivered rule and its connections: one story in both languages, strictly typed, printed and measured from one file."""

import asyncio
import json
import random
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis

from redis_plan.delivery import syncing
from redis_plan.delivery.redis_plan_sync import MOST_HELD, SyncClient, patch, seen_by
from redis_plan.delivery.redis_plan_sync_driver import Timing, persist
from tests.test_imports import MODULES


@dataclass
class Answer:
    """What the server says."""

    kind: str
    version: int = 0
    epoch: str = ""
    events: list[str] = field(default_factory=list)
    state: dict[str, str] = field(default_factory=dict)


def event(version: int, epoch: str = "ab", kind: str = "set", ts: int = 1, **fields: Any) -> str:
    return json.dumps({"e": epoch, "v": version, "ts": ts, "t": kind, "op": "", "d": {"set": fields}})


def live(version: int = 0, epoch: str = "ab") -> SyncClient:
    client = SyncClient()
    client.caught_up(Answer("snapshot", version, epoch))
    return client


def test_the_next_version_is_applied_and_an_older_one_dropped() -> None:
    client = live(4)
    assert client.receive(event(5, x=1)) == "applied"
    assert client.receive(event(5, x=9)) == "dropped"
    assert (client.version, client.state) == (5, {"x": "1"})


@pytest.mark.parametrize("message", [event(7), event(5, epoch="cd")])
def test_a_gap_and_another_epoch_ask_for_a_catch_up(message: str) -> None:
    assert live(4).receive(message) == "catch up"


@pytest.mark.parametrize("position", [("ab", 5), ("ab", 3), ("cd", 4), ("", 0)])
def test_a_beacon_shows_a_lost_tail_a_lost_write_a_new_epoch_and_a_lost_session(position: tuple[str, int]) -> None:
    assert live(4).beacon(*position) == "catch up"
    assert live(4).beacon("ab", 4) == "live"


def test_a_session_that_was_gone_comes_back_by_its_beacon() -> None:
    client = live(4)
    assert client.caught_up(Answer("gone")) == "gone"
    assert client.beacon("", 0) == "gone"
    assert client.beacon("cd", 1) == "catch up"
    assert client.caught_up(Answer("snapshot", 1, "cd")) == "live"


def test_what_arrives_while_catching_up_is_applied_after_the_answer() -> None:
    client = live(4)
    client.receive(event(6, x=6))
    client.receive(event(7, x=7))
    client.receive(event(8, x=8))
    assert client.caught_up(Answer("delta", 6, events=[event(5), event(6)])) == "live"
    assert (client.version, client.state["x"]) == (8, "8")


@pytest.mark.parametrize("stale", [event(9, epoch="aa"), event(6)], ids=["of an old epoch", "lost by a failover"])
def test_an_event_that_the_server_does_not_have_makes_nobody_ask_for_ever(stale: str) -> None:
    client = live(4)
    client.disconnected()
    client.receive(stale)
    asked = 1
    while client.caught_up(Answer("delta", 4)) == "catch up":
        asked += 1
        assert asked < 5
    assert (client.mode, client.version) == ("live", 4)


def test_a_delta_with_a_hole_is_not_taken_for_the_whole() -> None:
    client = live(4)
    client.disconnected()
    assert client.caught_up(Answer("delta", 7, events=[event(5), event(7)])) == "catch up"
    assert client.epoch == ""  # the next answer is a snapshot


def test_a_client_too_far_behind_asks_for_a_snapshot() -> None:
    client = live(1)
    for number in range(MOST_HELD + 2):
        client.receive(event(number + 5))
    assert client.epoch == ""


@pytest.mark.parametrize("message", ["{", "[]", "null", "7", '{"v":1}', '{"e":"ab","v":"x","t":"a"}'])
def test_an_unreadable_message_is_dropped_and_its_gap_found(message: str) -> None:
    client = live(4)
    assert client.receive(message) == "dropped"
    assert client.receive(event(6)) == "catch up"


@pytest.mark.parametrize("seed", range(20))
def test_copies_are_right_whatever_is_lost_or_repeated(seed: int) -> None:
    """Property: with any losses and repetitions, one beacon at the end makes the copy equal to the source."""
    rng, client = random.Random(seed), live()
    log: list[str] = []

    def answer() -> Answer:
        if client.epoch == "ab" and rng.random() < 0.8:
            return Answer("delta", len(log), events=log[client.version :])
        return Answer("snapshot", len(log), "ab", state={"x": str(len(log))})

    for version in range(1, 60):
        log.append(event(version, x=version))
        for _ in range(rng.choice((0, 1, 1, 2))):
            if client.receive(log[-1]) == "catch up":
                while client.caught_up(answer()) == "catch up":
                    pass
    if client.beacon("ab", len(log)) == "catch up":
        client.caught_up(answer())
    assert (client.version, client.state["x"]) == (59, "59")


#: One story for both languages: what is told, in order.
STORY: list[tuple[str, Any]] = [
    ("disconnected", None),
    ("receive", event(5, "a", n=5)),
    ("caughtUp", {"kind": "snapshot", "version": 4, "epoch": "a", "state": {"n": "4"}}),
    ("receive", event(5, "a", n=0)),
    ("receive", '{"t":"~cursor"}'),
    ("receive", event(8, "a", n=8)),
    ("caughtUp", {"kind": "delta", "version": 8, "events": [event(6, "a"), event(7, "a"), event(8, "a", n=8)]}),
    ("beacon", ["a", 9]),
    ("caughtUp", {"kind": "delta", "version": 9, "events": [event(9, "a", poison=1)]}),
    ("caughtUp", {"kind": "snapshot", "version": 10, "epoch": "b", "state": {"n": "10"}}),
    ("receive", event(11, "b", poison=1)),
    ("caughtUp", {"kind": "snapshot", "version": 11, "epoch": "b", "state": {"n": "11"}}),
    ("receive", "nonsense"),
    ("receive", event(12, "b", kind="end")),
    ("beacon", ["", 0]),
    ("caughtUp", {"kind": "gone"}),
    ("beacon", ["c", 1]),
    ("caughtUp", {"kind": "gone"}),
    # a server that lost versions 21 and 22, and wrote them anew
    ("beacon", ["d", 20]),
    ("caughtUp", {"kind": "snapshot", "version": 20, "epoch": "d", "state": {"n": "20", "updated_at": "100"}}),
    ("receive", event(21, "d", ts=110, n=21)),
    ("disconnected", None),
    ("caughtUp", {"kind": "delta", "version": 21, "events": [event(21, "d", ts=110, n=21)]}),
    ("receive", event(22, "d", ts=120, n=22)),
    ("receive", event(21, "d", ts=110, n=21)),
    ("receive", event(21, "d", ts=150, n=-21)),
    ("caughtUp", {"kind": "delta", "version": 22, "events": [event(22, "d", ts=160, n=-22)]}),
    ("caughtUp", {"kind": "snapshot", "version": 22, "epoch": "d", "state": {"n": "-22", "updated_at": "160"}}),
    ("disconnected", None),
    ("caughtUp", {"kind": "snapshot", "version": 19, "epoch": "d", "state": {"n": "19", "updated_at": "90"}}),
]


#: Events that the rule as delivered folds, with names that mean something to a language.
FOLDED: list[dict[str, Any]] = [
    {"t": kind, "d": data}
    for kind in ("end", "set", "constructor", "__proto__")
    for data in (
        None,
        {"set": {"n": 1, "constructor": "x"}},
        {"set": {"yes": True, "none": None, "text": "\u00e9", "list": [1, {"a": "\u00e9"}]}, "del": ["status"]},
        {"set": ["a"], "del": "status"},
    )
]


def told_in_python() -> list[list[Any]]:
    def fold(state: dict[str, Any], given: Any) -> dict[str, Any]:
        fields = given["d"]["set"]
        if "poison" in fields:
            raise ValueError
        return {**state, **{k: str(v) for k, v in fields.items()}}

    client, seen = SyncClient(fold), []
    for name, given in STORY:
        match name:
            case "disconnected":
                step: str | None = client.disconnected()  # type: ignore[func-returns-value]
            case "receive":
                step = client.receive(given)
            case "beacon":
                step = client.beacon(*given)
            case _:
                step = client.caught_up(Answer(**given))
        seen.append([step, client.epoch, client.version, dict(client.state), client.mode, dict(client.counts)])
    return seen


@pytest.mark.parametrize(
    "message", ["[" * 100_000, '{"e":"ab","v":1e999,"t":"x"}', '{"e":"ab","v":null,"t":"x"}', "[]", b"\xff", "", "{"]
)
def test_hostile_bytes_end_nothing_and_a_delta_with_them_asks_for_a_snapshot(message: str | bytes) -> None:
    client = live(4)
    assert client.receive(message) == "dropped"
    client.disconnected()
    assert client.caught_up(Answer("delta", 5, events=[message])) == "catch up"  # type: ignore[list-item]
    assert (client.epoch, client.caught_up(Answer("snapshot", 5, "ab"))) == ("", "live")


def test_the_story_goes_as_the_rule_says() -> None:
    seen = told_in_python()
    assert [row[0] for row in seen] == [
        None, "held", "live", "dropped", "signal", "catch up", "live", "catch up", "catch up", "live", "catch up", "live",
        "dropped", "applied", "catch up", "gone", "catch up", "gone", "catch up", "live", "applied", None, "live", "applied",
        "dropped", "catch up", "catch up", "live", None, "live",
    ]  # fmt: skip
    assert [row[2] for row in seen[:18]] == [0, 0, 5, 5, 5, 5, 8, 8, 8, 10, 10, 11, 11, 12, 12, 0, 0, 0]
    assert [row[2] for row in seen[18:]] == [0, 20, 21, 21, 21, 22, 22, 22, 22, 22, 22, 19]
    assert [row[5].get("rolled back", 0) for row in seen[-5:]] == [0, 1, 1, 1, 2]


def test_the_typescript_rule_tells_the_same_story(programs: Path) -> None:
    rule = programs / "node-redis" / syncing.TYPESCRIPT.replace(".ts", ".js")
    code = f"""
import {{ SyncClient, patch }} from {json.dumps(rule.as_uri())};
const seen = [];
const fold = (state, event) => {{ if (event.d.set.poison) throw new Error("poison");
  return {{...state, ...Object.fromEntries(Object.entries(event.d.set).map(([k, v]) => [k, String(v)]))}}; }};
const client = new SyncClient(fold);
for (const [name, given] of {json.dumps(STORY)}) {{
  const step = name === "beacon" ? client.beacon(...given) : client[name](given);
  seen.push([step ?? null, client.epoch, client.version, client.state, client.mode, {{...client.counts}}]);
}}
console.log(JSON.stringify([seen, {json.dumps(FOLDED)}.map((event) => patch({{ status: "open" }}, event))]));
"""
    run = ["node", "--input-type=module", "-e", code]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout) == [told_in_python(), [patch({"status": "open"}, given) for given in FOLDED]]


#: Whom an event is for, the socket's member and whether it leads, and whether it gets the event whole.
SEEN = (
    ("", False, "eve", True), ("leaders", True, "eve", True), ("leaders", False, "ann", False),
    ("target", False, "ann", True), ("target", True, "eve", False), ("nobody", True, "ann", False),
)  # fmt: skip


#: How an event may be written: by the functions, or by whoever gives apply its data.
WRITTEN: dict[str, Callable[[str], str]] = {
    "by an action": lambda text: text,
    "by hand, whom it is for behind": lambda text: re.sub(r'"d":\{("to":"\w+"),(.+)\}\}$', r'"d":{\2,\1}}', text),
    "by hand, with blanks": lambda text: text.replace('"d":{"to":', '"d": { "to" : '),
    "by hand, escaped": lambda text: text.replace('"to"', '"\\u0074o"'),
}


def addressed_to(to: str) -> str:
    data = {**({"to": to} if to else {}), "target": "ann", "card": "queen of spädes", "set": {"dealt": "1"}}
    whole = {"e": "ab", "v": 5, "ts": 1, "t": "deal", "op": "o", "d": data}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("how", WRITTEN)
def test_a_socket_gets_what_is_for_another_member_without_all_but_the_change_and_with_its_position(
    programs: Path, how: str
) -> None:
    asked = [(WRITTEN[how](addressed_to(to)), leads, member) for to, leads, member, _ in SEEN]
    assert all(json.loads(text)["d"].get("to", "") == to for (text, *_), (to, *_) in zip(asked, SEEN, strict=True))
    given = [seen_by(*one) for one in asked]
    for (text, _, _), seen, (*_, whole) in zip(asked, given, SEEN, strict=True):
        assert seen == text if whole else "queen" not in seen and "ann" not in seen
        client = live(4)
        assert (client.receive(seen), client.version, client.state["dealt"]) == ("applied", 5, "1")
    rule = programs / "node-redis" / syncing.TYPESCRIPT.replace(".ts", ".js")
    code = f"""
import {{ seenBy }} from {json.dumps(rule.as_uri())};
console.log(JSON.stringify({json.dumps(asked)}.map((one) => seenBy(...one))));
"""
    run = ["node", "--input-type=module", "-e", code]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout) == given


def test_a_lost_answer_and_a_refusal_that_passes_are_asked_for_again_and_no_other(generated: Any) -> None:
    timing, sent = Timing(1, 1, 1, 0.001, 0.001), 0

    async def lose(times: int, error: Exception) -> int:
        async def send() -> int:
            nonlocal sent
            sent += 1
            if sent <= times:
                raise error
            return sent

        return await persist(send, timing)

    for passing in redis.ConnectionError(), generated.LoadingError(), generated.ReadOnlyError():
        sent = 0
        assert asyncio.run(lose(1, passing)) == 2
    sent = 0
    with pytest.raises(redis.TimeoutError):
        asyncio.run(lose(2, redis.TimeoutError()))
    for final in redis.ResponseError("ERR"), generated.BadArgumentError(), generated.DeniedError():
        sent = 0
        with pytest.raises(type(final)):
            asyncio.run(lose(1, final))
        assert sent == 1


def test_there_is_one_sync_client() -> None:
    found = [path.name for path in MODULES if re.search(r"^class Sync[A-Z]", path.read_text("utf-8"), re.MULTILINE)]
    assert found == [syncing.PYTHON, syncing.PYTHON_DRIVER]


@pytest.mark.parametrize(
    ("code", "home"),
    [
        (r"ZADD['\", ].*\bXX\b|\bxx=True", set()),  # a timer's claim is common.lua's
        (r"^def play\(\s*execute", {"walkthrough.py"}),
        (r'"FCALL", "session_(?:apply|join|heartbeat)', set()),  # whoever sends a call has it from its definition
    ],
    ids=["timers", "walks", "calls"],
)
def test_nobody_keeps_a_copy_of_what_is_delivered(code: str, home: set[str]) -> None:
    found = {path.name for path in MODULES if re.search(code, path.read_text("utf-8"), re.MULTILINE)}
    assert found == home
