"""Servers of our own: opened fast, fully ours, and gone afterwards whatever happens."""

import os
import signal
import time
from pathlib import Path

import pytest
import redis

from redis_plan import server
from redis_plan.errors import ServerError
from tests.conftest import python

OPEN_AND_WAIT = """
import sys, time, multiprocessing
from redis_plan import server
with server.open() as live:
    print(live.pid, live.folder, flush=True)
    {extra}
    time.sleep(60)
"""


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(pid: int, folder: str) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not running(pid) and not Path(folder).exists():
            return True
        time.sleep(0.02)
    return False


def test_a_server_of_ours_answers_and_is_gone_with_the_context():
    with server.open() as live:
        pid, folder = live.pid, live.folder
        assert live.client().ping()
        assert live.ours
        assert live.prefix == ""
    assert gone(pid, folder)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_no_process_and_no_folder_is_left_when_the_owner_is_ended(number):
    child = python(OPEN_AND_WAIT.format(extra=""))
    pid, folder = child.stdout.readline().split()
    assert running(int(pid))
    child.send_signal(number)
    child.communicate()
    assert gone(int(pid), folder)


def test_a_fork_of_the_owner_does_not_keep_the_server_alive():
    child = python(
        OPEN_AND_WAIT.format(
            extra="p = multiprocessing.Process(target=time.sleep, args=(20,)); p.start(); print(p.pid, flush=True)"
        )
    )
    pid, folder = child.stdout.readline().split()
    forked = int(child.stdout.readline())
    child.kill()
    assert gone(int(pid), folder)
    os.kill(forked, signal.SIGKILL)
    child.communicate()


def test_an_interrupt_that_the_owner_survives_does_not_end_its_server():
    code = OPEN_AND_WAIT.replace(
        "time.sleep(60)",
        "\n    try: time.sleep(60)\n    except KeyboardInterrupt: print(live.client().ping(), flush=True)",
    )
    child = python(code.format(extra=""), start_new_session=True)
    pid, folder = child.stdout.readline().split()
    os.killpg(child.pid, signal.SIGINT)
    assert child.stdout.readline().strip() == "True"
    child.communicate()
    assert gone(int(pid), folder)


def test_a_killed_server_starts_again_in_the_same_folder(server_binaries):
    for binary in server_binaries:
        live = server.start_with(binary, {"appendonly": "yes"})
        try:
            live.client().set("kept", "1")
            live.kill()
            with pytest.raises(redis.ConnectionError):
                live.client().ping()
            live.start()
            assert live.client().get("kept") == b"1"
        finally:
            live.close()


def test_a_paused_server_hangs_and_goes_on():
    with server.open() as live:
        live.pause()
        with pytest.raises(redis.TimeoutError):
            live.client(socket_timeout=0.2).ping()
        live.resume()
        assert live.client(socket_timeout=5).ping()


def test_a_setting_that_the_server_refuses_is_one_line():
    with pytest.raises(ServerError, match="does not start: .*"), server.open_own({"no-such-directive": "1"}):
        pass


def test_a_server_can_listen_on_a_loopback_port():
    with server.open_own({"port": str(server.free_port())}) as live:
        assert live.address[0] == "tcp"
        assert live.client().ping()


def test_the_fingerprint_names_build_allocator_and_machine_but_no_host(own_server):
    mark = own_server.fingerprint
    assert mark.product in ("redis", "valkey")
    assert mark.allocator.startswith(("jemalloc", "libc"))
    assert os.uname().nodename not in mark.describe().split()
    assert mark.settings["hash-max-listpack-entries"] == own_server.setting("hash-max-listpack-entries")


def test_capabilities_are_what_the_server_really_does(own_server):
    client = own_server.client()
    for name, command in (("hash-field-ttl", "HPEXPIRE"), ("waitaof", "WAITAOF"), ("functions", "FCALL")):
        try:
            client.execute_command(command)
        except redis.ResponseError as error:
            assert ("unknown command" not in str(error)) == (name in own_server.capabilities)
