"""The plan of a recorded run: assembled without a server, short, and whole with its appendices."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from redis_plan.build import study
from redis_plan.evidence.store import Store
from redis_plan.plan import build_this, played
from redis_plan.run import Run
from redis_plan.words import words
from redis_plan.words.sections import APPENDICES, SECTIONS
from tests.end_to_end.conftest import copy_sample
from tests.plan import reading, recorded, retold

#: What is right for Markdown stands there.
CONFIGURATION = Path(__file__).resolve().parents[2] / "pyproject.toml"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The sample with its recorded run, assembled."""
    folder = recorded.unpack(tmp_path_factory.mktemp("recorded"))
    study.assemble(study.Order(folder, recorded.PROFILE))
    return folder


def test_it_is_assembled_with_every_appendix_and_every_link_leads_somewhere(project):
    assert [path.stem for path in reading.files(project / "ai")[1:]] == sorted(APPENDICES)
    assert not [dead for path in reading.files(project / "ai") for dead in reading.dead_links(path)]
    assert not reading.contradictions(reading.whole(project / "ai"))


def test_the_plan_is_short_and_cites_once_a_paragraph(project):
    text = (project / "ai/redis-plan.md").read_text("utf-8")
    assert len(text.splitlines()) <= 450
    assert len(text.split()) <= 7_000
    assert len(reading.sections(text)) == len(SECTIONS)
    assert not reading.overcited(text)
    assert not reading.long_cells(text)
    assert not reading.repeated(text)
    assert not reading.wrong_articles(text)


def test_spelling_and_markdown_are_clean(project):
    texts = [str(path) for path in reading.files(project / "ai")]
    for tool in (["codespell_lib"], ["pymarkdown", "--config", str(CONFIGURATION), "scan"]):
        done = subprocess.run([sys.executable, "-m", *tool, *texts], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_it_speaks_of_rooms_and_players_only(project):
    for path in reading.files(project / "ai"):
        told = " ".join(
            part for body in reading.sections(path.read_text("utf-8")).values() for part in reading.paragraphs(body)
        )
        assert not reading.generic_nouns(told), path.name


def test_nothing_that_was_measured_is_lost(project):
    run = Run(project, project / "data/runs" / recorded.PROFILE)
    told = reading.whole(project / "ai")
    assert not [id for id in run.evidence.all() if f'<a id="{id.lower()}"></a>' not in told]
    assert not [d.id for d in run.decisions() if f'<a id="{d.id.lower()}"></a>' not in told]


def test_the_delivered_limit_of_memory_is_the_models_and_its_host_fits_the_node_of_the_documents(project):
    """A limit beyond the node would have the kernel kill the server instead of the server refusing a change."""
    run = Run(project, project / "data/runs" / recorded.PROFILE)
    modelled = {value.name: value.value for value in run.evidence.all()["E-06c"].values}
    [written] = re.findall(r"^maxmemory (\d+)$", (project / "ai/redis/redis.conf").read_text("utf-8"), re.MULTILINE)
    [stated] = [fact.value for fact in run.load_brief().facts if fact.name == "memory_budget"]
    assert int(written) == modelled["maxmemory"]
    assert modelled["maxmemory"] < modelled["host_memory"] <= stated


def test_the_first_page_says_with_which_arguments_each_function_is_called(project):
    """Who calls by FCALL gets the order of ARGV there, as the delivered library takes it."""
    text = (project / "ai/redis-plan.md").read_text("utf-8")
    library = (project / "ai/redis/functions.lua").read_text("utf-8")
    taken = dict(re.findall(r"^-- (\w+)\n(?:--.*\n)*?-- ARGV (.+)$", library, re.MULTILINE))
    [shared] = re.findall(r"Arguments are `([^`]+)`, then those beside the name", text)
    rows = reading.rows_under(text, "Functions")
    assert len(rows) > 20
    for called, *_ in rows:
        name, *own = re.findall(r"`([^`]+)`", called)
        assert " ".join([shared, *own]) == taken[name]


def test_whoever_reads_the_keys_is_told_there_what_stands_for_the_environment(project):
    text = (project / "ai/redis-plan.md").read_text("utf-8")
    before_the_table = text.split("\n### Keys\n")[1].split("\n|")[0]
    assert "`<env>` is the environment" in before_the_table
    assert "(#order-of-work)" in text.split("\n### Keys\n")[0]


def test_the_largest_risk_names_what_is_assumed_and_what_cures_it(project):
    run = Run(project, project / "data/runs" / recorded.PROFILE)
    assumed = [fact for fact in words.facts_used(run.load_brief(), run.load_keyspace()) if fact.grade == "assumed"]
    text = (project / "ai/redis-plan.md").read_text("utf-8")
    risk = next(line for line in text.splitlines() if line.startswith("- Largest risk: "))
    assert assumed
    assert not [fact.name for fact in assumed[:4] if f"`{fact.name}` = " not in risk]
    assert "`ai/redis-plan.toml`" in risk


def test_the_largest_risk_leads_from_a_fallen_decision_to_its_alternatives(tmp_path):
    folder = recorded.unpack(tmp_path / "recorded")
    run = Run(folder, folder / "data" / "runs" / recorded.PROFILE)
    record = run.folder / "decisions" / "D-06b.json"
    told = json.loads(record.read_text("utf-8"))
    told["holds_while"][0]["actual"] = 2 * told["holds_while"][0]["limit"]
    record.write_text(json.dumps(told), "utf-8")
    study.assemble(study.Order(folder, recorded.PROFILE))
    text = (folder / "ai/redis-plan.md").read_text("utf-8")
    risk = next(line for line in text.splitlines() if line.startswith("- Largest risk: "))
    assert "is no longer supported" in risk
    assert "(redis-plan/decisions.md#d-06b)" in risk


def test_a_design_without_keys_gets_a_few_sentences(project):
    run = Run(project, project / "data/runs" / recorded.PROFILE)
    keyspace = replace(run.load_keyspace(), patterns=(), session_entity="")
    assert 10 < len(build_this.build_this(run.load_brief(), keyspace, run).split()) < 60


def test_a_demand_that_the_budget_refutes_is_not_called_met(tmp_path):
    """A node that carries fewer rooms than the peak: that the data fits into it stands with what is not served."""
    folder = recorded.unpack(tmp_path / "recorded")
    run = Run(folder, folder / "data" / "runs" / recorded.PROFILE)
    memory, peak = (run.load_brief().fact(name) for name in ("memory_budget", "sessions_peak"))
    assert {row.place: row.served for row in played.shown(run.load_stories(), run).rows}[memory.where] != "not"
    record = run.evidence.folder / "E-06c.json"
    told = json.loads(record.read_text("utf-8"))
    for value in told["values"]:
        if value["name"] == "sessions_in_budget":
            value["value"] = 0.7 * peak.value
    record.write_text(json.dumps(told), "utf-8")
    ai = retold.tell(copy_sample(tmp_path / "told"), Store(run.evidence.folder), own=True)
    page, text = ((ai / name).read_text("utf-8") for name in ("redis-plan/stories.md", "redis-plan.md"))
    assert f"({memory.where}): the memory of " in page.split("#### Not served")[1]
    counted = re.search(r"\d+ demands: .*not served", page)
    assert counted
    assert counted[0] in text
