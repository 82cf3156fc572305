"""Servers of our own: opened fast, fully ours, and gone afterwards whatever happens."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from redis_plan import server
from redis_plan.errors import ServerError
from redis_plan.server.process import OwnProcess
from tests.conftest import is_running, python, within

OPEN_AND_WAIT = """
import multiprocessing, os, signal, time
from redis_plan import server
with server.open() as live:
    print(live.pid, live.folder, flush=True)
    {then}
"""


def is_gone(pid, folder) -> bool:
    return within(30, lambda: not is_running(int(pid)) and not Path(folder).exists())


def members_of(group: int) -> list[int]:
    """Return the processes of a process group; of all that there are, some end while we look."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(ProcessLookupError):
            if os.getpgid(int(entry.name)) == group:
                found.append(int(entry.name))
    return found


def opened(then: str = "time.sleep(60)", **options) -> tuple["subprocess.Popen[str]", str, str]:
    """Start a Python that opens a server; return it with the server's process id and folder."""
    child = python(OPEN_AND_WAIT.format(then=then), **options)
    pid, folder = child.stdout.readline().split()
    return child, pid, folder


def test_a_server_of_ours_answers_and_is_gone_with_the_context():
    with server.open() as live:
        pid, folder = live.pid, live.folder
        assert live.client().ping()
        assert live.ours
        assert live.prefix == ""
        assert live.url == live.secret_url == f"unix://{live.address[1]}"
    assert not is_running(pid)
    assert not Path(folder).exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda n: n.name)
