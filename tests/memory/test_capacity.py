"""Capacity: every term of the budget, against the formulas and against real servers."""

import math
from dataclasses import replace

import pytest

from redis_plan import brief as briefs
from redis_plan import resources
from redis_plan import server as servers
from redis_plan.brief.model import Brief
from redis_plan.chapters.memory import loading, memory, memory_growth
from redis_plan.keyspace import design
from redis_plan.keyspace.model import KeyPattern, Keyspace, TtlRule
from redis_plan.memory import capacity, layout, live, project, remains
from redis_plan.memory.layout import Build

CONSTANTS = capacity.Constants()


@pytest.fixture(scope="module")
def brief() -> Brief:
    return briefs.read(resources.sample_project())


@pytest.fixture(scope="module")
def keyspace(brief: Brief) -> Keyspace:
    return design(brief)


@pytest.fixture(scope="module")
def build() -> Build:
    return layout.build("7.0.15")


def channel(name: str, scope: str, template: str, subscribers: float, per_session: float = 1.0) -> KeyPattern:
    return KeyPattern(
        name=name, template=template, type="channel", use=name, holds="", scope=scope, ttl=TtlRule("none", None, ""),
        writers=(), readers=(), deleted_by="", typical_elements=subscribers, per_session=per_session,
    )  # fmt: skip


def test_a_channel_of_the_whole_service_is_not_multiplied_by_sessions(brief: Brief) -> None:
    gateways = brief.value("gateway_nodes")
    probe = channel("probe", "global", "<env>:app:v1:probe:<node_id>", 1.0, gateways)
    only = Keyspace("app", 1, "room", (probe,))
    few, many = (capacity.subscriptions_at(brief, only, n) for n in (10, brief.value("sessions_peak")))
    assert few == many == gateways


def test_a_sessions_channel_is_heard_where_its_members_are(brief: Brief) -> None:
    events = channel("events", "session", "<env>:app:v1:{<session_id>}:events", 3.0)
    members = brief.value("members_per_session")
    assert capacity.subscribers(brief, events, 3) == pytest.approx(3 * (1 - (2 / 3) ** members))
    assert capacity.subscribers(brief, events, 1000) < members
    assert capacity.subscribers(brief, events, 1) == 1


def test_more_gateways_each_hear_a_smaller_share(brief: Brief, keyspace: Keyspace) -> None:
    peak = brief.value("sessions_peak")
    now, tenfold = (capacity.hard_limit_at(brief, keyspace, n) for n in (peak, 100 * peak))
    assert now < tenfold < 100 * now


def test_the_fork_copies_each_page_once(build: Build) -> None:
    small, large = (capacity.copied(100 * capacity.MIB, rate, CONSTANTS) for rate in (1.0, 1e9))
    assert small == pytest.approx(CONSTANTS.pages_per_event * capacity.PAGE * 1.05, rel=0.06)
    assert large == pytest.approx(100 * capacity.MIB * CONSTANTS.rss_ratio, rel=0.01)


def test_the_counted_terms_are_those_that_maxmemory_counts(brief: Brief, keyspace: Keyspace, build: Build) -> None:
    found = capacity.budget(brief, keyspace, build, CONSTANTS, round(brief.value("sessions_peak")))
    parts = (
        found.base + found.dataset + found.stale + found.rehash + found.connections + found.subscriptions
        + found.output_buffers + found.backlog
    )  # fmt: skip
    assert found.counted == pytest.approx(parts)
    assert found.counted <= capacity.ADMISSION_SHARE * found.maxmemory
    assert found.maxmemory % (16 * capacity.MIB) == 0
    outside = found.host - found.maxmemory
    assert outside >= found.aof + found.lua_vm + found.copy_on_write + capacity.HOST_RESERVE


def test_memory_grows_with_sessions_in_every_term_that_has_to(brief: Brief, keyspace: Keyspace, build: Build) -> None:
    peak = round(brief.value("sessions_peak"))
    one, ten = (capacity.budget(brief, keyspace, build, CONSTANTS, n) for n in (peak, 10 * peak))
    for name in ("dataset", "connections", "subscriptions", "output_buffers", "aof", "copy_on_write"):
        assert getattr(ten, name) > 5 * getattr(one, name), name
    assert ten.base == one.base


def test_the_sessions_that_fit_do_fit(brief: Brief, keyspace: Keyspace, build: Build) -> None:
    available = 512.0 * capacity.MIB
    fits = capacity.sessions_within(brief, keyspace, build, CONSTANTS, available)
    assert capacity.budget(brief, keyspace, build, CONSTANTS, fits).host <= available
    assert capacity.budget(brief, keyspace, build, CONSTANTS, math.ceil(1.05 * fits) + 1).host > available
    assert capacity.sessions_within(brief, keyspace, build, CONSTANTS, 1.0) == 0


