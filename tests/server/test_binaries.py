"""Binaries: which builds this machine has, in which order, and why one is passed over."""

import subprocess
import sys
from pathlib import Path

import pytest

from redis_plan import server
from redis_plan.errors import ServerError
from redis_plan.server import binaries


@pytest.fixture
def on_path(tmp_path, monkeypatch):
    """Make programs that say a version, the only thing on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def make(name: str, says: str) -> Path:
        program = tmp_path / name
        program.write_text(f"#!{sys.executable}\n{says}\n")
        program.chmod(0o755)
        return program

    return make


def test_the_embedded_build_is_always_there_and_comes_last(server_binaries):
    assert [binary.source for binary in server_binaries].count("embedded") == 1
    assert server_binaries[-1].source == "embedded"
    assert server_binaries[-1].product == "valkey"


def test_path_comes_before_the_embedded_one(on_path):
    program = on_path("valkey-server", "print('Valkey server v=8.1.0 sha=0:0 malloc=libc bits=64')")
    first, last = server.available()
    assert (first.path, first.source, first.version, first.product) == (program, "path", "8.1.0", "valkey")
    assert last.source == "embedded"


def test_an_older_one_is_passed_over_with_a_reason(on_path):
    on_path("redis-server", "print('Redis server v=6.2.14 sha=0:0 malloc=libc bits=64')")
    assert [binary.source for binary in server.available()] == ["embedded"]
    assert server.passed_over() == ("redis-server on PATH is version 6.2.14, older than 7.0",)


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ("raise SystemExit('libssl.so.1.1: cannot open')", "libssl.so.1.1: cannot open"),
        ("pass", "it said nothing"),
        ("import os; os.kill(os.getpid(), 9)", "it said nothing"),
    ],
)
def test_one_that_does_not_run_is_passed_over_with_a_reason(on_path, says, reason):
    on_path("redis-server", says)
    assert server.passed_over() == (f"redis-server on PATH does not tell its version ({reason})",)


def test_one_of_another_machine_is_passed_over(on_path):
    on_path("redis-server", "").write_bytes(b"\x7fELF\x00not for us")
    assert "redis-server on PATH does not run (Exec format error)" in server.passed_over()


def test_without_any_the_error_says_what_to_install(on_path, monkeypatch):
    monkeypatch.setattr(binaries, "_embedded", lambda: None)
    binaries._look.cache_clear()
    on_path("redis-server", "print('Redis server v=6.2.14 sha=0:0 malloc=libc bits=64')")
    with (
        pytest.raises(ServerError, match=r"is version 6\.2\.14.* install Redis or Valkey 7 or newer, or give --url"),
        server.open(),
    ):
        pass
    binaries._look.cache_clear()


def test_the_nearest_build_prefers_the_product_then_the_version(monkeypatch):
    builds = tuple(
        binaries.Binary(Path(name), "path", version, product)
        for name, version, product in (("a", "7.0.15", "redis"), ("b", "9.1.2", "valkey"), ("c", "8.0.1", "redis"))
    )
    monkeypatch.setattr(binaries, "_look", lambda _: builds)
    assert binaries.nearest("valkey", "8.0.0").path.name == "b"
    assert binaries.nearest("redis", "7.4.1").path.name == "a"
    assert binaries.nearest("redis", "8.2.0").path.name == "c"


def test_a_server_can_be_named_by_the_path_of_its_program(server_binaries):
    for binary in server_binaries:
        with server.open(str(binary.path)) as live:
            assert live.ours
            assert live.fingerprint.version == binary.version
            assert live.fingerprint.source == binary.source


def test_the_embedded_one_has_a_name():
    with server.open("embedded") as live:
        assert live.fingerprint.source == "embedded"


def test_a_path_that_is_no_server_is_one_line(on_path, tmp_path):
    program = on_path("other", "print('hello')")
    for given, said in (
        (str(tmp_path / "nowhere"), "is no file"),
        (str(tmp_path), "is a folder"),
        (str(program), "does not tell its version"),
    ):
        with pytest.raises(ServerError, match=said):
            binaries.named(given)


def test_a_build_keeps_the_servers_that_it_began_with(tmp_path, monkeypatch):
    """A redis-server that comes on PATH meanwhile, or another under the same name, is not taken for the first."""
    real = binaries.available()[-1].path
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (first / "redis-server").write_text(f'#!/bin/sh\nexec {real} "$@"\n')
    (first / "redis-server").chmod(0o755)
    monkeypatch.setenv("PATH", f"{second}:{first}:/usr/bin:/bin")
    before = binaries.available()
    assert before[0].path == first / "redis-server"
    with binaries.pinned():
        (second / "redis-server").write_text(f'#!/bin/sh\n#another\nexec {real} "$@"\n')
        (second / "redis-server").chmod(0o755)
        asked = [sys.executable, "-c", "from redis_plan.server import binaries; print(binaries.first().path)"]
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str(first / "redis-server")
        (first / "redis-server").write_text("#!/bin/sh\n")
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        assert "is not the program that this build began with" in done.stderr
    binaries._look.cache_clear()
    assert binaries.first().path == second / "redis-server"
