"""A cluster of three primaries: the whole walk and the generated client, without CROSSSLOT; and how evenly sessions lie."""

import asyncio
import itertools
import json
import secrets
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import redis

from redis_plan import server
from redis_plan.chapters.sessions import walkthrough as experiment
from redis_plan.delivery import clients, duties, library, walkthrough
from redis_plan.delivery.configuration import Target, redis_conf
from redis_plan.delivery.redis_plan_sync import SyncClient
from redis_plan.delivery.redis_plan_sync_cluster import ClusterDriver
from redis_plan.delivery.redis_plan_sync_driver import Timing
from redis_plan.keyspace import naming
from redis_plan.keyspace.model import Keyspace
from redis_plan.server import Binary, Server, topology
from redis_plan.server.topology import Cluster
from tests.conftest import BINARIES, within
from tests.delivery import made, node
from tests.delivery.test_access import OPEN
from tests.delivery.test_conditions import migrate, name_of, owner_of

SESSIONS = 10_000


@pytest.fixture(scope="module", params=BINARIES, ids=lambda binary: binary.id)
def cluster(request: pytest.FixtureRequest, sample: made.Project) -> Iterator[Cluster]:
    """Three primaries of each build, each with the sample's library."""
    like = server.start_with(request.param)
    try:
        with topology.cluster(like) as made_of:
            load(made_of, sample)
            yield made_of
    finally:
        like.close()


def load(cluster: Cluster, project: made.Project) -> None:
    for one in cluster.nodes:
        one.client().function_flush()
        if text := library.compose(project.brief, project.keyspace):
            one.client().function_load(text)


def test_the_whole_walk_of_every_project_runs_on_three_primaries(cluster: Cluster, documents: object) -> None:
    client, used = cluster.client(decode_responses=True), set()
    try:
        for name in made.PROJECTS:
            project = made.of(name, documents)  # type: ignore[arg-type]
            load(cluster, project)
            for number in range(5):  # sessions of several slots
                walk = walkthrough.steps(project.brief, project.keyspace, session=f"s{number}")
                named = walkthrough.keys_in(walk)
                seen = walkthrough.play(client.execute_command, walk, lambda keys=named: experiment.look(client, keys))
                assert len(seen) == len(walk)
                used |= {cluster.nodes.index(cluster.node_of(naming.slot(key))) for key in named}
                for key in named:
                    client.unlink(key)
        assert used == {0, 1, 2}
    finally:
        client.close()


@pytest.mark.parametrize("binary", BINARIES, ids=lambda binary: binary.id)
def test_configuration_users_and_walk_as_delivered_are_those_of_a_cluster_too(
    binary: Binary, sample: made.Project, tmp_path: Path
) -> None:
    """Each primary starts with redis.conf, reads users.acl and has the library; then the walk runs, each step by its user."""
    text = redis_conf(sample.brief, sample.settings, Target(binary.product, binary.version), sample.names)
    (tmp_path / "redis.conf").write_text(text)
    (tmp_path / "users.acl").write_text(OPEN + sample.text("users.acl").partition("\n")[2])
    like = server.start_with(binary)
    configured = {"include": str(tmp_path / "redis.conf"), "aclfile": str(tmp_path / "users.acl")}
    try:
        with topology.cluster(like, config=configured) as own:
            load(own, sample)
            for one in own.nodes:
                (policy,) = one.client(decode_responses=True).config_get("maxmemory-policy").values()
                assert f"\nmaxmemory-policy {policy}\n" in text
                for role in duties.ROLES:
                    one.client().execute_command("ACL", "SETUSER", role, ">tried")
            walk = walkthrough.steps(sample.brief, sample.keyspace)
            by = {r: own.client(username=r, password="tried", decode_responses=True) for r in duties.ROLES}
            sender = {step.command[:3]: step.user for step in walk}
            named = walkthrough.keys_in(walk)
            root = own.client(decode_responses=True)
            seen = walkthrough.play(
                lambda *words: by[sender[words[:3]]].execute_command(*words), walk, lambda: experiment.look(root, named)
            )
            assert len(seen) == len(walk)
            with pytest.raises(redis.ResponseError, match="permission"):
                by["app"].execute_command("HGETALL", "other:v1:{a}:state")
            for client in (root, *by.values()):
                client.close()
    finally:
        like.close()


def test_names_without_the_tag_are_refused(cluster: Cluster, sample: made.Project) -> None:
    """The control: the same step with names in several slots must fail."""
    load(cluster, sample)
    with pytest.raises(
        redis.ResponseError, match=r"CROSSSLOT|same slot"
    ):  # asked of a node: the client refuses by itself
        cluster.nodes[0].client().fcall("session_create", 3, "a:state", "b:roster", "c:log", "ab", "60")


