"""A live server that an experiment talks to: fingerprinted, probed, and left as it was found."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Any

import redis

from redis_plan.errors import ServerError
from redis_plan.server import capabilities, fingerprint
from redis_plan.server.capabilities import Capabilities
from redis_plan.server.fingerprint import Fingerprint
from redis_plan.server.process import Address, OwnProcess
from redis_plan.server.url import masked
from redis_plan.server.visit import Sweeper, clean

Make = Callable[..., redis.Redis]


class Server:
    """A live server. ``ours`` says whether we may break it; on another's we touch only keys under ``prefix``.

    ``url`` is for a person (its password is masked), ``secret_url`` for a child process that has to connect,
    ``address`` for raw sockets. ``admin`` is a client without protection, for this package alone.
    """

    def __init__(
        self,
        url: str,
        address: Address,
        make: Make,
        *,
        process: OwnProcess | None = None,
        prefix: str = "",
        admin: redis.Redis | None = None,
        stand_in: str = "",
        sweeper: Sweeper | None = None,
    ) -> None:
        """Take over a server that answers; ``make`` makes its clients, ``admin`` is one without protection."""
        self.url = masked(url)
        self.secret_url = url
        self.address = address
        self.ours = process is not None
        self.prefix = prefix
        self._make = make
        self._process = process
        self._sweeper = sweeper
        self.admin = admin or make()
        self._clients: list[redis.Redis] = [self.admin]
        info: Any = self.admin.info()
        source = process.binary.source if process else "url"
        self.fingerprint: Fingerprint = fingerprint.take(self.admin, info, source, stand_in)

    def __repr__(self) -> str:
        return f"<{self.fingerprint.name} at {self.url}>"

    def client(self, **options: Any) -> redis.Redis:
        """Return a new client; replies are bytes unless ``decode_responses=True``. Closed with the server."""
        client = self._make(**options)
        self._clients.append(client)
        return client

    def raw_socket(self, timeout_s: float | None = 5.0) -> socket.socket:
        """Return a connected socket that speaks RESP2, logged in and within TLS where the URL says so.

        The caller closes it. On a server that is not ours nothing checks what is sent here: use keys and channels under
        ``prefix`` only.
        """
        pool = self._make(protocol=2, socket_timeout=timeout_s, driver_info=None).connection_pool
        link: Any = pool.make_connection()
        link.connect()
        raw: socket.socket = link._sock  # redis-py has no public way to give a connection away
        link._sock = None  # so that its end does not close the socket
        return raw

    @cached_property
    def _capabilities(self) -> Capabilities:
        return capabilities.probe(self.admin, self.fingerprint.settings, self.prefix)

    @property
    def capabilities(self) -> frozenset[str]:
        """Names of the catalog's ``capabilities.toml`` that this server has."""
        return self._capabilities.present

    @property
    def not_checked(self) -> frozenset[str]:
        """Names of capabilities that the server did not let us ask about."""
        return self._capabilities.not_checked

    def lacks(self, name: str) -> str:
        """Return why an experiment that needs ``name`` can't run here, with what to install; empty if it can.

        Raises ``KeyError`` for a name that the catalog does not have.
        """
        return capabilities.lacking(name, self._capabilities, self.fingerprint.name)

    def setting(self, name: str) -> str:
        """Return a setting as the server has it now, else its documented default.

        Raises :class:`ServerError` where the server has no such setting, or denies CONFIG GET and no default is known.
        """
        with suppress(redis.ResponseError):
            answer: Any = self.admin.config_get(name)
            seen = {_text(key): _text(value) for key, value in answer.items()}
            if name in seen:
                return seen[name]
        product = self.fingerprint.product
        if not self.fingerprint.settings and product in (known := fingerprint.defaults().get(name, {})):
            return known[product]
        raise ServerError(f"{self.fingerprint.name} at {self.url} tells no setting {name!r}")

    def _own(self) -> OwnProcess:
        if self._process is None:
            raise ServerError("a server that we did not start is never stopped, killed or paused")
        return self._process

    @property
    def process(self) -> OwnProcess | None:
        """The process behind a server of ours."""
        return self._process

    @property
    def pid(self) -> int:
        """The process id of our own server."""
        return self._own().pid

    @property
    def folder(self) -> str:
        """The folder of our own server: configuration, log, snapshot, append-only file."""
        return str(self._own().folder)

    def start(self) -> None:
        """Start our own server again in the same folder, after :meth:`kill` or :meth:`stop`; returns once it answers."""
        self._own().start()

    def kill(self) -> None:
        """End our own server with SIGKILL."""
        self._own().kill()

    def stop(self) -> None:
        """End our own server in order (SIGTERM); returns once it has ended."""
        self._own().stop()

    def pause(self) -> None:
        """Hang our own server (SIGSTOP)."""
        self._own().pause()

    def resume(self) -> None:
        """Let our own server go on (SIGCONT)."""
        self._own().resume()

    def close(self) -> None:
        """Close every client; end our own server, or remove our keys from another's. Safe to call twice."""
        swept = False
        try:
            if self._sweeper:
                clean(self.admin, self.prefix)
                swept = True
        except redis.RedisError as error:
            raise ServerError(
                f"our keys could not be removed from {self.url} ({error}); remove those under {self.prefix} there"
            ) from None
        finally:
            if self._sweeper:
                self._sweeper.end(clean=swept)
                self._sweeper = None
            for client in self._clients:
                client.close()
            self._clients.clear()
            if self._process:
                self._process.close()


__all__ = ["Server", "clean"]


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
