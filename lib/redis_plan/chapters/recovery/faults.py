"""Faults: each error reply provoked on a server of our own, with its exact text and whether anything was written."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from redis_plan.chapters.recovery.recovery import once
from redis_plan.measure import respwire
from redis_plan.rig import raw
from redis_plan.rig.session import Plain, Session
from redis_plan.server import Server

Client = Any  # redis.Redis, whose replies are unions that a type checker can't narrow


@dataclass(frozen=True, slots=True)
class Bench:
    """A server to break, and a session on it."""

    server: Server
    client: Client
    session: Session | Plain

    def version(self) -> int:
        """The session's version now."""
        return int(self.client.hget(self.session.keys["state"], "version") or 0)

    def apply(self) -> object:
        """The write that every fault is tried with."""
        return self.session.apply(self.client, "change", "")

    @contextmanager
    def setting(self, name: str, value: str) -> Iterator[None]:
        """Change a setting for a while."""
        old = self.client.config_get(name)[name]
        self.client.config_set(name, value)
        try:
            yield
        finally:
            self.client.config_set(name, old)


def _oom(bench: Bench) -> str:
    with bench.setting("maxmemory", "1"):
        return reply_to(bench.apply)


def _readonly(bench: Bench) -> str:
    bench.client.replicaof("127.0.0.1", "1")
    try:
        return reply_to(bench.apply)
    finally:
        bench.client.replicaof("NO", "ONE")


def _masterdown(bench: Bench) -> str:
    with bench.setting("replica-serve-stale-data", "no"):
        bench.client.replicaof("127.0.0.1", "1")
        try:
            return reply_to(lambda: bench.client.hget(bench.session.keys["state"], "version"))
        finally:
            bench.client.replicaof("NO", "ONE")


def _noreplicas(bench: Bench) -> str:
    with bench.setting("min-replicas-to-write", "1"):
        return reply_to(bench.apply)


def _noscript(bench: Bench) -> str:
    return reply_to(lambda: bench.client.evalsha("0" * 40, 0))


def _no_function(bench: Bench) -> str:
    return reply_to(lambda: bench.client.fcall("session_of_tomorrow", 0))


def _wrongtype(bench: Bench) -> str:
    log = bench.session.keys["log"]
    bench.client.unlink(log)
    bench.client.set(log, "planted")
    try:
        return reply_to(bench.apply)
    finally:
        bench.client.unlink(log)


def _wrongtype_unchecked(bench: Bench) -> str:
    """The control: a script that writes before it checks keeps its first write (no rollback)."""
    keys = [bench.session.keys["state"], bench.session.keys["log"]]
    bench.client.unlink(keys[1])
    bench.client.set(keys[1], "planted")
    script = "redis.call('HINCRBY', KEYS[1], 'version', 1) redis.call('RPUSH', KEYS[2], 'x')"
    try:
        return reply_to(lambda: bench.client.eval(script, 2, *keys))
    finally:
        bench.client.unlink(keys[1])


def _busy(bench: Bench) -> str:
    with bench.setting("lua-time-limit", "20"):
        other = once(bench.server)
        spin = threading.Thread(target=lambda: reply_to(lambda: other.eval("while true do end", 0)))
        spin.start()
        try:
            _await(lambda: "BUSY" in reply_to(bench.client.ping))
            return reply_to(bench.apply)
        finally:
            with suppress(redis.RedisError):
                bench.client.script_kill()
            spin.join(5)


def _noperm(bench: Bench) -> str:
    bench.client.acl_setuser("stranger", enabled=True, passwords=["+x"], keys=["other:*"], commands=["+@all"])
    other: Client = bench.server.client(username="stranger", password="x", decode_responses=True)
    try:
        return reply_to(lambda: other.hset(bench.session.keys["state"], "version", "99"))
    finally:
        bench.client.acl_deluser("stranger")


def _max_clients(bench: Bench) -> str:
    held = []
    with bench.setting("maxclients", str(len(bench.client.client_list()) + 2)):
        try:
            for _ in range(6):
                connection = raw.open_socket(bench.server)
                held.append(connection)
                with suppress(BrokenPipeError):  # a refused connection is closed at once, its reply waits to be read
                    connection.sendall(respwire.pack("PING"))
                reply = connection.recv(200).decode().strip()
                if reply.startswith("-"):
                    return reply[1:]
            return ""
        except OSError as error:
            return f"connection closed ({type(error).__name__})"
        finally:
            for connection in held:
                connection.close()


