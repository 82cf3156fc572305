"""The task for an assistant holds all that it needs: documents, proposal, open points, schema, vocabulary, the check."""

from __future__ import annotations

import pytest

from redis_plan.brief.facts import catalogue
from redis_plan.brief.overrides.schema import File
from redis_plan.interview import assistant, reading
from redis_plan.keyspace.catalog import use_patterns
from tests.interview.documents import QUIZ


@pytest.fixture
def task(project):
    return assistant.task(reading.read(project(prd=QUIZ + "\n```\ncode\n```\n", stack="- Redis 7\n")))


def test_every_line_of_every_document_stands_there_with_its_number_and_what_it_was_read_as(task):
    for number, line in enumerate(QUIZ.splitlines(), 1):
        assert any(f"{number:>5} {mark} {line}".rstrip() in task for mark in " DLx")
    assert any(f"{number:>5} L {line}" in task for number, line in enumerate(QUIZ.splitlines(), 1))
    assert "### tech-stack.md" in task


def test_a_fence_in_a_document_does_not_close_its_own(task):
    assert task.count("````text") == 1


def test_every_table_fact_and_use_is_explained(task):
    for table in set(File.model_fields) - {"naming"}:
        assert f"`[{table}]`" in task
    for name in catalogue():
        assert f"- `{name}` (" in task
    for pattern in use_patterns():
        assert pattern.machinery or f"- `{pattern.use}` (" in task


def test_it_says_what_to_write_where_and_how_to_check(task):
    assert "`ai/redis-plan.toml`" in task
    assert "redis-plan read --check" in task
    assert "## Open points" in task
    assert "session_capacity = { value = 40" in task
    assert "$" not in task.split("## The documents")[0]
