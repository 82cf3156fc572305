"""Opening a server: by URL, from PATH, or the embedded one; and further ones that are ours to break."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from redis_plan.errors import ServerError
from redis_plan.server import binaries, fingerprint, protect, url, visit
from redis_plan.server.binaries import Binary
from redis_plan.server.live import Server
from redis_plan.server.process import OwnProcess, run_id
from redis_plan.server.visit import Sweeper

CONNECT_TIMEOUT_S = 5.0
ADMIT_TIMEOUT_S = 5.0  # who can't answer INFO within this is no server to measure
REPLY_TIMEOUT_S = 30.0  # an experiment may ask a user's server for a large reply over a slow line


@contextmanager
def open(server_url: str = "") -> Iterator[Server]:
    """Yield a live server: the one at ``server_url``, else the first of PATH and the embedded wheel.

    In place of a URL the path of a server program, or ``embedded``, starts that program as a server of ours.

    Raises :class:`ServerError` in one line where there is none, or where the one at ``server_url`` must not be used.
    """
    if is_program(server_url):
        server = start_with(binaries.named(server_url.strip()))
    else:
        server = _visit(server_url) if server_url.strip() else start_with(binaries.first())
    try:
        yield server
    finally:
        server.close()


def is_program(given: str) -> bool:
    """Whether ``given`` names a program to start: the path of a file, or ``embedded``; not a URL."""
    text = given.strip()
    return text == binaries.EMBEDDED or (bool(text) and "://" not in text and Path(text).is_file())


@contextmanager
def open_own(config: Mapping[str, str] | None = None, like: Server | None = None) -> Iterator[Server]:
    """Yield a further server that is ours to break.

    It is of the build of ``like`` where that is ours too, else of the nearest build that this machine has (the
    fingerprint of ``like`` says which: ``stand_in``). ``config`` holds what stands after a directive's name in
    redis.conf, a line each; ``port``, a number or ``auto``, asks for a loopback port in place of a Unix socket. Raises
    :class:`ServerError` with the server's last words when it does not start.
    """
    server = start_with(build_like(like), config)
    try:
        yield server
    finally:
        server.close()


def build_like(like: Server | None) -> Binary:
    """Return the program to start for a further server beside ``like``."""
    if like is None:
        return binaries.first()
    if like.process:
        return like.process.binary
    return binaries.nearest(like.fingerprint.product, like.fingerprint.version)


def start_with(binary: Binary, config: Mapping[str, str] | None = None, arguments: tuple[str, ...] = ()) -> Server:
    """Start a given build, with ``arguments`` on its command line (``--sentinel``); the caller closes it."""
    process = OwnProcess(binary, config or {}, arguments)
    address = process.address
    password = (config or {}).get("requirepass")

    def make(**options: Any) -> redis.Redis:
        # without retries: what an experiment sees is what one command did
        options = {"password": password, "retry": None} | options
        if len(address) == 2:
            return redis.Redis(unix_socket_path=address[1], **options)
        return redis.Redis(host=address[1], port=address[2], **options)

    where = address[1] if len(address) == 2 else f"{address[1]}:{address[2]}"
    login = f":{password}@" if password else ""
    try:
        return Server(f"{'unix' if len(address) == 2 else 'redis'}://{login}{where}", address, make, process=process)
    except BaseException:
        process.close()
        raise


def _visit(given: str) -> Server:
    """Open another's server after asking it everything that could forbid it."""
    checked = url.checked(url.revealed(given))
    prefix = f"redis-plan:{run_id()}:"
    protection = protect.Protection(prefix)

    def make(**options: Any) -> redis.Redis:
        if "db" in options:
            raise ServerError("on a server that we did not start the database is the one of its URL")
        client: Any = protect.ProtectedRedis.from_url(checked, **_options(options))
        client.protection = protection
        made: redis.Redis = client
        return made

    sweeper: Sweeper | None = None
    try:
        plain = {"protocol": 2}  # no HELLO that something else than Redis could trip over
        with redis.Redis.from_url(checked, **_options(plain | {"socket_timeout": ADMIT_TIMEOUT_S})) as asker:
            info = visit.admit(asker, prefix, given)
        admin = redis.Redis.from_url(checked, **_options(plain))
        protection.commands = protect.ask_commands(admin)
        sweeper = Sweeper(checked, prefix)
        return Server(
            checked,
            url.address_of(checked),
            make,
            prefix=prefix,
            admin=admin,
            stand_in=_stand_in(info),
            sweeper=sweeper,
        )
    except BaseException as error:
        if sweeper:
            sweeper.end(clean=True)
        if isinstance(error, redis.RedisError | OSError | ValueError | TypeError):
            raise visit.refusal(given, error) from None
        raise


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {"socket_connect_timeout": CONNECT_TIMEOUT_S, "socket_timeout": REPLY_TIMEOUT_S, "retry": None}
    return defaults | dict(given)


def _stand_in(info: Mapping[str, Any]) -> str:
    """Return the build that experiments with a server of their own will use beside a user's server."""
    product = fingerprint.product_of(info)
    version = str(info.get(f"{product}_version") or info["redis_version"])
    try:
        build = binaries.nearest(product, version)
    except ServerError:
        return "no server (none is installed here)"
    return f"{build.product.capitalize()} {build.version} ({'embedded' if build.source == 'embedded' else 'from PATH'})"
