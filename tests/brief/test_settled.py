"""What a team settles in redis-plan.toml, seen in the keys of the design."""

from __future__ import annotations

import pytest

from redis_plan import brief
from redis_plan.errors import OverrideError
from redis_plan.keyspace import design

#: A sketching tool whose document speaks of sketches only: no word of it is known as a session or a document.
PRD = """# Inkwell

## What it does

- Several illustrators draw on one canvas at the same time, and each stroke is on every screen within 300 ms.
- Anyone with the link may watch a canvas being drawn.
- Illustrators vote for the sketch of the week.
"""
#: A project whose documents ask for a vote.
POLLS = "# Pulse\n\n## Features\n\n- Hosts open a room and members join the room live.\n- Members of a room cast a vote, and the room sees all votes live.\n"


def uses(folder):
    return {pattern.use for pattern in design(brief.read(folder)).patterns}


def test_five_lines_correct_the_uses_of_a_project(project):
    folder = project(
        prd=PRD,
        toml="""session = { noun = "canvas", member = "illustrator" }
[uses]
complete = true
take = ["state", "roster", "presence", "events", "log", "typing",
        { use = "document", entity = "Canvas", cite = "prd.md:5" }]
""",
    )
    keyspace = design(brief.read(folder))
    product = {p.use for p in keyspace.patterns} - {"idem", "probe"}
    assert product == {"state", "roster", "presence", "events", "log", "document", "typing"}
    assert (keyspace.session_noun, keyspace.member_noun) == ("canvas", "illustrator")
    document = next(p for p in keyspace.patterns if p.use == "document")
    assert document.entity == "Canvas"


def test_a_dropped_use_is_gone_and_its_reason_is_the_line(project):
    from redis_plan.keyspace.uses import passed_over

    folder = project(prd=POLLS)
    assert "votes" in uses(folder)
    folder = project(prd=POLLS, toml='[uses]\ndrop = ["votes"]\n')
    assert "votes" not in uses(folder)
    reasons = {one.use: one.reason for one in passed_over(brief.read(folder))}
    assert reasons["votes"] == "dropped by the team (redis-plan.toml:2)"


def test_a_complete_list_keeps_what_the_functions_of_a_session_stand_on(project):
    listed = '[session]\nnoun = "room"\n[uses]\ncomplete = true\ntake = ["votes"]\n'
    assert {"state", "roster", "presence", "log", "votes"} <= uses(project(prd=POLLS, toml=listed))
    assert "log" not in uses(project(prd=POLLS, toml=listed + 'drop = ["log"]\n'))


def test_without_a_session_nothing_that_needs_one_is_left(project):
    found = uses(project(prd=POLLS, toml="[session]\nnone = true\n"))
    assert not {"state", "roster", "presence", "votes"} & found


def test_a_use_that_is_usual_without_sessions_may_be_taken_beside_one(project):
    assert {"state", "feed"} <= uses(project(prd=POLLS, toml='[uses]\ntake = ["feed"]\n'))


@pytest.mark.parametrize(
    ("prd", "toml", "says"),
    [
        (POLLS, '[session]\nnone = true\n[uses]\ntake = ["votes"]\n', r"toml:4: 'votes' lives in a session, and line 2"),
        ("# Notes\n\n- Users write notes.\n", '[uses]\ntake = [\n  "votes",\n]\n', r"toml:3: \[uses\] takes 'votes', which lives in a session"),
        (POLLS, '[uses]\ntake = [\n  { use = "votes", entity = "Ballot box" },\n]\n', r"toml:3: no entity is called 'Ballot box'"),
    ],
)  # fmt: skip
def test_a_use_that_can_not_be_is_refused_with_its_line(project, prd, toml, says):
    with pytest.raises(OverrideError, match=says):
        design(brief.read(project(prd=prd, toml=toml)))
