"""A heart: a gateway that renews its members' leases until it is killed, or its parent is.

``python -m redis_plan.chapters.sessions.heart beat '<json>'``. Plain sockets and no client library, so that it starts at once.
"""

from __future__ import annotations

import json
import select
import socket
import sys

import hiredis

from redis_plan.chapters.sessions.moves import pack


def main() -> None:
    """Renew every lease once a period."""
    job = json.loads(sys.argv[2])
    address, beats = job["address"], job["beats"]
    link = socket.socket(socket.AF_UNIX if len(address) == 2 else socket.AF_INET, socket.SOCK_STREAM)
    link.connect(address[1] if len(address) == 2 else (address[1], address[2]))
    reader = hiredis.Reader()
    print("ready", flush=True)
    while True:
        link.sendall(b"".join(pack(*words) for words in beats))
        answered = 0
        while answered < len(beats):
            received = link.recv(1 << 16)
            if not received:
                return
            reader.feed(received)
            while (reply := reader.gets()) is not False:
                if isinstance(reply, hiredis.ReplyError):
                    raise reply
                answered += 1
        # the parent holds our stdin: when it is gone, whatever the reason, so are we
        if select.select([sys.stdin], [], [], job["beat_s"])[0]:
            return


if __name__ == "__main__":
    main()
