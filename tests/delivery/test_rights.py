"""Each function declares the commands that it runs: no more than it was seen to run, and no fewer.

Scenes drive a function down every way through its body on a live server. What INFO commandstats saw in all of them is
what the function declares; and a caller who lacks one of these is refused, by name and before anything is written.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from redis_plan.delivery import library, writing
from redis_plan.keyspace import functions, records
from redis_plan.keyspace.functions import Function
from redis_plan.server import Server
from tests.delivery import made

ALL = {f.name: f for f in [*functions.functions().values(), *records.functions_of().values(), *library.common()]}
STATE, ROSTER, PRESENCE, IDEM, TARGET = (f"r:{{s}}:{n}" for n in ("state", "roster", "presence", "idem", "one"))
LIST, STREAM, OTHER = "r:{s}:log", "r:{s}:stream", "r:{s}:round:7"
FAR = 10**15
OPEN = ("HSET", STATE, "epoch", "ab", "version", "3", "status", "open")
ENDED = ("HSET", STATE, "epoch", "ab", "version", "3", "status", "ended")
HANDED = ("HSET", STATE, "epoch", "ab", "version", "3", "status", "handed_over", "key:round:7", "")
SEATS = (("HSET", ROSTER, "ann", "{}", "bob", "{}"), ("ZADD", PRESENCE, "1", "ann#1", str(FAR), "ann#2", "1", "bob#1"))
TEAM = ("HSET", OTHER, "ann", "red", "bob", "red")
#: Answers that are to be looked through, and one that is to go.
ANSWERED = ("HSET", IDEM, "", "ab:0:1,1,1,0", "old", "1")
AHEAD = ("XADD", STREAM, "9-0", "m", "of another life")


@dataclass(frozen=True)
class Scene:
    """What is there, and the call."""

    there: tuple[tuple[str, ...], ...]
    keys: tuple[str, ...]
    args: tuple[Any, ...]


@dataclass(frozen=True)
class Form:
    """A form of the log, and of publishing."""

    log: str
    most: str
    channel: str
    ahead: tuple[tuple[str, ...], ...] = ()  # a log that is full, or ahead of its state

    @property
    def tail(self) -> tuple[Any, ...]:
        return (self.channel, 60, self.most)

    @property
    def four(self) -> tuple[str, ...]:
        return (STATE, ROSTER, PRESENCE, self.log)

    @property
    def two(self) -> tuple[str, ...]:
        return (STATE, self.log)

    @property
    def events(self) -> tuple[tuple[str, ...], ...]:
        if self.log == STREAM:
            return tuple(("XADD", STREAM, f"{v}-0", "m", "x") for v in (1, 2, 3))
        return (("RPUSH", LIST, *(f'{{"e":"ab","v":{v},"t":"x"}}' for v in (1, 2, 3))),)


FULL = ("RPUSH", LIST, "1", "2", "3", "4", "5")
FORMS = (Form(LIST, "5", "r:{s}:events", (FULL,)), Form(STREAM, "5 stream", "r:{s}:events sharded", (AHEAD,)))
WITH_VALUE = ("HSET", "HSETNX", "HINCRBY", "ZADD", "ZINCRBY")


def changes(f: Form) -> Iterator[Scene]:
    for command in functions.beside():
        value = ("1",) if command in WITH_VALUE else ()
        args = (f.channel, "o1", "", "t", "{}", 60, f.most, 60, command, 3, "e", *value)
        yield from (Scene((OPEN, *f.ahead, *more), (STATE, f.log, IDEM, OTHER), args) for more in ((), (ANSWERED,)))


#: The ways through each function of a session, and through those whose keys must hold something first.
OF_SESSION: dict[str, Callable[[Form], Iterable[Scene]]] = {
    "session_create": lambda f: [Scene(SEATS, (STATE, ROSTER, f.log), ("ab", 60, "f", "v"))],
    "session_join": lambda f: [
        Scene((OPEN, *SEATS, *f.ahead), f.four, ("cyd#1", "{}", 8, 1000, 60, f.channel, f.most)),
        Scene((OPEN, *SEATS), f.four, ("ann#3", "{}", 8, 1000, 60, f.channel, f.most, 1)),
        Scene((OPEN,), f.four, ("cyd#1", "{}", "", 1000, 60, f.channel, f.most)),
    ],
    "session_leave": lambda f: [
        Scene((OPEN, *SEATS, *f.ahead, TEAM), (*f.four, OTHER), ("bob", 60, f.channel, f.most, "hash")),
        Scene((OPEN, *SEATS), f.four, ("ann#1", 60, f.channel, f.most)),
    ],
    "session_apply": lambda f: [
        Scene((OPEN, *f.ahead, *more), (*f.two, IDEM), (f.channel, "o1", "", "t", "{}", 60, f.most, 60, "f", "v"))
        for more in ((), (ANSWERED,))
    ],
    "session_heartbeat": lambda f: [Scene((OPEN, *SEATS), (STATE, PRESENCE), ("bob#1", 1000, 60))],
    "session_sweep": lambda f: [
        Scene((OPEN, *SEATS, *f.ahead, TEAM), (*f.four, OTHER), (*f.tail, "hash")), Scene(SEATS, f.four, f.tail),
    ],
    "session_catch_up": lambda f: [
        Scene((OPEN, *f.events), f.two, ("ab", 1, f.most)), Scene((), f.two, ("ab", 1, f.most)),
        Scene((OPEN,), f.two, ("cd", 1, f.most)),
    ],
    "session_renew": lambda f: [Scene((OPEN, *f.ahead), f.two, ("cd", *f.tail)), Scene((), f.two, ("cd", *f.tail))],
    "session_end": lambda f: [Scene((OPEN, *f.ahead), f.two, f.tail)],
    "session_hand_over": lambda f: [Scene((ENDED, *f.ahead), f.two, ("row", *f.tail))],
    "session_record": changes,
    "session_remove": lambda f: [Scene((HANDED, ("SET", OTHER, "x")), (STATE, OTHER), ())],
    "session_drop": lambda f: [Scene((HANDED, ("SET", OTHER, "x")), (STATE, OTHER), ())],
}  # fmt: skip
FILLED = {
    "rate_back": [Scene((("SET", TARGET, "2"),), (TARGET,), (60,))],
    "rate_slide": [Scene((), (TARGET,), (1, 1000, "u"))],
    "inbox_seen": [Scene((("RPUSH", TARGET, "1", "2"),), (TARGET,), ("1",))],
    "wait_leave": [Scene((("ZADD", TARGET, "1", "1", "2", "b"),), (TARGET,), ("1",))],
    "cell_move": [Scene((("ZADD", TARGET, "1", "1", "2", "b"),), (TARGET, OTHER), ("1", 1000, 60))],
    "job_done": [
        Scene((("XADD", TARGET, "1-1", "m", "x"), ("XADD", TARGET, "1-2", "m", "y")), (TARGET,), ("g", "1-1"))
    ],
    "lock_take": [Scene(there, (TARGET, OTHER), ("ann", 1000, 60)) for there in ((), (("SET", TARGET, "ann:1"),))],
    "lock_renew": [Scene((("SET", TARGET, "ann:1"),), (TARGET,), ("ann", 1, 1000))],
    "lock_release": [Scene((("SET", TARGET, "ann:1"),), (TARGET,), ("ann", 1))],
    "code_release": [Scene((("SET", TARGET, "s"),), (TARGET,), ("s",))],
    "codes_release": [Scene((("HSET", TARGET, "c", "s"),), (TARGET,), ("c", "s"))],
    "due_claim": [Scene((("ZADD", TARGET, "1", "e", "1", "claimed left"),), (TARGET,), (1000, 10))],
    **{
        name: [Scene((("ZADD", TARGET, at, "e", "7", "claimed e"),), (TARGET,), ("e", 7, *more)) for at in ("7", "8")]
        for name, more in {"due_move": (9,), "due_done": ()}.items()
    },
    "board_put": [Scene((("ZADD", TARGET, "1", "a"),), (TARGET,), ("b", 1, 10, 60))],
    "board_fill": [Scene((), (TARGET,), (10, 60, "a", 1))],
    "token_redeem": [Scene((("SET", TARGET, "1 x"),), (TARGET,), ("1",))],
    "request_done": [Scene((("SET", TARGET, "pending"),), (TARGET,), ("m", 60))],
    "match_take": [Scene((("ZADD", TARGET, "1", "a", "2", "b"),), (TARGET,), (2,))],
    "position_sweep": [Scene((("ZADD", TARGET, "1", "a"), ("ZADD", OTHER, "1", "a")), (TARGET, OTHER), (10,))],
}


def scenes(name: str) -> Iterable[Scene]:
    """Return the ways through a function; of a session's with each form of log and channel, and where it is gone."""
    if of := OF_SESSION.get(name):
        found = [scene for form in FORMS for scene in of(form)]
        return [*found, Scene((), found[-1].keys, found[-1].args)]
    function = ALL[name]
    return FILLED.get(name) or [Scene((), (TARGET, OTHER)[: len(function.keys)], plain(function, f)) for f in FORMS]


