"""A project that is not the sample, written as many teams write: what its sentences and numbers lead to."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from redis_plan import brief
from redis_plan.actions import command, confirming, designing
from redis_plan.actions.finding import find_actions
from redis_plan.actions.matrix import Stories
from redis_plan.brief.model import Brief
from redis_plan.delivery import snapshots
from redis_plan.keyspace.model import Keyspace

PRD = """# Corkboard: requirements

Corkboard is a board on which a team puts notes together, live in the browser.

| What | Value |
|---|---|
| Boards at the same time | 200 |
| Participants on a board | at most 25 |
| Objects on a board | at most 1,500 |

## Stories
- US-1 As a participant I see the cursors of the others.
- US-2 As a participant I drag an object and the others see where it goes. Saving an outdated object tells me that it is a newer one by now.
- US-3 As a facilitator I throw somebody off the board, and this person can't come in again.
- US-4 As a participant I see who is on the board now; after 25 s without a sign of life somebody is shown as away.
- US-5 As a facilitator I print the board as PDF.
- US-6 As a facilitator I halt the clock of an exercise for a moment.
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("corkboard")
    (made / "ai").mkdir()
    (made / "ai" / "prd.md").write_text(PRD, "utf-8")
    return made


@pytest.fixture(scope="module")
def read(folder: Path) -> Brief:
    return brief.read(folder)


@pytest.fixture(scope="module")
def found(folder: Path) -> Stories:
    return command.read(folder)


@pytest.fixture(scope="module")
def keyspace(read: Brief) -> Keyspace:
    return designing.design(read)


def kinds(found: Stories, story: str) -> set[str]:
    row = next(row for row in found.rows if row.id == story)
    return {action.kind.id for action in found.actions if action.name in row.actions}


@pytest.mark.parametrize(
    ("story", "kind"),
    [("US-1", "signals.send"), ("US-2", "objects.change"), ("US-3", "seats.kick"), ("US-4", "presence.mark_away")],
)
def test_what_a_story_does_counts_and_not_who_tells_it(found, story, kind):
    assert kinds(found, story) == {kind}


def test_an_export_stays_outside(found):
    assert next(row for row in found.rows if row.id == "US-5").served == "outside"


def test_what_may_be_changed_somebody_makes_first(found):
    there = {action.kind.id for action in found.actions}
    assert {"objects.change", "objects.create"} <= there


def test_a_key_and_its_action_keep_to_the_number_that_the_documents_say(found, keyspace):
    create = next(action for action in found.actions if action.kind.id == "objects.create")
    (most,) = (given for given in create.parameters if given.parameter.name == "most")
    assert (most.value, f"{most.file}:{most.line}") == (1500, "prd.md:9")
    assert keyspace.pattern(dict(create.keys)["objects"]).max_elements == 1500


def test_a_number_is_of_one_parameter(found):
    away = next(action for action in found.actions if action.kind.id == "presence.mark_away")
    values = {given.parameter.name: given.value for given in away.parameters}
    join = next(action for action in found.actions if action.kind.id == "seats.join")
    assert values["away_ms"] == 25_000
    assert values["lease_ms"] == next(g.value for g in join.parameters if g.parameter.name == "lease_ms")


def test_what_is_not_sure_is_served_once_the_lines_that_are_printed_are_pasted(folder, found, tmp_path):
    likely = [row for row in found.rows if row.likely]
    pasted = confirming.entries(found)
    assert likely
    assert {place for one in tomllib.loads(pasted)["actions"] for place in one["serves"]} == {r.place for r in likely}
    (tmp_path / "ai").mkdir()
    (tmp_path / "ai" / "prd.md").write_text(PRD, "utf-8")
    (tmp_path / "ai" / "redis-plan.toml").write_text(pasted, "utf-8")
    served = {row.place: row.served for row in command.read(tmp_path).rows}
    assert {served[row.place] for row in likely} == {"concrete"}


DECLARED = """
[[keys]]
template = "dots"
type = "hash"
hidden = true

[[actions]]
name = "select"
like = "objects.select"
serves = ["US-6"]

[[actions]]
name = "dot"
keys = ["dots"]
takes = ["object"]
effects = [{ effect = "put", key = "dots", field = "member", value = "object" }]
"""


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Brief, Keyspace]:
    made = tmp_path_factory.mktemp("declared")
    (made / "ai").mkdir()
    (made / "ai" / "prd.md").write_text(PRD, "utf-8")
    (made / "ai" / "redis-plan.toml").write_text(DECLARED, "utf-8")
    asked = brief.read(made)
    return asked, designing.design(asked)


def test_a_declared_action_works_on_the_key_of_the_catalogs_action_that_it_is_like(declared):
    on = {action.name: dict(action.keys) for action in find_actions(*declared)}
    assert on["select"]["objects"] == on["create_object"]["objects"] == "object"


def test_what_somebody_takes_can_be_let_go_and_what_fills_up_can_be_emptied(declared):
    assert {"objects.let_go", "objects.delete"} <= {action.kind.id for action in find_actions(*declared)}


def test_a_declared_key_that_is_hidden_is_in_no_snapshot(declared):
    _, keyspace = declared
    pattern = keyspace.pattern("dots")
    assert pattern.hidden == "redis-plan.toml:2"
    shown = snapshots.parts(keyspace)
    assert next(part.form for part in shown if part.pattern.name == "dots") == "counted"