def test_the_generated_client_works_on_a_cluster(cluster: Cluster, generated: ModuleType, sample: made.Project) -> None:
    load(cluster, sample)
    client = cluster.client(decode_responses=True)
    o = generated.Operations(client, generated.Keys())
    for number in range(30):
        assert o.create(f"g{number}") == "created"
        assert o.join(f"g{number}", "ann", "c", {}) == (1, "joined")
        assert o.record_answer(f"g{number}", 1, "ann", "b").status == "ok"
        o.end(f"g{number}")
        o.hand_over(f"g{number}", "row")
        assert o.remove(f"g{number}") == "removed"
        assert not client.exists(o.keys.answer(f"g{number}", 1))
    client.close()


def test_hundreds_of_clients_lose_nothing_on_a_cluster(
    cluster: Cluster, generated: ModuleType, sample: made.Project
) -> None:
    load(cluster, sample)
    _, host, port = cluster.nodes[0].address  # type: ignore[misc]

    async def storm() -> list[object]:
        async with redis.asyncio.RedisCluster(host=host, port=port, max_connections=200) as client:
            o = generated.AsyncOperations(client, generated.Keys())
            for number in range(10):
                await o.create(f"h{number}")
            work = [o.join(f"h{n % 10}", f"m{n}", "c", {}, capacity=15) for n in range(200)]
            return list(await asyncio.gather(*work))

    replies = asyncio.run(storm())
    assert Counter(str(reply.status) for reply in replies) == {"joined": 150, "full": 50}  # type: ignore[attr-defined]


def test_ten_thousand_sessions_spread_evenly_over_three_primaries(
    cluster: Cluster, sample: made.Project, record_property: object
) -> None:
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    template = sample.keyspace.pattern("state").template
    client = cluster.nodes[0].client()
    shares: Counter[int] = Counter()
    pipeline = client.pipeline(transaction=False)
    names = [
        naming.render(template, session_id="".join(secrets.choice(alphabet) for _ in range(12)))
        for _ in range(SESSIONS)
    ]
    for name in names:
        pipeline.execute_command("CLUSTER", "KEYSLOT", name)
    for name, slot in zip(names, pipeline.execute(), strict=True):
        assert slot == naming.slot(name)
        shares[cluster.nodes.index(cluster.node_of(slot))] += 1
    fullest = max(shares.values()) / (SESSIONS / 3)
    record_property("fullest_share", fullest)  # type: ignore[operator]
    print(
        f"\n{SESSIONS:,} sessions on three primaries: {sorted(shares.values())}; the fullest has {fullest:.3f} of an even share"
    )
    assert fullest < 1.06  # five standard deviations


@pytest.mark.parametrize("sharded", [False, True], ids=["plain", "sharded"])
def test_copies_on_three_primaries_are_right_also_after_a_slot_moved(
    cluster: Cluster, sample: made.Project, tmp_path: Path, sharded: bool
) -> None:
    load(cluster, sample)
    keyspace = with_events(sample, "sharded-pubsub" if sharded else "pubsub")
    slot = naming.slot("c0")
    beside = (name for name in map(str, itertools.count()) if naming.slot(name) == slot)
    sessions = [f"c{number}" for number in range(12)] + list(itertools.islice(beside, 4))

    async def scene(generated: ModuleType) -> None:
        keys, port = generated.Keys(), int(cluster.nodes[0].address[-1])
        async with redis.asyncio.RedisCluster(host="127.0.0.1", port=port, decode_responses=True) as client:
            o = generated.AsyncOperations(client, keys)
            for session in sessions:
                await o.create(session)
            heard: dict[str, str] = {}
            driver = ClusterDriver(
                client, "redis://{host}:{port}", o.catch_up, keys.events, keys.state, QUICK, sharded=sharded,
                signals=[lambda session: f"{keys.events(session)}-signals"],
            )  # fmt: skip

            def hear(session: str, _: object, message: str | None) -> None:
                if message is not None and (event := json.loads(message))["t"] == "~beat":
                    heard[session] = event["d"]

            async def all_hear(word: str) -> None:
                while set(heard) < set(sessions) or set(heard.values()) != {word}:
                    await asyncio.to_thread(beat, cluster, keys, sessions, word, sharded)
                    await asyncio.sleep(0.05)

            async with driver:
                copies = {session: await driver.follow(session, hear) for session in sessions}
                for number in range(20):
                    for session in sessions:
                        await o.apply(
                            session, "count", {"set": {"n": number}}, op_id=f"o{number}", fields={"n": number}
                        )
                await equal(o, copies)
                assert len(driver.drivers) == 3
                await asyncio.wait_for(all_hear("before"), 60)
                move(cluster, keys.state(sessions[0]), sessions[0])
                while (
                    await o.apply(sessions[0], "last", {"set": {"n": 99}}, op_id="x", fields={"n": 99})
                ).version < 21:
                    pass
                placing = [driver._place(each) for each in driver.drivers.values() for _ in range(3)]
                await asyncio.gather(*placing)  # as a life that ends and a beacon that fails do, at once
                await equal(o, copies)
                for session in sessions[:1] + sessions[12:]:
                    await handed_over(driver, session, owner_of(cluster, keys.state(session)))
                await asyncio.wait_for(all_hear("after"), 60)
            assert all(copy.state["n"] == "19" for session, copy in copies.items() if session != sessions[0])

    (tmp_path / "redis_plan_client.py").write_text(clients.python_client(sample.brief, keyspace), "utf-8")
    asyncio.run(scene(made.client_module(tmp_path, f"cluster_{sharded}")))
    client = cluster.client()
    client.flushall()
    client.close()


