"""Sessions: the storms find nothing by the functions, and something by the controls."""

import hashlib
from dataclasses import replace

import pytest

from redis_plan.chapters.sessions import (
    appendix,
    contention,
    contracts,
    fencing,
    functioncost,
    fuzz,
    invariants,
    isolation,
    neighbours,
    repetition,
)
from redis_plan.delivery import library
from redis_plan.keyspace import records
from redis_plan.measure.lab import Lab
from redis_plan.rig.session import rules
from redis_plan.words import command_block
from tests.chapters import project


@pytest.fixture(scope="module")
def lab(own_server):
    return Lab(own_server, "quick")


def values(found):
    assert not found.not_run
    return {v.name: v for v in found.values}


def measure(lab, experiment):
    return values(experiment(lab, brief=project.brief(), keyspace=project.keyspace()))


def test_functions_keep_every_invariant_and_the_control_breaks_each(lab):
    found = measure(lab, invariants.invariants)
    assert found["operations"].value > 100
    for name in ("over_full", "lost", "version_holes", "double_votes"):
        assert found[name].value == 0
        assert found[f"control_{name}"].value > 0
    for name in ("over_full", "lost", "double_votes"):
        assert found[f"single_{name}"].value == 0


def test_the_fuzz_finds_nothing_in_the_functions_and_something_in_plain_commands(lab):
    found = measure(lab, fuzz.fuzz)
    assert found["operations"].value > 100
    assert (found["violations"].value, found["applied_twice"].value, found["trespassed"].value) == (0, 0, 0)
    assert found["denied"].value == found["denied"].n
    assert found["control_violations"].value > 0


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ([(1, "join", "a"), (3, "join", "b")], "hole"),
        ([(1, "join", "a"), (2, "join", "b"), (3, "join", "c")], "over-full"),
        ([(1, "change", ""), (2, "change", "")], "twice"),
    ],
)
def test_the_checker_of_the_fuzz_knows_each_fault(events, fault):
    log = [{"e": "ab", "v": v, "t": t, "op": "" if m else "op1", "d": {"m": m} if m else None} for v, t, m in events]
    assert fault in list(fuzz._replayed(log, "ab", events[-1][0], capacity=2))


def test_a_worker_that_slept_is_refused_and_a_lock_alone_would_have_let_it_write(lab):
    found = measure(replace(lab, profile="standard"), fencing.fencing)
    assert (found["overwritten"].value, found["refused"].value) == (0, found["pauses"].value)
    assert found["control_overwritten"].value == found["pauses"].value


def test_quick_says_what_it_leaves_out(lab):
    for experiment in (fencing.fencing, neighbours.noisy_neighbour):
        found = experiment(lab, brief=project.brief(), keyspace=project.keyspace())
        assert "profile quick" in found.not_run


def test_each_function_is_measured_from_one_member_to_a_full_session(lab):
    found = functioncost.cost_by_size(lab, brief=project.brief(), keyspace=project.keyspace())
    assert {f"session_join and leave {size}" for size in ("at 1", "at half", "full")} <= set(values(found))
    # the least of the blocks: what was computed, without the moments in which others had the processor
    least = found.samples.groupby(["function", "part"])["seconds"].min()
    assert least["session_catch_up, all of the log", 1.0] > least["session_catch_up, all of the log", 0.0]


def test_writers_lose_nothing_and_watch_needs_more_attempts(lab):
    found = measure(lab, contention.writers)
    assert found["lost"].value == 0
    assert found["unguarded_lost"].value > 0
    assert found["watch_attempts"].value > 1
    assert found["script_attempts"].value == 1
    assert found["writers"].value == 64
    assert ("set_ifeq_attempts" in found) == ("set-ifeq" in lab.server.capabilities)


def test_an_operation_sent_by_many_and_after_a_cut_is_applied_once(lab):
    found = measure(lab, repetition.duplicates)
    assert found["applied"].value == found["distinct"].value
    assert (found["applied_twice"].value, found["answers_differ"].value) == (0, 0)
    assert found["cut_applied"].value == found["cut"].value


def test_forged_ids_reach_nobody_and_the_raw_template_would_have(lab):
    found = measure(lab, isolation.forged_ids)
    assert (found["reached_victim"].value, found["outside_registry"].value) == (0, 0)
    assert found["refused"].value >= 1
    assert found["control_reached"].value > 0


def test_members_of_a_killed_gateway_go_and_are_told(lab):
    found = measure(lab, isolation.ghosts)
    assert found["leave_events"].value == found["leave_events"].n
    assert found["kept_alive"].value == found["kept_alive"].n


def test_nothing_of_the_storms_is_left_on_the_server(lab):
    left = [
        key
        for name in ("seats", "writers", "twice", "victim", "ghost", "size", "fence")
        for key in lab.server.client().keys(f"*{{{name}*")
    ]
    assert left == []


def test_the_plan_shows_every_function_with_its_contract_and_one_slot():
    brief, keyspace = project.brief(), project.keyspace()
    text = "\n".join((contracts.library(brief, keyspace), appendix.slots(keyspace)))
    for step in library.steps(keyspace):
        assert f"| `{step.function.name}`" in text
    digest = hashlib.sha256(library.compose(brief, keyspace).encode()).hexdigest()
    assert f"`redis/functions.lua` (SHA-256 `{digest}`)" in text


def test_the_lifecycle_in_the_plan_runs_as_it_stands(own_server):
    """Every command of the plan, word by word, on a live server."""
    client = own_server.client(decode_responses=True)
    client.function_load(library.compose(project.brief(), project.keyspace()), replace=True)
    text = appendix.lifecycle(project.brief(), project.keyspace())
    replies = [client.execute_command(*line.command) for line in command_block.lines(text)]
    assert replies == [
        "created", [1, "joined"], [2, "ok"], "renewed", [], [3, "left"], [4, "ended"], [5, "handed_over"], ["removed"],
    ]  # fmt: skip
    assert client.keys("*{k3v9}*") == [], "nothing is left of a session that was removed"


def test_a_lease_outlasts_three_heartbeats_where_the_grace_is_shorter():
    brief = project.brief()
    known = {"reconnect_grace": 10.0, "heartbeat": 20.0, "presence_lease": 60.0, "session_capacity": 9.0}
    short = replace(brief, facts=tuple(replace(f, value=known.get(f.name, f.value)) for f in brief.facts))
    found = rules(short, project.keyspace())
    assert (found.lease_ms, found.capacity) == (60_000, 9)
    assert "lease 1 min (" in appendix.lifecycle(short, project.keyspace())


def test_the_server_time_of_a_step_is_measured_for_what_the_design_has(lab):
    found = measure(lab, contention.writers)
    assert found["apply_server"].value > 0
    assert ("record_server" in found) == bool(records.recorded(project.keyspace()))
