"""Contender: a client process that hammers a session with others, told by JSON lines what to do.

``python -m redis_plan.experiments.contender hammer '<json>'``: prints ``ready``, then answers each job line with one
line of counts. Several threads a process, one connection each; the processes are what makes the contention real.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

Job = dict[str, Any]  # Any: JSON of the parent
Client = Any  # redis.Redis, whose replies are unions that a type checker can't narrow
Work = Callable[[Client, Job, random.Random, str, Counter[str]], None]


def connect(address: list[Any]) -> Client:
    """Return a client with one connection and no retries: a retry would count twice."""
    once = Retry(NoBackoff(), 0)
    if address[0] == "unix":
        return redis.Redis(unix_socket_path=address[1], single_connection_client=True, retry=once)
    return redis.Redis(host=address[1], port=address[2], single_connection_client=True, retry=once)


def run(client: Client, job: Job, name: str, keys: list[str], args: list[Any]) -> Any:
    """Run a function as FCALL, or as EVALSHA with its text where it is not known yet."""
    if job["form"] == "function":
        return client.fcall(name, len(keys), *keys, *args)
    script = job["scripts"][name]
    try:
        return client.evalsha(script["sha"], len(keys), *keys, *args)
    except redis.exceptions.NoScriptError:
        return client.eval(script["text"], len(keys), *keys, *args)


def seats(client: Client, job: Job, rng: random.Random, me: str, counts: Counter[str]) -> None:
    """Join or leave a random session as a random member, by the functions."""
    session = rng.choice(job["sessions"])
    member = f"m{rng.randrange(job['members'])}#{me}"
    if rng.random() < 0.6:
        given = [member, f'{{"by":"{me}"}}', job["capacity"], "", job["lease_ms"], job["ttl_s"], session["channel"], job["log_max"]]  # fmt: skip
        answer = run(client, job, "session_join", session["join"], given)
        counts["full" if answer == -2 else "joined" if answer >= 0 else "no session"] += 1
    else:
        given = [member.partition("#")[0], job["ttl_s"], session["channel"], job["log_max"]]
        answer = run(client, job, "session_leave", session["join"], given)
        counts["left" if answer > 0 else "was not there"] += 1


def naive_seats(client: Client, job: Job, rng: random.Random, me: str, counts: Counter[str]) -> None:
    """Do the same with the commands an application would send one by one: the control that must fail."""
    session = rng.choice(job["sessions"])
    state, roster = session["join"][0], session["join"][1]
    member = f"m{rng.randrange(job['members'])}"
    if rng.random() < 0.6:
        if client.hlen(roster) >= job["capacity"] and not client.hexists(roster, member):
            counts["full"] += 1
            return
        client.hset(roster, member, me)
        counts["joined"] += 1
        counts["over"] += client.hlen(roster) > job["capacity"]
    elif not client.hdel(roster, member):
        counts["was not there"] += 1
        return
    else:
        counts["left"] += 1
    version = int(client.hget(state, "version") or 0)
    client.hset(state, "version", version + 1)
    counts["bumped"] += 1


def apply(client: Client, job: Job, rng: random.Random, me: str, counts: Counter[str]) -> None:
    """Change one session's state by session_apply."""
    args = [job["channel"], "", "", "change", '{"by":1}', job["ttl_s"], job["log_max"], 60, "by", me]
    run(client, job, "session_apply", job["keys"], args)
    counts["attempts"] += 1
    counts["done"] += 1


def watch(client: Client, job: Job, rng: random.Random, me: str, counts: Counter[str]) -> None:
    """Do the same by WATCH, read, MULTI, EXEC, again and again until it succeeds or the time is up."""
    state, log = job["keys"][0], job["keys"][1]
    with client.pipeline() as pipe:
        while time.monotonic() < job["until"]:
            counts["attempts"] += 1
            pipe.watch(state)
            epoch, version = pipe.hmget(state, "epoch", "version")
            after = int(version) + 1
            envelope = f'{{"e":"{epoch.decode()}","v":{after},"t":"change","op":"","d":{{"by":1}}}}'
            pipe.multi()
            pipe.hset(state, mapping={"version": after, "by": me})
            pipe.rpush(log, envelope).ltrim(log, -int(str(job["log_max"]).split()[0]), -1)
            pipe.publish(job["channel"].split()[0], envelope)
            try:
                pipe.execute()
            except redis.WatchError:
                continue
            counts["done"] += 1
            return


def lose(client: Client, job: Job, rng: random.Random, me: str, counts: Counter[str]) -> None:
    """Do the same by GET and SET without any guard: the control that loses updates."""
    state = job["keys"][0]
    version = int(client.hget(state, "version") or 0)
    client.hset(state, mapping={"version": version + 1, "by": me})
    counts["attempts"] += 1
    counts["done"] += 1


def duplicate(client: Client, job: Job, rng: random.Random, me: str, counts: Counter[str]) -> None:
    """Send the next operation id; every thread of every process sends the same ones."""
    number = counts["sent"]
    if number >= job["ops"]:
        time.sleep(0.001)
        return
    keys = [*job["keys"][:2], f"{job['idem']}:op{number}", *job["keys"][3:]]
    args = [job["channel"], f"op{number}", "", "change", "", job["ttl_s"], job["log_max"], 60]
    version, status = run(client, job, "session_apply", keys, args)
    counts["sent"] += 1
    counts[status.decode()] += 1
    counts["sum"] += version  # the first answer's version again: the sums of all threads agree


WORK: dict[str, Work] = {
    "seats": seats, "naive_seats": naive_seats, "apply": apply, "watch": watch, "lose": lose, "duplicate": duplicate,
}  # fmt: skip


def work(address: list[Any], job: Job, number: int, found: list[Counter[str]]) -> None:
    """One thread: connect, wait for the common start, work until the end."""
    client, counts = connect(address), found[number]
    me = f"{job['process']}-{number}"
    rng = random.Random(f"{job['seed']}:{me}")
    try:
        client.ping()
        time.sleep(max(0.0, job["from"] - time.monotonic()))
        while time.monotonic() < job["until"]:
            WORK[job["work"]](client, job, rng, me, counts)
    finally:
        client.close()


def main() -> None:
    """Answer jobs until stdin closes."""
    address = json.loads(sys.argv[2])["address"]
    print("ready", flush=True)
    for line in sys.stdin:
        job: Job = json.loads(line)
        found: list[Counter[str]] = [Counter() for _ in range(job["threads"])]
        threads = [threading.Thread(target=work, args=(address, job, n, found)) for n in range(job["threads"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
