"""A declared design: designed, loaded and played on a real server, and each faulty declaration named with file and line."""

import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.testing import CliRunner

from redis_plan import brief as reader
from redis_plan import codec, server
from redis_plan.actions import designing, matrix, wording
from redis_plan.actions.finding import find_actions
from redis_plan.brief.model import Brief, Restriction
from redis_plan.brief.overrides import applying, read_overrides
from redis_plan.cli import app
from redis_plan.delivery import acl, action_clients, clients, library
from redis_plan.errors import OverrideError
from redis_plan.interview import designed
from redis_plan.keyspace import functions, naming
from redis_plan.keyspace.model import Keyspace
from redis_plan.rig.playing import world as world_of
from tests import projects

BOARD = Path(__file__).parent / "whiteboard"


@pytest.fixture(scope="module")
def brief() -> Brief:
    return reader.read(BOARD)


@pytest.fixture(scope="module")
def keyspace(brief: Brief) -> Keyspace:
    return designing.design(brief)


@pytest.fixture(scope="module")
def stories(brief: Brief, keyspace: Keyspace) -> matrix.Stories:
    return matrix.stories(brief, keyspace)


class Board:
    """One board session on a live server, played by the delivered client as the users that its actions are for."""

    def __init__(
        self, live: server.Server, brief: Brief, keyspace: Keyspace, modules: tuple[ModuleType, ModuleType]
    ) -> None:
        client, acting = modules
        self.admin: Any = live.client(decode_responses=True)
        self.admin.flushall()
        self.admin.function_load(library.compose(brief, keyspace), replace=True)
        for user in acl.users(keyspace):
            self.admin.execute_command(*user.command("pw"))
        users = {role: live.client(decode_responses=True, username=role, password="pw") for role in ("app", "worker")}
        self.keys = client.Keys(environment="prod")
        self.operations = {role: client.Operations(user, self.keys) for role, user in users.items()}
        self.actions = acting.Actions(self.keys)
        self.operations["app"].create("b1", fields={"owner": "ann"})
        for member in ("ann", "bob"):
            self.operations["app"].join("b1", member, "c1", {"name": member})

    def do(self, name: str, *, role: str = "app", **given: Any) -> str:
        """Call an action, and return its result."""
        version, answer = self.operations[role].run(getattr(self.actions, name)("b1", **given))
        assert version == int(self.admin.hget(self.keys.state("b1"), "version"))
        return str(answer)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(e) for e in self.admin.lrange(self.keys.log("b1"), 0, -1)]


@pytest.fixture(scope="module")
def modules(
    brief: Brief, keyspace: Keyspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ModuleType, ModuleType]]:
    folder, path = tmp_path_factory.mktemp("client"), sys.path[:]
    names = [name.removesuffix(".py") for name in (clients.PYTHON, action_clients.PYTHON)]
    (folder / clients.PYTHON).write_text(clients.python_client(brief, keyspace), "utf-8")
    (folder / action_clients.PYTHON).write_text(action_clients.python_module(brief, keyspace), "utf-8")
    sys.path.insert(0, str(folder))
    for name in names:  # another test may have left another project's
        sys.modules.pop(name, None)
    client, acting = (importlib.import_module(name) for name in names)
    yield client, acting
    sys.path[:] = path
    for name in names:
        del sys.modules[name]


@pytest.fixture
def board(brief: Brief, keyspace: Keyspace, modules: tuple[ModuleType, ModuleType]) -> Iterator[Board]:
    with server.open() as live:
        yield Board(live, brief, keyspace, modules)


def test_the_design_has_the_keys_as_they_are_declared(keyspace: Keyspace) -> None:
    shapes = keyspace.pattern("shapes")
    assert (shapes.template, shapes.type, shapes.max_elements) == ("chalkline:v1:{<session_id>}:shapes", "hash", 400)
    assert shapes.ttl == keyspace.pattern("roster").ttl or shapes.ttl.policy == "sliding"
    assert keyspace.pattern("unsaved").deleted_by.startswith("the worker")
    assert [p.name for p in keyspace.keys if "Shape" in p.entities] == ["shapes"]