def test_no_process_and_no_folder_is_left_when_the_owner_is_ended(number):
    child, pid, folder = opened()
    assert is_running(int(pid))
    child.send_signal(number)
    child.communicate()
    assert is_gone(pid, folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_nothing_is_left_when_the_whole_process_group_is_ended(number):
    child, pid, folder = opened(start_new_session=True)
    os.killpg(child.pid, number)
    child.communicate()
    assert is_gone(pid, folder)


def test_nothing_is_left_when_the_owner_dies_while_it_waits_for_a_paused_server_to_stop():
    child, pid, folder = opened("live.pause(); os.kill(live.pid, signal.SIGSTOP); print('x', flush=True); live.stop()")
    child.stdout.readline()
    child.kill()
    child.communicate()
    assert is_gone(pid, folder)


def test_nothing_is_left_wherever_the_owner_is_killed_while_it_opens(nothing_is_left):
    """Kill -9 at a few moments of the start: before the guard, before the folder, before the server answers."""
    base = nothing_is_left / "opening"
    base.mkdir()
    for delay_ms in range(0, 60, 10):
        code = (
            f"import os, signal, threading, time, tempfile; tempfile.tempdir = {str(base)!r}\n"
            "from redis_plan import server\n"
            f"threading.Timer({delay_ms} / 1000, os.kill, (os.getpid(), signal.SIGKILL)).start()\n"
            "with server.open(): time.sleep(60)"
        )
        python(code).communicate()
    assert within(30, lambda: not list(base.iterdir()))


def test_a_fork_of_the_owner_does_not_keep_the_server_alive():
    then = "p = multiprocessing.Process(target=time.sleep, args=(20,)); p.start(); print(p.pid, flush=True); p.join()"
    child, pid, folder = opened(then)
    forked = int(child.stdout.readline())
    child.kill()
    assert is_gone(pid, folder)
    os.kill(forked, signal.SIGKILL)
    child.communicate()


def test_a_fork_of_the_owner_does_not_hold_up_the_end():
    then = "p = multiprocessing.Process(target=time.sleep, args=(20,)); p.start()"
    code = OPEN_AND_WAIT.format(then=then) + "print('closed', flush=True); p.kill()\n"
    child = python(code)
    pid, folder = child.stdout.readline().split()
    assert child.stdout.readline().strip() == "closed"
    assert not is_running(int(pid))
    assert not Path(folder).exists()
    child.communicate()


def test_an_interrupt_that_the_owner_survives_does_not_end_its_server():
    """A notebook is interrupted by SIGINT, in a terminal the whole process group is."""
    then = """
    try:
        print("ready", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print(live.client().ping(), flush=True)
    """
    child, pid, folder = opened(then, start_new_session=True)
    assert child.stdout.readline().strip() == "ready"
    os.killpg(child.pid, signal.SIGINT)
    assert child.stdout.readline().strip() == "True"
    child.communicate()
    assert is_gone(pid, folder)


def test_an_answer_that_an_interrupt_cut_off_is_not_taken_for_the_next_one():
    with server.open() as live:
        live.process._guard.stdin.write(b"0 pause\n")
        live.process._guard.stdin.flush()
        live.resume()
        assert live.process.runs()
        assert live.client(socket_timeout=5).ping()


def test_a_server_that_is_never_closed_ends_with_its_owner():
    child = python(
        "from redis_plan import server; s = server.start_with(server.available()[0]); print(s.pid, s.folder)"
    )
    pid, folder = child.communicate()[0].split()
    assert is_gone(pid, folder)


def test_a_server_whose_guard_was_killed_is_ended_by_its_owner():
    with server.open() as live:
        pid, folder = live.pid, live.folder
        os.kill(live.process._guard.pid, signal.SIGKILL)
    assert is_gone(pid, folder)


def test_a_snapshot_under_way_ends_with_its_server(own_server):
    with server.open_own({"enable-debug-command": "yes"}, like=own_server) as live:
        client = live.client()
        client.execute_command("DEBUG", "POPULATE", "20000", "k", "1000")
        client.config_set("rdb-key-save-delay", 1000)
        client.bgsave()
        assert within(20, lambda: client.info("persistence")["rdb_bgsave_in_progress"])
        folder = live.folder
        group = members_of(live.pid)
        assert len(group) == 2
    assert not Path(folder).exists()
    assert within(20, lambda: not any(is_running(pid) for pid in group))


def test_a_killed_server_starts_again_in_the_same_folder(server_binaries):
    for binary in server_binaries:
        live = server.start_with(binary, {"appendonly": "yes", "appendfsync": "always"})
        try:
            live.client().set("kept", "1")
            live.kill()
            with pytest.raises(redis.ConnectionError):
                live.client().ping()
            live.start()
            assert live.client().get("kept") == b"1"
            live.stop()
            live.start()
            assert live.client().get("kept") == b"1"
        finally:
            live.close()


def test_a_running_server_is_not_started_twice():
    with server.open() as live, pytest.raises(ServerError, match="runs already"):
        live.start()


def test_a_paused_server_hangs_goes_on_and_can_be_stopped():
    with server.open() as live:
        live.pause()
        with pytest.raises(redis.TimeoutError):
            live.client(socket_timeout=0.2).ping()
        live.resume()
        assert live.client(socket_timeout=5).ping()
        live.pause()
        live.stop()
        assert not live.process.runs()


def test_threads_may_kill_and_start_at_once():
    with server.open() as live:

        def ask() -> None:
            for _ in range(50):
                assert live.process.runs()

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def test_a_setting_that_the_server_refuses_is_one_line():
    with (
        pytest.raises(ServerError, match=r"does not start: .*no-such-directive"),
        server.open_own({"no-such-directive": "1"}),
    ):
        pass


def test_values_are_written_as_in_redis_conf(server_binaries):
    for binary in server_binaries:
        config = {
            "save": "3600 1 300 100",
            "client-output-buffer-limit": "pubsub 1mb 512kb 10\nnormal 2mb 1mb 20",
            "user": "app on >pass ~app:* +@all",
        }
        live = server.start_with(binary, config)
        try:
            limits = live.setting("client-output-buffer-limit")
            assert "pubsub 1048576 524288 10" in limits
            assert "normal 2097152 1048576 20" in limits
            assert live.setting("save") == "3600 1 300 100"
            assert live.client(username="app", password="pass").set("app:1", "1")
        finally:
            live.close()


def test_a_server_can_listen_on_a_loopback_port():
    with (
        server.open_own({"port": str(server.free_port())}) as live,
        server.open_own({"port": "auto", "cluster-enabled": "yes"}, like=live) as node,
    ):
        assert live.address[:2] == ("tcp", "127.0.0.1")
        assert live.client().ping()
        assert node.client().execute_command("CLUSTER", "KEYSLOT", "a") == 15495
        assert node.fingerprint.version == live.fingerprint.version


def test_a_taken_port_is_one_line():
    with server.open_own({"port": "auto"}) as live, pytest.raises(ServerError, match=r"does not start: "):
        OwnProcess(live.process.binary, {"port": str(live.address[2])})


def test_a_long_folder_for_temporary_files_is_no_obstacle(tmp_path, monkeypatch):
    long = tmp_path / ("d" * 120)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with server.open() as live:
        assert live.client().ping()
    monkeypatch.setattr("redis_plan.server.process.os.access", lambda *_: False)
    with server.open() as live:
        assert live.address[0] == "tcp"
        assert str(live.folder).startswith(str(long))
        assert live.client().ping()


def test_a_folder_for_temporary_files_that_is_not_there_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    with pytest.raises(ServerError, match=r"can't make a folder .* set TMPDIR"), server.open():
        pass


def test_raw_sockets_are_connected_and_logged_in(own_server):
    with own_server.raw_socket() as link:
        link.sendall(b"PING\r\n")
        assert link.recv(64) == b"+PONG\r\n"
    with server.open_own({"port": "auto", "requirepass": "s3cret"}, like=own_server) as live:
        with live.raw_socket() as link:
            link.sendall(b"PING\r\n")
            assert link.recv(64) == b"+PONG\r\n"
        assert "s3cret" not in live.url + repr(live)


def test_a_setting_is_what_the_server_has_now():
    with server.open_own({"hz": "50"}) as live:
        assert live.setting("hz") == "50"
        live.client().config_set("hz", "20")
        assert live.setting("hz") == "20"
        with pytest.raises(ServerError, match="tells no setting 'no-such'"):
            live.setting("no-such")


def test_the_guard_runs_without_site_packages():
    guard = Path(server.__file__).with_name("guard.py")
    done = subprocess.run(
        [sys.executable, "-I", "-S", guard, "1", "/tmp", "true"], input=b"", capture_output=True, timeout=60, check=True
    )
    assert done.stderr == b""
    assert not Path(done.stdout.decode().strip() or "/nowhere").exists()
