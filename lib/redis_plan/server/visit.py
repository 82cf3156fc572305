"""Visiting a server that is not ours: may we measure it at all, and if not, why, in one line; and leaving it clean."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis

from redis_plan import units
from redis_plan.errors import ServerError
from redis_plan.server.binaries import OLDEST_MAJOR
from redis_plan.server.url import has_password, masked, with_password

NEARLY_FULL = 0.9  # share of the memory above which our keys could push out, or refuse, somebody's
PROBE_TTL_MS = 10_000
#: What an ACL user needs to be measured with, and no more: FLUSHALL is in @write, so @dangerous is taken away again.
RIGHTS = (
    "~redis-plan:* resetchannels &redis-plan:* +@read +@write +@pubsub +@connection +@transaction +@scripting -@dangerous "
    "+time +info +command +config|get +client|list +slowlog|get +latency|histogram +memory"
)
_SWEEPER = Path(__file__).with_name("sweeper.py")
_SCAN_COUNT = 1000
_REFUSED_WRITES = {
    "READONLY": "takes no writes (it is a replica); give the URL of its primary",
    "OOM": "is out of memory; give a server with room",
    "MISCONF": "takes no writes because its last snapshot failed; look at its disk and its log",
    "NOREPLICAS": "takes no writes because too few replicas are connected (min-replicas-to-write)",
    "CLUSTERDOWN": "is a cluster node; give a standalone server",
    "MASTERDOWN": "is a replica without its primary; give the URL of the primary",
}


def admit(client: redis.Redis, prefix: str, url: str) -> dict[str, Any]:
    """Return its INFO, or raise :class:`ServerError` when the server must not be used.

    Refused are: no Redis 7, a Sentinel, a cluster node (our keys would need slots, and several commands of ours touch
    several keys), a replica, one that is loading, nearly full, or that does not let us write under ``prefix``.
    """
    where = masked(url)
    info: Any = client.info()
    if "redis_version" not in info:
        raise ServerError(f"{where} answers, but not as Redis does; check host and port")
    version = str(info["redis_version"])
    if int(version.split(".", maxsplit=1)[0]) < OLDEST_MAJOR:
        raise ServerError(f"{where} runs Redis {version}; {OLDEST_MAJOR}.0 or newer is needed")
    if "sentinel" in (info.get("redis_mode"), info.get("server_mode")):  # Valkey has the second name
        raise ServerError(f"{where} is a Sentinel; give the URL of a server that it does not watch")
    if int(info.get("cluster_enabled", 0)):
        raise ServerError(f"{where} is a cluster node; give a standalone server of the same build")
    if info.get("role", "master") != "master":
        raise ServerError(f"{where} is a replica; give the URL of its primary, or of a server for tests")
    if int(info.get("loading", 0)):
        raise ServerError(f"{where} is loading its data; try again when it is done")
    _refuse_if_full(info, where)
    _try_to_write(client, prefix, where)
    return dict(info)


def _refuse_if_full(info: dict[str, Any], where: str) -> None:
    used, limit = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    name = "maxmemory"
    if not limit:  # no limit but the machine's; unknown on some managed services: then go on
        limit, name = int(info.get("total_system_memory", 0)), "its machine's"
    if limit and used > NEARLY_FULL * limit:
        raise ServerError(
            f"{where} uses {units.write(used, 'B')} of {name} {units.write(limit, 'B')}; "
            "measuring there could push out data: give a server with room"
        )


def _try_to_write(client: redis.Redis, prefix: str, where: str) -> None:
    probe = f"{prefix}probe"
    try:
        client.set(probe, "1", px=PROBE_TTL_MS)
        client.eval("redis.call('TIME') return redis.call('GET', KEYS[1])", 1, probe)
        client.publish(probe, "")
        client.scan(0, match=f"{prefix}*", count=1)
        with client.pipeline(transaction=True) as pipe:
            pipe.unlink(probe)
            pipe.execute()
    except redis.ResponseError as error:
        said = str(error)
        for code, reason in _REFUSED_WRITES.items():
            if said.startswith(code) or type(error).__name__.upper().startswith((code, _class_of(code))):
                raise ServerError(f"{where} {reason}") from None
        raise ServerError(f"{where} does not let us write under {prefix}: {said}; the user needs {RIGHTS}") from None


def _class_of(code: str) -> str:
    """Return how redis-py names the error of a code whose text it strips."""
    return {"OOM": "OUTOFMEMORY", "CLUSTERDOWN": "CLUSTERDOWN", "READONLY": "READONLY"}.get(code, code)


def refusal(url: str, error: Exception) -> ServerError:
    """Return the one line for an error met while opening ``url``; it never holds the password."""
    where = masked(url)
    text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    if isinstance(error, redis.AuthenticationError) or text.startswith(("NOAUTH", "WRONGPASS")):
        if has_password(url):
            return ServerError(f"{where} refused the password; check user and password")
        return ServerError(f"{where} needs a password; write {with_password(url)}")
    if isinstance(error, redis.exceptions.NoPermissionError):
        return ServerError(f"{where}: this user may not do what is needed ({text}); it needs {RIGHTS}")
    if isinstance(error, redis.BusyLoadingError):
        return ServerError(f"{where} is loading its data; try again when it is done")
    if isinstance(error, redis.exceptions.MaxConnectionsError) or "max number of clients" in text:
        return ServerError(f"{where} takes no further client (maxclients); close some, or raise it")
    if tls := _tls_fault(error):
        return ServerError(f"{where}: {tls}")
    if isinstance(error, redis.InvalidResponse) or "Protocol Error" in text:
        return ServerError(f"{where} answers, but not as Redis does; check host and port")
    if isinstance(error, redis.TimeoutError):
        tls = "it has TLS (redis:// if not)" if url.startswith("rediss") else "it wants TLS (rediss://)"
        return ServerError(f"{where} does not answer; check host, port and firewall, and whether {tls}")
    if "losed by server" in text or "onnection reset" in text:
        return ServerError(f"{where} hangs up at once; does it want TLS (rediss://), or is it no Redis?")
    if isinstance(error, redis.ConnectionError | OSError):
        return ServerError(f"can't reach {where}: {text}; is the server running, and are host and port right?")
    if isinstance(error, ValueError | TypeError):
        return ServerError(f"{where}: an option of the URL is wrong ({text})")
    return ServerError(f"{where}: {text}")


def _tls_fault(error: BaseException | None) -> str:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({error.verify_message}); add ?ssl_ca_certs=FILE to the URL"
        if isinstance(error, ssl.SSLError):
            return (
                "it does not speak TLS as we asked; write redis:// if it has none, or give ssl_certfile and ssl_keyfile"
            )
        error = error.__cause__ or error.__context__
    return ""


def clean(client: redis.Redis, prefix: str) -> int:
    """Remove every key under ``prefix``; return how many there were.

    The prefix holds a random run id, so whatever stands under it is ours, also what raw sockets and scripts wrote.
    SCAN in steps of a thousand keys blocks nobody, unlike KEYS.
    """
    removed, cursor = 0, 0
    while True:
        cursor, keys = client.scan(cursor=cursor, match=f"{prefix}*", count=_SCAN_COUNT)
        if keys:
            removed += len(keys)
            client.unlink(*keys)
        if cursor == 0:
            return removed


class Sweeper:
    """A process that removes our keys from the server at ``url`` if we end before we could (SIGTERM, kill -9)."""

    def __init__(self, url: str, prefix: str) -> None:
        self._owner = os.getpid()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", _SWEEPER, str(self._owner), sys.executable],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"url": url, "prefix": prefix, "path": sys.path}).encode() + b"\n")
        self._process.stdin.flush()

    def end(self, clean: bool) -> None:
        """Let it go: with ``clean`` nothing is left to do, else it sweeps now, on its own."""
        pipe = self._process.stdin
        if os.getpid() != self._owner or pipe is None or pipe.closed:
            return
        with suppress(OSError):
            if clean:
                pipe.write(b"done\n")
        with suppress(OSError):
            pipe.close()
        self._process.wait()
