"""The plan of a recorded run: assembled without a server, short, and whole with its appendices."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from redis_plan.build import study
from redis_plan.chapters.operations import operations_text
from redis_plan.delivery import acl
from redis_plan.keyspace import settings
from redis_plan.plan import build_this, main_design, main_running
from redis_plan.run import Run
from redis_plan.words.sections import APPENDICES, SECTIONS
from tests.plan import reading, recorded, records

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
    text = (project / "ai/redis-plan.md").read_text("utf-8")
    sentences = " ".join(part for body in reading.sections(text).values() for part in reading.paragraphs(body))
    assert not reading.generic_nouns(sentences)


def test_nothing_that_was_measured_is_lost(project):
    run = Run(project, project / "data/runs" / recorded.PROFILE)
    told = reading.whole(project / "ai")
    assert not [id for id in run.evidence.all() if f'<a id="{id.lower()}"></a>' not in told]
    assert not [d.id for d in run.decisions() if f'<a id="{d.id.lower()}"></a>' not in told]


def test_today_s_words_fill_every_section_from_the_recorded_evidence(project):
    """The templates as they are now, with the numbers of the recorded run: a name that is not given fails here."""
    run = Run(project, project / "data/runs" / recorded.PROFILE)
    brief, keyspace, e = run.load_brief(), run.load_keyspace(), run.evidence.all()
    names = operations_text.numbers(brief, keyspace, run.evidence)
    ran = e["E-09a"].server
    fit = e["E-06a"]
    told = {
        1: main_design.naming_section(brief, keyspace, e["E-02c"]),
        2: main_design.structures_section(brief, keyspace, e["E-03x"]),
        3: main_design.expiry_section(brief, keyspace, e["E-04a"], e["E-04c"], e["E-04i"]),
        4: main_design.synchronization_section(brief, keyspace, e["E-05a"], e["E-05e"]),
        5: main_design.memory_section(
            brief, keyspace, run.evidence.samples(fit.id), fit, e["E-06c"], e["E-06h"], e["E-06l"], e["E-06m"]
        ),
        6: main_running.benchmarks_section(brief, keyspace, e["E-03y"], e["E-03w"], e["E-03v"]),
        7: main_running.sessions_section(brief, keyspace, e["E-07a"]),
        8: main_running.configuration_section(brief, keyspace, ran, acl.users(keyspace), e["E-09a"], e["E-09c"]),
        9: main_running.errors_section(brief, keyspace, e["E-08d"], e["E-08b"], e["E-08a"]),
        10: main_running.monitoring_section(brief, keyspace, settings.alerts(keyspace, names), e["E-09b"]),
    }
    for number, text in told.items():
        assert 60 <= sum(len(part.split()) for part in reading.paragraphs(text)) <= 600, number
        assert not reading.overcited(text), number


def test_a_run_that_measured_next_to_nothing_still_fills_every_section(project):
    run = Run(project, project / "data/runs" / recorded.PROFILE)
    brief, keyspace = run.load_brief(), run.load_keyspace()
    none = records.evidence("E-04a", not_run="left out")
    assert "stayed in memory" not in main_design.expiry_section(brief, keyspace, none, none, none)
    told = main_design.memory_section(brief, keyspace, pd.DataFrame(), none, none, none, none, none)
    assert "no capacity was modelled" in told


def test_a_design_without_keys_gets_a_few_sentences(project):
    run = Run(project, project / "data/runs" / recorded.PROFILE)
    brief, e = run.load_brief(), run.evidence.all()
    keyspace = replace(run.load_keyspace(), patterns=(), session_entity="")
    told = [
        build_this.build_this(brief, keyspace, run),
        main_design.naming_section(brief, keyspace, e["E-02c"]),
        main_design.structures_section(brief, keyspace, e["E-03x"]),
        main_design.expiry_section(brief, keyspace, e["E-04a"], e["E-04c"], e["E-04i"]),
        main_running.benchmarks_section(brief, keyspace, e["E-03y"], e["E-03w"], e["E-03v"]),
        main_running.errors_section(brief, keyspace, e["E-08d"], e["E-08b"], e["E-08a"]),
    ]
    assert all(10 < len(text.split()) < 60 for text in told)
