"""Any sequence of calls, retries, lapses, epochs, losses and hostile arguments: the functions do what the model says.

``REDIS_PLAN_PROPERTIES=deep`` runs a hundred times as many.
"""

import json
import os
import re
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from redis_plan.delivery import library
from redis_plan.keyspace import functions, records
from redis_plan.server import Server
from tests.conftest import BINARIES
from tests.delivery import made
from tests.delivery.model import Model

DEEP = os.environ.get("REDIS_PLAN_PROPERTIES") == "deep"
BUDGET = settings(
    max_examples=2000 if DEEP else 20,
    stateful_step_count=80 if DEEP else 40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

K = {name: f"m:{{s}}:{name}" for name in ("state", "roster", "presence", "log", "votes", "round")}
TTL, LEASE, SEATS, BOUND, LOG = 600, 60_000, 3, 3, 5
#: So many changes a session sees at least before it ends: nearly all of what it can do is over then.
GROWN = 8
EPOCHS = ["0a", "0b", "0c"]
ALL = list(functions.functions().values()) + list(records.functions_of().values()) + list(library.common())

members = st.sampled_from(["ann", "bob", "cyd", "dan", 'ł\u0000"\\/\U0001f600'])
connections = st.builds("{}#{}".format, members, st.sampled_from(["1", "2", "3"]))
hostile = st.sampled_from(
    ["{}", '{"a":[1,-0.5e+3,"\\ud83d\\u00e9"]}', '"\\u0000"', "[[[]]]", " null ", '{"ł":"\u007f"}']
)
operations = st.sampled_from(["", "o1", "o2", "o3"])
values = st.text(max_size=20) | st.sampled_from(["\r\n", "\0", "{}", "}{"])


@pytest.fixture(scope="module")
def every(fresh: Server) -> Server:
    """A server of each build with every function of the catalog."""
    fresh.client().function_load(functions.library("every", ALL), replace=True)
    return fresh


@pytest.fixture
def client(every: Server) -> redis.Redis:
    made: redis.Redis = every.client(decode_responses=True)
    made.flushall()
    return made


class Life(RuleBasedStateMachine):
    """One session under any calls in any order, beside its model."""

    client: Any
    form: str

    def __init__(self) -> None:
        super().__init__()
        self.client.flushall()
        self.model = Model(SEATS, BOUND, LOG)
        self.lapsed: set[str] = set()

    def call(self, name: str, keys: list[str], args: list[Any]) -> Any:
        return self.client.fcall(name, len(keys), *keys, *args)

    @initialize(form=st.sampled_from(["", " stream"]), begun=st.sampled_from([True, True, True, False]))
    def choose(self, form: str, begun: bool) -> None:
        self.form = form
        self.tail = ["m:{s}:events", TTL, f"{LOG}{form}"]
        if begun:
            self.create(EPOCHS[0], {})

    @rule(epoch=st.sampled_from(EPOCHS), fields=st.dictionaries(st.sampled_from(["a", "b"]), values))
    def create(self, epoch: str, fields: dict[str, str]) -> None:
        pairs = [part for pair in fields.items() for part in pair]
        keys = [K["state"], K["roster"], K["log"], K["presence"], K["votes"]]
        assert self.call("session_create", keys, [epoch, TTL, *pairs]) == self.model.create(epoch, fields)

    @rule(connection=connections, data=hostile, most=st.integers(1, 2))
    def join(self, connection: str, data: str, most: int) -> None:
        args = [connection, data, SEATS, LEASE, TTL, "m:{s}:events", f"{LOG}{self.form}", most]
        expected = self.model.join(connection, data, most)
        assert self.call("session_join", self.four(), args) == expected
        if expected[1] in ("joined", "again"):
            self.lapsed.discard(connection)
            self.order()

    @rule(several=st.lists(connections, min_size=2, max_size=6))
    def many_join(self, several: list[str]) -> None:
        for connection in several:
            self.join(connection, "{}", 2)

    @rule(name=members | connections)
    def leave(self, name: str) -> None:
        channel, ttl, log = self.tail
        assert self.call("session_leave", self.four(), [name, ttl, channel, log]) == self.model.leave(name)

    @rule(which=st.integers(0, 8))
    def one_of_them_leaves(self, which: int) -> None:
        if self.model.session and (there := self.model.session.leases):
            self.leave(there[which % len(there)])

    @rule(connection=connections)
    def heartbeat(self, connection: str) -> None:
        expected = self.model.heartbeat(connection)
        assert self.call("session_heartbeat", [K["state"], K["presence"]], [connection, LEASE, TTL]) == expected
        if expected == "renewed":
            self.lapsed.discard(connection)
            self.order()

    @rule(which=st.integers(0, 8))
    def a_lease_lapses(self, which: int) -> None:
        if self.model.session and (there := self.model.session.leases):
            connection = there[which % len(there)]
            self.lapsed.add(connection)
            self.model.session.leases = [connection, *(c for c in there if c != connection)]
            self.order()

    @rule()
    def sweep(self) -> None:
        if self.model.session is None:
            return  # orphans: a test of its own
        found = self.call("session_sweep", self.four(), self.tail)
        assert set(found) == self.model.sweep(self.lapsed)
        self.lapsed -= set(found)

    @rule(op=operations, expected=st.none() | st.integers(0, 6), value=values, field=st.sampled_from(["a", "hidden:b"]))
    def apply(self, op: str, expected: int | None, value: str, field: str) -> None:
        self.apply_once(op, expected, {field: value})

    @rule(op=st.sampled_from(["o1", "o2", "o3"]), value=values)
    def apply_whose_answer_is_lost(self, op: str, value: str) -> None:
        """The caller crashed, or the connection was cut behind the call: it is sent again."""
        self.apply_once(op, None, {"a": value})
        self.apply_once(op, None, {"a": value})

    def apply_once(self, op: str, expected: int | None, fields: dict[str, str]) -> None:
        channel, ttl, log = self.tail
        wanted = "" if expected is None else expected
        args = [channel, op, wanted, "change", "", ttl, log, TTL, *(part for pair in fields.items() for part in pair)]
        keys = [K["state"], K["log"], "m:{s}:idem", K["roster"]]
        assert self.call("session_apply", keys, args) == self.model.apply(op, expected, fields)

    @rule(op=operations, element=members, value=values, once=st.booleans(), expected=st.none() | st.integers(0, 6))
    def record(self, op: str, element: str, value: str, once: bool, expected: int | None) -> None:
        channel, ttl, log = self.tail
        command, wanted = "HSETNX" if once else "HSET", "" if expected is None else expected
        args = [channel, op, wanted, "record", "", ttl, log, TTL, command, BOUND, element, value]
        keys = [K["state"], K["log"], "m:{s}:idem", K["votes"]]
        assert self.call("session_record", keys, args) == self.model.record(op, element, value, expected, once=once)

    @rule(epoch=st.sampled_from(EPOCHS))
    def renew(self, epoch: str) -> None:
        assert self.call("session_renew", [K["state"], K["log"]], [epoch, *self.tail]) == self.model.renew(epoch)

    @precondition(lambda self: self.model.session is None or self.model.session.version >= GROWN)
    @rule()
    def end(self) -> None:
        assert self.call("session_end", [K["state"], K["log"]], self.tail) == self.model.end()

    @rule()
    def hand_over(self) -> None:
        assert self.call("session_hand_over", [K["state"], K["log"]], ["row", *self.tail]) == self.model.hand_over(
            "row"
        )

    @rule()
    def remove(self) -> None:
        expected = self.model.remove()
        assert self.call("session_remove", [*self.four(), K["votes"]], []) == [expected]
        if expected == "removed":
            self.lapsed.clear()

    @rule(epoch=st.sampled_from(EPOCHS), behind=st.integers(-1, 7), overlap=st.integers(0, 2))
    def catch_up(self, epoch: str, behind: int, overlap: int) -> None:
        session = self.model.session
        version = max(0, (session.version if session else 3) - behind)
        kind, *rest = self.call(
            "session_catch_up", [K["state"], K["log"]], [epoch, version, f"{LOG}{self.form}", overlap]
        )
        assert kind == self.model.catch_up(epoch, version, overlap)
        if kind == "delta":
            first = version - min(version, overlap) + 1
            assert [json.loads(e)["v"] for e in rest[1:]] == list(range(first, rest[0] + 1))
        if kind == "snapshot":
            state = dict(zip(rest[2::2], rest[3::2], strict=True))
            shown = {k: v for k, v in session.fields.items() if not k.startswith("hidden:")} if session else {}
            assert shown.items() <= state.items()
            assert not any(name.startswith(("hidden:", "key:")) for name in state)

    @rule(function=st.sampled_from(ALL), data=st.data())
    def nonsense(self, function: functions.Function, data: st.DataObject) -> None:
        """A call with one argument that can't be: an error with its name, and nothing is written."""
        if not function.call.args:
            return
        before = dump(self.client)
        argument = data.draw(st.sampled_from(function.call.args))
        if (bad := BAD.get(argument.check)) is None:
            return
        bad = [value for value in bad if value != "" or not argument.absent]
        args = [
            data.draw(st.sampled_from(bad)) if a is argument else GOOD.get(a.check, "1") for a in function.call.args
        ]
        args += ["f", "1"] if function.call.rest and function.call.rest.kind == "fields" else []
        keys = [K.get(name, K["round"]) for name in function.keys]
        with pytest.raises(redis.ResponseError, match=f"BADARG {function.name}: {argument.name}"):
            self.call(function.name, keys, args)
        assert dump(self.client) == before

    @invariant()
    def the_keys_are_as_the_model_has_them(self) -> None:
        if not hasattr(self, "form"):
            return
        session = self.model.session
        if session is None:
            assert not self.client.exists(K["state"])
            return
        state = self.client.hgetall(K["state"])
        assert (state["epoch"], state["version"], state["status"]) == (
            session.epoch,
            str(session.version),
            session.status,
        )
        assert session.fields.items() <= state.items()
        assert self.client.hgetall(K["roster"]) == session.roster
        assert self.client.zrange(K["presence"], 0, -1) == session.leases
        assert len(session.roster) <= SEATS
        assert self.client.hgetall(K["votes"]) == session.collection
        entries = [json.loads(text) for text in self.entries()]
        assert [(e["e"], e["v"], e["t"]) for e in entries] == session.log[-LOG:]
        assert all(self.client.ttl(key) > 0 for key in self.client.scan_iter())

    def four(self) -> list[str]:
        return [K["state"], K["roster"], K["presence"], K["log"]]

    def entries(self) -> list[str]:
        if self.form:
            return [fields["m"] for _, fields in self.client.xrange(K["log"])]
        return list(self.client.lrange(K["log"], 0, -1))

    def order(self) -> None:
        """Give the leases ends in the model's order: the server's clock may tell two calls the same millisecond."""
        assert self.model.session
        now = int(self.client.time()[0]) * 1000
        for place, connection in enumerate(self.model.session.leases):
            end = 1000 + place if connection in self.lapsed else now + LEASE - 100 + place
            self.client.zadd(K["presence"], {connection: end})


def dump(client: redis.Redis) -> dict[str, Any]:
    """Return everything that a server holds, by type."""
    read = {"hash": client.hgetall, "string": client.get, "set": client.smembers}
    ranges = {"list": client.lrange, "zset": lambda k, a, b: client.zrange(k, a, b, withscores=True)}
    found: dict[str, Any] = {}
    for key in client.scan_iter():
        kind = str(client.type(key))
        found[key] = (
            read[kind](key) if kind in read else ranges[kind](key, 0, -1) if kind in ranges else client.xrange(key)
        )
    return found


#: For each check an argument that passes, and some that must not.
GOOD = {
    "text": "x",
    "name": "x",
    "epoch": "ab",
    "json": "{}",
    "log": "5",
    "channel": "c",
    "command": "HSET",
    "bytes": "b",
    "types": "none",
}
_NO_COUNT = ["", "0", "-1", "1.5", "x", "0x10", "1e3", " 1", "9" * 17, "nan", "inf"]
BAD: dict[str, list[Any]] = {
    "text": ["\xff".encode("latin-1"), b"\xed\xa0\x80", b"\xc0\x80", "x" * 1025],
    "name": ["", b"\xff", "x" * 1025],
    "event": ["", "~typing", "join", "leave", "end", "epoch", "handed_over", b"\xff"],
    "epoch": ["", "xyz", "a" * 33, "ab\n"],
    "seconds": [*_NO_COUNT, "1000000001"],
    "milliseconds": [*_NO_COUNT, "1000000000001"],
    "count": _NO_COUNT,
    "few": [bad for bad in [*_NO_COUNT, "1001"] if bad],
    "seats": [bad for bad in _NO_COUNT if bad],
    "version": ["-1", "x", "1.5"],
    "whole": ["", "-1", "x"],
    "log": ["", "0", "x", "5 list", "5  stream", "stream", "-5"],
    "channel": ["a b", " ", "a sharded b", " sharded"],
    "command": ["", "DEL", "hset", "FLUSHALL"],
    "types": ["list", "hash string", "Hash"],
    "longitude": ["", "181", "x", "nan", "inf", "0x1"],
    "latitude": ["", "86", "x"],
    "json": ["{", "NaN", '{"x":NaN}', "0x10", "Infinity", "-Infinity", "01", "1.", ".5", "+1", "'a'", "[1,]", '{"a":1,}', "{} {}",
             '"\t"', '"\\x"', '"\\ud8"', "nul", "[" * 65 + "]" * 65, b'"\xff"', '"' + "x" * 262144 + '"', "{1:2}", '{"a"}', "\ufeff{}"],
}  # fmt: skip


def test_any_sequence_of_calls_does_what_the_model_says(client: redis.Redis) -> None:
    machine = type("Life", (Life,), {"client": client})
    run: Any = run_state_machine_as_test
    run(machine, settings=BUDGET)


#: Faults that a kernel like this may have, each as the line that is ours and what would stand there.
PLANTED = {
    "an answer of another epoch is given": (" or str_sub(kept, 1, #head) ~= head then", " then"),
    "a retry is done twice": ("if before then return {before, 'duplicate'} end", ""),
    "another version than expected is changed": ("if a.expected_version and a.expected_version ~= session.version then", "if false then"),
    "what has ended is changed": ("if session.ended then return {session.version, 'ended'} end\n  if a.expected", "if a.expected"),
    "an epoch stays": ("'null', {'epoch', a.epoch})", "'null')"),
    "one more than the seats gets in": ("keys[2]) >= math.min(", "keys[2]) > math.min("),
    "the first of two connections takes the seat along": ("if #mine > 1 then", "if #mine > 9 then"),
    "a snapshot shows what is hidden": (" and not starts(all[i], HIDDEN)", ""),
    "what was missed in another epoch is a delta": ("if session.epoch == a.known_epoch and missed", "if missed"),
    "a lease that lapsed is never swept": ("if #lapsed > 0 then", "if #lapsed > 9 then"),
}  # fmt: skip


@pytest.mark.parametrize("fresh", BINARIES[:1], indirect=True, ids=lambda binary: binary.id)
@pytest.mark.parametrize("fault", PLANTED)
def test_the_model_finds_what_would_be_wrong(every: Server, client: redis.Redis, fault: str) -> None:
    """Else that any sequence does what it says shows nothing."""
    ours, planted = PLANTED[fault]
    text = functions.library("every", ALL)
    assert ours in text
    every.client().function_load(text.replace(ours, planted), replace=True)
    try:
        machine: Any = type("Life", (Life,), {"client": client})
        seeking = settings(
            BUDGET, max_examples=400, phases=[Phase.generate], derandomize=True, report_multiple_bugs=False
        )
        run: Any = run_state_machine_as_test
        with pytest.raises(AssertionError):
            run(machine, settings=seeking)
    finally:
        every.client().function_load(text, replace=True)


@pytest.mark.parametrize("function", ALL, ids=lambda f: f.name)
def test_every_bad_value_of_every_argument_is_refused_by_name(
    client: redis.Redis, function: functions.Function
) -> None:
    keys = [K.get(name, K["round"]) for name in function.keys]
    rest = ["f", "1"] if function.call.rest and function.call.rest.kind == "fields" else []
    for place, argument in enumerate(function.call.args):
        for bad in BAD.get(argument.check, ()):
            if argument.absent and bad == "":
                continue
            args: list[Any] = [GOOD.get(a.check, "1") for a in function.call.args]
            args[place] = bad
            with pytest.raises(redis.ResponseError, match=f"BADARG {function.name}: {argument.name}"):
                client.fcall(function.name, len(keys), *keys, *args, *rest)
    if function.call.args:
        with pytest.raises(redis.ResponseError, match=f"BADARG {function.name}"):
            client.fcall(function.name, len(keys), *keys)
    with pytest.raises(redis.ResponseError, match=f"BADARG {function.name}"):
        client.fcall(function.name, 0)
    assert not client.dbsize()


@pytest.mark.parametrize("field", ["epoch", "version", "receipt", "created_at", "updated_at", "key:round:7"])
def test_what_the_functions_write_themselves_nobody_else_sets(client: redis.Redis, field: str) -> None:
    keys = [K["state"], K["roster"], K["log"]]
    with pytest.raises(redis.ResponseError, match=f"BADARG session_create: {field} belongs"):
        client.fcall("session_create", 3, *keys, "ab", TTL, field, "1")
    client.fcall("session_create", 3, *keys, "ab", TTL)
    before = dump(client)
    for pair in ((field, "1"), ("status", "ended"), ("status", "handed_over")):
        with pytest.raises(redis.ResponseError, match="belongs to the functions"):
            client.fcall(
                "session_apply", 3, K["state"], K["log"], "m:{s}:idem", "", "", "", "t", "", TTL, "5", TTL, *pair
            )
    assert dump(client) == before


def test_a_capacity_that_is_no_number_lets_nobody_in(client: redis.Redis) -> None:
    client.fcall("session_create", 3, K["state"], K["roster"], K["log"], "ab", TTL, "capacity", "many")
    keys = [K["state"], K["roster"], K["presence"], K["log"]]
    with pytest.raises(redis.ResponseError, match=r"BADSTATE .* capacity"):
        client.fcall("session_join", 4, *keys, "ann#1", "{}", "", LEASE, TTL, "", "5")
    with pytest.raises(redis.ResponseError, match=r"BADSTATE .* capacity"):
        client.fcall("session_join", 4, *keys, "ann#1", "{}", 1, LEASE, TTL, "", "5")


@pytest.mark.parametrize("pair", [(b"\xff", "v"), ("f", b"\xc0\x80")])
def test_a_field_that_is_no_text_is_refused(client: redis.Redis, pair: tuple[Any, Any]) -> None:
    with pytest.raises(redis.ResponseError, match="BADARG session_create: fields"):
        client.fcall("session_create", 3, K["state"], K["roster"], K["log"], "ab", TTL, *pair)
    assert not client.dbsize()


def test_more_keys_than_a_step_can_take_are_refused_before_the_first_write(client: redis.Redis) -> None:
    """Lua unpacks some thousand values at most, and would notice after the change."""
    keys = [K["state"], K["log"], "m:{s}:idem", *(f"m:{{s}}:round:{number}" for number in range(9000))]
    client.fcall("session_create", 3, K["state"], K["roster"], K["log"], "ab", TTL)
    before = dump(client)
    with pytest.raises(redis.ResponseError, match="BADARG session_apply: KEYS"):
        client.fcall("session_apply", len(keys), *keys, "", "", "", "t", "", TTL, "5", TTL)
    assert dump(client) == before


@pytest.mark.parametrize("function", ALL, ids=lambda f: f.name)
def test_a_foreign_type_at_any_key_is_refused_by_its_name_and_stays(
    client: redis.Redis, every: Server, function: functions.Function
) -> None:
    made.skip_without(every, function)
    args: list[Any] = [GOOD.get(a.check, "1") for a in function.call.args]
    args += (["f", "1"] if function.call.rest.kind == "fields" else ["1"]) if function.call.rest else []
    names = [f"w:{{s}}:{name}" for name in function.keys]
    for place, (_, kind) in enumerate(function.call.keys):
        if kind == "any":
            continue
        client.flushall()
        client.set(names[place], "f") if kind == "stream" else client.xadd(names[place], {"f": "v"})
        if function.keys[place] in function.call.shows:  # found by who writes it, which takes a session
            status = "ended" if function.name == "session_hand_over" else "open"
            client.hset(names[0], mapping={"epoch": "cd", "version": 1, "status": status})
        before = dump(client)
        with pytest.raises(redis.ResponseError, match=f"WRONGTYPE {names[place]}|BADSTATE"):
            client.fcall(function.name, len(names), *names, *args)
        assert dump(client) == before


@settings(max_examples=5000 if DEEP else 150, suppress_health_check=list(HealthCheck))
@given(text=st.one_of(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(exclude_categories=["Cs"])),
                 lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner), max_leaves=20).map(
                     lambda v: json.dumps(v, ensure_ascii=False)),
    st.text('{}[]",:\\u0019eE+-.ntf \t\n', max_size=24),
))  # fmt: skip
def test_what_is_taken_as_json_is_what_python_reads_strictly(client: redis.Redis, text: str) -> None:
    def never(name: str) -> float:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=never)
        wanted = True
    except (ValueError, RecursionError):
        wanted = False
    if not text:
        return  # the empty argument is null
    args = ["", "", "", "t", text, "60", "5", "60"]
    keys = ["j:{s}:state", "j:{s}:log", "j:{s}:idem"]
    try:
        assert client.fcall("session_apply", len(keys), *keys, *args) == [0, "gone"]
        taken = True
    except redis.ResponseError:
        taken = False
    assert taken == wanted


#: What refusal() of the kernel answers for every function that begins with it.
REFUSED = {"gone", "duplicate", "ended", "conflict"}
_WORD = r"'([a-z_]+)'"


@pytest.mark.parametrize("function", [f for f in ALL if f.call.results], ids=lambda f: f.name)
def test_the_results_that_are_told_are_those_that_the_text_of_a_function_can_give(function: functions.Function) -> None:
    refused = REFUSED if "refusal(" in function.body else set[str]()
    if "return {session.status}" in function.body:  # the status answers for itself
        refused = {"open", "ended"}
    assert set(function.call.results) <= set(re.findall(_WORD, function.body)) | refused
    given = {word for line in re.findall(r"\breturn\b([^\n]*)", function.body) for word in _last_words(line)}
    assert given | refused <= set(function.call.results)


def _last_words(returned: str) -> list[str]:
    """Return the named results of a return: the last word, and the one that stands instead of it; an error names none."""
    found = re.search(rf"(?:{_WORD}\s+or\s+)?{_WORD}\}}?(?:\s+end)?$", returned)
    return [word for word in found.groups() if word] if found and "error_reply" not in returned else []
