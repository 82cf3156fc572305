"""The memory experiments on real servers, with a keyspace of two patterns."""

from dataclasses import replace
from pathlib import Path

import pytest

from redis_plan import brief as briefs
from redis_plan import resources
from redis_plan.brief.model import Brief
from redis_plan.chapters.memory import (
    calibrating,
    memory,
    memory_budget,
    memory_clients,
    memory_decisions,
    memory_designs,
    memory_fork,
    memory_full,
    memory_growth,
    memory_plots,
    memory_savings,
)
from redis_plan.chapters.memory.findings import Full
from redis_plan.evidence.decision import Decision
from redis_plan.evidence.store import Store
from redis_plan.keyspace import design
from redis_plan.keyspace.model import Field, KeyPattern, Keyspace, TtlRule
from redis_plan.measure.finding import Finding
from redis_plan.measure.lab import Lab
from redis_plan.memory import live, project
from redis_plan.server import Server
from redis_plan.words.capacity import Budget
from redis_plan.words.memory_words import Words


def pattern(name: str, type: str, fields: tuple[Field, ...], **more: object) -> KeyPattern:
    return KeyPattern(
        name=name, template=f"app:v1:{{<session_id>}}:{name}", type=type, use=name, holds="", scope="session",
        ttl=TtlRule("sliding", 3600, ""), writers=(), readers=(), deleted_by="", fields=fields, **more,
    )  # fmt: skip


KEYSPACE = Keyspace(
    "app", 1, "room",
    (
        pattern("state", "hash", (Field("epoch", "hex", 16), Field("version", "integer", 16), Field("owner", "id", 26))),
        pattern("roster", "hash", (Field("<member_id>", "JSON", 48),), typical_elements=8, max_elements=8),
        pattern("presence", "zset", (Field("<member_id>", "id", 30),), typical_elements=8, max_elements=16),
        pattern("log", "list", (Field("d", "text", 300),), typical_elements=20, max_elements=20),
    ),
)  # fmt: skip


@pytest.fixture
def lab(own_server: Server) -> Lab:
    return Lab(own_server, "quick")


def test_the_prediction_meets_the_projects_own_keys(lab: Lab) -> None:
    found = memory.predicted_against_measured(lab, keyspace=KEYSPACE)
    values = {value.name: value.value for value in found.values}
    assert values["error_all"] <= (1.0 if live.build_of(lab.server).allocator == "libc" else 0.1)
    assert values["error_all"] < values["memory_usage_error_all"]
    assert set(found.samples.pattern) == {"state", "roster", "presence", "log", "all"}
    assert memory_plots.plot_patterns(found.samples).axes
    assert memory_plots.plot_errors(found.samples).axes
    # MEMORY USAGE was asked for every key, not for a sample
    assert (found.samples.memory_usage_bytes > 0).all()


def test_memory_grows_in_a_line_and_comes_back(lab: Lab) -> None:
    found = memory_growth.linearity(lab, keyspace=KEYSPACE)
    values = {value.name: value.value for value in found.values}
    grown = found.samples[found.samples.phase == "grow"]
    assert grown.sessions.max() >= 9 * grown.sessions.min()
    assert len(grown) >= 3
    assert values["keys_left"] == 0
    assert values["left_after_cycles"] <= 5
    assert values["left_error_max"] <= 2
    steps = project.table_steps(KEYSPACE, int(values["sessions_top"]), live.build_of(lab.server))
    assert memory_plots.plot_line(found.samples, steps).axes


def test_a_stream_pays_for_a_node_from_its_first_entry(lab: Lab) -> None:
    values = {value.name: value.value for value in memory_designs.log_floor(lab, keyspace=KEYSPACE).values}
    assert values["stream_1_entry"] > 4096 > values["list_1_entry"]


def test_only_noeviction_keeps_sessions_whole(lab: Lab) -> None:
    values = {value.name: value.value for value in memory_full.full_server(lab, keyspace=KEYSPACE).values}
    assert values["noeviction_broken"] == 0
    assert values["noeviction_refused"] > 0
    assert values["allkeys_lru_broken"] > 0


def test_a_connection_and_a_subscription_have_a_price(lab: Lab) -> None:
    values = {value.name: value.value for value in memory_clients.client_costs(lab, gateways=2, channels=200).values}
    assert 1_000 < values["connection"] < 100_000
    assert 30 < values["subscription"] < 1_000


def test_without_keys_nothing_is_measured_and_the_reason_is_told(lab: Lab) -> None:
    empty = Keyspace("app", 1, "room", ())
    assert memory.predicted_against_measured(lab, keyspace=empty).not_run
    assert memory_growth.linearity(lab, keyspace=empty).not_run
    assert memory_designs.log_floor(lab, keyspace=empty).not_run


