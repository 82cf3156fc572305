"""The proposal: unchanged it changes nothing; each of its lines can be corrected."""

from __future__ import annotations

import json
import tomllib

import jsonschema
import pytest

from redis_plan.actions import designing
from redis_plan.brief.overrides import NAME
from redis_plan.brief.overrides.published import json_schema
from redis_plan.errors import OutputError
from redis_plan.interview import proposal, reading
from redis_plan.interview.checking import check
from redis_plan.keyspace import design
from redis_plan.resources import catalog_dir
from redis_plan.training.corpus import lay_out
from tests import projects
from tests.conftest import CORPUS
from tests.interview.documents import ALL, QUIZ


def designed(folder):
    """Return what decides a design: its names, and every key with what it holds."""
    found = designing.design(reading.read(folder).brief)
    keys = {p.template: (p.type, p.use, p.entities, p.ttl, p.max_elements, p.chosen, p.fields) for p in found.patterns}
    return found.app, found.session_noun, found.member_noun, keys


@pytest.mark.parametrize("name", ALL)
def test_the_proposal_unchanged_gives_the_same_design(project, name):
    folder = project(prd=ALL[name], stack="# Stack\n\n- Redis 7.4\n- Socket.IO\n")
    before = designed(folder)
    text = proposal.render(reading.read(folder))
    project(toml=text)
    assert designed(folder) == before
    # and what was confirmed is confirmed: the next proposal says the same facts, entities and uses
    again = tomllib.loads(proposal.render(reading.read(folder)))
    first = tomllib.loads(text)
    assert all(again[table] == first[table] for table in ("project", "session", "facts", "entities", "fit"))
    assert sorted(map(str, again["uses"]["take"])) == sorted(map(str, first["uses"]["take"]))


@pytest.mark.parametrize("name", [*ALL, "uncovered"])
def test_the_proposal_unchanged_passes_the_check(project, name):
    """Also where a live demand has no use: it stands under the one that comes nearest, for the team to confirm or to move."""
    uncovered = QUIZ.replace("## Non-goals", "- A caretaker sees the temperature of the hall live.\n- Everyone sees the gauge of the boiler move in real time.\n\n## Non-goals")  # fmt: skip
    folder = project(prd=ALL.get(name, uncovered))
    text = proposal.render(reading.read(folder))
    project(toml=text)
    assert check(folder) == []
    again = tomllib.loads(proposal.render(reading.read(folder)))
    assert sorted(map(str, again["uses"]["take"])) == sorted(map(str, tomllib.loads(text)["uses"]["take"]))


@pytest.mark.parametrize(
    "name", [name for name in ("luma-zh", "tecs-auction", "vieja-estacion-es") if name in projects.ANNOTATED]
)
def test_the_proposal_of_an_annotated_project_passes_the_check(tmp_path, name):
    folder = lay_out(CORPUS / name, tmp_path / name)
    text = proposal.render(reading.read(folder, projects.read(name)))
    (folder / "ai" / NAME).write_text(text, encoding="utf-8")
    assert check(folder) == []


def test_the_proposal_lists_nouns_of_the_demands_that_it_did_not_take(project):
    prd = f"{QUIZ}\n## Scales\n\n- The host picks a card scale.\n- A player sees the card scale of the quiz.\n"
    text = proposal.render(reading.read(project(prd=prd)))
    line = next(line for line in text.splitlines() if line.startswith("# Not taken, though the demands speak of it: "))
    assert "scale (prd.md:" in line


def test_what_an_action_keeps_stands_among_the_uses_taken(project):
    """The host puts players into teams: no thing of the documents, and a key of its own."""
    teams = "- The host splits the players into two teams.\n- A player switches to the other team.\n- Each team sees its own members in real time.\n"
    folder = project(prd=f"{QUIZ}\n## Teams\n\n{teams}", stack="# Stack\n\n- Redis 7.4\n- Socket.IO\n")
    before = designed(folder)
    assert any("team" in template for template in before[3])
    read = reading.read(folder)
    assert not {p.use for p in read.passed_over} & {use for _, use, *_ in before[3].values()}
    project(toml=proposal.render(read))
    assert designed(folder) == before


@pytest.mark.parametrize("name", ALL)
def test_a_proposal_is_good_by_the_published_schema(project, name):
    text = proposal.render(reading.read(project(prd=ALL[name])))
    jsonschema.Draft202012Validator(json.loads(json_schema())).validate(tomllib.loads(text))


def test_the_published_schema_is_the_one_of_the_models():
    published = (catalog_dir() / "redis-plan.schema.json").read_text("utf-8")
    assert published == json_schema(), "redis-plan read --schema > data/catalog/redis-plan.schema.json renews it"


def test_each_line_says_where_it_was_read_and_how_sure_we_are(project):
    text = proposal.render(reading.read(project(prd=QUIZ)))
    line = next(line for line in text.splitlines() if line.startswith("session_capacity"))
    assert line.startswith('session_capacity = { value = 40, cite = "prd.md:6" }  # 0.')
    assert "at most 40 players" in line
    assert "# heartbeat = " in text
    assert "# Look at these first:" in text


def test_within_a_table_the_weakest_stands_first(project):
    text = proposal.render(reading.read(project(prd=QUIZ)))
    block = text.split("[entities.set]\n")[1].split("\n\n")[0].splitlines()
    sure = [float(line.split("  # ")[1].split()[0]) for line in block if not line.startswith("#")]
    assert sure == sorted(sure)


def test_a_use_that_is_deleted_from_the_proposal_is_gone(project):
    folder = project(prd=QUIZ)
    text = proposal.render(reading.read(folder))
    assert '{ use = "votes"' in text
    project(toml="\n".join(line for line in text.splitlines() if not line.startswith('  { use = "votes"')))
    assert "votes" not in {pattern.use for pattern in design(reading.read(folder).brief).patterns}


def test_the_team_s_own_file_is_never_touched_and_an_edited_proposal_is_kept(project):
    folder = project(prd=QUIZ, toml="# ours\n")
    path = proposal.write(reading.read(folder))
    assert (folder / "ai" / "redis-plan.toml").read_text() == "# ours\n"
    assert proposal.write(reading.read(folder)) == path  # the same again is no loss
    path.write_text(path.read_text() + "# edited\n")
    with pytest.raises(OutputError, match="--force"):
        proposal.write(reading.read(folder))
    proposal.write(reading.read(folder), force=True)
    assert "# edited" not in path.read_text()


def test_the_keys_of_the_documents_are_listed_with_their_verdict_and_what_was_settled_stays(project):
    keys = "\n## Keys\n\n| Key pattern | Type | TTL |\n|---|---|---|\n| `room:{id}:state` | String | 24h |\n| `room:{id}:players` | Hash | 2h |\n"
    folder = project(prd=QUIZ + keys)
    text = proposal.render(reading.read(folder))
    assert "keys" in tomllib.loads(text)
    assert '# adopt or refuse: "room:{id}:state"  # contradicted' in text
    project(toml='[keys]\nadopt = ["room:{id}:players"]\n')
    again = tomllib.loads(proposal.render(reading.read(folder)))
    assert again["keys"] == {"adopt": ["room:{id}:players"]}
