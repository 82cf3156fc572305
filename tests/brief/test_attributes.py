"""Sizes and bounds that a text gives for the parts of an entity."""

from __future__ import annotations

import pytest

from redis_plan import brief

PRD = """# Chatter

## Functional requirements

- Players in a room send messages live; a message has at most 500 characters.
- A player picks a nickname of up to 20 characters.
- A room holds up to 50 players.
- Memory of the server: a room may use 5 MB of RAM.
"""


def attributes(read, name):
    return {a.name: a.size_bytes for a in next(e for e in read.entities if e.name == name).attributes}


def test_a_bound_in_characters_becomes_the_size_of_the_thing(project):
    assert attributes(brief.read(project(prd=PRD)), "Message")["content"] == 1000  # two bytes a character


def test_a_size_goes_to_the_part_that_is_named_before_it(project):
    assert attributes(brief.read(project(prd=PRD)), "Player")["nickname"] == 40


def test_a_memory_budget_is_no_size_of_a_thing(project):
    assert 5_000_000 not in attributes(brief.read(project(prd=PRD)), "Room").values()


def test_a_relation_tells_how_many_at_most(project):
    relations = {(r.source, r.target): r for r in brief.read(project(prd=PRD)).relations}
    assert relations["Room", "Player"].at_most == 50
    assert relations["Room", "Player"].line == 7


@pytest.mark.parametrize("said", ["A room holds 50+ players.", "At least 50 players fit in a room."])
def test_a_lower_bound_tells_nothing_of_how_many_at_most(project, said):
    relations = brief.read(project(prd=PRD.replace("A room holds up to 50 players.", said))).relations
    assert all(r.at_most is None for r in relations if (r.source, r.target) == ("Room", "Player"))


@pytest.mark.parametrize("text", ["", "x" * 5000 + " 20 characters", "20 characters", "50 members 20 members"])
def test_odd_lines_are_read_without_a_crash(project, text):
    assert brief.read(project(prd=PRD + "\n" + text + "\n"))
