"""A server that loads, is full, reads only, misses functions or rights, or moves a slot: a typed error, and nothing is written."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import redis

from redis_plan import server
from redis_plan.keyspace import naming
from redis_plan.server import Server, topology
from redis_plan.server.topology import Cluster
from tests.conftest import BINARIES, within
from tests.delivery import made, node

CALLERS = ["python", *node.LIBRARIES]
Apply = Callable[[str, str], str]  # session and operation id: the status, or the class of the error and its message


Opener = Callable[..., AbstractContextManager[Apply]]  # on a server, with cluster=True on the cluster it is of


@pytest.fixture(scope="module")
def openers(generated: ModuleType, request: pytest.FixtureRequest) -> dict[str, Opener]:
    """What opens a delivered client, by language and library."""
    found: dict[str, Opener] = {"python": partial(in_python, generated)}
    if not node.MISSING:
        programs = request.getfixturevalue("programs")
        found |= {library: partial(in_node, programs / library / "conditions.js") for library in node.LIBRARIES}
    return found


@pytest.fixture(params=CALLERS)
def caller(request: pytest.FixtureRequest, openers: dict[str, Opener]) -> Opener:
    """Each of them in turn."""
    return openers.get(request.param) or pytest.skip(node.WHY)


@contextmanager
def in_python(generated: ModuleType, to: Server, cluster: bool = False) -> Iterator[Apply]:
    client = redis.RedisCluster(host="127.0.0.1", port=to.address[-1]) if cluster else to.client()
    operations = generated.Operations(client, generated.Keys("test"))

    def apply(session: str, op_id: str) -> str:
        try:
            return str(operations.apply(session, "set", None, op_id=op_id, fields={"by": op_id}).status)
        except generated.RefusedError as error:
            return f"{type(error).__name__} {error}"

    yield apply
    client.close()


@contextmanager
def in_node(program: Path, to: Server, cluster: bool = False) -> Iterator[Apply]:
    words = ["node", str(program), str(to.address[-1]), *(["cluster"] if cluster else [])]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        given, said = process.stdin, process.stdout
        assert said.readline() == "ready\n"

        def apply(session: str, op_id: str) -> str:
            print(session, op_id, file=given, flush=True)
            return said.readline().strip()

        yield apply
        given.close()


class Bench:
    """A server to worsen, with one session of the sample on it."""

    def __init__(self, live: Server, sample: made.Project) -> None:
        self.live, self.sample, self.client = live, sample, live.client(decode_responses=True)
        self.app = sample.keyspace.app
        self.client.flushall()
        self.client.function_load(sample.text("functions.lua"), replace=True)
        create(self.client, self.app, "s")

    def state(self) -> Any:
        return self.client.hgetall(f"{self.app}:v1:{{s}}:state")

    @contextmanager
    def setting(self, **values: str) -> Iterator[None]:
        names = {name.replace("_", "-"): value for name, value in values.items()}
        old = {name: self.client.config_get(name)[name] for name in names}  # type: ignore[index]
        for name, value in names.items():
            self.client.config_set(name, value)
        try:
            yield
        finally:
            for name, value in old.items():
                self.client.config_set(name, value)

    @contextmanager
    def replica(self, *, stale: str = "yes") -> Iterator[None]:
        with self.setting(replica_serve_stale_data=stale):
            self.client.replicaof("127.0.0.1", "1")
            try:
                yield
            finally:
                self.client.replicaof("NO", "ONE")

    @contextmanager
    def without_functions(self) -> Iterator[None]:
        self.client.function_flush()
        yield
        self.client.function_load(self.sample.text("functions.lua"))

    @contextmanager
    def without(self, *rules: str) -> Iterator[None]:
        self.client.execute_command("ACL", "SETUSER", "default", *rules)
        try:
            yield
        finally:
            self.client.execute_command("ACL", "SETUSER", "default", "on", "nopass", "~*", "&*", "+@all")

    @contextmanager
    def failing_disk(self) -> Iterator[None]:
        with self.setting(save="3600 1"):
            blocked = Path(self.live.folder) / self.client.config_get("dbfilename")["dbfilename"]  # type: ignore[index]
            blocked.unlink(missing_ok=True)
            blocked.mkdir()  # a snapshot can't be renamed onto a folder
            self._snapshot("err")
            try:
                yield
            finally:
                blocked.rmdir()
                self._snapshot("ok")

    def _snapshot(self, outcome: str) -> None:
        def done() -> bool:
            with suppress(redis.ResponseError):
                self.client.bgsave()
            time.sleep(0.05)
            return bool(self.client.info("persistence")["rdb_last_bgsave_status"] == outcome)  # type: ignore[index]

        assert within(20, done)

    @contextmanager
    def spinning(self) -> Iterator[None]:
        with self.setting(busy_reply_threshold="20"):
            other = self.live.client()
            spin = threading.Thread(target=lambda: suppressed(lambda: other.eval("while true do end", 0)))
            spin.start()
            try:
                assert within(20, lambda: not answers(self.live))
                yield
            finally:
                self.client.script_kill()
                spin.join(5)

    @contextmanager
    def foreign(self) -> Iterator[None]:
        log = f"{self.app}:v1:{{s}}:log"
        self.client.set(log, "planted")
        yield
        self.client.unlink(log)


def suppressed(call: Callable[[], object]) -> None:
    with suppress(redis.RedisError):
        call()


def create(client: Any, app: str, session: str) -> None:
    keys = [f"{app}:v1:{{{session}}}:{name}" for name in ("state", "roster", "log")]
    assert client.fcall(f"{app.replace('-', '_')}_session_create", 3, *keys, "ab", "3600") in ("created", b"created")


#: What each condition is raised as, and a word of its message.
CONDITIONS: dict[str, tuple[str, str, Callable[[Bench], AbstractContextManager[None]]]] = {
    "full": ("MemoryFullError", "maxmemory", lambda b: b.setting(maxmemory="1")),
    "a replica": ("ReadOnlyError", "replica", lambda b: b.replica()),
    "a replica without its primary": ("ReadOnlyError", "replica", lambda b: b.replica(stale="no")),
    "too few replicas": ("UnavailableError", "replicas", lambda b: b.setting(min_replicas_to_write="1")),
    "a failing disk": ("UnavailableError", "disk", lambda b: b.failing_disk()),
    "a script that runs on": ("UnavailableError", "busy", lambda b: b.spinning()),
    "no functions": ("LibraryMissingError", "not found", lambda b: b.without_functions()),
    "no right to a command": ("DeniedError", "session_apply: RPUSH", lambda b: b.without("-rpush")),
    "no right to the channel": ("DeniedError", "session_apply: PUBLISH", lambda b: b.without("resetchannels")),
    "no right to a key": ("DeniedError", "", lambda b: b.without("resetkeys", "~other:*")),
    "a key of another type": ("WrongTypeError", ":log holds a string", lambda b: b.foreign()),
}


@pytest.fixture(scope="module")
def bench(fresh: Server, sample: made.Project) -> Bench:
    return Bench(fresh, sample)


def test_each_condition_is_raised_typed_and_writes_nothing(bench: Bench, caller: Opener) -> None:
    """And the same operation id goes through once the condition is over, on the same connection."""
    with caller(bench.live) as apply:
        for condition, (error, word, provoke) in CONDITIONS.items():
            before = bench.state()
            op_id = f"after-{before['version']}"
            with provoke(bench):
                said = apply("s", op_id)
            assert said.startswith(f"{error} "), (condition, said)
            assert word in said, (condition, said)
            assert bench.state() == before, condition
            assert apply("s", op_id) == "ok", condition


def test_a_server_that_reads_its_file_says_so(openers: dict[str, Opener], sample: made.Project) -> None:
    # two settings of the server's own test suite stretch the load and let it answer meanwhile
    slow = {"key-load-delay": "1000", "loading-process-events-interval-bytes": "1024", "save": "", "appendonly": "no"}
    with server.open_own({**slow, "port": "auto"}) as own:
        client = own.client()
        client.function_load(sample.text("functions.lua"))
        create(client, sample.keyspace.app, "s")
        with client.pipeline(transaction=False) as pipe:
            for number in range(30_000):
                pipe.set(f"fill:{number}", "x")
            pipe.execute()
        client.save()
        own.kill()
        start = threading.Thread(target=own.start)
        start.start()
        try:
            assert within(20, lambda: is_there(own))
            for name, opened in openers.items():
                with opened(own) as apply:
                    assert apply("s", name).startswith("LoadingError "), name
            own.client(retry=None).config_set("key-load-delay", 0)  # all have seen it: the rest may go fast
        finally:
            start.join(60)
        for name, opened in openers.items():
            with opened(own) as apply:
                assert apply("s", name) == "ok", name


def is_there(own: Server) -> bool:
    """Whether the server takes connections, be it with LOADING."""
    try:
        return bool(own.client(retry=None).ping())
    except redis.BusyLoadingError:
        return True
    except redis.ConnectionError:
        return False


def answers(own: Server) -> bool:
    """Whether the server answers, and not with BUSY."""
    try:
        return bool(own.client(retry=None).ping())
    except redis.ResponseError:
        return False


@pytest.fixture(scope="module", params=BINARIES, ids=lambda binary: binary.id)
def cluster(request: pytest.FixtureRequest, sample: made.Project) -> Iterator[Cluster]:
    """Three primaries of each build with the sample's library."""
    with ExitStack() as stack:
        like = server.start_with(request.param)
        stack.callback(like.close)
        group = stack.enter_context(topology.cluster(like))
        for one in group.nodes:
            one.client().function_load(sample.text("functions.lua"))
        yield group


