"""The functions of a session: every contract, on every server of this machine, as functions and as scripts."""

import itertools
import json
import re
from dataclasses import replace

import pytest
import redis

from redis_plan.keyspace import functions, naming
from redis_plan.rig.session import Session
from redis_plan.server import Server
from tests.chapters import project

_NUMBERS = itertools.count()


@pytest.fixture(params=["function", "eval"])
def library(request, own_server: Server) -> functions.Library:
    if request.param == "function" and "functions" not in own_server.capabilities:
        return functions.Library("eval")
    return functions.install(own_server.client(), use_functions=request.param == "function")


@pytest.fixture(params=["50", "50 stream"])
def session(request, library: functions.Library) -> Session:
    made = Session.of(project.brief(), project.keyspace(), library, f"test-{next(_NUMBERS)}")
    return replace(made, rules=replace(made.rules, log_max=request.param, capacity=2))


@pytest.fixture
def client(own_server: Server) -> redis.Redis:
    return own_server.client(decode_responses=True)


def test_creating_twice_keeps_the_first(session, client):
    assert session.create(client, epoch="ab", fields={"title": "one"}) == "created"
    assert session.create(client, epoch="cd", fields={"title": "two"}) == "exists"
    state = client.hgetall(session.keys["state"])
    assert (state["epoch"], state["version"], state["status"], state["title"]) == ("ab", "0", "open", "one")


def test_creating_removes_what_an_older_session_left_behind(session, client):
    client.hset(session.keys["roster"], "ghost", "{}")
    client.zadd(session.keys["presence"], {"ghost#1": 1})
    session.create(client)
    assert client.exists(session.keys["roster"], session.keys["presence"]) == 0


def test_a_rejoin_takes_no_second_seat_and_a_full_session_refuses(session, client):
    assert session.join(client, "ann#1") == (0, "gone")
    session.create(client)
    assert session.join(client, "ann#1") == (1, "joined")
    assert session.join(client, "bob#1") == (2, "joined")
    assert session.join(client, "cyd#1") == (2, "full")
    assert session.join(client, "ann#2") == (2, "again")
    assert client.hlen(session.keys["roster"]) == 2
    assert client.zcard(session.keys["presence"]) == 3


def test_a_third_connection_takes_over_the_lease_that_ends_first(session, client):
    session.create(client)
    for number in (1, 2, 3):
        session.join(client, f"ann#{number}", lease_ms=60_000 + number)
    assert client.zrange(session.keys["presence"], 0, -1) == ["ann#2", "ann#3"]


def test_leaving_gives_the_seat_back_once(session, client):
    session.create(client)
    session.join(client, "ann#1")
    session.join(client, "ann#2")
    assert session.leave(client, "ann#1") == (1, "stays")
    assert session.leave(client, "ann#2") == (2, "left")
    assert session.leave(client, "ann") == (2, "absent")
    assert client.hlen(session.keys["roster"]) == 0


def test_an_operation_is_applied_once_and_answers_the_first_version(session, client):
    session.create(client)
    assert session.apply(client, "set", '{"x":1}', op_id="a", fields={"x": 1}) == (1, "ok")
    assert session.apply(client, "set", '{"x":2}', op_id="b", fields={"x": 2}) == (2, "ok")
    assert session.apply(client, "set", '{"x":1}', op_id="a", fields={"x": 1}) == (1, "duplicate")
    assert client.hget(session.keys["state"], "x") == "2"


def test_an_expected_version_that_is_not_the_version_conflicts_and_writes_nothing(session, client):
    session.create(client)
    session.apply(client, "set", "", expected=0)
    before = client.hgetall(session.keys["state"])
    assert session.apply(client, "set", "", expected=0, fields={"x": 9}) == (1, "conflict")
    assert client.hgetall(session.keys["state"]) == before


def test_the_envelope_is_published_and_logged_alike_with_contiguous_versions(session, client):
    subscriber = client.pubsub(ignore_subscribe_messages=True)
    subscriber.subscribe(session.channel)
    session.create(client, epoch="ab")
    for number in range(5):
        session.apply(client, "set", json.dumps({"n": number}), op_id=f"o{number}")
    heard = []
    while len(heard) < 5:
        if message := subscriber.get_message(timeout=1):
            heard.append(message["data"])
    subscriber.close()
    assert session.catch_up(client, "ab", 0)[2:] == heard
    events = [json.loads(text) for text in heard]
    assert [e["v"] for e in events] == [1, 2, 3, 4, 5]
    assert set(events[0]) == {"e", "v", "ts", "t", "op", "d"}