def _execabort(bench: Bench) -> str:
    with bench.client.pipeline(transaction=False) as pipe:
        pipe.execute_command("MULTI")
        pipe.hset(bench.session.keys["state"], "version", "99")
        pipe.execute_command("HSET", bench.session.keys["state"])
        pipe.execute_command("EXEC")
        replies = pipe.execute(raise_on_error=False)
    return _text(replies[-1])


def _misconf(bench: Bench) -> str:
    blocked = Path(bench.server.folder) / bench.client.config_get("dbfilename")["dbfilename"]
    with bench.setting("save", "3600 1"):
        with suppress(FileNotFoundError):
            blocked.unlink()
        blocked.mkdir()  # the snapshot can't be renamed onto a folder, so BGSAVE fails
        try:
            with suppress(redis.ResponseError):
                bench.client.bgsave()
            _await(lambda: bench.client.info("persistence")["rdb_last_bgsave_status"] != "ok")
            return reply_to(bench.apply)
        finally:
            blocked.rmdir()
            with suppress(redis.ResponseError):
                bench.client.bgsave()
            _await(lambda: bench.client.info("persistence")["rdb_last_bgsave_status"] == "ok")


def _timeout(bench: Bench) -> str:
    """The ambiguous one: the command waits in the socket and is executed when the server goes on."""
    impatient = bench.server.client(socket_timeout=0.5, retry=once(bench.server).get_retry())
    impatient.ping()
    bench.server.pause()
    try:
        return reply_to(lambda: bench.session.apply(impatient, "change", ""))
    finally:
        bench.server.resume()
        time.sleep(0.1)


def _reset(bench: Bench) -> str:
    cut = bench.server.client(single_connection_client=True, retry=once(bench.server).get_retry())
    name = cut.client_id()
    bench.client.client_kill_filter(_id=str(name))
    return reply_to(lambda: bench.session.apply(cut, "change", ""))


FAULTS: dict[str, Callable[[Bench], str]] = {
    "OOM": _oom,
    "READONLY": _readonly,
    "MASTERDOWN": _masterdown,
    "NOREPLICAS": _noreplicas,
    "MISCONF": _misconf,
    "BUSY": _busy,
    "NOSCRIPT": _noscript,
    "no function": _no_function,
    "WRONGTYPE": _wrongtype,
    "WRONGTYPE, unchecked": _wrongtype_unchecked,
    "NOPERM": _noperm,
    "EXECABORT": _execabort,
    "max clients": _max_clients,
    "timeout": _timeout,
    "connection lost": _reset,
}


def _await(is_so: Callable[[], bool], patience_s: float = 10.0) -> None:
    """Wait until it is so, ``patience_s`` at most."""
    until = time.monotonic() + patience_s
    while not is_so() and time.monotonic() < until:
        time.sleep(0.02)


def reply_to(call: Callable[[], object]) -> str:
    """Return the error's text, or "" if the call worked."""
    try:
        call()
    except (redis.RedisError, OSError) as error:
        return _text(error)
    return ""


#: redis-py strips the code of the errors that it has a class for; a reader of the plan wants the reply as it was sent.
_CODES: dict[type[Exception], str] = {
    redis.exceptions.ReadOnlyError: "READONLY ",
    redis.exceptions.NoScriptError: "NOSCRIPT ",
    redis.exceptions.OutOfMemoryError: "OOM ",
    redis.exceptions.BusyLoadingError: "LOADING ",
    redis.exceptions.NoPermissionError: "NOPERM ",
    redis.exceptions.ExecAbortError: "EXECABORT ",
    redis.exceptions.MasterDownError: "MASTERDOWN ",
    redis.exceptions.ClusterDownError: "CLUSTERDOWN ",
    redis.exceptions.ClusterCrossSlotError: "CROSSSLOT ",
    redis.exceptions.TimeoutError: "client: ",
    redis.exceptions.ConnectionError: "client: ",
}


def _text(error: object) -> str:
    # the digest of the script that failed says nothing to a reader
    words = " ".join(str(error).split()).split(" script: ", 1)[0]
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return words if words.startswith(code) else code + words
    # redis-py also strips the plain ERR
    return words if words.split(" ", 1)[0].isupper() else f"ERR {words}"