def plain(function: Function, form: Form) -> tuple[Any, ...]:
    good = {"channel": form.channel, "bytes": "m", "longitude": "21", "latitude": "52"}
    return (*(good.get(a.check, "1") for a in function.call.args), *(("f", "v") if function.call.rest else ()))


def declared(function: Function) -> set[str]:
    """Return every command that the function may run in any form."""
    beside = {c for change, more in functions.beside().items() for c in (change, *more)}
    return set(function.commands) | (beside if function.name == records.NAME else set())


@pytest.fixture(scope="module")
def root(fresh: Server) -> redis.Redis:
    client: redis.Redis = fresh.client(decode_responses=True)
    client.function_load(functions.library("every", ALL.values()), replace=True)
    return client


def prepare(root: redis.Redis, scene: Scene) -> tuple[Any, ...]:
    root.flushall()
    for command in scene.there:
        root.execute_command(*command)
    return len(scene.keys), *scene.keys, *scene.args


@pytest.mark.parametrize("name", ALL)
def test_a_function_runs_what_it_declares(root: Any, fresh: Server, name: str) -> None:
    made.skip_without(fresh, ALL[name])
    seen: set[str] = set()
    for scene in scenes(name):
        words = prepare(root, scene)
        root.config_resetstat()
        root.fcall(name, *words)
        seen |= {c.removeprefix("cmdstat_").upper() for c in root.info("commandstats")}
    assert seen - {"FCALL", "CONFIG|RESETSTAT", "INFO"} == declared(ALL[name])


