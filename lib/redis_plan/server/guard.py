"""The guard: a small process that owns one server and its folder, and ends both when its owner is gone.

Run as a script with nothing but the standard library: ``python -I -S guard.py OWNER BASE PROGRAM ARGUMENT…``. It makes
a folder under BASE, tells its name, and then obeys: a line ``NUMBER WORD`` on standard input is answered by ``NUMBER
ANSWER`` on standard output. When that pipe closes, or process OWNER is no longer our parent, for whatever reason (end,
Ctrl-C, SIGTERM, SIGKILL), the server is killed and the folder removed.

It imports nothing that Python has not loaded anyway but ``select`` and ``signal``: ``subprocess`` and ``shutil`` would
double its start-up time (30 ms in place of 15 ms on two cores at 2.6 GHz).
"""

import os
import select
import signal
import sys
import time

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGTERM, "pause": signal.SIGSTOP, "resume": signal.SIGCONT}
OWNER_CHECK_S = 0.25  # a fork of the owner may hold the pipe open after the owner died
STOP_TIMEOUT_S = 20.0  # an orderly end may write a snapshot first
POLL_S = 0.002


class Server:
    """The process we own: its id, and how it ended (None while it runs)."""

    def __init__(self, command: "list[str]") -> None:
        self.ended: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _become(command)

    def poll(self) -> "int | None":
        """Return how it ended, or None."""
        if self.ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.ended = os.waitstatus_to_exitcode(status)
        return self.ended

    def send(self, number: int) -> None:
        """Send a signal; SIGKILL goes to its children too (a snapshot or a rewrite under way)."""
        if self.poll() is not None:
            return
        try:
            if number == signal.SIGKILL:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)
        except ProcessLookupError:  # not yet a group leader
            os.kill(self.pid, number)

    def wait(self, owner: "Owner") -> None:
        """Wait for the end, unless the owner goes first or the end takes too long."""
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self.poll() is None and time.monotonic() < deadline and not owner.speaks_within(POLL_S) and owner.lives():
            pass


class Owner:
    """The process at the other end of our pipes."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def lives(self) -> bool:
        """Whether it is still our parent."""
        return os.getppid() == self.pid

    def speaks_within(self, seconds: float) -> bool:
        """Whether there is something to read (its end counts)."""
        return bool(select.select([0], [], [], seconds)[0])

    def line(self) -> str:
        """Read one line; empty when the pipe is closed."""
        text = b""
        while not text.endswith(b"\n"):
            byte = os.read(0, 1)
            if not byte:
                return ""
            text += byte
        return text.decode().strip()

    def tell(self, text: object) -> None:
        """Write one line."""
        os.write(1, f"{text}\n".encode())


def main() -> None:
    """Make the folder, serve the owner until it is gone, and leave nothing."""
    owner, base, command = Owner(int(sys.argv[1])), sys.argv[2], sys.argv[3:]
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)  # an interrupt is the owner's business; its end reaches us by the pipe
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder = os.path.join(base, "redis-plan-" + os.urandom(4).hex())  # noqa: PTH118  # pathlib costs start-up time
    servers: list[Server] = []
    try:
        os.mkdir(folder, 0o700)  # noqa: PTH102
        os.chdir(folder)
        owner.tell(folder)
        serve(owner, command, servers)
    except BrokenPipeError:
        pass
    except OSError as error:
        owner.tell(f"! {error.strerror}")
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for server in servers:
            while server.poll() is None:
                server.send(signal.SIGKILL)
                time.sleep(POLL_S)
        os.chdir("/")
        remove(folder)


def serve(owner: Owner, command: "list[str]", servers: "list[Server]") -> None:
    """Obey until the owner says ``end`` or is gone."""
    while owner.lives():
        if not owner.speaks_within(OWNER_CHECK_S):
            continue
        number, _, word = owner.line().partition(" ")
        if word in ("", "end"):
            return
        if word == "start":
            if servers and servers[-1].poll() is None:
                owner.tell(f"{number} already runs")
                continue
            servers.append(Server(command))
        server = servers[-1]
        if word in SIGNALS:
            server.send(SIGNALS[word])
        if word == "stop":
            server.send(signal.SIGCONT)  # a paused server could not obey
        if word in ("stop", "kill"):
            server.wait(owner)
        owner.tell(f"{number} {server.pid} {'runs' if server.poll() is None else server.poll()}")


def _become(command: "list[str]") -> None:
    """Turn this fork into the server, in a session of its own, writing to ``server.log``."""
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        log = os.open("server.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.execv(command[0], command)
    except OSError as error:
        os.write(2, f"{error.strerror}\n".encode())
    finally:
        os._exit(127)


def remove(folder: str) -> None:
    """Remove the folder with everything in it, whatever is missing already."""
    for where, folders, files in os.walk(folder, topdown=False):
        for name in files:
            _quietly(os.unlink, os.path.join(where, name))  # noqa: PTH118
        for name in folders:
            _quietly(os.rmdir, os.path.join(where, name))  # noqa: PTH118
    _quietly(os.rmdir, folder)


def _quietly(act: "object", path: str) -> None:
    try:  # noqa: SIM105  # contextlib costs start-up time
        act(path)  # type: ignore[operator]
    except OSError:
        pass


if __name__ == "__main__":
    main()