def test_a_slot_on_the_move_loses_and_doubles_nothing(cluster: Cluster, caller: Opener, sample: made.Project) -> None:
    """A call names keys that do not exist yet, so it waits (TRYAGAIN) until its slot has moved; then MOVED is followed."""
    app, session = sample.keyspace.app, f"move-{time.monotonic_ns()}"
    names = [f"{app}:v1:{{{session}}}:{name}" for name in ("state", "roster", "log", "idem")]
    slot, source = naming.slot(session), owner_of(cluster, names[0])
    target = next(n for n in cluster.nodes if n is not source)
    create(source.client(), app, session)
    with caller(source, cluster=True) as apply, caller(target) as plain:
        assert plain(session, "o0").startswith("ClusterError ")
        assert apply(session, "o1") == "ok"
        target.client().execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", name_of(source))
        source.client().execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", name_of(target))
        for moved in names[0], names[2], names[3]:
            migrate(source, target, moved)
            assert apply(session, "o2").startswith("ClusterError ")
        for one in (target, source, *cluster.nodes):
            one.client().execute_command("CLUSTER", "SETSLOT", slot, "NODE", name_of(target))
        assert [apply(session, op_id) for op_id in ("o1", "o2", "o3")] == ["duplicate", "ok", "ok"]
        assert plain(session, "o2") == "duplicate"
    state: Any = target.client(decode_responses=True).hgetall(names[0])
    assert (state["version"], state["by"]) == ("3", "o3")


