"""Synchronization: the client's rule, and the experiments on delivery, stalls and lost tails."""

import json
import random
import runpy
import shutil
import subprocess

import pytest

from redis_plan.experiments import fanout, synchronization
from redis_plan.experiments.syncclient import MOST_HELD, SyncClient
from redis_plan.measure.lab import Lab
from redis_plan.plan import sync_text
from redis_plan.resources import catalog_dir
from tests.experiments import project


def event(version, epoch="ab", kind="set", **fields):
    return json.dumps({"e": epoch, "v": version, "ts": 1, "t": kind, "op": "", "d": {"set": fields}})


def live(version=0, epoch="ab"):
    client = SyncClient()
    client.caught_up(["snapshot", version, epoch])
    return client


def test_the_next_version_is_applied_and_an_older_one_dropped():
    client = live(4)
    assert client.receive(event(5, x=1)) == "applied"
    assert client.receive(event(5, x=9)) == "dropped"
    assert (client.version, client.fields) == (5, {"x": "1"})


@pytest.mark.parametrize("message", [event(7), event(5, epoch="cd")])
def test_a_gap_and_another_epoch_ask_for_a_catch_up(message):
    assert live(4).receive(message) == "catch up"


@pytest.mark.parametrize("position", [("ab", 5), ("ab", 3), ("cd", 4)])
def test_a_beacon_shows_a_lost_tail_a_lost_write_and_a_new_epoch(position):
    assert live(4).beacon(*position) == "catch up"
    assert live(4).beacon("ab", 4) == "live"


def test_what_arrives_while_catching_up_is_applied_after_the_answer():
    client = live(4)
    client.receive(event(7, x=7))
    client.receive(event(8, x=8))
    assert client.caught_up(["delta", 6, event(5), event(6)]) == "live"
    assert (client.version, client.fields["x"]) == (8, "8")


def test_a_client_too_far_behind_asks_for_a_snapshot():
    client = SyncClient(epoch="ab", version=1)
    for number in range(MOST_HELD + 1):
        client.receive(event(number + 5))
    assert client.epoch == ""


def test_an_unreadable_message_is_dropped_and_its_gap_found():
    client = live(4)
    assert client.receive("{") == "dropped"
    assert client.receive(event(6)) == "catch up"


@pytest.mark.parametrize("seed", range(20))
def test_copies_are_right_whatever_is_lost_or_repeated(seed):
    """Property: with any losses and repetitions, one beacon at the end makes the copy equal to the source."""
    rng, log, client = random.Random(seed), [], live()

    def answer():
        if client.epoch == "ab" and rng.random() < 0.8:
            return ["delta", len(log), *log[client.version :]]
        return ["snapshot", len(log), "ab", "x", str(len(log))]

    for version in range(1, 60):
        log.append(event(version, x=version))
        for _ in range(rng.choice((0, 1, 1, 2))):
            if client.receive(log[-1]) == "catch up":
                while client.caught_up(answer()) == "catch up":
                    pass
    if client.beacon("ab", len(log)) == "catch up":
        client.caught_up(answer())
    assert (client.version, client.fields["x"]) == (59, "59")


def _script(messages):
    """The same story for both clients of the plan: returns (version, state, mode, asked) after each step."""
    return "\n".join(f"step({json.dumps(name)}, {json.dumps(given)});" for name, given in messages)


STORY = [
    ("connected", None),
    ("receive", {"e": "a", "v": 5, "d": {"n": 5}}),
    ("caughtUp", {"kind": "snapshot", "version": 4, "epoch": "a", "state": {"n": 4}}),
    ("receive", {"e": "a", "v": 5, "d": {"n": 0}}),
    ("receive", {"e": "a", "v": 8, "d": {"n": 8}}),
    ("caughtUp", {"kind": "delta", "events": [{"e": "a", "v": 6, "d": {}}, {"e": "a", "v": 7, "d": {}}]}),
    ("beacon", {"e": "a", "v": 9}),
    ("caughtUp", {"kind": "delta", "events": [{"e": "a", "v": 9, "d": {"poison": 1}}]}),
    ("caughtUp", {"kind": "snapshot", "version": 10, "epoch": "b", "state": {"n": 10}}),
    ("receive", {"e": "b", "v": 11, "t": "end", "d": {}}),
]


