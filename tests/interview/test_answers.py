"""Answers: one entry of the team's file changes, everything else in it stays."""

from __future__ import annotations

import tomllib

import pytest

from redis_plan import brief
from redis_plan.errors import OverrideError
from redis_plan.interview.answers import answer
from redis_plan.interview.asking import interview
from tests.interview.documents import QUIZ

TOML = """# ours
[facts]  # numbers
idle_ttl = "2 h"  # a lunch break

[uses]
take = [
  "chat",  # they asked for it
  "votes"
]
"""


def text(folder):
    return (folder / "ai" / "redis-plan.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("path", "value", "more", "where", "then"),
    [
        ("facts.idle_ttl", "30 min", {}, ("facts", "idle_ttl"), "30 min"),
        ("facts.heartbeat", 5, {"cite": "prd.md:8"}, ("facts", "heartbeat"), {"value": 5, "cite": "prd.md:8"}),
        ("uses.take", "rate", {"cite": "prd.md:5"}, ("uses", "take"), ["chat", "votes", {"use": "rate", "cite": "prd.md:5"}]),
        ("uses.drop", "geo", {}, ("uses", "drop"), ["geo"]),
        ("entities.set.Live stream", None, {"realtime": True}, ("entities", "set", "Live stream"), {"realtime": True}),
        ("session.noun", "room", {}, ("session", "noun"), "room"),
    ],
)  # fmt: skip
def test_an_answer_changes_one_entry_and_keeps_the_rest(project, path, value, more, where, then):
    folder = project(prd=QUIZ, toml=TOML)
    answer(folder, path, value, **more)
    found = tomllib.loads(text(folder))
    for step in where:
        found = found[step]
    assert found == then
    for comment in ("# ours", "[facts]  # numbers", "# a lunch break", '"chat",  # they asked for it'):
        assert comment in text(folder)


def test_answers_make_a_file_where_there_was_none_and_the_design_follows(project):
    folder = project(prd=QUIZ)
    answer(folder, "facts.session_capacity", 30, cite="prd.md:6")
    answer(folder, "uses.drop", "votes")
    answer(folder, "uses.drop", "chat")
    read = brief.read(folder)
    assert (read.value("session_capacity"), read.fact("session_capacity").where) == (30, "prd.md:6")
    assert set(read.settled.dropped) == {"votes", "chat"}


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("facts.idle_tl", 3, "did you mean idle_ttl?"),
        ("facts.idle_ttl", "soon", "does not begin with a number"),
        ("uses.take", "vots", "did you mean votes?"),
        ("usage.take", "votes", "did you mean uses?"),
    ],
)
def test_an_answer_that_says_nothing_is_refused_and_nothing_is_written(project, path, value, says):
    folder = project(prd=QUIZ, toml=TOML)
    with pytest.raises(OverrideError) as caught:
        answer(folder, path, value)
    assert says in str(caught.value)
    assert text(folder) == TOML


def test_the_interview_asks_the_weakest_first_and_not_again(project):
    folder = project(prd=QUIZ)
    first = interview(folder, 1)
    assert first.startswith("**1. `")
    assert "```text\n" in first
    assert "`answer(" in first
    asked = interview(folder, 99)
    assert "`facts.session_capacity`" in asked
    assert ">     6  - A room holds at most 40 players." in asked
    answer(folder, "facts.session_capacity", 40, cite="prd.md:6")
    assert "`facts.session_capacity`" not in interview(folder, 99)
