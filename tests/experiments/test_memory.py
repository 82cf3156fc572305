"""The memory experiments on real servers, with a keyspace of two patterns."""

import pytest

from redis_plan.experiments import memory, memory_budget, memory_designs, memory_plots
from redis_plan.keyspace.model import Field, KeyPattern, Keyspace, TtlRule
from redis_plan.measure.lab import Lab
from redis_plan.memory import live, project
from redis_plan.server import Server


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


def test_memory_grows_in_a_line_and_comes_back(lab: Lab) -> None:
    found = memory.linearity(lab, keyspace=KEYSPACE)
    values = {value.name: value.value for value in found.values}
    assert found.samples.sessions.max() >= 9 * found.samples.sessions.min()
    assert len(found.samples) >= 3
    assert values["keys_left"] == 0
    assert values["left_after_cycles"] <= 5
    steps = project.table_steps(KEYSPACE, int(values["sessions_top"]), live.build_of(lab.server))
    assert memory_plots.plot_line(found.samples, steps).axes


def test_a_stream_pays_for_a_node_from_its_first_entry(lab: Lab) -> None:
    values = {value.name: value.value for value in memory_designs.log_floor(lab, keyspace=KEYSPACE).values}
    assert values["stream_1_entry"] > 4096 > values["list_1_entry"]


def test_only_noeviction_keeps_sessions_whole(lab: Lab) -> None:
    values = {value.name: value.value for value in memory_designs.full_server(lab, keyspace=KEYSPACE).values}
    assert values["noeviction_broken"] == 0
    assert values["noeviction_refused"] > 0
    assert values["allkeys_lru_broken"] > 0


def test_a_connection_and_a_subscription_have_a_price(lab: Lab) -> None:
    values = {value.name: value.value for value in memory_budget.client_costs(lab, gateways=2, channels=200).values}
    assert 1_000 < values["connection"] < 100_000
    assert 30 < values["subscription"] < 1_000


def test_without_keys_nothing_is_measured_and_the_reason_is_told(lab: Lab) -> None:
    empty = Keyspace("app", 1, "room", ())
    assert memory.predicted_against_measured(lab, keyspace=empty).not_run
    assert memory.linearity(lab, keyspace=empty).not_run
    assert memory_designs.log_floor(lab, keyspace=empty).not_run


def test_keys_counted_for_the_whole_peak_are_read_as_a_share_of_each_session() -> None:
    from dataclasses import replace

    alone = replace(KEYSPACE, patterns=(replace(KEYSPACE.patterns[0], scope="global", per_session=400.0),))
    assert project.per_unit(alone, 200).patterns[0].per_session == 2.0
    assert project.per_unit(KEYSPACE, 200) is KEYSPACE