def test_catch_up_gives_a_whole_delta_or_a_snapshot(session, client):
    session.create(client, epoch="ab", fields={"title": "x"})
    for _ in range(60):
        session.apply(client, "set", "")
    assert session.catch_up(client, "ab", 60) == ["delta", 60]
    assert len(session.catch_up(client, "ab", 10)) == 2 + 50
    for epoch, version in (("ab", 9), ("cd", 60), ("ab", 61)):  # too far behind, another epoch, ahead of the server
        assert session.catch_up(client, epoch, version)[:3] == ["snapshot", 60, "ab"]
    client.unlink(session.keys["log"])  # evicted alone: a delta with holes is never given
    assert session.catch_up(client, "ab", 59)[0] == "snapshot"
    session.end(client)
    assert session.catch_up(client, "ab", 60) == ["gone"]


def test_a_version_beyond_32_bits_stays_exact(session, client):
    session.create(client, epoch="ab")
    client.hset(session.keys["state"], "version", str(2**53 - 3))
    assert session.apply(client, "set", "") == (2**53 - 2, "ok")
    assert client.hget(session.keys["state"], "version") == str(2**53 - 2)
    assert f'"v":{2**53 - 2},' in session.catch_up(client, "ab", 2**53 - 3)[2]
    session.apply(client, "set", "")
    with pytest.raises(redis.ResponseError, match="BADSTATE"):
        session.apply(client, "set", "")


def test_every_key_gets_its_ttl_in_the_same_step_and_keeps_it_until_half_is_gone(session, client):
    session.create(client)
    session.join(client, "ann#1")
    session.apply(client, "set", "", op_id="a")
    ttl = session.rules.ttl_s
    for name in ("state", "roster", "presence", "log"):
        assert ttl - 5 <= client.ttl(session.keys[name]) <= ttl, name
    client.expire(session.keys["state"], int(ttl * 0.6))
    client.expire(session.keys["presence"], int(ttl * 0.3))  # made anew meanwhile
    session.heartbeat(client, "ann#1")
    assert client.ttl(session.keys["state"]) <= ttl * 0.6
    assert client.ttl(session.keys["presence"]) > ttl * 0.9
    client.expire(session.keys["state"], int(ttl * 0.3))
    client.expire(session.keys["roster"], int(ttl * 0.6))
    session.heartbeat(client, "ann#1")
    for name in ("state", "roster", "presence", "log"):
        assert client.ttl(session.keys[name]) > ttl * 0.9, name


def test_a_heartbeat_brings_back_a_lease_of_a_clock_that_was_ahead(session, client):
    session.create(client)
    session.join(client, "ann#1")
    proper = client.zscore(session.keys["presence"], "ann#1")
    client.zadd(session.keys["presence"], {"ann#1": proper + 3_600_000})
    assert session.heartbeat(client, "ann#1") == "renewed"
    assert client.zscore(session.keys["presence"], "ann#1") < proper + 60_000


def test_a_heartbeat_of_a_swept_connection_says_join_again(session, client):
    session.create(client)
    session.join(client, "ann#1")
    session.join(client, "bob#1")
    client.zadd(session.keys["presence"], {"ann#1": 1000})
    assert session.heartbeat(client, "bob#1") == "renewed"
    assert session.sweep(client) == ["ann#1"]
    assert client.hkeys(session.keys["roster"]) == ["bob"]
    assert session.heartbeat(client, "ann#1") == "lapsed"
    last = json.loads(session.catch_up(client, client.hget(session.keys["state"], "epoch"), 2)[-1])
    assert (last["t"], last["d"]["m"], last["d"]["why"]) == ("leave", "ann", "lease")


@pytest.mark.parametrize("ends", ["leaves", "is swept"])
def test_a_copy_forgets_with_the_server_that_somebody_was_away(session, client, ends):
    session.create(client)
    for member in ("ann#1", "bob#1"):
        session.join(client, member)
    client.hset(session.keys["state"], "away:ann", "1")
    for member in ("ann", "bob"):
        if ends == "leaves":
            session.leave(client, member)
        else:
            client.zadd(session.keys["presence"], {f"{member}#1": 1000})
            session.sweep(client)
    missed = session.catch_up(client, client.hget(session.keys["state"], "epoch"), 2)
    told = [json.loads(entry)["d"] for entry in missed[-2:]]
    assert [(d["m"], d.get("del")) for d in told] == [("ann", ["away:ann"]), ("bob", None)]
    assert not client.hexists(session.keys["state"], "away:ann")


