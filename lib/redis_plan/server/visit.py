"""Visiting another's server: may we measure it at all, and if not, why, in one line."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis

from redis_plan import units
from redis_plan.errors import ServerError
from redis_plan.server.binaries import OLDEST_MAJOR

NEARLY_FULL = 0.9  # share of maxmemory above which our keys could push out, or refuse, somebody's


def masked(url: str) -> str:
    """Return the URL without its password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.password}@", ":***@")))


def admit(client: redis.Redis, prefix: str, url: str) -> None:
    """Raise :class:`ServerError` when the server must not be used: too old, a replica, nearly full, read-only."""
    info: Any = client.info()
    where = masked(url)
    version = str(info.get("redis_version", "0"))
    if int(version.split(".", maxsplit=1)[0]) < OLDEST_MAJOR:
        raise ServerError(f"{where} runs Redis {version}; {OLDEST_MAJOR}.0 or newer is needed")
    if info.get("role") != "master":
        raise ServerError(f"{where} is a replica; give the URL of its primary, or of a server for tests")
    if info.get("loading"):
        raise ServerError(f"{where} is loading its data; try again when it is done")
    used, limit = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if limit and used > NEARLY_FULL * limit:
        raise ServerError(
            f"{where} uses {units.write(used, 'B')} of maxmemory {units.write(limit, 'B')}; "
            "measuring there could push out data: give a server with room"
        )
    if int(info.get("cluster_enabled", 0)):
        raise ServerError(f"{where} is a cluster node; give a standalone server, the plan's cluster rules are computed")
    probe = f"{prefix}probe"
    try:
        client.set(probe, "1", ex=10)
        client.unlink(probe)
    except redis.ResponseError as error:
        raise ServerError(
            f"{where} does not let us write under {prefix}: {error}; the user needs ~redis-plan:* &redis-plan:* "
            "+@read +@write +@pubsub +@connection +@scripting +info"
        ) from None


def refusal(url: str, error: Exception) -> ServerError:
    """Return the one line for an error met while opening ``url``."""
    where = masked(url)
    text = str(error) or type(error).__name__
    if isinstance(error, redis.AuthenticationError) or "NOAUTH" in text or "WRONGPASS" in text:
        given = urlsplit(url).password is not None
        cure = "check user and password" if given else "write redis://:PASSWORD@HOST:PORT"
        return ServerError(f"{where} {'refused the password' if given else 'needs a password'}; {cure}")
    if isinstance(error, redis.exceptions.NoPermissionError):
        return ServerError(
            f"{where}: this user may not do what is needed ({text}); it needs +info and keys under redis-plan:*"
        )
    if isinstance(error, redis.InvalidResponse):
        return ServerError(f"{where} answers, but not as Redis does; check host and port")
    if isinstance(error, ValueError):
        return ServerError(f"--url {where}: {text}")
    if isinstance(error, redis.TimeoutError):
        return ServerError(f"{where} does not answer; check host, port, firewall and TLS (rediss://)")
    if isinstance(error, redis.ConnectionError | OSError):
        reason = text.rstrip(".")
        return ServerError(f"can't reach {where}: {reason}; is the server running, and are host, port and TLS right?")
    return ServerError(f"{where}: {text}")
