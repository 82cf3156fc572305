"""What the team decided otherwise is said with its line and the reason, and their open questions get what was measured."""

import re
import tomllib
from dataclasses import replace

import pytest

from redis_plan import resources
from redis_plan.brief.model import Note
from redis_plan.plan import on_notes
from redis_plan.run import Run
from tests.plan import recorded

CATALOG = tomllib.loads((resources.catalog_dir() / "notes.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    project = recorded.unpack(tmp_path_factory.mktemp("notes"))
    return Run(project, project / "data/runs" / recorded.PROFILE)


def noted(run, *texts, kind="decision"):
    """The sample's Brief with other notes."""
    return replace(
        run.load_brief(), notes=tuple(Note(f"N-{i}", kind, text, "notes.md", i) for i, text in enumerate(texts, 1))
    )


def differences(run, *texts):
    return on_notes.differences(noted(run, *texts), replace(run.load_keyspace(), own=()), run.evidence.all())


@pytest.mark.parametrize(
    ("text", "here", "because"),
    [
        ("A keyspace notification ends the round", "deadlines stand in a sorted set", r"\[E-04[aj]\]"),
        ("Expiry of all keys is refreshed on every write", "set again only when less than half", r"\[E-04c\]"),
        ("Keys look like pub:v1:{room}:state", "`buzz:v1`", 'prefix = "pub"'),
        ("A stream keeps the last 50 events", r"`log` is a list of at most \d+ entries", r"\[E-06e\]"),
        ("About 5 kB per room", r"KiB a room", r"\[E-06a\]"),
    ],
)
def test_what_stands_otherwise_is_said_with_its_line_and_the_reason(run, text, here, because):
    (row,) = [line for line in differences(run, text).splitlines() if "notes.md:1" in line]
    assert re.search(here, row)
    assert re.search(because, row)


def test_what_the_design_does_as_the_notes_say_is_no_difference(run):
    log = run.load_keyspace().pattern("log")
    same = (
        "Keys are buzz:v1:{room}:state",
        f"A list keeps the last {log.max_elements:.0f} events",
        f"About {run.evidence.get('E-06a')['bytes_per_session'].value / 1000:.0f} kB per room",
    )
    assert not differences(run, *same)


def test_two_notes_that_say_the_same_are_one_difference(run):
    told = differences(run, "A stream keeps the last 50 events", "Trim it with MAXLEN ~ 50 in a stream")
    assert "(notes.md:1, notes.md:2)" in told


def test_an_open_question_gets_what_was_measured_and_another_one_stays_the_team_s(run):
    asked = noted(
        run, "Can we rely on an expired event for our timer?", "What colour has the buzzer?", kind="open-question"
    )
    answered, left = on_notes.answers(asked, run.load_keyspace(), run.evidence.all(), run.decisions())
    assert len(answered) == 1
    assert re.match(r"\*\*Can we rely .* \(notes.md:1\)\*\* No\. .*\[E-04[aj]\]", answered[0])
    assert left == ["What colour has the buzzer? (notes.md:2)"]


def test_nothing_is_claimed_that_this_run_did_not_measure(run):
    bare = noted(run, "A keyspace notification ends the round")
    assert not on_notes.differences(bare, replace(run.load_keyspace(), own=()), {})


def test_every_value_and_decision_of_the_catalog_is_one_that_a_run_records(run):
    records = run.evidence.all()
    texts = [t for c in CATALOG["claim"] for t in (c["here"], *c["because"])]
    texts += [t for q in CATALOG["question"] for t in q.get("answers", ())]
    values = {found for text in texts for found in re.findall(r"\{(E-\d\d[a-z]+):([^}]+)\}", text)}
    assert not [(id, name) for id, name in values if not records[id].not_run and name not in records[id]]
    assert {q["decision"] for q in CATALOG["question"] if "decision" in q} <= {d.id for d in run.decisions()}
