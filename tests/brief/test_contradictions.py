"""What the documents demand and exclude at once, and what the stack takes away from a design."""

from __future__ import annotations

import pytest

from redis_plan import brief
from redis_plan.brief.hosts import hosts
from redis_plan.brief.reader import read

PRD = """# Duel

## Functional requirements

- Players exchange private messages during a match.
- A spectator watches a match live.

## Out of scope

- Private messages between players
- Voice chat
"""


def conflicts(read_brief):
    return [r.text for r in read_brief.remarks if r.kind == "conflict"]


def test_a_demand_that_another_line_excludes_is_reported_with_both_lines(project):
    (text,) = conflicts(brief.read(project(prd=PRD)))
    assert "(prd.md:5) is demanded" in text
    assert "(prd.md:10)" in text


def test_an_exclusion_that_nothing_demands_is_no_contradiction(project):
    assert not conflicts(brief.read(project(prd=PRD.replace("- Private messages between players\n", ""))))


def test_a_decision_of_the_planning_notes_is_held_against_the_requirements(project):
    notes = "<decisions>\n1. No spectators watch a match.\n</decisions>\n"
    (text,) = conflicts(brief.read(project(prd=PRD.replace("- Private messages between players\n", ""), notes=notes)))
    assert "prd.md:6" in text
    assert "redis_planning_summary.md:2" in text


def test_it_works_on_inflected_words(project):
    prd = "# Turniej\n\n## Wymagania funkcjonalne\n\n- Gracze wysyłają prywatne wiadomości w czasie meczu.\n\n## Poza zakresem\n\n- Prywatnych wiadomości\n"
    assert len(conflicts(brief.read(project(prd=prd)))) == 1


def test_two_databases_in_two_documents_contradict_each_other(project):
    prd = PRD.replace("- Private messages between players\n", "") + "\n## Tech stack\n\n- Database: MongoDB\n"
    (text,) = conflicts(brief.read(project(prd=prd, stack="# Stack\n\n- Database: PostgreSQL 16\n")))
    assert "PostgreSQL (tech-stack.md:3)" in text
    assert "MongoDB (prd.md:14)" in text


@pytest.mark.parametrize(
    ("stack", "said"),
    [
        ("- Hosting: Vercel", "long-lived processes"),
        ("- Cache: Redis 7.0", "hash-field TTL"),
        ("- Cache: Redis 6.2", "EVAL form"),
        ("- Cache: Upstash Redis", "no CONFIG"),
    ],
)
def test_what_the_stack_takes_away_from_the_design_is_said(project, stack, said):
    remarks = [r.text for r in read(project(prd=PRD, stack=f"# Stack\n\n{stack}\n")).remarks if r.kind == "stack"]
    assert any(said in text for text in remarks)


def test_a_second_host_relieves_the_first(project):
    stack = "# Stack\n\n- Hosting: Vercel for the pages, Fly.io for the gateway\n"
    assert not [r for r in brief.read(project(prd=PRD, stack=stack)).remarks if r.kind == "stack"]


def test_a_whole_version_is_not_called_older_than_its_later_minors(project):
    remarks = brief.read(project(prd=PRD, stack="# Stack\n\n- Redis 7\n")).remarks
    assert not [r for r in remarks if "lacks" in r.text]


def test_every_limit_names_its_source():
    assert all(entry["source"] for entry in (*hosts()["limit"], *hosts()["version"]))
