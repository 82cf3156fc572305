"""Loading: fill a server with many keys fast, and read its memory when it has come to rest."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import redis

from redis_plan import server as servers
from redis_plan.measure.lab import Lab

#: Bytes of commands sent before their answers are read.
_CHUNK_BYTES = 64 * 1024


#: A server to fill ticks 100 times a second, so that tables come to rest sooner, and logs no slow command: a machine that is
#: busy makes slow ones, and an entry keeps copies of their arguments.
CONFIG = {"hz": "100", "slowlog-log-slower-than": "-1"}


@dataclass(frozen=True, slots=True)
class Memory:
    """What INFO says about memory and keys, in bytes and counts; ``clients`` is what connections take."""

    used: int
    rss: int
    startup: int
    keys: int
    volatile: int
    allocator_active: int = 0
    allocator_allocated: int = 0
    clients: int = 0

    @property
    def data(self) -> int:
        """What is used by all but connections, whose buffers grow and shrink with the moment at which the server looks."""
        return self.used - self.clients


@contextmanager
def target(lab: Lab) -> Iterator[servers.Server]:
    """Yield a server to fill: a fresh one of our own where the lab's is ours, else the user's under its prefix.

    Ours is set up by :data:`CONFIG`, which changes no byte of a key.
    """
    with ExitStack() as stack:
        if not lab.server.ours:
            yield lab.server
            return
        server = stack.enter_context(lab.own(CONFIG))
        with server.client() as client:
            # whoever asked while it started gives 20 KB of query buffer back after 2 s of silence, amid our readings
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        yield server


def encode(command: Iterable[str | bytes]) -> bytes:
    """Return ``command`` as a RESP array of bulk strings."""
    parts = [part.encode() if isinstance(part, str) else part for part in command]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


def send(server: servers.Server, commands: Iterable[Iterable[str | bytes]]) -> int:
    """Send ``commands`` in chunks on a connection of their own and return how many; the first error is raised.

    The connection is closed at the end, so its buffers are not in the memory that is read afterwards.
    """
    count = 0
    with server.client() as client:
        connection = client.connection_pool.get_connection()
        try:
            stream = iter(commands)
            while True:
                chunk: list[bytes] = []
                size = 0
                for command in stream:
                    chunk.append(encode(command))
                    size += len(chunk[-1])
                    if size >= _CHUNK_BYTES:
                        break
                if not chunk:
                    return count
                connection.send_packed_command([b"".join(chunk)], check_health=False)
                for _ in chunk:
                    connection.read_response()
                count += len(chunk)
        finally:
            connection.disconnect()
            client.connection_pool.release(connection)


def read(client: redis.Redis) -> Memory:
    """Return the memory that INFO reports now."""
    info = client.info("memory")
    keyspace = client.info("keyspace").values()
    return Memory(
        used=int(info["used_memory"]),
        rss=int(info["used_memory_rss"]),
        startup=int(info["used_memory_startup"]),
        keys=sum(int(db["keys"]) for db in keyspace),
        volatile=sum(int(db["expires"]) for db in keyspace),
        allocator_active=int(info.get("allocator_active", 0)),
        allocator_allocated=int(info.get("allocator_allocated", 0)),
        clients=int(info.get("mem_clients_normal", 0)),
    )


def settle(client: redis.Redis, ours: bool = True, longest_s: float = 4.0, quiet_s: float | None = None) -> Memory:
    """Return the memory once ``used_memory`` has come to rest, or after ``longest_s``.

    ``quiet_s`` is how long rest must last; by default long enough for the keyspace's tables to move. Where it is given
    the connection stays: readings in quick succession, whose differences count.

    The server's cron moves the keyspace's tables to their new size 1 ms a tick (src/server.c, databasesCron) and frees
    closed clients; how long a quiet spell must be to mean rest grows with the number of keys. A server of ours ticks
    100 times a second, a user's usually 10 times. A server that others keep from the processor ticks when we look, so rest
    is so many looks as well: the reply buffer of a fresh connection shrinks from 16 KB only at its second tick.
    """
    deadline = time.monotonic() + longest_s
    if ours and quiet_s is None:
        # the buffers of a connection grow and shrink with what it did: each reading has a fresh one
        client.connection_pool.disconnect()
    seen, since = read(client), time.monotonic()
    if quiet_s is None:
        quiet_s = (0.022 + seen.keys / 1e6) if ours else (0.15 + seen.keys / 2e5)
    step_s, looks = 0.005 if ours else 0.05, 0
    while time.monotonic() < deadline:
        time.sleep(step_s)
        used, looks = int(client.info("memory")["used_memory"]), looks + 1
        if used != seen.used:
            seen, since, looks = read(client), time.monotonic(), 0
        elif time.monotonic() - since >= quiet_s and looks >= 0.8 * quiet_s / step_s:
            break
    return read(client)


def warm_up(server: servers.Server, prefix: str) -> int:
    """Use every command once: its first use allocates a latency histogram of about 25 KB (Redis 7.0 and later).

    Returns how many different commands that were.
    """
    key = f"{prefix}warm"
    once: list[tuple[str, ...]] = [
        ("SET", key, "v", "EX", "100"), ("GET", key), ("EXPIRE", key, "100"), ("MEMORY", "USAGE", key, "SAMPLES", "0"),
        ("UNLINK", key), ("HSET", key, "f", "v"), ("UNLINK", key), ("RPUSH", key, "v"), ("UNLINK", key),
        ("SADD", key, "v"), ("UNLINK", key), ("ZADD", key, "1", "v"), ("UNLINK", key),
        ("XADD", key, "1-0", "f", "v"), ("OBJECT", "ENCODING", key), ("UNLINK", key), ("PING",),
    ]  # fmt: skip
    send(server, once)
    return len({command[0] if command[0] not in ("MEMORY", "OBJECT") else command[:2] for command in once})


def usage(client: redis.Redis, keys: Iterable[str]) -> list[int]:
    """Return MEMORY USAGE (every element counted: SAMPLES 0) of each of ``keys``."""
    pipeline = client.pipeline(transaction=False)
    for key in keys:
        pipeline.execute_command("MEMORY", "USAGE", key, "SAMPLES", "0")
    return [int(answer or 0) for answer in pipeline.execute()]


def unlink(server: servers.Server, keys: Iterable[str]) -> None:
    """Remove ``keys``, 200 a command."""
    stream = iter(keys)
    parts = iter(lambda: tuple(itertools.islice(stream, 200)), ())
    send(server, (("UNLINK", *part) for part in parts))
