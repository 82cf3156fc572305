"""The sweeper: a small process that removes our keys from a user's server when their owner had no time to.

Run as a script: ``python -I -S sweeper.py OWNER PYTHON``. The owner writes one line of JSON on standard input (``url``,
``prefix``, ``path``: where redis-py is) and, once it has removed its keys itself, the line ``done``. When the pipe
closes without it, or process OWNER is no longer our parent (kill -9), the sweeper does it. The URL comes by the pipe
because a process list would show it. The waiting part imports nothing but ``select`` and ``signal`` and takes 9 MB.
"""

import os
import select
import signal
import sys

OWNER_CHECK_S = 0.25  # a fork of the owner may hold the pipe open after the owner died
_SWEEP = "sweep"


def main() -> None:
    """Wait for the owner's end, then sweep unless it said ``done``."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if sys.argv[1] == _SWEEP:
        sweep()
        return
    owner, python = int(sys.argv[1]), sys.argv[2]
    heard = b""
    while os.getppid() == owner:
        if not select.select([0], [], [], OWNER_CHECK_S)[0]:
            continue
        said = os.read(0, 65536)
        heard += said
        if not said or heard.endswith(b"done\n"):
            break
    order, _, last = heard.partition(b"\n")
    if order and last != b"done\n":
        reading, writing = os.pipe()
        os.write(writing, order)
        os.close(writing)
        os.dup2(reading, 0)
        os.execv(python, [python, "-I", __file__, _SWEEP])


def sweep() -> None:
    """Remove every key under the prefix that standard input names; a server that is gone by now is left alone."""
    import json  # noqa: PLC0415  # only a sweep needs it

    order = json.loads(sys.stdin.read())
    sys.path[:] = order["path"]
    import redis  # noqa: PLC0415

    client = redis.Redis.from_url(order["url"], socket_timeout=10, socket_connect_timeout=10)
    try:
        for _ in range(2):  # what the owner had sent but the server had not yet read may come after the first pass
            cursor: object = 0
            while True:
                cursor, keys = client.scan(cursor=cursor, match=order["prefix"] + "*", count=1000)  # type: ignore
                if keys:
                    client.unlink(*keys)
                if cursor == 0:
                    break
    except redis.RedisError:
        pass


if __name__ == "__main__":
    main()
