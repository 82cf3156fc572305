"""Who writes a key is told as the functions that the project's library has do it, and of every key somebody is named."""

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from redis_plan.actions import designing
from redis_plan.brief.overrides import applying, read_overrides
from redis_plan.delivery import acting, duties, library, touching
from redis_plan.delivery.commands import reads
from redis_plan.keyspace import calls
from redis_plan.resources import catalog_dir
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


THROW_OUT = """
[[actions]]
name = "throw_out"
on = "Player"
actor = "host"
guards = [{ guard = "other" }]
effects = [{ effect = "unseat" }, { effect = "drop", key = "team", field = "target" }]
announces = "leave"
shows = ["target"]
"""
SIDES = """
[[keys]]
template = "teams"
type = "hash"

[[actions]]
name = "choose_side"
like = "teams.choose"
"""


@pytest.mark.parametrize(
    ("declared", "key"), [(THROW_OUT, "team"), (SIDES, "teams")], ids=["of its own", "as the catalog"]
)
def test_a_team_goes_with_the_seat_whatever_the_project_s_people_declare_on_its_key(
    tmp_path: Path, declared: str, key: str
) -> None:
    documents = projects.read(projects.SAMPLE)
    (tmp_path / "redis-plan.toml").write_text(declared, "utf-8")
    changed = replace(documents, settled=applying.settled(read_overrides(tmp_path)))
    keyspace = designing.design(changed)
    assert keyspace.pattern(key).leavers == "go"
    assert "kick" in touching.writers(keyspace)[key]


@pytest.mark.parametrize("name", projects.NAMES)
def test_of_the_functions_outside_sessions_each_is_told_with_the_keys_that_it_takes_alone(name: str) -> None:
    """Such as the fence of a lock, which only taking the lock takes: its renewal and its release have the lock alone."""
    keyspace = projects.acting(name)
    taken = touching.functions_on(keyspace)
    by_name = {key for function in library.common() for key in function.keys} - {"target", "from", "to"}
    for function in library.common():
        told = {key for key in by_name if function.name in taken.get(key, ())}
        assert told <= set(function.keys), function.name


@pytest.mark.parametrize("name", projects.NAMES)
def test_who_sends_nothing_is_told_as_no_writer_where_an_action_writes_the_key(name: str) -> None:
    """An action may be called ``release`` or ``confirm``, as a word of the catalog's sentence is."""
    keyspace = projects.acting(name)
    there = {step.function.name for step in library.steps(keyspace)} | {touching.EACH}
    acted = {key for action, _ in acting.composed(keyspace) for key in acting.written(action)}
    written = touching.writers(keyspace)
    for p in keyspace.keys:
        if p.name in acted and not any(duties.sends(keyspace, p, role) for role in duties.ROLES):
            own = [w for w in written[p.name] if w not in there]
            assert not [w for w in own if not OF_CATALOG & set(re.findall(r"[a-z_]+", w))], p.name


COMMANDS = {
    (entry["use"], type_): [c for role in duties.ROLES for c in entry.get(role, ())]
    for entry in tomllib.loads((catalog_dir() / "delivery" / "commands.toml").read_text("utf-8"))["use"]
    for type_ in entry["types"]
}


@pytest.mark.parametrize("pattern", sorted((catalog_dir() / "patterns").glob("*.toml")), ids=lambda p: p.stem)
def test_a_pattern_tells_no_command_of_a_writer_who_only_reads(pattern: Path) -> None:
    read = tomllib.loads(pattern.read_text("utf-8"))
    for key in read["key"]:
        sent = COMMANDS.get((read["use"], key["type"]), ["HSET"])
        served = any((read["use"], key["type"]) in function.call.serves for function in library.common())
        if not served and all(reads(command) for command in sent):
            told = [w for w in key["writers"] if not re.match("[a-z]+_[a-z_]+", w)]
            assert not re.findall(r"\b[A-Z]{3,}\b", " ".join(told)), key["name"]
