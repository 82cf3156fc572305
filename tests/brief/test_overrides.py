from __future__ import annotations

import pytest

from redis_plan import brief
from redis_plan.brief.reconcile.catalogue import catalogue
from redis_plan.errors import OverrideError

PRD = "# Quizzle\n\n## Features\n\n- Hosts create rooms and players join rooms live.\n- Players see the room live.\n"


def test_a_fact_of_the_team_is_documented_with_its_line(project):
    fact = brief.read(project(prd=PRD, toml="# ours\n[facts]\nsessions_peak = 500\n")).fact("sessions_peak")
    assert (fact.value, fact.grade, fact.where) == (500, "documented", "redis-plan.toml:3")


@pytest.mark.parametrize("name", [name for name, entry in catalogue().items() if entry.default == 0])
def test_an_assumption_of_none_can_be_stated(project, name):
    fact = brief.read(project(prd=PRD, toml=f"[facts]\n{name} = 0\n")).fact(name)
    assert (fact.value, fact.grade) == (0, "documented")


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
        ('[keys]\nadopt = ["a"]\n[[keys]]\ntemplate = "a"\n', 3, "write [[keys.declare]]"),
        ('[[actions]]\nname = "Move It"\n', 2, "a name of a-z, 0-9 and _"),
        ('[[actions]]\nname = "move"\nlua = "../x.lua"\n', 3, "a Lua file beside redis-plan.toml"),
        ('[[keys]]\ntemplate = "a"\n', 1, "needs 'type'"),
        ("[session]\nnoun = 7\n", 2, "[session] noun must be text, got 7"),
        ("[session]\nnone = 'yes'\n", 2, "[session] none must be true or false"),
        ("[session]\nnone = true\nnoun = 'room'\n", 1, "drop it or the noun"),
        ("[session]\nnoun = 'room'\ncite = 'line 3'\n", 3, "such as “prd.md:31”"),
        ("[session]\nnoun = 'room'\nquote = 'a room'\n", 1, "a quote needs its place"),
        ("[facts]\nidle_ttl = '2 kB'\n", 2, "no unit of time"),
        ("[facts]\npayload_bytes = '2 h'\n", 2, "no unit of memory"),
        ("[facts]\nevents_per_session = '5 rooms'\n", 2, "no rate; write it as"),
        ("[facts]\nsessions_peak = '5 min'\n", 2, "no count of sessions"),
        ("[facts.idle_ttl]\nvalue = '1 h'\nlow = '2 h'\n", 1, "lies outside of low and high"),
        ("[uses]\ntake = [\n  'votes',\n  'vots',\n]\n", 4, "did you mean votes?"),
        ("[uses]\ntake = ['votes']\ndrop = ['votes']\n", 3, "line 2 takes it; keep one"),
        ("[[uses.take]]\nuse = 'chat'\n[[uses.take]]\nentity = 'Vote'\n", 3, "needs 'use'"),
        ("[entities]\ndrop = ['A']\nset = { A = { realtime = true } }\n", 2, "keep one"),
        ("[entities.set]\nRoom = { lifetime = 'sesion' }\n", 2, "did you mean session?"),
        ("[entities.set.Room]\nlive = true\n", 2, "'live' is not a key of [entities.set.Room]"),
        ("[demands]\nadd = ['line 3']\n", 2, "such as “prd.md:31”"),
        ("[stack]\nserver = 'Memcached'\n", 2, "such as “Redis 7.4”"),
        ("[facts] idle_ttl = 1800\n", 1, "break the line after [facts]"),
        ("fit = 'maybe'\n", 1, "one of 'core', 'useful' or 'no'"),
        ("[project]\nlanguage = 'Polish'\n", 2, "a language's two letters"),
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


def test_numbers_may_have_units_ranges_and_a_line(project):
    toml = """[facts]
idle_ttl = "30 min"
state_bytes = "2 kB"
memory_budget = "512 MB"
events_per_session = "120 per minute"
members_per_session = { value = 20, low = 5, high = 20, cite = "prd.md:6" }
"""
    read = brief.read(project(prd=PRD, toml=toml))
    values = {name: read.value(name) for name in ("idle_ttl", "state_bytes", "memory_budget", "events_per_session")}
    assert values == {"idle_ttl": 1800, "state_bytes": 2000, "memory_budget": 512 * 2**20, "events_per_session": 2}
    members = read.fact("members_per_session")
    assert (members.value, members.low, members.high, members.where) == (20, 5, 20, "prd.md:6")


def test_a_fact_that_no_document_says_is_assumed_again(project):
    prd = PRD + "- Rooms are deleted after 3 hours of inactivity.\n"
    assert brief.read(project(prd=prd)).fact("idle_ttl").grade == "documented"
    fact = brief.read(project(prd=prd, toml='[facts]\nidle_ttl = "not said"\n')).fact("idle_ttl")
    assert (fact.grade, fact.value, fact.file) == ("assumed", 7200, "")
    assert "redis-plan.toml:2" in fact.because


def test_a_list_of_entities_may_be_all_there_are(project):
    toml = '[entities]\ncomplete = true\nadd = ["Buzzer"]\n[entities.set]\nRoom = { lifetime = "durable", realtime = false }\n'
    entities = brief.read(project(prd=PRD, toml=toml)).entities
    assert [(e.name, e.lifetime, e.realtime) for e in entities] == [
        ("Room", "durable", False),
        ("Buzzer", "session", True),
    ]


def test_demands_are_dropped_added_and_called_otherwise(project):
    prd = PRD + "\nThe gong sounds on every phone at once.\n"
    toml = """[demands]
drop = ["prd.md:5"]
add = [{ line = "prd.md:8", realtime = true }]
[demands.set]
"prd.md:6" = { kind = "constraint", realtime = false }
"""
    found = {r.line: (r.kind, r.realtime, r.text) for r in brief.read(project(prd=prd, toml=toml)).requirements}
    assert 5 not in found
    assert found[6][:2] == ("constraint", False)
    assert found[8] == ("functional", True, "The gong sounds on every phone at once.")


def test_name_language_stack_and_fit_are_the_team_s(project):
    toml = """[project]
name = "Buzzer Night"
language = "pl"
[stack]
server = "Valkey 8.1"
client = "ioredis"
[fit]
verdict = "useful"
because = "one process holds it"
cite = "prd.md:5"
"""
    read = brief.read(project(prd=PRD, stack="- Redis 6.2\n", toml=toml))
    assert (read.title, read.slug, read.language) == ("Buzzer Night", "buzzer-night", "pl")
    assert (read.fit, read.fit_because) == ("useful", "one process holds it (prd.md:5)")
    stack = {c.name: (c.version, f"{c.file}:{c.line}") for c in read.stack}
    assert stack["Valkey"] == ("8.1", "redis-plan.toml:5")
    assert stack["ioredis"] == (None, "redis-plan.toml:6")
    assert "Redis" not in stack
