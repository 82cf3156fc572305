"""Error replies: every fault provoked in turn, with its exact text and whether anything was written."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pandas as pd
import redis

from redis_plan.brief.model import Brief
from redis_plan.chapters.recovery.faults import FAULTS, Bench, Client, reply_to
from redis_plan.chapters.recovery.recovery import once
from redis_plan.errors import ServerError
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Finding, Value
from redis_plan.measure.lab import Lab
from redis_plan.rig.session import any_session


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
                ended = reply_to(lambda: bench.session.end(bench.client)) == ""
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
            down = reply_to(lambda: client.set("a", "1"))
            with suppress(redis.ResponseError):
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            return [("CLUSTERDOWN", down, 0), ("CROSSSLOT", reply_to(lambda: client.mset({"a": "1", "b": "2"})), 0)]
    except (ServerError, redis.RedisError):
        return [("CLUSTERDOWN", "", 0), ("CROSSSLOT", "", 0)]


def _loading(lab: Lab) -> str:
    """Ask a server that is still reading its file; "" where it was too fast to be caught."""
    try:
        # two settings of the server's own test suite stretch the load and let it answer meanwhile
        with lab.own(
            {"appendonly": "no", "save": "", "key-load-delay": "500", "loading-process-events-interval-bytes": "1024"}
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
            text, until = "", time.monotonic() + 10
            while time.monotonic() < until and "LOADING" not in text:
                text = reply_to(lambda: once(own).get("fill:1"))
                if not text and not restart.is_alive():
                    break
                time.sleep(0.005)
            with suppress(redis.RedisError):
                once(own).config_set("key-load-delay", 0)  # seen: the rest may go fast
            restart.join(10)
            return text if "LOADING" in text else ""
    except (ServerError, redis.RedisError):
        return ""
