"""``read --check``: what is wrong with a file that came back, one line each."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from redis_plan.cli import app
from redis_plan.errors import OverrideError
from redis_plan.interview.checking import check
from tests.interview.documents import QUIZ


def found(folder):
    return [f"{finding.line}: {finding.says}" for finding in check(folder)]


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ('[session]\nnown = "room"\n', "2: 'nown' is not a key of [session]; did you mean noun?"),
        ('[facts]\nsession_capacity = { value = 40, cite = "prd.md:600" }\n', "2: cites prd.md:600, and prd.md ends at line"),
        ('[facts]\nsession_capacity = { value = 40, cite = "spec.md:6" }\n', "2: cites spec.md:6, and there is no spec.md"),
        ('[facts]\nsession_capacity = { value = 40, cite = "prd.md:2" }\n', "2: cites prd.md:2, which is empty"),
        ('[facts]\nsession_capacity = { value = 60, cite = "prd.md:6" }\n', "2: session_capacity is 60 members, and prd.md:6 has no such number"),
        ('[facts]\nreconnect_grace = { value = "2 min", cite = "prd.md:9" }\n', "2: reconnect_grace is 2 min, and prd.md:9 has no such number"),
        (
            '[entities]\nadd = [\n  { name = "Vote", cite = "prd.md:7", quote = "players cast ballots" },\n]\n',
            "3: “players cast ballots” does not stand at prd.md:7",
        ),
        ('[entities]\nadd = ["Spaceship"]\n', "2: 'Spaceship' stands in no document"),
        ('[session]\nnoun = "auditorium"\n', "2: 'auditorium' stands in no document"),
        ('[entities]\ndrop = ["Plaier"]\n', "2: drops 'Plaier', which was not read; did you mean 'Player'?"),
        ('[entities.rename]\nBallot = "Vote"\n', "2: renames 'Ballot', which was not read"),
        ('[demands]\ndrop = ["prd.md:1"]\n', "2: drops 'prd.md:1', where no demand was read"),
        ('[demands.set]\n"prd.md:2" = { realtime = true }\n', "2: 'prd.md:2' was not read as a demand"),
        ('[demands]\nadd = ["prd.md:700"]\n', "2: cites prd.md:700"),
        ('[uses]\ntake = [{ use = "votes", entity = "Ballot box" }]\n', "2: no entity is called 'Ballot box'"),
        ('[session]\nnone = true\n[uses]\ntake = ["votes"]\n', "4: 'votes' lives in a session, and line 2 says that there is none"),
        ('[uses]\ncomplete = true\ntake = ["state"]\n', "live and short-lived, and no use keeps it"),
        ('[structures]\nleaderbord = "zset"\n', "2: no key is called 'leaderbord'"),
    ],
)  # fmt: skip
def test_a_finding_names_its_line_and_what_to_do(project, toml, says):
    assert any(says in finding for finding in found(project(prd=QUIZ, toml=toml))), found(project())


@pytest.mark.parametrize(
    "toml",
    [
        "",
        '[facts]\nsession_capacity = { value = 40, cite = "prd.md:6", quote = "at most 40 players" }\n',
        '[facts]\nreconnect_grace = { value = "1.5 min", cite = "prd.md:9" }\n',
        '[facts]\nsync_latency = { value = "0.5 s", cite = "prd.md:8" }\n',
        '[facts]\nsessions_peak = { value = 25, cite = "prd.md:6", because = "1,000 players / 40" }\n',
        '[entities]\nadd = [{ name = "Ballot", aliases = ["votes"], cite = "prd.md:7", quote = "votes of a **round**" }]\n',
        '[demands.set]\n"prd.md:8" = { kind = "non-functional" }\n',
        '[session]\nnoun = "room"\nmember = "player"\ncite = "prd.md:5"\n',
    ],
)
def test_what_the_documents_say_is_clean(project, toml):
    assert found(project(prd=QUIZ, toml=toml)) == []


def test_all_faults_of_the_schema_are_named_at_once(project):
    toml = '[facts]\nidle_tl = 3\nheartbeat = "soon"\n[uses]\ntake = ["votes", "vots"]\n'
    assert [finding.line for finding in check(project(prd=QUIZ, toml=toml))] == [2, 3, 5]


def test_an_uncovered_live_demand_is_named_by_its_line(project):
    prd = QUIZ.replace("## Non-goals", "- A caretaker sees the temperature of the hall live.\n\n## Non-goals")
    toml = '[uses]\ncomplete = true\ntake = ["roster"]\n[demands.set]\n"prd.md:11" = { kind = "functional", realtime = true }\n'
    assert any(
        "prd.md:11 asks something live that no use serves" in finding for finding in found(project(prd=prd, toml=toml))
    )


def test_a_use_may_name_the_demands_that_it_serves(project):
    prd = QUIZ.replace("## Non-goals", "- A caretaker sees the temperature of the hall live.\n\n## Non-goals")
    toml = '[uses]\ncomplete = true\ntake = [{ use = "roster", serves = ["prd.md:11"] }]\n'
    assert not any("prd.md:11" in finding for finding in found(project(prd=prd, toml=toml)))
    assert "2: serves 'prd.md:99', where no demand was read" in "".join(
        found(project(prd=prd, toml='[uses]\ntake = [{ use = "roster", serves = ["prd.md:99"] }]\n'))
    )


def test_without_a_file_the_way_to_one_is_named(project):
    with pytest.raises(OverrideError, match=r"redis-plan.toml: no such file; `redis-plan read --propose`"):
        check(project(prd=QUIZ))


@pytest.mark.parametrize(("toml", "code"), [("", 0), ("[facts]\nheartbeat = -1\n", 1), ("[facts\n", 2)])
def test_the_exit_code_says_clean_found_or_unreadable(project, toml, code):
    from redis_plan.errors import RedisPlanError

    result = CliRunner().invoke(app, ["read", str(project(prd=QUIZ, toml=toml)), "--check"])
    raised = result.exception.exit_code if isinstance(result.exception, RedisPlanError) else result.exit_code
    assert raised == code
    if code == 1:
        assert "redis-plan.toml:2: [facts] heartbeat must be a number above 0" in result.output
