"""Command blocks: what the plan prints runs as the user that it names, and nobody else may run it."""

from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import redis

from redis_plan import server
from redis_plan.chapters.expiry import expiry_rules
from redis_plan.chapters.expiry.findings import Expiry
from redis_plan.chapters.naming import appendix
from redis_plan.chapters.sessions import appendix as of_sessions
from redis_plan.chapters.synchronization import sync_text
from redis_plan.delivery import acl, library, walkthrough
from redis_plan.keyspace import design, functions
from redis_plan.server import Binary, Server, topology
from redis_plan.server.topology import Cluster
from redis_plan.words import command_block
from tests.conftest import BINARIES
from tests.delivery import made
from tests.delivery.test_conditions import owner_of
from tests.delivery.test_gateway_places import board
from tests.keyspace.briefs import workshop


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents")


def test_a_command_without_a_user_is_found() -> None:
    with pytest.raises(ValueError, match="no user"):
        list(command_block.lines("```redis\nFLUSHALL\n```\n"))


def test_a_command_that_is_nobody_s_duty_is_not_printed() -> None:
    with pytest.raises(LookupError, match=r"no user of users\.acl may run FLUSHALL"):
        command_block.line(design(workshop()), ("FLUSHALL",))


def test_what_is_printed_is_what_is_read_back() -> None:
    made = command_block.Line("app", ("SET", "a key", '{"it\'s": 1}', "<value>", ""), "nil: taken")
    assert list(command_block.lines(command_block.block([made, made]))) == [made, made]


def test_a_snapshot_counts_what_is_hidden_and_the_text_says_so() -> None:
    """Text and commands come from one list: what the plan calls hidden is never read whole beside it."""
    keyspace = design(workshop())
    hidden = [p for p in keyspace.keys if p.use == "votes"]
    assert hidden
    text = sync_text.read_order(workshop(), keyspace)
    for pattern in hidden:
        assert f"`{pattern.name}`" in text
        assert not [
            x for x in command_block.lines(text) if x.command[0] == "HGETALL" and f":{pattern.name}" in x.command[1]
        ]


def blocks(project: made.Project) -> str:
    """Return every text with commands that is made from the design alone."""
    brief, keyspace = project.brief, project.keyspace
    return "\n".join(
        (
            appendix.changing(brief, keyspace),
            sync_text.read_order(brief, keyspace),
            of_sessions.lifecycle(brief, keyspace),
            of_sessions.silence(brief, keyspace),
            expiry_rules.timed_actions(brief, keyspace, Expiry.of({})),
        )
    )


def with_sessions(documents: Path) -> list[made.Project]:
    """Every project with sessions as a build designs it, and one whose channels are sharded."""
    every = (*(made.acting(name, documents) for name in made.PROJECTS), board("sharded-pubsub"))
    return [project for project in every if not functions.missing(project.keyspace)]


def test_every_block_of_every_project_runs_as_its_user_and_as_nobody_else(own_server: Server, documents: Path) -> None:
    """The library loaded, the four users there with the rights of users.acl; another user is refused each line."""
    root = own_server.client()
    for project in with_sessions(documents):
        keyspace = project.keyspace
        root.function_flush()
        root.function_load(library.compose(project.brief, keyspace))
        ran = play_as_users(own_server, acl.users(keyspace), blocks(project))
        assert {"app"} <= ran <= {"app", "worker"}, project.name
        root.flushdb()
    root.function_flush()


@pytest.mark.parametrize("binary", BINARIES, ids=lambda binary: binary.id)
def test_every_block_runs_as_its_user_on_three_primaries(documents: Path, binary: Binary) -> None:
    """Each line is sent to the primary of its keys, as a cluster's client does, and none needs two slots."""
    with ExitStack() as stack:
        like = server.start_with(binary)
        stack.callback(like.close)
        cluster = stack.enter_context(topology.cluster(like))
        used = set()
        for project in with_sessions(documents):
            for node in cluster.nodes:
                root = node.client()
                root.function_load(library.compose(project.brief, project.keyspace), replace=True)
                for user in acl.users(project.keyspace):
                    root.execute_command(*user.command("tried"))
            used |= play_on(cluster, blocks(project))
            for node in cluster.nodes:
                node.client().flushdb()
                node.client().function_flush()
        assert used == {"app", "worker"}


def play_on(cluster: Cluster, text: str) -> set[str]:
    """Run every line of ``text`` by its user at the primary that has its keys; those in MULTI there, too."""
    lines = [line for line in command_block.lines(text) if line.command[0] not in ("SUBSCRIBE", "SSUBSCRIBE")]
    with ExitStack() as stack:
        clients = {
            (user, node): stack.enter_context(closing(node.client(username=user, password="tried", single_connection_client=True)))
            for user in ("app", "worker") for node in cluster.nodes
        }  # fmt: skip
        at = cluster.nodes[0]
        for number, line in enumerate(lines):
            keyed = next((found for later in lines[number:] if (found := walkthrough.keys_of(later.command))), ())
            if keyed and line.command[0] != "EXEC":
                at = owner_of(cluster, keyed[0])
            clients[line.user, at].execute_command(*("1" if word.startswith("<") else word for word in line.command))
    return {line.user for line in lines}


def play_as_users(live: Server, users: Iterable[acl.AclUser], text: str) -> set[str]:
    """Run every line of ``text`` by its user, on a connection of its own; return the users that there were."""
    root = live.client()
    for user in users:
        root.execute_command(*user.command("tried"))
    clients = {u.name: live.client(username=u.name, password="tried", single_connection_client=True) for u in users}
    try:
        ran = set()
        for line in command_block.lines(text):
            words = ["1" if word.startswith("<") else word for word in line.command]
            if words[0] in ("SUBSCRIBE", "SSUBSCRIBE"):  # its connection can do nothing else
                with live.client(username=line.user, password="tried").pubsub() as events:
                    events.execute_command(*words)
                    assert events.parse_response(timeout=5)
            else:
                clients[line.user].execute_command(*words)
            with pytest.raises(redis.ResponseError, match="permission"):
                clients["monitor"].execute_command(*words)
            ran.add(line.user)
        return ran
    finally:
        for client in clients.values():
            client.close()
        root.execute_command("ACL", "DELUSER", *clients)