def tell_python():
    asked, seen = [], []

    def fold(state, event):
        if "poison" in event["d"]:
            raise ValueError
        return {**state, **event["d"]}

    made = runpy.run_path(str(catalog_dir() / "functions" / "sync_client.py"))["SyncClient"]
    client = made(lambda epoch, version: asked.append([epoch, version]), fold)
    for name, told in STORY:
        given = {"t": "set", **told} if name == "receive" else told
        if name == "caughtUp":
            given = {**told, "events": [{"t": "set", **e} for e in told.get("events", ())]}
        call = {"caughtUp": client.caught_up, "connected": lambda _: client.connected(), "receive": client.receive,
                "beacon": lambda at: client.beacon(at["e"], at["v"])}[name]  # fmt: skip
        call(given)
        seen.append([client.version, client.state, client.mode, len(asked)])
    return seen


def test_the_python_client_of_the_plan_tells_the_story_right():
    seen = tell_python()
    assert [row[0] for row in seen] == [0, 0, 5, 5, 5, 8, 8, 8, 10, 11]
    assert [row[3] for row in seen] == [1, 1, 1, 1, 2, 2, 3, 4, 4, 4]
    assert seen[-1][2] == "gone"


@pytest.mark.skipif(not shutil.which("node"), reason="the JavaScript client of the plan needs node to run")
def test_the_javascript_client_of_the_plan_tells_the_same_story():
    module = (catalog_dir() / "functions" / "sync_client.mjs").as_uri()
    code = f"""
import {{ SyncClient }} from {json.dumps(module)};
const asked = [], seen = [];
const fold = (state, event) => {{ if (event.d.poison) throw new Error("poison"); return {{...state, ...event.d}}; }};
const client = new SyncClient((e, v) => asked.push([e, v]), fold);
const step = (name, given) => {{ client[name](given); seen.push([client.version, client.state, client.mode, asked.length]); }};
{_script(STORY)}
console.log(JSON.stringify(seen));
"""
    done = subprocess.run(
        ["node", "--input-type=module", "-e", code], capture_output=True, text=True, timeout=20, check=True
    )
    assert json.loads(done.stdout) == tell_python()


@pytest.fixture(scope="module")
def lab(own_server):
    return Lab(own_server, "quick")


def test_every_change_reaches_every_client_by_both_transports(lab):
    for transport in ("pubsub", "streams"):
        found = fanout.delivery(lab, brief=project.brief(), keyspace=project.keyspace(), transport=transport)
        assert not found.not_run
        values = {v.name: v for v in found.values}
        assert values["incomplete"].value == 0
        assert values["p50"].value > 0
        assert values["p50"].n > 20
    assert lab.server.client().dbsize() == 0 or not lab.server.client().keys("*fan-*")


def test_a_stalled_subscriber_loses_what_was_counted_and_gets_right_again(lab):
    found = synchronization.stalled_subscriber(lab, brief=project.brief(), keyspace=project.keyspace())
    values = {v.name: v.value for v in found.values}
    assert values["counted"] > values["received"] > 0
    assert values["lost"] > 0
    assert values["wrong"] == 0


def test_only_the_beacon_finds_a_lost_tail(lab):
    found = synchronization.tail_loss(lab, brief=project.brief(), keyspace=project.keyspace())
    values = {v.name: v for v in found.values}
    assert values["repaired_with"].value == values["repaired_with"].n
    assert values["repaired_without"].value == 0


def test_more_subscribers_cost_more(lab):
    found = synchronization.publish_cost(lab, brief=project.brief())
    values = {v.name: v.value for v in found.values}
    assert values["at_100"] > values["at_1"]


def test_a_project_without_sessions_is_told_why(lab):
    found = synchronization.tail_loss(lab, brief=project.brief(), keyspace=project.without_sessions())
    assert "no sessions" in found.not_run
    assert not found.values
    assert "Newest value wins" in sync_text.without_sessions(project.brief(), project.without_sessions())
