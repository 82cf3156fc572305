"""Who writes a key is told as the functions that the project's library has do it, and of every key somebody is named."""

import re

import pytest

from redis_plan.delivery import acting, library, touching
from redis_plan.keyspace import calls
from tests import projects

OF_CATALOG = frozenset(calls.calls())


@pytest.mark.parametrize("name", projects.NAMES)
def test_every_key_has_a_writer_and_each_function_that_is_named_is_delivered(name: str) -> None:
    keyspace = projects.acting(name)
    there = {step.function.name for step in library.steps(keyspace)}
    for key, said in touching.writers(keyspace).items():
        assert said, key
        named = set(re.findall(r"[a-z_]+", " ".join(said))) & OF_CATALOG
        assert named <= there, key


def test_the_sample_tells_who_writes_a_team_and_a_member_leaving_is_among_them() -> None:
    keyspace = projects.acting(projects.SAMPLE)
    written = touching.writers(keyspace)
    assert {"session_leave", "session_sweep", "kick", "choose_team"} == set(written["team"])
    assert set(written["log"]) >= {"session_join", "session_renew", "session_end", touching.EACH}
    assert {"session_leave", "session_sweep"} <= set(touching.functions_on(keyspace)["team"])
    acted = {function.name for _, function in acting.composed(keyspace)}
    assert {"award", "take_back", "kick", "rematch"} == set(written["score"]) & acted


@pytest.mark.parametrize("name", projects.NAMES)
def test_of_the_functions_outside_sessions_each_is_told_with_the_keys_that_it_takes_alone(name: str) -> None:
    """Such as the fence of a lock, which only taking the lock takes: its renewal and its release have the lock alone."""
    keyspace = projects.acting(name)
    taken = touching.functions_on(keyspace)
    by_name = {key for function in library.common() for key in function.keys} - {"target", "from", "to"}
    for function in library.common():
        told = {key for key in by_name if function.name in taken.get(key, ())}
        assert told <= set(function.keys), function.name
