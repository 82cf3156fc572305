"""The walkthrough: runs as it stands on every build, and what it lists is what the server had."""

import json
import shlex
from pathlib import Path

import pytest

from redis_plan import server
from redis_plan.chapters.sessions import walkthrough as experiment
from redis_plan.delivery import bundle, walkthrough
from redis_plan.measure.finding import Finding
from redis_plan.measure.lab import Lab
from redis_plan.server import Server
from tests.delivery import made


def values(found: Finding) -> dict[str, float]:
    assert not found.not_run
    return {v.name: float(v.value) for v in found.values}


def test_every_project_walks_through_without_a_key_that_nobody_knows(own_server: Server, project: made.Project) -> None:
    found = experiment.live(Lab(own_server, "quick"), brief=project.brief, keyspace=project.keyspace)
    if not project.keyspace.keys:
        assert found.not_run == "the keyspace has no key that a walk could make"
        return
    seen = values(found)
    assert seen["strange"] == seen["untimed"] == 0
    assert seen["steps"] == len(walkthrough.steps(project.brief, project.keyspace))
    last = json.loads(found.samples.iloc[-1]["keys"])
    assert not any(":state" in name or ":log" in name for name, _, _ in last)


def test_every_use_of_the_keyspace_that_makes_a_key_is_in_the_walk(sample: made.Project) -> None:
    named = " ".join(walkthrough.keys_in(walkthrough.steps(sample.brief, sample.keyspace)))
    for name in ("state", "roster", "presence", "log", "idem", "answer", "round", "score", "due", "code", "rate"):
        assert f":{name}" in named, name


def test_on_a_users_server_it_runs_by_eval_under_our_prefix(own_server: Server, sample: made.Project) -> None:
    own_server.client().set("theirs", "1")
    with server.open(own_server.url) as visited:
        found = experiment.live(Lab(visited, "quick"), brief=sample.brief, keyspace=sample.keyspace)
        assert values(found)["strange"] == 0
        assert found.conditions["form"] == "EVAL"
        assert not any("redis-plan:" in str(cell) for cell in found.samples.to_numpy().ravel())
    assert own_server.client().get("theirs") == b"1"
    own_server.client().delete("theirs")


def test_the_commands_in_the_file_run_as_they_are_typed(loaded: Server, sample: made.Project) -> None:
    client = loaded.client(decode_responses=True)
    walk = walkthrough.steps(sample.brief, sample.keyspace)
    rows, before = [], ""
    for step in walk:
        words = shlex.split(walkthrough.shell(step.command))
        assert tuple(words) == step.command
        words = [before if word == walkthrough.UNTIL else word for word in words]
        reply = client.execute_command(*words)
        before = str(reply[1]) if step.command[1].endswith("_due_claim") else before
        keys = experiment.look(client, walkthrough.keys_in(walk))
        assert {name for name, _, _ in keys} == set(client.scan_iter(count=1000))
        rows.append(
            {
                "step": step.name,
                "says": step.says,
                "user": step.user,
                "command": walkthrough.shell(step.command),
                "reply": str(reply),
                "keys": keys,
            }
        )
    text = bundle.walkthrough(sample.brief, sample.keyspace, bundle.Walked(tuple(rows), "a server"))
    assert text.count("```sh") == len(walk)
    assert all(f"redis-cli --user {row['user']} {row['command']}" in text for row in rows)
    client.flushall()


def test_a_project_without_keys_walks_nowhere(own_server: Server, sample: made.Project) -> None:
    from dataclasses import replace

    empty = replace(sample.keyspace, patterns=(), session_entity="")
    assert experiment.live(Lab(own_server, "quick"), brief=sample.brief, keyspace=empty).not_run
    made_of = bundle.bundle(sample.brief, empty, sample.settings, sample.names, made.TARGET)
    assert {a.path for a in made_of} == {
        "README.md",
        "keyspace.json",
        "keyspace.schema.json",
        "redis.conf",
        "users.acl",
    }


@pytest.mark.parametrize("name", ["functions.lua", "redis_plan_client.py", "walkthrough.md", "users.acl"])
def test_the_bundle_writes_what_its_overview_lists(sample_folder: Path, name: str) -> None:
    listed = (sample_folder / "README.md").read_text("utf-8")
    assert (f"| `{name}` |" in listed) == (sample_folder / name).exists()


def test_the_projects_own_main_loop_is_in_the_walk_and_goes_through(own_server: Server, documents: Path) -> None:
    project = made.acting(made.SAMPLE, documents)
    found = experiment.live(Lab(own_server, "quick"), brief=project.brief, keyspace=project.keyspace)
    rows = found.samples.to_dict("records")
    answers = {str(row["step"]): str(row["reply"]) for row in reversed(rows)}
    loop = ["join", "start question", "answer", "buzz", "all answered", "reveal", "award"]
    assert [step for step in dict.fromkeys(str(row["step"]) for row in rows) if step in loop] == loop
    assert all(answers[step].endswith(" ok]") for step in loop), answers
    assert values(found)["strange"] == values(found)["untimed"] == 0


def test_a_round_that_only_time_ends_is_played_up_to_there(own_server: Server, documents: Path) -> None:
    if "tecs-auction" not in made.PROJECTS:
        pytest.skip("no annotated projects beside this checkout")
    project = made.acting("tecs-auction", documents)
    found = experiment.live(Lab(own_server, "quick"), brief=project.brief, keyspace=project.keyspace)
    steps = [
        (str(row["step"]), str(row["reply"]).strip("[]").split(", ")[-1]) for row in found.samples.to_dict("records")
    ]
    assert ("place bid", "ok") in steps
    assert ("time up", "early") in steps
