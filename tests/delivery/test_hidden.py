"""What nobody may see before the reveal is in no event, no log entry, no snapshot and no reply, as the user who asks."""

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import redis

from redis_plan.chapters.synchronization import sync_text
from redis_plan.delivery import acl, clients, commands, library, operations
from redis_plan.keyspace import functions, records
from redis_plan.server import Server
from redis_plan.words import command_block
from tests.delivery import made

SECRET, SHOWN = "the-secret-answer", "what-all-may-see"


@pytest.fixture
def live(fresh: Server, sample: made.Project) -> Iterator[Server]:
    """A server with the sample's library and users."""
    root = fresh.client()
    root.flushall()
    made.install(root, sample)
    yield fresh
    root.execute_command("ACL", "DELUSER", *(user.name for user in acl.users(sample.keyspace)))
    root.flushall()


def as_user(live: Server, name: str) -> redis.Redis:
    return live.client(username=name, password=made.PASSWORD, decode_responses=True)


def test_nothing_hidden_leaves_the_server_before_the_reveal(
    live: Server, generated: ModuleType, sample: made.Project
) -> None:
    app, worker = as_user(live, "app"), as_user(live, "worker")
    keys = generated.Keys()
    o, w = generated.Operations(app, keys), generated.Operations(worker, keys)
    heard = as_user(live, "app").pubsub()
    heard.subscribe(keys.events("s"))
    heard.get_message(timeout=1)
    replies: list[Any] = [
        o.create("s", epoch="ab", fields={"hidden:solution": SECRET, "question": SHOWN}),
        o.join("s", "ann", "c1", {"name": "Ann"}),
        o.record_answer("s", 1, "ann", SECRET, once=True, op_id="o1"),
        o.record_answer("s", 1, "ann", SECRET, once=True, op_id="o1"),
        o.record_answer("s", 1, "ann", "again", once=True),
        o.apply(
            "s", "next", {"set": {"question": SHOWN}}, fields={"hidden:solution": f"{SECRET}-2", "question": SHOWN}
        ),
        o.heartbeat("s", "ann", "c1"),
        w.sweep("s"),
        o.catch_up("s", "ab", 0),
        o.catch_up("s", "cd", 0),
        o.renew("s"),
        o.leave("s", "ann"),
        o.end("s"),
        o.catch_up("s", "cd", 0),
        w.hand_over("s", "row"),
        w.remove("s"),
    ]
    events = []
    while message := heard.get_message(timeout=0.3):
        events.append(message["data"])
    heard.close()
    seen = json.dumps([replies, events], default=repr)
    assert SHOWN in seen
    assert len(events) >= 6
    assert SECRET not in seen


def test_the_log_holds_nothing_hidden(live: Server, generated: ModuleType) -> None:
    keys, root = generated.Keys(), live.client(decode_responses=True)
    o = generated.Operations(as_user(live, "app"), keys)
    o.create("s")
    o.record_answer("s", 1, "ann", SECRET)
    o.apply("s", "set", {"x": SHOWN}, fields={"hidden:solution": SECRET})
    entries = str(root.lrange(keys.log("s"), 0, -1))
    assert SHOWN in entries
    assert SECRET not in entries


def test_a_snapshot_of_no_project_reads_what_is_hidden(own_server: Server, documents: Any) -> None:
    """The MULTI of the plan, word for word, with a secret planted in each collection that hides something."""
    root, met = own_server.client(decode_responses=True), 0
    for name in made.PROJECTS:
        project = made.of(name, documents)
        hidden = [p for p in records.recorded(project.keyspace) if commands.counted(p)]
        if functions.missing(project.keyspace) or not hidden:
            continue
        met += 1
        root.flushall()
        root.function_flush()
        root.function_load(library.compose(project.brief, project.keyspace))
        plant(root, functions.session_keys(project.keyspace, "k3v9"), hidden)
        said = []
        for line in command_block.lines(sync_text.read_order(project.brief, project.keyspace)):
            if line.command[0] not in ("SUBSCRIBE", "SSUBSCRIBE"):
                said.append(root.execute_command(*line.command))
        assert said, name
        assert SECRET not in str(said), name
    assert met >= (2 if len(made.PROJECTS) > 2 else 1)  # without the annotated documents there is the sample alone
    root.flushall()
    root.function_flush()


def plant(root: Any, keys: dict[str, str], hidden: list[Any]) -> None:
    root.hset(keys["state"], mapping={"epoch": "ab", "version": "1", "status": "open", "hidden:x": SECRET})
    write = {"hash": ("HSET", "f"), "zset": ("ZADD", "1"), "set": ("SADD",), "list": ("RPUSH",)}
    for pattern in hidden:
        if pattern.name in keys:
            verb, *words = write[pattern.type]
            root.execute_command(verb, keys[pattern.name], *words, SECRET)


def test_who_changes_what_is_hidden_can_give_no_data_of_an_event(documents: Any) -> None:
    for name in made.PROJECTS:
        project = made.of(name, documents)
        for operation in operations.operations(project.brief, project.keyspace):
            if operation.function.name == records.NAME:
                pattern = project.keyspace.pattern(operation.keys[-1].pattern)
                gives = any(p.name == "data" for p in operation.parameters)
                assert gives != bool(commands.counted(pattern)), (name, operation.method)
    assert "Unseen" in clients.python_client(
        made.of(made.SAMPLE, documents).brief, made.of(made.SAMPLE, documents).keyspace
    )
