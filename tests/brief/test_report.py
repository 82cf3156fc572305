from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from redis_plan import brief
from redis_plan.brief import explore, plan_text
from redis_plan.brief.report import as_json, print_brief
from redis_plan.codec import from_json, to_json
from redis_plan.errors import DocumentError
from redis_plan.keyspace.cues import find_session

PRD = """# Quizzle

## Features

- Players join a room [fast] and see the score live within 2 seconds.
- A host can create a room for at most 8 players.

## Non-goals

- Voice chat.
"""


def session_text(read):
    session = find_session(read)
    return plan_text.session_section(read, session.entity if session else None)


def test_the_json_has_demands_and_exclusions_apart(project):
    plain = json.loads(json.dumps(as_json(brief.read(project(prd=PRD, stack="- Tailwind 4\n- Redis 7\n")))))
    assert [r["line"] for r in plain["requirements"]] == [5, 6]
    assert [r["line"] for r in plain["excluded"]] == [10]
    assert [(c["name"], c["canonical"]) for c in plain["stack"]] == [("Tailwind", "Tailwind CSS"), ("Redis", "Redis")]
    assert plain["fit"] in ("core", "useful", "no")


def test_the_tables_show_file_and_line_and_survive_brackets(project):
    out = io.StringIO()
    print_brief(brief.read(project(prd=PRD)), Console(file=out, width=200))
    text = out.getvalue()
    assert "prd.md:5" in text
    assert "[fast]" in text
    assert "[facts] heartbeat = 10" in text


def test_a_brief_survives_its_json(project):
    read = brief.read(project(prd=PRD))
    assert from_json(brief.Brief, to_json(read)) == read


def test_a_source_line_is_the_documents_own(project):
    folder = project(prd=PRD)
    assert ">     6  - A host can create a room for at most 8 players." in explore.passage(folder, "prd.md:6")
    with pytest.raises(DocumentError, match=r"no line prd\.md:600; the documents have prd\.md:1"):
        explore.passage(folder, "prd.md:600")


def test_one_word_is_found_in_every_kind_of_reading(project):
    found = explore.search(brief.read(project(prd=PRD)), "room")
    assert {kind.split(":")[0] for kind in found["kind"]} >= {"entity", "requirement"}
    assert list(found["where"]) == sorted(found["where"], key=lambda place: int(place.split(":")[1]))


def test_plan_text_grades_every_number_and_names_the_session(project):
    read = brief.read(project(prd=PRD))
    workload = plan_text.workload_section(read)
    rows = [line for line in workload.splitlines() if line.startswith("| ") and "Grade" not in line]
    assert all(any(grade in row for grade in ("documented", "assumed", "modelled")) for row in rows)
    assert "What people share is a **Room** (prd.md:5)" in session_text(read)


def test_a_project_without_shared_state_gets_an_honest_session_section(project):
    read = brief.read(
        project(prd="# F\n\n## Features\n\n- Users can create flashcards.\n- Users can delete flashcards.\n")
    )
    assert "Nothing in the documents is shared live" in session_text(read)


def test_the_figure_has_a_dot_for_every_fact(project):
    read = brief.read(project(prd=PRD))
    assert len(explore.plot_sources(read).axes[0].lines) == len(read.facts)


def test_a_demand_stands_beside_the_line_of_our_own_that_is_most_like_it(project):
    text = "- The auctioneer can pause, resume or withdraw a lot at any time\n"
    table = explore.reasons_table(brief.read(project(prd=PRD.replace("\n## Non-goals", text + "\n## Non-goals"))))
    row = table.set_index("where").loc["prd.md:7"]
    assert "auctioneer can pause" in row["our example"]
    assert row["is"] == "functional, live"
    assert row["likeness"] > 0.8
    assert "Voice chat." not in set(table["text"])
