"""The prefix that a team decided stands first in every key: it outranks the product's name, with its line."""

import pytest

from redis_plan import brief
from redis_plan.keyspace.design import design

PRD = "# Tide Table: requirements\n\nA live board of ferries.\n\n- As a crew member I change the berth of a ferry.\n"


def notes(*decisions: str) -> str:
    return "# Redis planning\n\n## Decisions\n\n" + "".join(f"- {said}\n" for said in decisions)


@pytest.mark.parametrize(
    ("said", "app"),
    [
        ("Key prefix is `tt`, hash tag by harbour.", "tt"),
        ("All names begin with the prefix “tide”.", "tide"),
        ("`tt:` as the prefix of all keys.", "tt"),
        ("Keys look like tt:v1:{harbour}:berths in Redis.", "tt"),
        ("Klucze mają prefiks `tt`.", "tt"),
        ("Channel prefix is `live`.", "tide-table"),
        ("We do without a prefix such as `tt`.", "tide-table"),
        ("Berths are in `berth:{id}:ships`, a hash.", "tide-table"),
        ("Key prefix is `Tide Table`.", "tide-table"),
    ],
)
def test_a_decided_prefix_stands_first_in_every_key(project, said, app):
    read = brief.read(project(prd=PRD, notes=notes(said)))
    assert design(read).app == app
    assert read.name_prefix_where == ("redis_planning_summary.md:5" if app != "tide-table" else "")


def test_two_prefixes_are_a_conflict_that_names_both_lines_and_neither_is_taken(project):
    read = brief.read(project(prd=PRD, notes=notes("Key prefix is `tt`.", "Prefix `tide` for all keys.")))
    assert design(read).app == "tide-table"
    (remark,) = [r for r in read.remarks if r.kind == "conflict"]
    assert "`tt` (redis_planning_summary.md:5), `tide` (redis_planning_summary.md:6)" in remark.text


def test_a_prefix_in_the_overrides_outranks_a_decided_one(project):
    read = brief.read(project(prd=PRD, notes=notes("Key prefix is `tt`."), toml='[project]\nprefix = "ferry"\n'))
    assert (design(read).app, read.name_prefix_where) == ("ferry", "")
