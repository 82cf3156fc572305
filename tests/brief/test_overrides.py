from __future__ import annotations

import pytest

from redis_plan import brief
from redis_plan.errors import OverrideError

PRD = "# Quizzle\n\n## Features\n\n- Hosts create rooms and players join rooms live.\n- Players see the room live.\n"


def test_a_fact_of_the_team_is_documented_with_its_line(project):
    fact = brief.read(project(prd=PRD, toml="# ours\n[facts]\nsessions_peak = 500\n")).fact("sessions_peak")
    assert (fact.value, fact.grade, fact.where) == (500, "documented", "redis-plan.toml:3")


def test_entities_are_added_renamed_and_dropped(project):
    toml = '[entities]\nadd = ["Buzzer"]\ndrop = ["Player"]\n[entities.rename]\nRoom = "Table"\n'
    entities = {e.name: e for e in brief.read(project(prd=PRD, toml=toml)).entities}
    assert "Player" not in entities
    assert "Room" in entities["Table"].aliases
    assert (entities["Buzzer"].file, entities["Buzzer"].line) == ("redis-plan.toml", 2)


def test_prefix_and_structures_are_pinned(project):
    read = brief.read(project(prd=PRD, toml='[naming]\nprefix = "quiz"\n[structures]\nleaderboard = "zset"\n'))
    assert (read.name_prefix, read.pinned) == ("quiz", {"leaderboard": "zset"})
    assert "redis-plan.toml" in read.documents


@pytest.mark.parametrize(
    ("toml", "line", "hint"),
    [
        ("[facts]\nsesions_peak = 5\n", 2, "did you mean sessions_peak?"),
        ("[fact]\nsessions_peak = 5\n", 1, "did you mean facts?"),
        ("\n\n[naming]\nprefx = 'a'\n", 4, "did you mean prefix?"),
        (
            "[facts]\nidle_ttl = 'two hours'\n",
            2,
            "must be a number above 0, in s (or with its unit: “90 s”), or “not said”; 'two hours' does not begin with a number",
        ),
        ("[facts]\nidle_ttl = -1\n", 2, "must be a number above 0"),
        ("[facts]\nidle_ttl = true\n", 2, "must be a number above 0"),
        ("[naming]\nprefix = 'A B'\n", 2, "a-z, 0-9 and -"),
        ("[structures]\nleaderboard = 'zzset'\n", 2, "did you mean zset?"),
        ("[entities]\nadd = 'Buzzer'\n", 2, "must be a list of names"),
        ("facts = 3\n", 1, "a table"),
    ],
)
def test_a_fault_is_named_with_file_line_and_a_way_out(project, toml, line, hint):
    with pytest.raises(OverrideError) as caught:
        brief.read(project(prd=PRD, toml=toml))
    assert f"redis-plan.toml:{line}:" in str(caught.value)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_broken_toml_is_one_line(project):
    with pytest.raises(OverrideError, match=r"redis-plan.toml:1: is not TOML: [^(\n]+$"):
        brief.read(project(prd=PRD, toml="[facts\n"))


def test_the_overrides_are_never_written(project):
    folder = project(prd=PRD)
    brief.read(folder)
    assert not (folder / "ai" / "redis-plan.toml").exists()