@pytest.mark.parametrize("name", ALL)
def test_the_keys_that_it_is_said_to_write_are_those_that_change(root: Any, fresh: Server, name: str) -> None:
    """Read from the body, and seen: what is there afterwards and was another before, or lost its last element."""
    made.skip_without(fresh, ALL[name])
    names, seen, emptied = ALL[name].keys, set(), set()
    for scene in scenes(name):
        words = prepare(root, scene)
        before = dump(fresh)
        root.fcall(name, *words)
        after = dump(fresh)
        for place, key in enumerate(key.encode() for key in scene.keys):
            what = names[place] if place < len(names) else "more"
            if key in after and after[key] != before.get(key):
                seen.add(what)
            elif key in before and key not in after:
                emptied.add(what)
    said = writing.written(ALL[name]) | ({"target"} if name == records.NAME else set())
    assert seen <= said <= seen | emptied


@pytest.mark.parametrize("name", ALL)
def test_a_caller_without_one_of_them_is_refused_before_anything_is_written(
    root: Any, fresh: Server, name: str
) -> None:
    made.skip_without(fresh, ALL[name])
    commands = declared(ALL[name])
    root.execute_command(
        "ACL", "SETUSER", "caller", "reset", "on", "nopass", "~r:*", "&r:*", "+fcall", *(f"+{c}" for c in commands)
    )
    raw = fresh.client(username="caller", password="x")
    missed = set()
    for scene in scenes(name):
        words = prepare(root, scene)
        raw.execute_command("FCALL", name, *words)  # enough
        for command in sorted(commands):
            prepare(root, scene)
            before = dump(fresh)
            root.execute_command("ACL", "SETUSER", "caller", f"-{command}")
            if (error := refusal(raw, name, words)) is not None:
                missed.add(command)
                assert isinstance(error, redis.exceptions.NoPermissionError), (command, error)
                assert dump(fresh) == before, (command, error)
            root.execute_command("ACL", "SETUSER", "caller", f"+{command}")
    assert missed == commands
    raw.close()


@pytest.mark.parametrize("further", [(), ("r:{s}:one", "r:{s}:two", "r:{s}:three")], ids=["alone", "with further keys"])
def test_a_change_runs_no_command_but_what_it_reads_and_writes(root: Any, further: tuple[str, ...]) -> None:
    """Types, rights and the TTLs of plain keys cost no command of their own: each costs as much as a write."""
    root.flushall()
    root.execute_command(*OPEN)
    for number in range(7):  # the log is full, the answers are young, and every key has its TTL
        if number == 6:
            root.config_resetstat()
        keys = (STATE, LIST, IDEM, *further)
        root.fcall("session_apply", len(keys), *keys, "r:{s}:events", f"o{number}", "", "t", "", 60, "5", 60, "f", "v")
    seen = {c.removeprefix("cmdstat_"): stat["calls"] for c, stat in root.info("commandstats").items()}
    wanted = {"fcall": 1, "hmget": 2, "time": 1, "rpush": 1, "ltrim": 1, "hset": 2, "publish": 1, "pttl": 1}
    assert {c: n for c, n in seen.items() if c in wanted or c in ("type", "expire", "hdel")} == wanted


def refusal(caller: redis.Redis, name: str, words: tuple[Any, ...]) -> redis.ResponseError | None:
    try:
        caller.execute_command("FCALL", name, *words)
    except redis.ResponseError as error:
        return error
    return None


def dump(fresh: Server) -> dict[bytes, Any]:
    client = fresh.client()
    return {key: client.dump(key) for key in client.keys("*")}
