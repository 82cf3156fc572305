"""A server process of ours, in a folder of its own, watched by a guard that outlives any accident of ours."""

from __future__ import annotations

import atexit
import itertools
import os
import random
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from redis_plan.errors import ServerError
from redis_plan.server.binaries import Binary

Address = tuple[str, str] | tuple[str, str, int]

START_TIMEOUT_S = 20.0
END_TIMEOUT_S = 10.0
AUTO = "auto"  # the value of ``port`` that asks for a free loopback port
_SOCKET_LIMIT = 103  # sun_path holds 104 bytes on macOS, 108 on Linux, with the closing zero
_FOLDER_LENGTH = len("/redis-plan-01234567")
_GUARD = Path(__file__).with_name("guard.py")
_BASE = {"save": "", "appendonly": "no", "daemonize": "no", "protected-mode": "yes"}
_CLUSTER_BUS = 10_000  # a cluster node's second port (redis.conf 7.0, cluster-port)
_PORTS = range(20_000, 32_000)  # below Linux' ephemeral ports, so that no client socket takes one meanwhile
_PORT_TRIES = 5


class OwnProcess:
    """One server of ours. It can be killed, stopped, paused and started again in the same folder."""

    def __init__(self, binary: Binary, config: Mapping[str, str], arguments: tuple[str, ...] = ()) -> None:
        """Start ``binary`` with ``config``: what stands after a directive's name in redis.conf, a line each.

        ``port`` takes a number or ``auto``; without it the server listens on a Unix socket in its folder.
        ``arguments`` follow the configuration file on the command line (``--sentinel``).
        """
        self.binary = binary
        self.pid = 0
        self._said = 0
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._guard, self.folder = _open_guard(binary, arguments)
        atexit.register(self.close)
        try:
            self._start_first(config)
        except BaseException:
            self.close()
            raise

    def _start_first(self, config: Mapping[str, str]) -> None:
        wanted = dict(config)
        for attempt in range(_PORT_TRIES):
            if config.get("port") == AUTO:
                wanted["port"] = str(free_port(cluster=config.get("cluster-enabled") == "yes"))
            self.address = self._configure(wanted)
            try:
                return self.start()
            except ServerError as error:
                taken = "in use" in str(error) or "Failed listening" in str(error)
                if config.get("port") != AUTO or not taken or attempt == _PORT_TRIES - 1:
                    raise
        return None

    def _configure(self, config: Mapping[str, str]) -> Address:
        """Write redis.conf; return where the server will listen."""
        wanted = _BASE | dict(config)
        socket_path = str(self.folder / "s")
        self._socket = socket_path if len(socket_path) <= _SOCKET_LIMIT else ""
        if not self._socket and wanted.get("port", "0") == "0":
            wanted["port"] = str(free_port())
        if self._socket:
            wanted |= {"unixsocket": self._socket, "unixsocketperm": "700"}
        wanted = {"port": "0", "bind": "127.0.0.1"} | wanted
        address: Address = ("unix", socket_path)
        if wanted["port"] != "0":
            address = ("tcp", "127.0.0.1", int(wanted["port"]))
        text = "".join(_directive(name, value) for name, value in wanted.items())
        (self.folder / "redis.conf").write_text(text, encoding="utf-8")
        return address

    def start(self) -> None:
        """Start the server and wait until it answers; raises :class:`ServerError` with its last log line if it ends."""
        said = self._tell("start").split()[0]
        if said == "already":
            raise ServerError("our own server runs already; stop or kill it before it is started again")
        self.pid = int(said)
        deadline = time.monotonic() + START_TIMEOUT_S
        turn = 0
        while not self._is_up():
            turn += 1
            if turn % 10 == 0 and not self._tell("poll").endswith("runs"):
                raise ServerError(f"{self.binary.path.name} {self.binary.version} does not start: {self._last_words()}")
            if time.monotonic() > deadline:
                raise ServerError(f"{self.binary.path.name} does not answer after {START_TIMEOUT_S:.0f} s")
            time.sleep(0.002)

    def _is_up(self) -> bool:
        """Whether it has loaded and answers; asked by its own socket, for at a port somebody else might answer."""
        if self._socket:
            return answers(("unix", self._socket))
        return "eady to accept connections" in self._log() and answers(self.address)

    def kill(self) -> None:
        """SIGKILL: the process is gone without a last word."""
        self._tell("kill")

    def stop(self) -> None:
        """SIGTERM: the process ends in order; raises :class:`ServerError` if it has not after 20 s."""
        if self._tell("stop").endswith("runs"):
            raise ServerError("our own server does not end on SIGTERM; kill it")

    def pause(self) -> None:
        """SIGSTOP: the process hangs, its connections stay."""
        self._tell("pause")

    def resume(self) -> None:
        """SIGCONT."""
        self._tell("resume")

    def runs(self) -> bool:
        """Whether the process is there (a paused one is)."""
        return self._tell("poll").endswith("runs")

    def close(self) -> None:
        """End the server and remove its folder; safe to call twice, and does nothing in a fork of the owner."""
        if os.getpid() != self._owner or self._guard.stdin is None or self._guard.stdin.closed:
            return
        atexit.unregister(self.close)
        with suppress(OSError):  # said aloud, because a fork of ours may hold the pipe open
            self._guard.stdin.write(b"0 end\n")
            self._guard.stdin.flush()
        with suppress(OSError):
            self._guard.stdin.close()
        try:
            self._hear_out()
            self._guard.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        if self._guard.stdout:
            self._guard.stdout.close()
        if self._guard.returncode:  # somebody killed the guard: do its work
            self._end_without_guard()

    def _hear_out(self) -> None:
        """Wait until the guard is gone, which closes its end of the pipe: a wait by the clock alone would sleep past it."""
        assert self._guard.stdout is not None
        pipe, until = self._guard.stdout.fileno(), time.monotonic() + END_TIMEOUT_S
        waiting = select.poll()  # unlike select, takes any number of open files
        waiting.register(pipe)
        while waiting.poll(1000 * max(0.0, until - time.monotonic())) and os.read(pipe, 4096):
            pass

    def _end_without_guard(self) -> None:
        with suppress(OSError):
            if Path(f"/proc/{self.pid}/cwd").resolve() == self.folder.resolve():  # the id may be another's by now
                os.killpg(self.pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _tell(self, word: str) -> str:
        """Say ``word`` to the guard; return its answer, ``PID runs`` or ``PID EXITCODE``."""
        assert self._guard.stdin is not None
        assert self._guard.stdout is not None
        with self._lock:
            self._said += 1
            answer = b""
            with suppress(OSError, ValueError):
                self._guard.stdin.write(f"{self._said} {word}\n".encode())
                self._guard.stdin.flush()
                # a Ctrl-C may have cut us off while we waited for an earlier answer: skip it
                while (answer := self._guard.stdout.readline()) and int(answer.split()[0]) < self._said:
                    pass
        if not answer:
            raise ServerError("our own server was ended from outside, or after it was closed")
        return answer.decode().strip().partition(" ")[2]

    def _log(self) -> str:
        try:
            return (self.folder / "server.log").read_text("utf-8", "replace")
        except OSError:  # not written yet
            return ""

    def _last_words(self) -> str:
        lines = self._log().strip().splitlines()
        about = [line.removeprefix(">>> ") for line in lines[-2:-1] if line.startswith(">>> ")]  # the faulty directive
        return ": ".join(about + lines[-1:]) or "it said nothing"


def _open_guard(binary: Binary, arguments: tuple[str, ...]) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a guard; return it and the folder that it made."""
    base = _base_folder()
    guard = subprocess.Popen(
        [sys.executable, "-I", "-S", _GUARD, str(os.getpid()), base, binary.path.absolute(), "redis.conf", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # a Ctrl-C in the terminal reaches the owner only
    )
    assert guard.stdin is not None
    assert guard.stdout is not None
    try:
        said = guard.stdout.readline().decode().strip()
        if said and not said.startswith("!"):
            return guard, Path(said)
    except BaseException:
        guard.stdin.close()
        raise
    guard.stdin.close()
    guard.wait()
    guard.stdout.close()
    raise ServerError(f"can't make a folder for a server in {base}: {said[2:] or 'no answer'}; set TMPDIR to another")


def _base_folder() -> str:
    """Return the folder for temporary files, or a shorter one if a socket in it would have too long a name."""
    base = str(Path(tempfile.gettempdir()).absolute())
    too_long = len(base) + _FOLDER_LENGTH + len("/s") > _SOCKET_LIMIT
    return "/tmp" if too_long and os.access("/tmp", os.W_OK) else base  # every Unix has it; else a loopback port


def _directive(name: str, value: str) -> str:
    """Write the lines of redis.conf; lists of words stay words, an empty value is quoted, a line each."""
    return "".join(f"{name} {line or chr(34) * 2}\n" for line in (value.splitlines() or [""]))


def answers(address: Address) -> bool:
    """Whether a server at ``address`` answers PING with PONG (or asks for a password): it is up and has loaded."""
    family = socket.AF_UNIX if address[0] == "unix" else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as link:
        link.settimeout(1.0)
        try:
            link.connect(address[1] if len(address) == 2 else (address[1], address[2]))
            link.sendall(b"PING\r\n")
            return link.recv(64).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False


def run_id() -> str:
    """Return a short random id for key names on a user's server."""
    return secrets.token_hex(4)


def free_port(cluster: bool = False) -> int:
    """Return a loopback port that nobody listens on right now; for a cluster node its bus port is free as well."""
    first = random.SystemRandom().choice(_PORTS)  # not the study's seed: two builds at once must not choose alike
    ports = itertools.chain(range(first, _PORTS.stop), range(_PORTS.start, first))
    return next(p for p in ports if _is_free(p) and (not cluster or _is_free(p + _CLUSTER_BUS)))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does: TIME_WAIT does not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
