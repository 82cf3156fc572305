"""Another's server: refused in one line when it must not be used, and left as it was found."""

import shutil
import signal
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
import redis

from redis_plan import server
from redis_plan.errors import ServerError
from redis_plan.server.process import OwnProcess
from redis_plan.server.visit import RIGHTS
from tests.conftest import python, within


@pytest.fixture(scope="module", params=server.available(), ids=lambda binary: binary.id)
def theirs(request):
    """A server that stands for a user's: on a port, with data of its own."""
    live = server.start_with(request.param, {"port": "auto"})
    live.client().set("precious", "1")
    yield live
    live.close()


def refused(url: str) -> str:
    """Return the sentence by which ``url`` is refused."""
    with pytest.raises(ServerError) as caught, server.open(url):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def at(live: server.Server) -> str:
    return f"{live.address[1]}:{live.address[2]}"


def test_our_keys_are_gone_and_theirs_untouched(theirs):
    with server.open(theirs.url) as live:
        assert not live.ours
        assert live.prefix.startswith("redis-plan:")
        live.client().set(live.prefix + "x", "1")
        with live.client().pipeline() as pipe:
            pipe.hset(live.prefix + "h", "f", "1").expire(live.prefix + "h", 100).execute()
        with live.raw_socket() as link:
            link.sendall(f"SET {live.prefix}raw 1\r\n".encode())
            assert link.recv(64) == b"+OK\r\n"
        assert live.client().eval("return redis.call('SET', KEYS[1], '1')", 1, live.prefix + "script") == b"OK"
        assert theirs.client().dbsize() == 5
    assert theirs.client().keys() == [b"precious"]


