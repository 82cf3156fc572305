"""The guard: a small process that owns one server and its folder, and ends both when its owner is gone.

Run as a script with nothing but the standard library: ``python -I -S guard.py FOLDER PROGRAM ARGUMENT…``. The owner
writes a word a line on standard input and reads one line back. When that pipe closes, or the owner is no longer our
parent, for whatever reason (end, Ctrl-C, SIGTERM, SIGKILL), the server is killed and the folder removed.
"""

import os
import select
import shutil
import signal
import subprocess
import sys

WORDS = {"kill": signal.SIGKILL, "stop": signal.SIGTERM, "pause": signal.SIGSTOP, "resume": signal.SIGCONT}
OWNER_CHECK_S = 0.25  # a fork of the owner may hold the pipe open after the owner died


def main() -> int:
    """Serve the owner until it is gone."""
    folder, command = sys.argv[1], sys.argv[2:]
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # an interrupt is the owner's business; its end reaches us by the pipe
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    owner = os.getppid()
    server = None
    try:
        while os.getppid() == owner:
            if not select.select([0], [], [], OWNER_CHECK_S)[0]:
                continue
            word = _line()
            if word is None:
                return 0
            if word == "start":
                server = _start(command, folder)
                _answer(server.pid)
            elif server is not None:
                server.send_signal(WORDS[word])
                if word in ("kill", "stop"):
                    server.wait()
                _answer(server.returncode)
        return 0
    finally:
        if server is not None and server.poll() is None:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _start(command: "list[str]", folder: str) -> "subprocess.Popen[bytes]":
    with open(os.path.join(folder, "server.log"), "ab") as log:  # noqa: PTH118, PTH123  # pathlib would double our start-up time
        return subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def _line() -> "str | None":
    text = b""
    while not text.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return None
        text += byte
    return text.decode().strip()


def _answer(value: "int | None") -> None:
    os.write(1, f"{value}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