def test_a_declared_channel_has_its_name_its_right_and_its_builder(
    keyspace: Keyspace, modules: tuple[ModuleType, ModuleType]
) -> None:
    channel = keyspace.pattern("cursors")
    assert (channel.template, channel.type) == ("<env>:chalkline:v1:{<session_id>}:cursors", "channel")
    assert [(f.name, f.max_bytes) for f in channel.fields] == [("message", 90)]
    assert modules[0].Keys("prod").cursors("b1") == "prod:chalkline:v1:{b1}:cursors"
    rules = {user.name: user.rules for user in acl.users(keyspace)}
    assert "&prod:chalkline:v1:{*}:cursors" in rules["app"]
    assert not [rule for rule in rules["worker"] if "cursors" in rule]


def test_a_declared_role_acts_speaks_and_is_bounded_as_the_one_that_it_is_like(
    brief: Brief, keyspace: Keyspace, stories: matrix.Stories
) -> None:
    by_kind = {action.kind.id: action for action in stories.actions}
    assert by_kind["session.finish"].actor == "facilitator"
    (bound,) = by_kind["hosting.give_role"].parameters
    assert (bound.value, bound.grade, bound.file) == (3, "documented", TOML)
    own = replace(brief, settled=applying.settled(read_overrides(BOARD / "ai")))
    referees = tuple(replace(role, name="cartographer") for role in own.settled.roles[1:])
    said = "As a cartographer, I bring a shape to the front"
    assert wording.actors_in(said, "participant", referees) == {"cohost"}
    assert wording.actors_in(said, "participant") == frozenset()


def test_each_story_is_served_by_the_action_that_is_declared_for_it(stories: matrix.Stories) -> None:
    served = {row.id: (row.served, row.actions[:1]) for row in stories.rows}
    declared = {"US-01": "add_shape", "US-02": "move_shape", "US-03": "select_shape", "US-04": "let_go"}
    declared |= {"US-05": "bring_to_front", "US-08": "saved"}
    assert served["US-09"] == ("concrete", ("lock_board",))
    assert {id: served[id] for id in declared} == {id: ("concrete", (name,)) for id, name in declared.items()}
    names = [action.name for action in stories.actions]
    assert len(names) == len(set(names))
    assert not {a.kind.id for a in stories.actions} & {"objects.create", "objects.select", "objects.let_go"}


def test_a_board_is_played_with_selections_versions_order_and_what_is_unsaved(board: Board) -> None:
    note = {"x": 1, "y": 1, "text": "hello"}
    assert board.do("add_shape", member="ann", object="s1", value=note) == "ok"
    assert board.do("add_shape", member="ann", object="s1", value=note) == "again"
    assert board.do("add_shape", member="eve", object="s2", value=note) == "no seat"
    assert board.do("move_shape", member="bob", object="s1", expected=1, x=2.5, y=-3) == "ok"
    assert board.do("move_shape", member="ann", object="s1", expected=1, x=9, y=9) == "outdated"
    assert board.do("move_shape", member="ann", object="s9", expected=1, x=9, y=9) == "unknown"
    assert board.do("select_shape", member="ann", object="s1") == "ok"
    assert board.do("move_shape", member="bob", object="s1", expected=3, x=0, y=0) == "held"
    assert board.do("let_go", member="ann", object="s1") == "ok"
    assert board.do("move_shape", member="bob", object="s1", expected=4, x=0, y=0) == "ok"
    assert board.do("add_shape", member="bob", object="s2", value=note) == "ok"
    assert [board.do("bring_to_front", member="ann", object=o) for o in ("s1", "s2", "s3")] == ["ok", "ok", "unknown"]
    assert board.admin.zrange(board.keys.order("b1"), 0, -1) == ["s1", "s2"]
    assert board.admin.zrange(board.keys.unsaved("b1"), 0, -1) == ["s1", "s2"]
    assert [board.do("saved", role="worker", object="s1") for _ in range(2)] == ["ok", "unknown"]
    record = board.admin.hget(board.keys.shapes("b1"), "s1")
    assert json.loads(record.split("|", 4)[4]) == {"x": 0, "y": 0, "text": "hello"}
    told = board.events()
    assert [e["v"] for e in told] == list(range(1, len(told) + 1))
    moved = [e["d"] for e in told if e["t"] == "move_shape"]
    assert moved[0] == {"member": "bob", "object": "s1", "x": 2.5, "y": -3, "version": 2}
    assert [key for key in board.admin.scan_iter() if board.admin.ttl(key) == -1] == []


