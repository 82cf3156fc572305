"""Recovery: kills, restarts, convergence and the error replies, on servers of our own."""

import tomllib

import pytest

from redis_plan.chapters.recovery import appendix, convergence, error_replies, faults, recovery
from redis_plan.measure.lab import Lab
from redis_plan.resources import catalog_dir
from tests.chapters import project


@pytest.fixture(scope="module")
def lab(own_server):
    return Lab(own_server, "quick")


def measure(lab, experiment, keyspace=None, **given):
    found = experiment(lab, brief=project.brief(), keyspace=keyspace or project.keyspace(), **given)
    assert not found.not_run
    return {v.name: v for v in found.values}, found.samples


def test_a_killed_process_loses_nothing_acknowledged_with_a_file_and_everything_without(lab):
    for _ in range(3):  # everysec holds a write back while the fsync of a slow disk still runs
        values, _ = measure(lab, recovery.acked_and_recovered)
        if not values["everysec_lost"].value:
            break
    assert (values["everysec_lost"].value, values["always_lost"].value) == (0, 0)
    assert values["no_persistence_lost"].value == values["no_persistence_acked"].value > 0
    assert 1 <= values["torn_lost"].value <= 2
    assert values["read_rate"].value > 1e6


@pytest.mark.parametrize("persistent", [True, False])
def test_every_client_gets_right_again(lab, persistent):
    values, _ = measure(lab, convergence.convergence, persistent=persistent)
    assert values["wrong"].value == 0
    assert values["epoch_changes"].value == (0 if persistent else values["clients"].value)


def test_each_fault_shows_its_own_code_and_writes_nothing(lab):
    values, samples = measure(lab, error_replies.error_replies)
    by = samples.set_index("fault")
    for code in ("OOM", "READONLY", "MASTERDOWN", "NOREPLICAS", "MISCONF", "BUSY", "NOSCRIPT", "WRONGTYPE", "NOPERM",
                 "EXECABORT", "CLUSTERDOWN", "CROSSSLOT", "LOADING"):  # fmt: skip
        assert by.loc[code, "text"].startswith(code), code
        assert by.loc[code, "written"] == 0, code
    assert "max number of clients" in by.loc["max clients", "text"]
    assert by.loc["timeout", "written"] == 1  # the command waited in the socket and was executed
    assert by.loc["WRONGTYPE, unchecked", "written"] == 1  # no rollback
    assert values["end_under_oom"].value == 1


def test_faults_and_kills_are_measured_without_sessions_too(lab):
    values, _ = measure(lab, recovery.acked_and_recovered, project.without_sessions())
    assert values["everysec_lost"].value == 0


def test_every_fault_that_we_provoke_has_advice_and_every_advice_a_class():
    table = tomllib.loads((catalog_dir() / "errors.toml").read_text("utf-8"))["error"]
    assert {e["fault"] for e in table} - {""} == {*faults.FAULTS, "CLUSTERDOWN", "CROSSSLOT", "LOADING"}
    assert {e["class"] for e in table} <= {"retry", "wait", "elsewhere", "reload", "ask", "stop"}


def test_the_versions_rule_speaks_only_of_what_the_design_has():
    assert "session_catch_up" in appendix.versions(project.brief(), project.keyspace())
    assert "session_catch_up" not in appendix.versions(project.brief(), project.without_sessions())
