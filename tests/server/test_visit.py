"""Another's server: refused in one line when it must not be used, and left as it was found."""

import socket
import threading

import pytest

from redis_plan import server
from redis_plan.errors import ServerError


@pytest.fixture(scope="module")
def theirs():
    """A server that stands for a user's: on a port, with data of its own."""
    with server.open_own({"port": str(server.free_port())}) as live:
        live.client().set("precious", "1")
        yield live


def refused(url: str) -> str:
    with pytest.raises(ServerError) as caught, server.open(url):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_our_keys_are_gone_and_theirs_untouched(theirs):
    with server.open(theirs.url) as live:
        assert not live.ours
        live.client().set(live.prefix + "x", "1")
        with live.client().pipeline() as pipe:
            pipe.hset(live.prefix + "h", "f", "1").expire(live.prefix + "h", 100).execute()
        assert theirs.client().dbsize() == 3
    assert theirs.client().keys() == [b"precious"]


@pytest.mark.parametrize(
    "command",
    [
        ("SET", "precious", "2"), ("DEL", "precious"), ("FLUSHALL",), ("FLUSHDB",), ("KEYS", "*"), ("CONFIG", "SET", "hz", "1"),
        ("CONFIG SET", "hz", "1"), ("DEBUG", "SLEEP", "0"), ("SHUTDOWN",), ("FUNCTION", "FLUSH"), ("SCRIPT", "FLUSH"),
        ("EVAL", "return 1", "1", "precious"), ("RENAME", "redis-plan:x", "precious"), ("SCAN", "0"), ("PUBLISH", "theirs", "x"),
        ("ACL", "SETUSER", "x"), ("REPLICAOF", "NO", "ONE"), ("MSET", "redis-plan:a", "1", "precious", "2"),
        ("XREAD", "STREAMS", "precious", "0"), ("CLIENT", "KILL", "TYPE", "normal"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_nothing_but_our_own_keys_can_be_touched(theirs, command):
    with server.open(theirs.url) as live:
        client = live.client()
        with pytest.raises(ServerError):
            client.execute_command(*command)
        with pytest.raises(ServerError):
            client.pipeline().execute_command(*command)
    assert theirs.client().get("precious") == b"1"


def test_it_is_never_stopped(theirs):
    with server.open(theirs.url) as live, pytest.raises(ServerError, match="never stopped, killed or paused"):
        live.kill()


def test_an_unreachable_one(theirs):
    assert "can't reach redis://127.0.0.1:1: " in refused("redis://127.0.0.1:1")


def test_a_password_is_asked_for_and_never_shown():
    with server.open_own({"port": str(server.free_port()), "requirepass": "s3cret"}) as live:
        host = f"{live.address[1]}:{live.address[2]}"
        assert "needs a password; write redis://:PASSWORD@HOST:PORT" in refused(f"redis://{host}")
        message = refused(f"redis://:wr0ng@{host}")
        assert "refused the password" in message
        assert "wr0ng" not in message
        with server.open(f"redis://:s3cret@{host}") as opened:
            assert "s3cret" not in repr(opened) + opened.url


def test_a_user_that_may_only_read(theirs):
    theirs.client().execute_command(
        "ACL", "SETUSER", "reader", "on", "nopass", "~*", "&*", "+@read", "+@connection", "+info", "+config|get"
    )
    message = refused(theirs.url.replace("redis://", "redis://reader:x@"))
    assert "does not let us write under redis-plan:" in message
    assert "~redis-plan:*" in message


def test_a_user_with_the_rights_that_the_message_names_is_enough(theirs):
    theirs.client().execute_command(
        "ACL", "SETUSER", "study", "on", "nopass", "~redis-plan:*", "&redis-plan:*", "+@read", "+@write", "+@pubsub",
        "+@connection", "+@scripting", "+info",
    )  # fmt: skip
    with server.open(theirs.url.replace("redis://", "redis://study:x@")) as live:
        assert live.client().set(live.prefix + "x", 1)
        assert live.setting("hash-max-listpack-entries") == "512"


def test_a_replica(theirs):
    port = theirs.address[2]
    with server.open_own({"port": str(server.free_port()), "replicaof": f"127.0.0.1 {port}"}) as replica:
        assert "is a replica; give the URL of its primary" in refused(replica.url)


def test_one_that_is_nearly_full():
    with server.open_own({"port": str(server.free_port())}) as live:
        used = live.client().info("memory")["used_memory"]
        live.client().config_set("maxmemory", used + 50_000)
        assert "of maxmemory" in refused(live.url)


def test_a_cluster_node():
    with server.open_own({"port": str(server.free_port()), "cluster-enabled": "yes"}) as live:
        assert "is a cluster node" in refused(live.url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:6379", "127.0.0.1:6379", "redis://127.0.0.1:notaport"])
def test_a_url_that_is_none(url):
    assert refused(url)


def listen(answer: bytes) -> int:
    """Listen on a loopback port and give ``answer`` to whatever is said."""
    sock = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                link, _ = sock.accept()
            except OSError:
                return
            with link:
                while link.recv(65536):
                    link.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return sock.getsockname()[1]


def test_something_that_is_no_redis():
    port = listen(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert "not as Redis does" in refused(f"redis://127.0.0.1:{port}?protocol=2&lib_name=&lib_version=")


def test_one_that_is_too_old():
    """No such build can be had from our registries, so a listener says what Redis 5 says."""
    info = b"redis_version:5.0.7\r\nrole:master\r\n"
    port = listen(b"$%d\r\n%s\r\n" % (len(info), info))
    assert "runs Redis 5.0.7; 7.0 or newer is needed" in refused(f"redis://127.0.0.1:{port}?protocol=2")