def test_what_is_locked_only_the_facilitator_changes_until_it_is_unlocked(board: Board) -> None:
    assert board.do("lock_board", member="bob") == "not allowed"
    assert board.do("add_shape", member="bob", object="s1", value={}) == "ok"
    assert board.do("lock_board", member="ann") == "ok"
    assert board.admin.hget(board.keys.state("b1"), "locked") == "1"
    before = board.admin.hgetall(board.keys.shapes("b1")), board.events()
    assert board.do("add_shape", member="bob", object="s2", value={}) == "locked"
    assert (board.admin.hgetall(board.keys.shapes("b1")), board.events()) == before
    assert board.do("add_shape", member="ann", object="s2", value={}) == "ok"
    assert board.do("unlock_board", member="ann") == "ok"
    assert board.do("add_shape", member="bob", object="s3", value={}) == "ok"


def test_a_refusal_of_own_lua_writes_nothing_and_an_operation_counts_once(board: Board) -> None:
    board.do("add_shape", member="ann", object="s1", value={})
    before = (board.admin.hgetall(board.keys.shapes("b1")), board.events())
    assert board.do("move_shape", member="ann", object="s1", expected=7, x=1, y=1) == "outdated"
    with pytest.raises(Exception, match="BADARG move_shape: x"):
        board.do("move_shape", member="ann", object="s1", expected=1, x="far", y=1)
    assert (board.admin.hgetall(board.keys.shapes("b1")), board.events()) == before
    once = {"op_id": "m1", "member": "ann", "object": "s1", "expected": 1, "x": 1, "y": 1}
    assert [board.do("move_shape", **once) for _ in range(2)] == ["ok", "duplicate"]


def test_declared_actions_survive_the_brief_as_json(brief: Brief) -> None:
    assert codec.from_json(Brief, codec.to_json(brief)).settled == brief.settled


def faulty(brief: Brief, folder: Path, changed: dict[str, tuple[str, str]]) -> list[str]:
    """The findings where texts of the declared design's files are others."""
    for path in (BOARD / "ai").rglob("*"):
        if path.suffix in (".toml", ".lua"):
            name, text = str(path.relative_to(BOARD / "ai")), path.read_text("utf-8")
            if name in changed:
                assert changed[name][0] in text
                text = text.replace(*changed[name], 1)
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, "utf-8")
    try:
        settled = applying.settled(read_overrides(folder))
    except OverrideError as error:
        return [str(error).removeprefix(f"{folder}/")]
    return [str(fault) for fault in designed.of(replace(brief, settled=settled))]