def test_maxmemory_counts_the_backlog_and_not_the_surplus_of_a_slow_replica(
    server_binaries: tuple[servers.Binary, ...],
) -> None:
    backlog = 2 * capacity.MIB
    for binary in server_binaries:
        config = {"port": "auto", "repl-diskless-sync-delay": "0", "hz": "100"}
        primary = servers.start_with(binary, config | {"repl-backlog-size": str(backlog)})
        replica = servers.start_with(binary, config)
        try:
            client = primary.client()
            address = primary.address
            replica.client().execute_command("REPLICAOF", str(address[1]), str(address[2]))
            for _ in range(200):
                if client.info("replication").get("slave0", {}).get("state") == "online":
                    break
                loading.settle(client, longest_s=0.1)
            replica.pause()
            before = client.info("memory")["mem_not_counted_for_evict"]
            loading.send(primary, (("SET", "k", "x" * 1000) for _ in range(1_500)))
            within = client.info("memory")["mem_not_counted_for_evict"] - before
            loading.send(primary, (("SET", "k", "x" * 1000) for _ in range(10_000)))
            beyond = client.info("memory")["mem_not_counted_for_evict"] - before
            assert within < 0.1 * backlog, binary.id
            assert beyond > backlog, binary.id
        finally:
            replica.resume()
            replica.close()
            primary.close()


def grown(keyspace: Keyspace) -> Keyspace:
    """The sample's keyspace with few operations in a session, so that many sessions are quickly loaded."""
    return replace(
        keyspace,
        patterns=tuple(
            replace(
                p, per_session=min(p.per_session, 12), typical_elements=min(p.typical_elements, 30),
                max_elements=min(p.max_elements, 60),
            )
            for p in keyspace.patterns
        ),
    )  # fmt: skip


def test_what_remains_after_sessions_ended_is_predicted(
    keyspace: Keyspace, server_binaries: tuple[servers.Binary, ...]
) -> None:
    small, peak = grown(keyspace), 300
    for binary in server_binaries:
        server = servers.start_with(binary, {"hz": "100"})
        try:
            client, build = server.client(), live.build_of(server)
            start = memory.baseline(client, server)
            loads = project.loads(small, peak)
            memory.fill(server, loads)
            last = peak
            for left in (peak // 2, peak // 10, 0):
                for load in loads:
                    if load.pattern.scope != "global":
                        each = round(load.per_session)
                        loading.unlink(server, project.keys(load, left * each, last * each))
                last = left
                measured = loading.settle(client).data - start.data
                found = remains.after_end(small, peak, left, build).used_memory - memory_growth.least_tables(
                    start, build
                )
                assert abs(found - measured) <= max(0.01 * measured, 4_096), (binary.id, left)
        finally:
            server.close()


def test_the_sweep_is_slow_for_few_due_keys_and_fast_for_many() -> None:
    few, some, many = (remains.sweep_rate(share) for share in (0.01, 0.2, 0.9))
    assert 200 <= few < 220
    assert some > 4 * few
    assert many > 100 * some
    assert remains.stale_keys(0, 100, 9_900) == 100
    assert 0 < remains.stale_keys(20, 100, 9_900) < 100
    assert remains.stale_keys(60, 100, 9_900) == 0
    assert remains.stale_keys(60, 0, 9_900) == 0


def test_expired_sessions_hold_their_bytes_until_the_sweep_has_passed(keyspace: Keyspace, build: Build) -> None:
    small = grown(keyspace)
    at = [remains.after_expiry(small, 1000, 980, seconds, build) for seconds in (0, 20, 10_000)]
    assert at[0].stale > at[1].stale > at[2].stale == 0
    ended = remains.after_end(small, 1000, 980, build)
    assert at[2].used_memory == pytest.approx(ended.used_memory)


def test_a_dict_and_a_hashtable_shrink_in_leaps() -> None:
    redis, valkey = layout.build("7.0.15"), layout.build("valkey-9.1.2")
    assert remains.table_bytes(16_000, 2_000, redis) == 16_384 * 8
    assert remains.table_bytes(16_000, 1_600, redis) == 2_048 * 8
    assert remains.table_bytes(16_000, 3_800, valkey) > 200_000 > remains.table_bytes(16_000, 3_000, valkey)
    assert remains.table_bytes(0, 0, redis) == 0


def test_what_falls_due_all_the_time_is_in_the_budget(brief: Brief, keyspace: Keyspace, build: Build) -> None:
    peak = round(brief.value("sessions_peak"))
    ending = {p.name for p in keyspace.keys if p.ttl.policy == "fixed"}
    loads = project.loads(keyspace, peak)
    volatile = sum(load.shape.n_keys for load in loads if load.shape.ttl)
    whole = project.shapes_bytes([load.shape for load in loads], build)
    share = capacity.stale_share(loads, build, volatile, whole)
    assert share > 0
    assert share == pytest.approx(2 * capacity.stale_share(loads, build, volatile, 2 * whole))
    slower = replace(keyspace, patterns=tuple(_slower(p) if p.name in ending else p for p in keyspace.patterns))
    assert capacity.stale_share(project.loads(slower, peak), build, volatile, whole) < share
    found = capacity.budget(brief, keyspace, build, CONSTANTS, peak)
    assert found.stale == pytest.approx(max(share, capacity.STALE_SHARE) * found.dataset)
    alone = [load for load in loads if load.pattern.name not in ending]
    assert capacity.stale_share(alone, build, volatile, whole) == 0


def _slower(pattern: KeyPattern) -> KeyPattern:
    return replace(pattern, ttl=replace(pattern.ttl, seconds=10 * pattern.ttl.seconds))
