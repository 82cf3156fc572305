"""A server process of ours, in a folder of its own, watched by a guard that outlives any accident of ours."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from redis_plan.errors import ServerError
from redis_plan.server.binaries import Binary

Address = tuple[str, str] | tuple[str, str, int]

PREFIX = "redis-plan-"
START_TIMEOUT_S = 20.0
_SOCKET_LIMIT = 100  # sun_path holds 104 bytes on macOS, 108 on Linux
_GUARD = Path(__file__).with_name("guard.py")
_BASE = {"save": "", "appendonly": "no", "daemonize": "no", "protected-mode": "yes"}


class OwnProcess:
    """One server of ours. It can be killed, stopped, paused and started again in the same folder."""

    def __init__(self, binary: Binary, config: Mapping[str, str]) -> None:
        self.binary = binary
        self.folder = _folder()
        wanted = _BASE | dict(config)
        self.address: Address
        if "port" in wanted and wanted["port"] not in ("", "0"):
            self.address = ("tcp", "127.0.0.1", int(wanted["port"]))
            wanted = {"bind": "127.0.0.1"} | wanted
        else:
            path = str(self.folder / "s")
            self.address = ("unix", path)
            wanted |= {"port": "0", "unixsocket": path, "unixsocketperm": "700"}
        conf = self.folder / "redis.conf"
        conf.write_text("".join(f"{_directive(name, value)}\n" for name, value in wanted.items()), encoding="utf-8")
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", _GUARD, str(self.folder), str(binary.path), str(conf)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C in the terminal reaches the owner only
        )
        self.pid = 0
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Start the server and wait until it answers; raises :class:`ServerError` with its last log line if it ends."""
        self.pid = int(self._tell("start"))
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers(self.address):
            if not _alive(self.pid):
                raise ServerError(f"{self.binary.path.name} {self.binary.version} does not start: {self._last_words()}")
            if time.monotonic() > deadline:
                raise ServerError(f"{self.binary.path.name} does not answer after {START_TIMEOUT_S:.0f} s")
            time.sleep(0.002)

    def kill(self) -> None:
        """SIGKILL: the process is gone without a last word."""
        self._tell("kill")

    def stop(self) -> None:
        """SIGTERM: the process ends in order."""
        self._tell("stop")

    def pause(self) -> None:
        """SIGSTOP: the process hangs, its connections stay."""
        self._tell("pause")

    def resume(self) -> None:
        """SIGCONT."""
        self._tell("resume")

    def close(self) -> None:
        """End the server and remove its folder; safe to call twice."""
        if self._guard.stdin and not self._guard.stdin.closed:
            self._guard.stdin.close()
            self._guard.wait()
            if self._guard.stdout:
                self._guard.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _tell(self, word: str) -> str:
        assert self._guard.stdin is not None
        assert self._guard.stdout is not None
        try:
            self._guard.stdin.write(f"{word}\n".encode())
            self._guard.stdin.flush()
            answer = self._guard.stdout.readline()
        except (OSError, ValueError):
            answer = b""
        if not answer:
            raise ServerError("our own server was ended from outside")
        return answer.decode().strip()

    def _last_words(self) -> str:
        try:
            lines = (self.folder / "server.log").read_text("utf-8", "replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1] if lines else "it said nothing"


def _folder() -> Path:
    """Make a folder whose socket path is short enough for the kernel."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    if len(str(folder)) + 2 > _SOCKET_LIMIT:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir="/tmp"))  # the one short path every Unix has
    return folder


def _directive(name: str, value: str) -> str:
    """Write one line of redis.conf; lists of words stay words, an empty value is quoted."""
    return f'{name} ""' if value == "" else f"{name} {value}"


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


def _alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return not Path("/proc/self").exists()  # no /proc (macOS): believe in it until the deadline


def free_port() -> int:
    """Return a loopback port that nobody listens on right now, with room for the cluster bus at port + 10000."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port + 10_000 < 65_536:
            return port


def run_id() -> str:
    """Return a short random id for key names on a user's server."""
    return secrets.token_hex(4)