def test_keys_counted_for_the_whole_peak_are_read_as_a_share_of_each_session() -> None:
    alone = replace(KEYSPACE, patterns=(replace(KEYSPACE.patterns[0], scope="global", per_session=400.0),))
    assert project.per_unit(alone, 200).patterns[0].per_session == 2.0
    assert project.per_unit(KEYSPACE, 200) is KEYSPACE


@pytest.fixture(scope="module")
def brief() -> Brief:
    return briefs.read(resources.sample_project())


def test_the_layout_of_this_server_is_probed(lab: Lab) -> None:
    found = calibrating.layout_check(lab)
    values = {value.name: value.value for value in found.values}
    assert values["corrections"] == 0
    assert values["error_before_median"] <= (1.0 if live.build_of(lab.server).allocator == "libc" else 0.1)
    assert {"string", "hash", "list", "set", "zset", "stream"} == set(found.samples.type)


def test_many_small_keys_cost_more_than_their_values_gathered(lab: Lab) -> None:
    idem = pattern("idem", "string", (Field("value", "text", 24),), per_session=600.0)
    many = replace(KEYSPACE, patterns=(replace(idem, template="app:v1:{<session_id>}:idem:<op_id>"),))
    found = memory_savings.small_keys(lab, keyspace=many)
    values = {value.name: value.value for value in found.values}
    assert values["buckets"] < values["hash_a_session"] < values["key_each"]
    assert found.conditions["encoding"] == "listpack"
    off = (found.samples.predicted - found.samples.measured).abs() / found.samples.measured
    assert off.max() < 0.02
    assert memory_plots.plot_designs(found.samples, "buckets").axes
    assert memory_savings.small_keys(lab, keyspace=KEYSPACE).not_run


def test_names_and_compression_are_weighed_against_memory(lab: Lab, brief: Brief) -> None:
    names = {v.name: v.value for v in memory_savings.naming_cost(lab, brief=brief, keyspace=KEYSPACE).values}
    assert names["short_keys"] >= 0
    assert names["uuid_keys"] >= 0
    found = memory_savings.compression(lab, brief=brief, keyspace=KEYSPACE)
    values = {value.name: value.value for value in found.values}
    assert values["size_best"] < values["size_plain"] == 300
    assert 0 < values["saved_best"] < 100
    assert "list-compress-depth 1" in set(found.samples.method)
    assert memory_plots.plot_compression(found.samples).axes


def test_a_fork_copies_what_events_touch(lab: Lab) -> None:
    values = {value.name: value.value for value in memory_fork.fork_cost(lab, keyspace=KEYSPACE).values}
    assert values["pages_per_event"] > 0


def test_the_capacity_has_a_range_around_it(lab: Lab, brief: Brief) -> None:
    keyspace = design(brief)
    found = memory_budget.capacity_plan(lab, brief=brief, keyspace=keyspace)
    for name in ("dataset", "maxmemory", "host"):
        assert (found.samples[f"{name}_low"] <= found.samples[name]).all()
        assert (found.samples[name] <= found.samples[f"{name}_high"]).all()
    assert found.samples.host.is_monotonic_increasing
    assert memory_plots.plot_capacity(found.samples, 1e9).axes
    swing = memory_budget.sensitivity(lab, brief=brief, keyspace=keyspace)
    assert swing.samples.base.nunique() == 1
    assert memory_plots.plot_tornado(swing.samples).axes


def test_the_memory_decision_has_guards_that_can_fail(lab: Lab, tmp_path: Path, brief: Brief) -> None:
    keyspace, store, given = design(brief), Store(tmp_path), {"brief": brief, "keyspace": design(brief)}
    budget = Budget.of(store.record("E-06c", "06_memory", memory_budget.capacity_plan, lab, given, reuse=False))

    def decided(broken: float) -> Decision:
        def planted(lab: Lab) -> Finding:
            found = memory_full.full_server(lab, keyspace=KEYSPACE)
            values = (replace(v, value=broken) if v.name == "noeviction_broken" else v for v in found.values)
            return replace(found, values=tuple(values))

        full = store.record("E-06h", "06_memory", planted, lab, {}, reuse=False)
        return memory_decisions.eviction_decision(brief, keyspace, budget, Full.of(full))

    whole = decided(0.0)
    assert whole.supported
    assert not decided(1.0).supported
    told = {guard.says: guard for guard in whole.holds_while}
    if budget.carries.value >= brief.value("sessions_peak"):
        assert told["rooms at the peak, of those that the stated node carries"].limit == budget.carries.value
        assert "carries the peak" in whole.decision
        assert budget.maxmemory.value == budget.for_peak.value  # as many as it carries must not be refused before


def test_projects_without_sessions_are_told_in_keys() -> None:
    words = Words.of(KEYSPACE)
    assert (words.one, words.many) == ("key", "keys")
    assert words.count(100) == f"{100 * words.keys_each:,.0f} keys"
    assert Words.of(replace(KEYSPACE, session_entity="Room")).count(100) == "100 rooms"