def test_a_primary_that_has_gone_is_no_outage_for_sessions_that_are_elsewhere(
    sample: made.Project, tmp_path: Path
) -> None:
    """Else a gateway says to everybody that the server is away, for ever."""
    with topology.cluster() as own:
        load(own, sample)
        (tmp_path / "redis_plan_client.py").write_text(clients.python_client(sample.brief, sample.keyspace), "utf-8")
        generated, leaving = made.client_module(tmp_path, "gone"), own.nodes[2]
        keys, port = generated.Keys(), int(own.nodes[0].address[-1])

        async def scene() -> None:
            async with redis.asyncio.RedisCluster(host="127.0.0.1", port=port, decode_responses=True) as client:
                o = generated.AsyncOperations(client, keys)
                async with ClusterDriver(
                    client, "redis://{host}:{port}", o.catch_up, keys.events, keys.state, QUICK
                ) as driver:
                    copies = {}
                    for session in (f"c{number}" for number in range(9)):
                        await o.create(session)
                        copies[session] = await driver.follow(session)
                    there = [session for session in copies if owner_of(own, keys.state(session)) is leaving]
                    assert there
                    for session in there:
                        move(own, keys.state(session), session)
                    for session in there:
                        await handed_over(driver, session, owner_of(own, keys.state(session)))
                    leaving.kill()
                    empty = next(
                        d for d in driver.drivers.values() if d.link.urls[0].endswith(f":{leaving.address[-1]}")
                    )
                    while not empty.deaf:
                        await asyncio.sleep(0.02)
                    assert not driver.deaf

        asyncio.run(asyncio.wait_for(scene(), 120))


def test_a_primary_that_was_taken_out_of_the_cluster_is_looked_for_by_nobody(
    sample: made.Project, programs: Path, tmp_path: Path
) -> None:
    with topology.cluster() as own:
        load(own, sample)
        (tmp_path / "redis_plan_client.py").write_text(clients.python_client(sample.brief, sample.keyspace), "utf-8")
        generated, leaving = made.client_module(tmp_path, "taken_out"), own.nodes[2]
        keys, port, root = generated.Keys(), int(own.nodes[0].address[-1]), own.client(decode_responses=True)
        o, sessions = generated.Operations(root, keys), [f"c{number}" for number in range(9)]
        for session in sessions:
            o.create(session)

        def take_out() -> None:
            for session in sessions:
                if owner_of(own, keys.state(session)) is leaving:
                    move(own, keys.state(session), session)
            heir = name_of(own.nodes[0])
            # itself first: without a slot it is no primary any more, as soon as the others tell it so
            for one in (leaving, *own.nodes[:2]):
                with one.client().pipeline(transaction=False) as at_once:
                    for slot in range(topology.SLOTS):
                        if own.node_of(slot) is leaving and slot not in map(naming.slot, sessions):
                            at_once.execute_command("CLUSTER", "SETSLOT", slot, "NODE", heir)
                    at_once.execute()
            gone = name_of(leaving)
            leaving.kill()
            for one in own.nodes[:2]:
                one.client().execute_command("CLUSTER", "FORGET", gone)

        def drivers(process: subprocess.Popen[str]) -> int:
            assert process.stdin
            assert process.stdout
            print("drivers", file=process.stdin, flush=True)
            return int(process.stdout.readline())

        async def scene(process: subprocess.Popen[str]) -> None:
            assert await asyncio.to_thread(drivers, process) == 3
            async with redis.asyncio.RedisCluster(host="127.0.0.1", port=port, decode_responses=True) as client:
                ours = generated.AsyncOperations(client, keys)
                async with ClusterDriver(
                    client, "redis://{host}:{port}", ours.catch_up, keys.events, keys.state, QUICK
                ) as driver:
                    for session in sessions:
                        await driver.follow(session)
                    assert len(driver.drivers) == 3
                    await asyncio.to_thread(take_out)
                    while len(driver.drivers) != 2 or driver._ending:
                        await asyncio.sleep(0.05)
                    while await asyncio.to_thread(drivers, process) != 2:
                        await asyncio.sleep(0.05)

        words = ["node", str(programs / node.LIBRARIES[0] / "cluster.js"), str(port), json.dumps(sessions), "plain"]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout
                assert process.stdout.readline() == "ready\n"
                asyncio.run(asyncio.wait_for(scene(process), 60))
            finally:
                process.kill()
        root.close()