def test_they_are_gone_after_an_exception_too(theirs):
    def interrupted() -> None:
        with server.open(theirs.url) as live:
            live.client().set(live.prefix + "x", "1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert theirs.client().keys() == [b"precious"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_our_keys_are_gone_when_we_are_ended(theirs, number):
    child = python(
        "import time\nfrom redis_plan import server\n"
        f"with server.open({theirs.url!r}) as live:\n"
        "    pipe = live.client().pipeline(transaction=False)\n"
        "    for i in range(5000): pipe.set(f'{live.prefix}{i}', i)\n"
        "    pipe.execute(); print('ready', flush=True); time.sleep(60)"
    )
    assert child.stdout.readline() == "ready\n"
    assert theirs.client().dbsize() == 5001
    child.send_signal(number)
    child.communicate()
    assert within(30, lambda: theirs.client().dbsize() == 1)


def test_a_server_that_is_gone_at_the_end_is_said_in_one_line():
    with server.open_own({"port": "auto"}) as live:
        with pytest.raises(ServerError, match="our keys could not be removed from redis://"), server.open(live.url):
            live.kill()
        live.start()


def test_it_is_never_stopped(theirs):
    with server.open(theirs.url) as live, pytest.raises(ServerError, match="never stopped, killed or paused"):
        live.kill()


def test_the_fingerprint_says_which_build_stands_in_for_experiments_that_break_a_server(theirs, server_binaries):
    with server.open(theirs.url) as live, server.open_own({}, like=live) as own:
        mark = live.fingerprint
        assert mark.source == "url"
        assert own.fingerprint.version in mark.stand_in
        assert "experiments that need a server of their own ran on" in mark.describe()
        assert own.fingerprint.product == mark.product
        assert own.ours


def test_a_stand_in_is_the_nearest_build(server_binaries):
    for binary in server_binaries:
        with server.open_own({"port": "auto"}) as first:
            first.process.close()
        process = OwnProcess(binary, {"port": "auto"})
        try:
            with server.open(f"redis://127.0.0.1:{process.address[2]}") as live, server.open_own(like=live) as own:
                assert own.process.binary.product == binary.product
        finally:
            process.close()


def test_an_unreachable_one(tmp_path):
    assert "can't reach redis://127.0.0.1:1: " in refused("redis://127.0.0.1:1")
    assert "can't reach unix://" in refused(f"unix://{tmp_path}/no.sock")
    assert "can't reach redis://no-such-host.invalid:6379" in refused("redis://no-such-host.invalid:6379")


def test_one_that_hangs(monkeypatch):
    monkeypatch.setattr("redis_plan.server.opening.ADMIT_TIMEOUT_S", 0.3)
    with server.open_own({"port": "auto"}) as live:
        live.pause()
        assert "does not answer" in refused(live.url)


def test_a_password_of_a_socket_is_asked_for_as_a_socket_takes_it():
    with server.open_own({"requirepass": "s3cret"}) as live:
        assert "needs a password; write unix://:PASSWORD@/PATH" in refused(f"unix://{live.address[1]}")
        with server.open(f"unix://:s3cret@{live.address[1]}") as visited:
            assert not visited.ours


def test_a_password_is_asked_for_and_never_shown():
    with server.open_own({"port": "auto", "requirepass": "s3cret"}) as live:
        assert "needs a password; write redis://:PASSWORD@HOST:PORT" in refused(f"redis://{at(live)}")
        for url in (
            f"redis://:wr0ng@{at(live)}",
            f"redis://app:wr0ng@{at(live)}",
            f"redis://{at(live)}?password=wr0ng",
        ):
            message = refused(url)
            assert "refused the password" in message
            assert "wr0ng" not in message
        with server.open(f"redis://:s3cret@{at(live)}") as opened:
            assert "s3cret" not in f"{opened!r} {opened.url} {opened.fingerprint}"
            assert opened.client().set(opened.prefix + "x", 1)
            with opened.raw_socket() as link:
                link.sendall(b"PING\r\n")
                assert link.recv(64) == b"+PONG\r\n"


def test_no_process_list_shows_the_password():
    with (
        server.open_own({"port": "auto", "requirepass": "s3cret"}) as live,
        server.open(f"redis://:s3cret@{at(live)}") as s,
    ):
        sweeper = s._sweeper._process
        assert b"s3cret" not in Path(f"/proc/{sweeper.pid}/cmdline").read_bytes()


def test_a_user_that_may_only_read(theirs):
    theirs.client().execute_command(
        "ACL", "SETUSER", "reader", "on", ">x", "~*", "&*", "+@read", "+@connection", "+info", "+config|get"
    )
    message = refused(f"redis://reader:x@{at(theirs)}")
    assert "does not let us write under redis-plan:" in message
    assert "~redis-plan:*" in message


@pytest.mark.parametrize("right", ["-eval", "-time", "-publish", "-multi", "-scan", "-unlink", "resetchannels"])
def test_a_user_that_lacks_one_right_is_told_before_anything_is_measured(theirs, right):
    theirs.client().execute_command("ACL", "SETUSER", "almost", "on", ">x", *RIGHTS.split(), right)
    assert RIGHTS in refused(f"redis://almost:x@{at(theirs)}")
    theirs.client().execute_command("ACL", "DELUSER", "almost")


def test_a_user_that_may_not_even_ask(theirs):
    theirs.client().execute_command("ACL", "SETUSER", "nobody", "on", ">x")
    assert "this user may not do what is needed" in refused(f"redis://nobody:x@{at(theirs)}")


def test_the_rights_that_the_message_names_are_taken_where_new_users_have_every_channel(server_binaries):
    for binary in server_binaries:
        theirs = server.start_with(binary, {"port": "auto", "acl-pubsub-default": "allchannels"})
        try:
            theirs.client().execute_command("ACL", "SETUSER", "study", "on", ">x", *RIGHTS.split())
            with server.open(f"redis://study:x@{at(theirs)}") as live:
                assert live.client().publish(f"{live.prefix}c", "x") == 0
            with pytest.raises(redis.exceptions.NoPermissionError):
                theirs.client(username="study", password="x").publish("theirs", "x")
        finally:
            theirs.close()


def test_a_user_with_the_rights_that_the_message_names_is_enough_and_can_do_no_harm(server_binaries):
    for binary in server_binaries:
        theirs = server.start_with(binary, {"port": "auto"})
        try:
            theirs.client().execute_command("ACL", "SETUSER", "study", "on", ">x", *RIGHTS.split())
            url = f"redis://study:x@{at(theirs)}"
            with server.open(url) as live:
                client, key = live.client(), live.prefix + "x"
                with client.pipeline(transaction=True) as pipe:
                    pipe.watch(key)
                    pipe.multi()
                    assert pipe.set(key, 1).publish(key, "x").execute() == [True, 0]
                assert client.eval("return redis.call('GET', KEYS[1])", 1, key) == b"1"
                assert client.memory_usage(key) > 0
                assert client.client_list()
                assert client.slowlog_get() is not None
                assert client.execute_command("LATENCY", "HISTOGRAM") is not None
                assert live.setting("hash-max-listpack-entries") == "512"
                assert live.not_checked == set()
                assert live.fingerprint.allocator == theirs.fingerprint.allocator
            for harm in ("FLUSHALL", "KEYS *", "SHUTDOWN", "SET x 1", "CONFIG SET hz 1"):
                with redis.Redis.from_url(url, retry=None) as bare, pytest.raises(redis.exceptions.NoPermissionError):
                    bare.execute_command(*harm.split())
        finally:
            theirs.close()


def test_a_user_that_may_not_ask_for_settings_and_commands_gets_documented_defaults(theirs):
    theirs.client().execute_command("ACL", "SETUSER", "blind", "on", ">x", *RIGHTS.split(), "-command", "-config|get")
    with server.open(f"redis://blind:x@{at(theirs)}") as live:
        assert live.setting("hash-max-listpack-entries") == "512"
        assert "functions" in live.not_checked
        assert live.lacks("functions").startswith("not checked: ")
        assert live.client().mset({live.prefix + "a": 1, live.prefix + "b": 2})
        with pytest.raises(ServerError):
            live.client().mset({live.prefix + "a": 1, "precious": 2})


def test_a_replica(theirs):
    port = theirs.address[2]
    with server.open_own({"port": "auto", "replicaof": f"127.0.0.1 {port}"}) as replica:
        assert "is a replica; give the URL of its primary" in refused(replica.url)


def test_one_that_is_nearly_full_or_full():
    with server.open_own({"port": "auto"}) as live:
        used = live.client().info("memory")["used_memory"]
        live.client().config_set("maxmemory", used + 50_000)
        assert "of maxmemory" in refused(live.url)
        live.client().config_set("maxmemory", 1_000_000)
        assert "of maxmemory" in refused(live.url)


def test_one_that_takes_no_writes():
    with server.open_own({"port": "auto", "min-replicas-to-write": "1"}) as live:
        assert "too few replicas" in refused(live.url)


def test_one_that_is_loading():
    with server.open_own(
        {
            "port": "auto",
            "enable-debug-command": "yes",
            "key-load-delay": "500",
            "loading-process-events-interval-bytes": "1024",
        }
    ) as live:
        live.client().execute_command("DEBUG", "POPULATE", "20000")
        live.client().save()
        live.process._tell("kill")
        live.process._tell("start")
        assert within(20, lambda: "is loading its data" in sentence(live.url))


def sentence(url: str) -> str:
    try:
        with server.open(url):
            return "opened"
    except ServerError as error:
        return str(error)


def test_one_that_takes_no_further_client():
    with server.open_own({"port": "auto", "maxclients": "1"}) as live:
        assert "takes no further client" in refused(live.url)


def test_a_cluster_node():
    with server.open_own({"port": "auto", "cluster-enabled": "yes"}) as live:
        assert "is a cluster node; give a standalone server" in refused(live.url)


def test_a_sentinel(server_binaries):
    for binary in server_binaries:
        process = OwnProcess(binary, {"port": "auto"}, ("--sentinel",))
        try:
            assert "is a Sentinel" in refused(f"redis://127.0.0.1:{process.address[2]}")
        finally:
            process.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for the loopback address."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl here to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def behind_tls(theirs, certificate):
    """The port of a TLS endpoint before ``theirs``, as managed services have it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve(plain: socket.socket) -> None:
        try:
            with (
                context.wrap_socket(plain, server_side=True) as link,
                socket.create_connection(theirs.address[1:]) as back,
            ):
                threading.Thread(target=pump, args=(back, link), daemon=True).start()
                pump(link, back)
        except OSError:
            plain.close()

    def accept() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(plain,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def test_one_behind_tls(behind_tls, certificate):
    with server.open(f"rediss://localhost:{behind_tls}?ssl_ca_certs={certificate[0]}") as live:
        assert live.client().set(live.prefix + "x", "1")
        with live.raw_socket() as link:
            link.sendall(b"PING\r\n")
            assert link.recv(64) == b"+PONG\r\n"


def test_tls_on_one_side_only(theirs, behind_tls, monkeypatch):
    assert "certificate is not trusted" in refused(f"rediss://localhost:{behind_tls}")
    monkeypatch.setattr("redis_plan.server.opening.CONNECT_TIMEOUT_S", 0.5)  # what says nothing is not waited for
    monkeypatch.setattr("redis_plan.server.opening.ADMIT_TIMEOUT_S", 0.5)
    assert "rediss://" in refused(f"redis://localhost:{behind_tls}").removeprefix("redis://")
    assert "(redis:// if not)" in refused(f"rediss://{at(theirs)}")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:6379", "127.0.0.1:6379", "localhost", "redis://", "redis://127.0.0.1:notaport", "redis://127.0.0.1:0",
        "redis://127.0.0.1:99999", "redis://[::1", "unix://", "redis://:pa/ss@127.0.0.1:1", "redis://127.0.0.1:1/zero",
        "redis://:pa#ss@127.0.0.1:1", "redis://127.0.0.1:1?nonsense=1", "redis://127.0.0.1:1?db=x", "\x00",
    ],
)  # fmt: skip
def test_a_url_that_is_none(url):
    message = refused(url)
    assert "pa/ss" not in message
    assert "pa#ss" not in message
    assert "can't reach" not in message


@pytest.fixture
def listen():
    """Listeners that give one answer to whatever is said to them."""
    made = []

    def start(answer: bytes) -> int:
        listener = socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                try:
                    link, _ = listener.accept()
                    with link:
                        while link.recv(65536):
                            link.sendall(answer)
                except OSError:
                    if listener.fileno() < 0 or made == []:
                        return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        made.append(listener)
        return listener.getsockname()[1]

    yield start
    open_ones = made[:]
    made.clear()
    for listener in open_ones:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_something_that_is_no_redis(listen):
    port = listen(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert "not as Redis does" in refused(f"redis://127.0.0.1:{port}")
    assert "not as Redis does" in refused(f"redis://127.0.0.1:{listen(b'+OK' + bytes((13, 10)))}")


@pytest.mark.parametrize("version", ["5.0.7", "6.2.14"])
def test_one_that_is_too_old(listen, version):
    """No such build can be had here without a compiler, so a listener says what one says: the only stand-in we allow."""
    info = f"redis_version:{version}\r\nrole:master\r\n".encode()
    port = listen(b"$%d\r\n%s\r\n" % (len(info), info))
    assert f"runs Redis {version}; 7.0 or newer is needed" in refused(f"redis://127.0.0.1:{port}")


def test_a_unix_socket(theirs):
    path = theirs.process._socket
    with server.open(f"unix://{path}") as live:
        assert live.address == ("unix", path)
        assert not live.ours
        assert live.client().set(live.prefix + "x", "1")


def test_another_database_is_kept_to(theirs):
    with server.open(f"{theirs.url}/3") as live:
        live.client().set(live.prefix + "x", "1")
        assert theirs.client(db=3).dbsize() == 1
        with pytest.raises(ServerError):
            live.client(db=0)
        with pytest.raises(ServerError):
            live.client().execute_command("SELECT", "0")
    assert theirs.client(db=3).dbsize() == 0


def test_a_key_of_theirs_survives_an_experiment_that_forgets_the_prefix(theirs):
    with server.open(theirs.url) as live, pytest.raises(ServerError, match="only keys under redis-plan:"):
        live.client().delete("precious")
    assert theirs.client().get("precious") == b"1"
    assert isinstance(theirs.client(), redis.Redis)