TOML, MOVE, FRONT = "redis-plan.toml", "canvas/move.lua", "canvas/front.lua"
#: What is wrong: the file, what stands there, what stands there instead, how many lines from there it is found, and how.
FAULTS = {
    "unknown guard": (TOML, 'guard = "known"', 'guard = "konwn"', 0, "unknown guard 'konwn'; did you mean known?"),
    "unknown effect": (TOML, 'effect = "arrive"', 'effect = "arive"', 0, "unknown effect 'arive'; did you mean arrive?"),
    "an effect that a type can't do": (TOML, 'effect = "arrive", key = "unsaved"', 'effect = "arrive", key = "shapes"', 0, "effect arrive can't do a hash"),
    "hidden and announced": (TOML, 'shows = ["member", "object", "value"]', 'shows = ["member", "object", "value"]\nhides = ["value"]', 0, "value is hidden and announced"),
    "a phase that no action reaches": (TOML, 'name = "bring_to_front"\n', 'name = "bring_to_front"\nguards = [{ guard = "phase", is = "drawing" }]\n', 1, "waits for the phase 'drawing', which no action reaches"),
    "two actions of one name": (TOML, 'name = "bring_to_front"', 'name = "move_shape"', -1, "declares the action 'move_shape' already"),
    "two keys of one name": (TOML, 'template = "order"', 'template = "unsaved"', 5, "declares the key 'unsaved' already"),
    "a key of another slot": (TOML, "chalkline:v1:{<session_id>}:shapes", "chalkline:v1:{<board_id>}:shapes", 0, "lies in another slot than the session's keys"),
    "a key of another project": (TOML, "chalkline:v1:{<session_id>}:shapes", "chalk:v1:{<session_id>}:shapes", 0, "does not begin with chalkline:v1:"),
    "a key of the kernel": (TOML, 'template = "order"', 'template = "roster"', 0, "'roster' is a key that the kernel keeps"),
    "a hash with an end of its own": (TOML, "max_elements = 400\n\n[[keys]]", 'ttl = "5 min"\n\n[[keys]]', 0, "a hash of a session ends with the session"),
    "a function of the kernel": (TOML, 'name = "bring_to_front"', 'name = "session_apply"', 0, "'session_apply' is a function that the kernel has"),
    "a guard's role that is none": (TOML, 'is = ["facilitator"]', 'is = ["hots"]', 0, "unknown role 'hots'; did you mean host?"),
    "a guard's role near to one of the team's": (TOML, 'is = ["facilitator"]', 'is = ["facilitator", "scrib"]', 0, "unknown role 'scrib'; did you mean scribe?"),
    "an actor as a guard's role": (TOML, 'is = ["facilitator"]', 'is = ["worker"]', 0, "unknown role 'worker'; there is cohost, facilitator, host, moderator, scribe, spectator"),
    "a role that is none": (TOML, 'like = "cohost"', 'like = "chost"', 0, "must be"),
    "a role of the catalog called another one": (TOML, 'name = "scribe"', 'name = "moderator"', 0, "moderator is a role of the catalog, and no cohost"),
    "two roles of one name": (TOML, 'name = "scribe"', 'name = "facilitator"', -1, "declares the role 'facilitator' already"),
    "a bound of what has one elsewhere": (TOML, 'cite = "prd.md:3"', 'most = 2', 0, "a session has one owner; leave most out"),
    "a channel of another project": (TOML, 'template = "cursors"', 'template = "<env>:chalk:v1:{<session_id>}:cursors"', 0, "does not begin with <env>:chalkline:v1:"),
    "a channel with another tag": (TOML, 'template = "cursors"', 'template = "<env>:chalkline:v1:{<board>}:cursors"', 0, "has the hash tag {<board>}"),
    "a channel of the kernel": (TOML, 'template = "cursors"', 'template = "events"', 0, "'events' is the kernel's own"),
    "a channel called as a key": (TOML, 'template = "cursors"', 'template = "order"', 0, "another declared key or channel is called 'order'"),
    "a channel that is no name": (TOML, 'template = "cursors"', 'template = "Cur sors"', 0, "is no name of a channel"),
    "a channel with a rate of none": (TOML, "rate = 15", "rate = 0", 0, "must be"),
    "a type that is none": (TOML, 'type = "zset"', 'type = "sorted"', 0, "must be one of"),
    "an unknown key": (TOML, '"order"]', '"ordr"]', 0, "unknown key of the design 'ordr'; did you mean order?"),
    "an unknown actor": (TOML, 'actor = "worker"', 'actor = "wroker"', 0, "unknown actor 'wroker'; did you mean worker?"),
    "an unknown action of the catalog": (TOML, 'like = "objects.select"', 'like = "objects.slect"', 0, "did you mean objects.select?"),
    "a demand that is none": (TOML, 'serves = ["US-05"]', 'serves = ["prd.md:120"]', 0, "no demand is at prd.md:120; did you mean prd.md:"),
    "an entity that is none": (TOML, 'entity = "Shape"', 'entity = "Shpe"', 0, "no entity is called 'Shpe'; did you mean Shape?"),
    "a file that is not there": (TOML, "canvas/front.lua", "canvas/back.lua", 0, "canvas/back.lua; write it"),
    "nothing that it does": (TOML, 'lua = "canvas/front.lua"\n', "", -3, "has neither effects nor own Lua"),
    "an argument of the kernel": (TOML, 'arguments = { x = "number"', 'arguments = { ttl_s = "number", x = "number"', 0, "'ttl_s' is a name that the kernel has"),
    "a key built from text": (FRONT, "'HEXISTS', keys.shapes,", "'HEXISTS', 'shapes:' .. args.object,", 0, "builds its key from text"),
    "a key that is kept": (FRONT, "local top =", "local order = keys.order\nlocal top =", 0, "keys.<name> stands as a command's key and nowhere else"),
    "a key that is not declared": (FRONT, "keys.order, 0, 0", "keys.unsaved, 0, 0", 0, "the action has no key 'unsaved'"),
    "a loop without end": (FRONT, "return 'ok'", "while true do event.place = 1 end", 0, "while may run without end"),
    "a loop that an argument bounds": (MOVE, "shape.x, shape.y", "for i = 1, args.expected do shape.z = i end\nshape.x, shape.y", 0, "the loop's end is not bounded"),
    "a refusal behind a write": (FRONT, "return 'ok'", "return 'unknown'", 0, "refuses with 'unknown' behind the write in line 5"),
    "a result that nobody named": (MOVE, "return 'held'", "return 'busy'", 0, "returns 'busy', which the action does not name"),
    "a forbidden command": (FRONT, "'ZREVRANGE'", "'KEYS'", 0, "KEYS: it looks beyond the keys of the action"),
    "a TTL beside the kernel's": (MOVE, "redis.call('ZADD'", "redis.call('EXPIRE', keys.shapes, 60)\nredis.call('ZADD'", 0, "EXPIRE: the kernel sets the TTL"),
    "a command that the server lacks": (FRONT, "'HEXISTS', keys.shapes", "'HPTTL', keys.shapes", 0, "HPTTL needs Redis 7.4, and the stack has Redis 7.0"),
    "a command of another type": (FRONT, "'ZADD', keys.order", "'ZADD', keys.shapes", 0, "ZADD can't do a hash"),
    "an argument that is none": (MOVE, "args.x, args.y", "args.x, args.z", 0, "the action has no argument 'z'"),
    "a command that only the server knows": (MOVE, "redis.call('HSET'", "redis[cmd]('HSET'", 0, "redis stands only as redis.call"),
    "a key of the kernel that Lua writes": (FRONT, "redis.call('ZADD', keys.order, digits(event.place), args.object)", "redis.call('HSET', keys.roster, args.object, '')", 0, "roster is the kernel's to write"),
    "the clock as text": (MOVE, "'NX', digits(now)", "'NX', '' .. now", 0, "now joined to a text becomes 1.7e+12"),
    "a function that no entry changes": (TOML, 'like = "objects.select"', 'like = "signals.send"', 0, "signals.send is carried out by signal_send"),
    "what does not compile": (FRONT, "event.place = (", "event.place == (", 0, "the server does not compile it"),
    "what fails before it answers": (MOVE, "string.match(text or ''", "string.match(nil", 0, "bad argument #1 to 'match'"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_declaration_is_found_with_file_and_line(brief: Brief, tmp_path: Path, name: str) -> None:
    file, old, new, further, says = FAULTS[name]
    line = (BOARD / "ai" / file).read_text("utf-8").partition(old)[0].count("\n") + 1 + further
    found = faulty(brief, tmp_path, {file: (old, new)})
    assert any(one.startswith(f"{file}:{line}: ") and says in one for one in found), (line, found)
    assert all("\n" not in one for one in found)


def test_own_lua_reads_a_key_as_a_whole_only_where_it_is_small(brief: Brief, tmp_path: Path) -> None:
    changed = {MOVE: ("local shape =", "local all = redis.call('HGETALL', keys.shapes)\nlocal shape =")}
    assert faulty(brief, tmp_path, changed) == []
    large = faulty(brief, tmp_path, changed | {TOML: ("max_elements = 400", "max_elements = 4000")})
    assert len(large) == 1
    assert large[0].startswith(f"{MOVE}:8: HGETALL reads all of shapes, which may hold 4,000")


def test_an_event_that_shows_what_a_document_forbids_is_held_against_that_line(brief: Brief) -> None:
    secret = Restriction("hidden", "Nobody sees another's shapes.", ("Shape",), "prd.md", 9, "", 1.0)
    found = designed.of(replace(brief, restrictions=(secret,)))
    assert [(f.file, (BOARD / "ai" / f.file).read_text("utf-8").splitlines()[f.line - 1]) for f in found] == [
        (TOML, 'shows = ["member", "object", "value"]')
    ]
    assert "prd.md:9 forbids that others see it" in found[0].says


def test_the_design_as_declared_is_clean(brief: Brief) -> None:
    assert designed.of(brief) == ()


def test_the_command_exits_with_2_and_one_line_a_finding(tmp_path: Path) -> None:
    (tmp_path / "ai").mkdir()
    for name in ("prd.md", "tech-stack.md"):
        (tmp_path / "ai" / name).write_text((BOARD / "ai" / name).read_text("utf-8"), "utf-8")
    (tmp_path / "ai" / TOML).write_text('[[actions]]\nname = "draw"\nguard = "seat"\n', "utf-8")
    done = CliRunner().invoke(app, ["design", str(tmp_path), "--check"])
    assert done.exit_code == 2
    assert done.stdout == f"{tmp_path}/ai/{TOML}:3: 'guard' is not a key of [actions]; did you mean guards?\n"


AUCTION = """# Gavel: requirements

A live auction. An auctioneer starts one lot after the other, bidders bid from their phones.

### US-1 Bid
As a bidder I bid on the lot that is open; a bid must exceed the highest.

### US-2 Late extension
When a bid arrives in the last 15 seconds the lot stays open for longer.
"""
SESSION = '[session]\nnoun = "auction"\nmember = "bidder"\n'
BID = SESSION + '[[actions]]\nname = "bid"\nlike = "bidding.bid"\nserves = ["US-1", "US-2"]\n'


def auction(folder: Path, toml: str) -> Brief:
    (folder / "ai").mkdir()
    (folder / "ai" / "prd.md").write_text(AUCTION, "utf-8")
    (folder / "ai" / TOML).write_text(toml, "utf-8")
    return reader.read(folder)


def test_an_entry_sets_one_number_of_the_catalog_s_action_and_the_others_stay(tmp_path: Path) -> None:
    asked = auction(tmp_path, BID + 'parameters = [{ name = "within_ms", default = 15_000 }]\n')
    (bid,) = [a for a in find_actions(asked, designing.design(asked)) if a.name == "bid"]
    numbers = {g.parameter.name: (g.value, g.grade, g.file, g.line) for g in bid.parameters}
    assert numbers["within_ms"] == (15_000, "documented", TOML, 8)
    assert {name: grade for name, (_, grade, _, _) in numbers.items() if name != "within_ms"} == {
        "step": "assumed",
        "most": "assumed",
        "extension_ms": "assumed",
    }


def test_a_number_of_its_own_says_what_it_counts(tmp_path: Path) -> None:
    asked = auction(tmp_path, BID + 'parameters = [{ name = "withn_ms", default = 15_000 }]\n')
    with pytest.raises(OverrideError, match=rf"^{TOML}:8: 'withn_ms' .* unit and says .* has step, most, within_ms"):
        designing.draft(asked)


OPEN = SESSION + '[[actions]]\nname = "{name}"\nlike = "session.open"\nserves = ["US-1"]\n{more}'


def test_an_action_of_the_kernel_is_confirmed_by_its_name_and_what_it_serves(tmp_path: Path) -> None:
    asked = auction(tmp_path, OPEN.format(name="open", more=""))
    found = matrix.stories(asked, designing.design(asked))
    (row,) = [row for row in found.rows if row.id == "US-1"]
    assert (row.served, row.actions) == ("concrete", ("open",))
    assert f"{TOML}:4 says that it serves this" in row.why


@pytest.mark.parametrize(
    ("name", "more", "line", "says"),
    [
        ("begin_bidding", "", 5, "session.open keeps its name: name = 'open'"),
        ("open", 'actor = "host"\n', 6, "say no more than name and serves"),
    ],
)
def test_an_action_of_the_kernel_is_not_changed(tmp_path: Path, name: str, more: str, line: int, says: str) -> None:
    asked = auction(tmp_path, OPEN.format(name=name, more=more))
    with pytest.raises(OverrideError, match=rf"^{TOML}:{line}: .*{says}"):
        designing.draft(asked)


GAME = """# Buzzwire: requirements

A party game. A host runs a game in a room, players join from their phones.

### US-1 Buzzer round
As a player I press the buzzer; only the first press counts, the others learn that another was first.

### US-2 Free the buzzer
After a wrong answer the host frees the buzzer for the others.

### US-3 Special guest
As a host I ask one player after the other to be the special guest; who is asked has a few seconds to accept.
"""
LIKE = '[session]\nnoun = "room"\nmember = "player"\n[[actions]]\nname = "ask_guest"\nlike = "{like}"\nserves = ["US-3"]\n{more}'


def game(folder: Path, toml: str) -> Brief:
    (folder / "ai").mkdir(parents=True)
    (folder / "ai" / "prd.md").write_text(GAME, "utf-8")
    (folder / "ai" / TOML).write_text(toml, "utf-8")
    return reader.read(folder)


@pytest.mark.parametrize(("like", "key"), [("offers.offer", "offer"), ("teams.choose", "team")])
def test_an_action_like_another_brings_the_key_of_its_records_and_takes_no_other_mechanic_s(
    tmp_path: Path, like: str, key: str
) -> None:
    asked = game(tmp_path, LIKE.format(like=like, more=""))
    made = {action.name: action for action in find_actions(asked, designing.design(asked))}
    own = {name for local, name in made["ask_guest"].keys.items() if local not in ("roster", "presence")}
    assert own == {key}
    (buzz,) = [a for a in made.values() if a.kind.id == "claim.claim"]
    assert set(buzz.keys.values()).isdisjoint(own)
    assert designed.of(asked) == ()


def test_records_among_those_of_another_mechanic_are_found_with_file_and_line(tmp_path: Path) -> None:
    asked = game(tmp_path, LIKE.format(like="offers.offer", more=""))
    (buzz,) = [a for a in find_actions(asked, designing.design(asked)) if a.kind.id == "claim.claim"]
    theirs = buzz.keys["claims"]
    clash = game(tmp_path / "clash", LIKE.format(like="offers.offer", more=f'keys = ["{theirs}"]\n'))
    says = rf"ask_guest is like offers\.offer, and {theirs} holds the records of claim\.claim: take another key"
    assert [(f.file, f.line) for f in designed.of(clash)] == [(TOML, 6)]
    with pytest.raises(OverrideError, match=rf"^{TOML}:6: {says}"):
        designing.draft(clash)


THROWN_OUT = """
[[actions]]
name = "throw_out"
actor = "host"
guards = [{ guard = "other" }%s]
effects = [{ effect = "unseat" }, { effect = "drop", key = "team", field = "target" }]
announces = "leave"
shows = ["target"]
"""


def settled_as(folder: Path, toml: str) -> Brief:
    (folder / TOML).write_text(toml, "utf-8")
    return replace(projects.read(projects.SAMPLE), settled=applying.settled(read_overrides(folder)))


def test_who_throws_somebody_out_of_team_and_seat_takes_nothing_else(tmp_path: Path) -> None:
    """What goes with the seat goes behind the action's own keys: one that it names itself would shift all of them."""
    asked = settled_as(tmp_path, THROWN_OUT % "")
    keyspace = designing.design(asked)
    with server.open() as live:
        client: Any = live.client(decode_responses=True)
        client.function_load(library.compose(asked, keyspace), replace=True)
        (world,) = [w for action, w in world_of.of_project(client, keyspace) if action.name == "throw_out"]
        world.build()
        keys = functions.session_keys(keyspace, "k3v9", environment=naming.ENVIRONMENT)
        client.hset(keys["team"], mapping={"ann": "red", "bob": "red"})
        client.zadd(keys["score"], {"ann": 2, "bob": 3})
        assert world.call()[1] == "ok"  # by ann, who leads
        assert (client.hkeys(keys["team"]), client.hkeys(keys["roster"])) == (["ann"], ["ann"])
        assert client.zrange(keys["score"], 0, -1) == ["ann", "bob"]  # points stay with who left


def test_who_asks_for_an_entry_that_goes_with_the_seat_is_told_so(tmp_path: Path) -> None:
    asked = settled_as(tmp_path, THROWN_OUT % ', { guard = "known", key = "team", field = "target" }')
    with pytest.raises(OverrideError, match=rf"^{TOML}:2: throw_out ends a seat, and the entry in team goes with it"):
        designing.design(asked)