def test_a_session_whose_slot_nobody_holds_keeps_no_other_from_its_new_primary(
    sample: made.Project, programs: Path, tmp_path: Path
) -> None:
    """And it is followed again as soon as somebody holds the slot."""
    with topology.cluster() as own:
        load(own, sample)
        (tmp_path / "redis_plan_client.py").write_text(clients.python_client(sample.brief, sample.keyspace), "utf-8")
        generated = made.client_module(tmp_path, "nobody")
        keys, port, root = generated.Keys(), int(own.nodes[0].address[-1]), own.client(decode_responses=True)
        for one in own.nodes:
            one.client().config_set("cluster-require-full-coverage", "no")
        o, sessions = generated.Operations(root, keys), [f"c{number}" for number in range(9)]
        for session in sessions:
            o.create(session)
        holder = owner_of(own, keys.state(sessions[0]))
        orphan, moved = [session for session in sessions if owner_of(own, keys.state(session)) is holder][:2]

        def ask(process: subprocess.Popen[str], session: str) -> dict[str, Any]:
            assert process.stdin
            assert process.stdout
            print("report", file=process.stdin, flush=True)
            found: dict[str, Any] = json.loads(process.stdout.readline())[session]
            return found

        async def scene(process: subprocess.Popen[str]) -> None:
            async with redis.asyncio.RedisCluster(
                host="127.0.0.1", port=port, decode_responses=True, require_full_coverage=False
            ) as client:
                ours = generated.AsyncOperations(client, keys)
                async with ClusterDriver(
                    client, "redis://{host}:{port}", ours.catch_up, keys.events, keys.state, QUICK
                ) as driver:
                    copies = {session: await driver.follow(session) for session in sessions}
                    for one in own.nodes:
                        one.client().execute_command("CLUSTER", "DELSLOTS", naming.slot(orphan))
                    move(own, keys.state(moved), moved)
                    owner = owner_of(own, keys.state(moved))
                    await handed_over(driver, moved, owner)
                    while not (await asyncio.to_thread(ask, process, moved))["at"].endswith(f":{owner.address[-1]}"):
                        await asyncio.sleep(0.05)
                    holder.client().execute_command("CLUSTER", "ADDSLOTS", naming.slot(orphan))
                    while True:  # until every node has heard of it
                        try:
                            await ours.apply(orphan, "last", {"set": {"n": 7}}, op_id="x", fields={"n": 7})
                            break
                        except (redis.RedisError, KeyError):  # how redis-py says that it knows no holder
                            await asyncio.sleep(0.1)
                    while copies[orphan].state.get("n") != "7":
                        await asyncio.sleep(0.05)
                    while (await asyncio.to_thread(ask, process, orphan)).get("n") != "7":
                        await asyncio.sleep(0.05)

        words = ["node", str(programs / node.LIBRARIES[0] / "cluster.js"), str(port), json.dumps(sessions), "plain"]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout
                assert process.stdout.readline() == "ready\n"
                asyncio.run(asyncio.wait_for(scene(process), 60))
            finally:
                process.kill()
        root.close()