def test_a_sweep_removes_what_outlived_its_state(session, client):
    session.create(client)
    session.join(client, "ann#1")
    client.unlink(session.keys["state"])
    session.sweep(client)
    assert client.exists(*session.keys.values()) == 0


def test_ending_is_idempotent_and_tells_once(session, client):
    session.create(client)
    session.join(client, "ann#1")
    subscriber = client.pubsub(ignore_subscribe_messages=True)
    subscriber.subscribe(session.channel)
    subscriber.get_message(timeout=1)
    assert [session.close(client), session.close(client)] == [(2, "ended"), (2, "again")]
    assert session.end(client) == "removed"
    heard = [m for timeout in (5, 5, 0.1) if (m := subscriber.get_message(timeout=timeout))]
    subscriber.close()
    assert [json.loads(m["data"])["t"] for m in heard] == ["end", "handed_over"]
    assert client.exists(*session.keys.values()) == 0
    assert session.apply(client, "set", "") == (0, "gone")


def test_a_foreign_type_is_refused_before_the_first_write(session, client):
    session.create(client)
    client.set(session.keys["log"], "planted")
    before = client.hgetall(session.keys["state"])
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        session.apply(client, "set", "", op_id="a", fields={"x": 1})
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        session.join(client, "ann#1")
    assert client.hgetall(session.keys["state"]) == before
    assert client.exists(session.keys["roster"], session.keys["presence"]) == 0


@pytest.mark.parametrize("data", ["{", "not json", '{"a":1} and more'])
def test_data_that_is_no_json_is_refused(session, client, data):
    session.create(client)
    with pytest.raises(redis.ResponseError, match="BADARG session_apply: data"):
        session.apply(client, "set", data)
    assert client.hget(session.keys["state"], "version") == "0"


def test_nobody_but_the_functions_sets_epoch_or_version(session, client):
    session.create(client)
    with pytest.raises(redis.ResponseError, match="BADARG"):
        session.apply(client, "set", "", fields={"version": 7})


def test_a_session_ends_and_catches_up_when_memory_is_full(session, client):
    session.create(client, epoch="ab")
    session.join(client, "ann#1")
    client.config_set("maxmemory", "1")
    try:
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            session.apply(client, "set", "")
        assert session.catch_up(client, "ab", 1) == ["delta", 1]
        assert session.end(client) == "removed"
    finally:
        client.config_set("maxmemory", "0")
    assert client.exists(*session.keys.values()) == 0


def test_a_flushed_script_cache_goes_unnoticed(client, own_server):
    session = Session.of(project.brief(), project.keyspace(), functions.Library("eval"), f"flush-{next(_NUMBERS)}")
    session.create(client)
    own_server.client().script_flush()
    assert session.apply(client, "set", "") == (1, "ok")


def test_every_function_declares_keys_of_one_slot():
    for name, slots in functions.slots(project.keyspace()).items():
        assert len(slots) == 1, name
    assert all(f.keys[0] == "state" and f.returns for f in functions.functions().values())


def test_no_function_touches_a_key_that_it_was_not_given():
    called = re.findall(r"redis\.p?call\('(\w+)', ?([^,)]+)", functions.source())
    keyless = {"TIME", "PUBLISH", "SPUBLISH"}
    names = {at for command, at in called if command not in keyless}
    assert names <= {"keys[1]", "keys[2]", "keys[3]", "keys[4]", "keys[i]", "key", "state", "log", "presence", "idem"}


def test_the_functions_run_on_a_cluster_node(own_server):
    from redis_plan import server

    with server.open_own({"cluster-enabled": "yes", "port": "auto"}, like=own_server) as node:
        client = node.client(decode_responses=True)
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        library = functions.install(client, use_functions="functions" in node.capabilities)
        session = Session.of(project.brief(), project.keyspace(), library, "k3:}")
        while "cluster_state:ok" not in client.execute_command("CLUSTER", "INFO"):
            pass
        assert session.create(client) == "created"
        assert session.join(client, "ann#1") == (1, "joined")
        assert session.apply(client, "set", "", op_id="a") == (2, "ok")
        assert session.sweep(client) == []
        assert session.end(client) == "removed"
        assert naming.slot(session.keys["state"]) == naming.slot(session.channel)


def test_a_keyspace_without_state_says_why_the_functions_do_not_apply():
    assert "no sessions" in functions.missing(project.without_sessions())
    assert functions.missing(project.keyspace()) == ""
