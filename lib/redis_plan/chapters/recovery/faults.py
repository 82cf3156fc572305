"""Faults: each error reply provoked on a server of our own, with its exact text and whether anything was written."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import redis

from redis_plan.brief.model import Brief
from redis_plan.chapters.recovery.recovery import once
from redis_plan.errors import ServerError
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure import respwire
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig import raw
from redis_plan.rig.session import Plain, Session, any_session
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
        return _reply(bench.apply)


def _readonly(bench: Bench) -> str:
    bench.client.replicaof("127.0.0.1", "1")
    try:
        return _reply(bench.apply)
    finally:
        bench.client.replicaof("NO", "ONE")


def _masterdown(bench: Bench) -> str:
    with bench.setting("replica-serve-stale-data", "no"):
        bench.client.replicaof("127.0.0.1", "1")
        try:
            return _reply(lambda: bench.client.hget(bench.session.keys["state"], "version"))
        finally:
            bench.client.replicaof("NO", "ONE")


def _noreplicas(bench: Bench) -> str:
    with bench.setting("min-replicas-to-write", "1"):
        return _reply(bench.apply)


def _noscript(bench: Bench) -> str:
    return _reply(lambda: bench.client.evalsha("0" * 40, 0))


def _no_function(bench: Bench) -> str:
    return _reply(lambda: bench.client.fcall("session_of_tomorrow", 0))


def _wrongtype(bench: Bench) -> str:
    log = bench.session.keys["log"]
    bench.client.unlink(log)
    bench.client.set(log, "planted")
    try:
        return _reply(bench.apply)
    finally:
        bench.client.unlink(log)


def _wrongtype_unchecked(bench: Bench) -> str:
    """The control: a script that writes before it checks keeps its first write (no rollback)."""
    keys = [bench.session.keys["state"], bench.session.keys["log"]]
    bench.client.unlink(keys[1])
    bench.client.set(keys[1], "planted")
    script = "redis.call('HINCRBY', KEYS[1], 'version', 1) redis.call('RPUSH', KEYS[2], 'x')"
    try:
        return _reply(lambda: bench.client.eval(script, 2, *keys))
    finally:
        bench.client.unlink(keys[1])


def _busy(bench: Bench) -> str:
    with bench.setting("lua-time-limit", "20"):
        other = once(bench.server)
        spin = threading.Thread(target=lambda: _reply(lambda: other.eval("while true do end", 0)))
        spin.start()
        time.sleep(0.1)
        try:
            return _reply(bench.apply)
        finally:
            with suppress(redis.RedisError):
                bench.client.script_kill()
            spin.join(5)


def _noperm(bench: Bench) -> str:
    bench.client.acl_setuser("stranger", enabled=True, passwords=["+x"], keys=["other:*"], commands=["+@all"])
    other: Client = bench.server.client(username="stranger", password="x", decode_responses=True)
    try:
        return _reply(lambda: other.hset(bench.session.keys["state"], "version", "99"))
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
            until = time.monotonic() + 2
            while bench.client.info("persistence")["rdb_last_bgsave_status"] == "ok" and time.monotonic() < until:
                time.sleep(0.02)
            return _reply(bench.apply)
        finally:
            blocked.rmdir()
            with suppress(redis.ResponseError):
                bench.client.bgsave()
            until = time.monotonic() + 2
            while bench.client.info("persistence")["rdb_last_bgsave_status"] != "ok" and time.monotonic() < until:
                time.sleep(0.02)


def _timeout(bench: Bench) -> str:
    """The ambiguous one: the command waits in the socket and is executed when the server goes on."""
    impatient = bench.server.client(socket_timeout=0.1, retry=once(bench.server).get_retry())
    impatient.ping()
    bench.server.pause()
    try:
        return _reply(lambda: bench.session.apply(impatient, "change", ""))
    finally:
        bench.server.resume()
        time.sleep(0.1)


def _reset(bench: Bench) -> str:
    cut = bench.server.client(single_connection_client=True, retry=once(bench.server).get_retry())
    name = cut.client_id()
    bench.client.client_kill_filter(_id=str(name))
    return _reply(lambda: bench.session.apply(cut, "change", ""))


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


def error_replies(lab: Lab, *, brief: Brief, keyspace: Keyspace) -> Finding:
    """Provoke every error one by one; its text, and whether the version moved."""
    question = "What does each failure look like, and was anything written?"
    rows = []
    try:
        with lab.own({"save": ""}) as own:
            bench = Bench(own, once(own), any_session(own, brief, keyspace, "faults"))
            for name, provoke in FAULTS.items():
                bench.session.create(bench.client)
                before = bench.version()
                text = provoke(bench)
                rows.append((name, text, bench.version() - before))
                bench.session.end(bench.client)
            bench.session.create(bench.client)
            with bench.setting("maxmemory", "1"):
                ended = _reply(lambda: bench.session.end(bench.client)) == ""
            rows += _clustered(lab)
            rows.append(("LOADING", _loading(lab), 0))
    except ServerError as error:
        return Finding(question, "", "", (), not_run=f"No server of our own to break: {error}")
    samples = pd.DataFrame(rows, columns=["fault", "text", "written"])
    seen = samples[samples["text"] != ""]
    moved = samples[samples["written"] != 0]["fault"].tolist()
    return Finding(
        question=question,
        hypothesis="An error reply means that nothing was written; only a lost answer and an unchecked script leave doubt.",
        method="Each condition made on a server of our own, session_apply (without sessions: a script that checks first) sent, the "
        "version compared before and after",
        values=(
            Value("provoked", len(rows), "faults"),
            Value("seen", len(seen), "faults", len(rows)),
            Value("written", len(moved), "faults", len(rows)),
            Value("end_under_oom", int(ended), "sessions", 1),
        ),
        samples=samples,
        conclusion=f"{len(seen)} of {len(rows)} errors seen; a write stood after: {', '.join(moved) or 'none'}.",
        conditions={"session_end with maxmemory 1": "works" if ended else "refused"},
    )


def _clustered(lab: Lab) -> list[tuple[str, str, int]]:
    """The replies of a cluster node: no slots yet, and keys of two slots."""
    try:
        with lab.own({"cluster-enabled": "yes", "save": "", "port": "auto"}) as node:
            client: Client = once(node)
            down = _reply(lambda: client.set("a", "1"))
            with suppress(redis.ResponseError):
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            return [("CLUSTERDOWN", down, 0), ("CROSSSLOT", _reply(lambda: client.mset({"a": "1", "b": "2"})), 0)]
    except (ServerError, redis.RedisError):
        return [("CLUSTERDOWN", "", 0), ("CROSSSLOT", "", 0)]


def _loading(lab: Lab) -> str:
    """Ask a server that is still reading its file; "" where it was too fast to be caught."""
    try:
        # two settings of the server's own test suite stretch the load and let it answer meanwhile
        with lab.own(
            {"appendonly": "no", "save": "", "key-load-delay": "60", "loading-process-events-interval-bytes": "1024"}
        ) as own:
            client: Client = once(own)
            with client.pipeline(transaction=False) as pipe:
                for n in range(3000):
                    pipe.set(f"fill:{n}", "x")
                pipe.execute()
            client.save()
            own.kill()
            restart = threading.Thread(target=own.start)
            restart.start()
            text, until = "", time.monotonic() + 3
            while time.monotonic() < until and "LOADING" not in text:
                text = _reply(lambda: once(own).get("fill:1"))
                if not text and not restart.is_alive():
                    break
                time.sleep(0.005)
            restart.join(10)
            return text if "LOADING" in text else ""
    except (ServerError, redis.RedisError):
        return ""


def _reply(call: Callable[[], object]) -> str:
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