@pytest.mark.parametrize("library", node.LIBRARIES)
@pytest.mark.parametrize("sharded", [False, True], ids=["plain", "sharded"])
def test_copies_in_typescript_are_right_also_after_a_slot_moved(
    cluster: Cluster, sample: made.Project, programs: Path, tmp_path: Path, library: str, sharded: bool
) -> None:
    load(cluster, sample)
    keyspace = with_events(sample, "sharded-pubsub" if sharded else "pubsub")
    (tmp_path / "redis_plan_client.py").write_text(clients.python_client(sample.brief, keyspace), "utf-8")
    generated, client = made.client_module(tmp_path, f"typescript_{sharded}"), cluster.client(decode_responses=True)
    o, sessions = generated.Operations(client, generated.Keys()), [f"c{number}" for number in range(12)]
    for session in sessions:
        o.create(session)
    words = ["node", str(programs / library / "cluster.js"), str(cluster.nodes[0].address[-1]), json.dumps(sessions)]
    with subprocess.Popen(
        [*words, "sharded" if sharded else "plain"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        given, said = process.stdin, process.stdout
        assert said.readline() == "ready\n"

        def report() -> dict[str, Any]:
            print("report", file=given, flush=True)
            found: dict[str, Any] = json.loads(said.readline())
            return found

        def right() -> bool:
            there = {session: o.catch_up(session, "", 0) for session in sessions}
            return all(
                (has["mode"], has["epoch"], has["version"], has.get("n"))
                == ("live", there[session].epoch, there[session].version, there[session].state.get("n"))
                for session, has in report().items()
            )

        for number in range(20):
            for session in sessions:
                o.apply(session, "count", {"set": {"n": number}}, op_id=f"o{number}", fields={"n": number})

        beats = itertools.count()

        def hears() -> bool:
            word = str(next(beats))
            beat(cluster, o.keys, sessions, word, sharded)
            return within(1, lambda: {has.get("heard") for has in report().values()} == {word})

        assert within(60, right), report()
        assert within(60, hears), report()
        assert len({has["at"] for has in report().values()}) == 3
        first = sessions[0]
        for n in range(
            99, 103
        ):  # there and back: what a client remembers of its subscriptions must not keep it from subscribing
            move(cluster, o.keys.state(first), first)
            o.apply(first, "last", {"set": {"n": n}}, op_id=f"x{n}", fields={"n": n})
            port = owner_of(cluster, o.keys.state(first)).address[-1]
            assert within(60, lambda port=port: report()[first]["at"].endswith(f":{port}")), report()
            assert within(60, right), report()
            assert within(60, hears), report()
        assert not any(has["twice"] for has in report().values())
        given.close()
        assert process.wait(20) == 0
    client.flushall()
    client.close()


QUICK = Timing(command_s=1, beacon_s=0.5, probe_s=1, backoff_s=0.05, backoff_cap_s=0.2)


async def equal(o: Any, copies: dict[str, SyncClient]) -> None:
    """Wait until each copy is live and is what the server has."""
    for session, copy in copies.items():
        for _ in range(2000):
            there = await o.catch_up(session, "", 0)
            has = (copy.mode, copy.epoch, copy.version, copy.state.get("n"))
            if has == ("live", there.epoch, there.version, there.state["n"]):
                break
            await asyncio.sleep(0.02)
        else:
            raise AssertionError((session, copy.mode, copy.version, there.version))


async def handed_over(driver: ClusterDriver, session: str, owner: Server) -> None:
    """Wait until the session is followed where its slot is now."""
    for _ in range(2000):
        holder = next((d for d in driver.drivers.values() if session in [f.session_id for f in d.followed]), None)
        if holder and holder.link.urls[0].endswith(f":{owner.address[-1]}"):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(session)


def with_events(sample: made.Project, chosen: str) -> Keyspace:
    patterns = tuple(replace(p, chosen=chosen) if p.use == "events" else p for p in sample.keyspace.patterns)
    return replace(sample.keyspace, patterns=patterns)


def beat(cluster: Cluster, keys: Any, sessions: list[str], word: str, sharded: bool) -> None:
    """Send each session a signal on a channel of its own, where that is published."""
    for session in sessions:
        channel, publish = f"{keys.events(session)}-signals", "SPUBLISH" if sharded else "PUBLISH"
        owner = owner_of(cluster, keys.state(session)).client()
        owner.execute_command(publish, channel, json.dumps({"t": "~beat", "d": word}))


def move(cluster: Cluster, key: str, session: str) -> None:
    """Move the slot of ``key`` with what it holds to another primary."""
    slot, source = naming.slot(session), owner_of(cluster, key)
    target = next(n for n in cluster.nodes if n is not source)
    target.client().execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", name_of(source))
    source.client().execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", name_of(target))
    keys = source.client().execute_command("CLUSTER", "GETKEYSINSLOT", slot, 1000)
    migrate(source, target, *(k.decode() if isinstance(k, bytes) else k for k in keys))
    for one in (target, source, *cluster.nodes):
        one.client().execute_command("CLUSTER", "SETSLOT", slot, "NODE", name_of(target))
