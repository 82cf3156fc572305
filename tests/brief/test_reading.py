"""Entities, stack, notes, facts, access patterns, fit, conflicts and names, on small documents."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest

from redis_plan import brief, resources
from redis_plan.brief.facts import catalogue, read_facts
from redis_plan.brief.quantities import scan

GAME = """# Trivia Night - Product Requirements Document (PRD)

## Functional requirements

- A host can create a room and players join it with a join code.
- Players submit an answer before the timer ends; everyone sees the score in real time.
- The host reveals the answers and players see the leaderboard live.
- A room holds 2 to 10 players and 500 concurrent rooms are expected at peak.
- Rooms are deleted after 2 hours of inactivity.
- A player who disconnects may return within 60 seconds.

## Domain model

- **AuditLog** (id, roomId, action, ts)
"""


def test_entities_are_merged_across_spellings(project):
    read = brief.read(project(prd=GAME))
    names = {e.name for e in read.entities}
    assert {"Room", "Player", "Answer", "AuditLog"} <= names
    assert next(e for e in read.entities if e.name == "AuditLog").attributes[1].name == "roomId"


def test_declared_ids_become_relations(project):
    relations = {(r.source, r.target) for r in brief.read(project(prd=GAME)).relations}
    assert ("Room", "AuditLog") in relations


def test_facts_come_from_the_best_line_or_are_assumed(project):
    read = brief.read(project(prd=GAME))
    wanted = {
        "sessions_peak": (500, 8),
        "members_per_session": (10, 8),
        "idle_ttl": (7200, 9),
        "reconnect_grace": (60, 10),
    }
    assert {n: (read.fact(n).value, read.fact(n).line) for n in wanted} == wanted
    assert read.fact("members_per_session").low == 2
    assert read.fact("heartbeat").grade == "assumed"
    assert read.fact("heartbeat").where == "assumed; `[facts] heartbeat = 10` replaces it"


def test_every_fact_is_always_there(project):
    read = brief.read(project(prd="# A\n"))
    assert [f.name for f in read.facts] == list(catalogue())


CUES = [(name, example) for name, entry in catalogue().items() for example in entry.examples]


@pytest.mark.parametrize(("name", "example"), CUES)
def test_every_cue_of_a_fact_reads_its_own_example(name, example):
    found = tuple(replace(q, file="prd.md", line=1, design_relevant=True) for q in scan(example, "en"))
    fact = next(f for f in read_facts(found, {"prd.md": [example]}, {}) if f.name == name)
    assert fact.grade == "documented"


def test_access_patterns_add_up_to_the_facts(project):
    read = brief.read(project(prd=GAME))
    watched = sum(a.rate_per_s for a in read.access_patterns if a.verb == "watch")
    assert watched == pytest.approx(
        read.value("sessions_peak") * read.value("events_per_session") * read.value("members_per_session")
    )
    assert all(a.mode == "subscribe" for a in read.access_patterns if a.verb == "watch")


def test_the_stack_has_versions_and_tells_choices_from_the_rest(project):
    stack = """# Stack

- **Runtime**: Node.js 22 with Express
- Redis 7.4 for live rooms
- Alternative: Render for hosting
- We looked at NATS and decided against it.
- Zustand over Redux
"""
    components = {c.name: (c.version, c.status) for c in brief.read(project(prd=GAME, stack=stack)).stack}
    assert components["Node.js"] == ("22", "chosen")
    assert components["Redis"] == ("7.4", "chosen")
    assert [components[n][1] for n in ("Render", "NATS", "Redux", "Zustand")] == [
        "alternative",
        "rejected",
        "rejected",
        "chosen",
    ]


def test_a_stack_file_that_names_nothing_is_remarked(project):
    read = brief.read(project(prd=GAME, stack="Thank you for the document. It is well structured.\n"))
    assert read.stack == ()
    assert any(r.kind == "stack" and "names no technology" in r.text for r in read.remarks)


@pytest.mark.parametrize(
    "notes",
    [
        "<conversation_summary>\n<decisions>\n1. One hash per room.\n2. TTL of 2 hours.\n</decisions>\n<unresolved_issues>\n- Which region?\n</unresolved_issues>\n</conversation_summary>\n",
        "# Notes\n\n## Decisions\n\n1. One hash per room.\n2. TTL of 2 hours.\n\n## Unresolved issues\n\n- Which region?\n",
    ],
    ids=["tags", "headings"],
)
def test_planning_notes_are_read_from_tags_or_headings(project, notes):
    read = brief.read(project(prd=GAME, notes=notes))
    assert [(n.id, n.kind, n.text) for n in read.notes] == [
        ("PD-01", "decision", "One hash per room."),
        ("PD-02", "decision", "TTL of 2 hours."),
        ("PQ-01", "open-question", "Which region?"),
    ]


def test_a_conflict_is_reported_with_both_lines(project):
    notes = "## Decisions\n\n- Inactive rooms are deleted after 30 minutes of inactivity.\n"
    read = brief.read(project(prd=GAME, notes=notes))
    conflict = next(r for r in read.remarks if r.kind == "conflict")
    assert "prd.md:9" in conflict.text
    assert "redis_planning_summary.md:3" in conflict.text


def test_fit_is_core_useful_or_no(project):
    assert brief.read(project(prd=GAME)).fit == "core"
    chat = "# C\n\n## Features\n\n- Users send messages in real time.\n- Users can register and log in.\n"
    assert brief.read(project(prd=chat)).fit == "useful"
    cards = "# F\n\n## Features\n\n- Users can create flashcards.\n- Users can delete flashcards.\n"
    read = brief.read(project(prd=cards))
    assert read.fit == "no"
    assert "one database" in read.fit_because


def test_the_sample_project_is_read_with_its_lines():
    read = brief.read(resources.sample_project())
    assert read.fit == "core"
    assert len([r for r in read.requirements if r.id.startswith("US-") and r.parent_line is None]) >= 25
    assert sum(f.grade == "documented" for f in read.facts) >= 8
    assert {"Redis", "Socket.IO"} <= {c.name for c in read.stack if c.status == "chosen"}


def test_facts_toml_has_a_default_for_every_fact():
    facts = tomllib.loads((resources.catalog_dir() / "facts.toml").read_text(encoding="utf-8"))
    assert all({"unit", "default", "meaning", "because"} <= set(entry) for entry in facts.values())


def test_the_cap_of_a_session_is_read_apart_from_its_usual_size(project):
    table = (
        "# Quiz\n\n| What | Number |\n|:--|--:|\n| Players per room | 8–30 |\n| Hard cap of players per room | 60 |\n"
    )
    read = brief.read(project(prd=table))
    assert (read.value("members_per_session"), read.value("session_capacity")) == (30, 60)


def test_a_session_without_a_named_cap_is_full_at_the_end_of_its_range_and_says_so(project):
    cap = brief.read(project(prd=GAME)).fact("session_capacity")
    assert (cap.value, cap.grade, cap.file) == (10, "modelled", "prd.md")
    assert "upper end" in cap.because