def test_slots_without_an_owner_take_no_change(cluster: Cluster, caller: Opener, sample: made.Project) -> None:
    app, session = sample.keyspace.app, f"down-{time.monotonic_ns()}"
    owner, slot = owner_of(cluster, f"{app}:v1:{{{session}}}:state"), naming.slot(session)
    lost = next(s for s in (slot + 1, slot - 1) if s in range(topology.SLOTS) and cluster.node_of(s) is owner)
    create(owner.client(), app, session)
    with caller(owner, cluster=True) as apply:
        assert apply(session, "o1") == "ok"
        for one in cluster.nodes:
            one.client().execute_command("CLUSTER", "DELSLOTS", lost)
        try:
            assert within(20, lambda: all(says(one, "cluster_state:fail") for one in cluster.nodes))
            assert apply(session, "o2").startswith("ClusterError ")
        finally:
            owner.client().execute_command("CLUSTER", "ADDSLOTS", lost)
        assert within(20, lambda: all(says(one, "cluster_state:ok") for one in cluster.nodes))
        assert apply(session, "o2") == "ok"


def owner_of(cluster: Cluster, key: str) -> Server:
    """Return the node that answers for the slot of ``key`` now."""
    for one in cluster.nodes:
        with suppress(redis.exceptions.MovedError):
            one.client().type(key)
            return one
    raise AssertionError(key)


def says(of: Server, line: str) -> bool:
    return line.encode() in bytes(of.client().execute_command("CLUSTER", "INFO"))


def name_of(of: Server) -> str:
    return str(of.client(decode_responses=True).execute_command("CLUSTER", "MYID"))


def migrate(source: Server, target: Server, *keys: str) -> None:
    _, host, port = target.address  # type: ignore[misc]
    assert source.client().execute_command("MIGRATE", host, port, "", 0, 5000, "KEYS", *keys) in (b"OK", "OK")
