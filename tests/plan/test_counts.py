"""How long a plan is, counted without a live build: told again from recorded evidence, for the sample and for other teams' documents."""

import re
import tarfile
from pathlib import Path

import pytest

from redis_plan.delivery import library
from redis_plan.evidence.store import Store
from redis_plan.keyspace.model import Keyspace
from redis_plan.run import Run
from redis_plan.training.corpus import lay_out
from redis_plan.words.sections import SECTIONS
from tests.conftest import CORPUS
from tests.end_to_end.conftest import copy_sample
from tests.end_to_end.test_corpus import shortest
from tests.plan import reading, recorded, retold

#: Limits of the main document: a plan that people read.
LINES, WORDS, OF_A_SECTION = 450, 7_000, 600
#: What a project that needs no key is told.
OF_A_PAGE = 750
SAMPLE = "the sample"
#: Three projects of others: the shortest documents with a live session, those without, and those that hardly need Redis.
SMALL = next(iter(shortest(with_session=False, needs="no")), "")
OTHERS = (*shortest(with_session=True, needs="core"), *shortest(with_session=False), *([SMALL] if SMALL else []))


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The evidence of the recorded run."""
    folder = tmp_path_factory.mktemp("records")
    with tarfile.open(recorded.ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return Store(folder / "evidence")


@pytest.fixture(scope="module", params=[SAMPLE, *OTHERS])
def told(request: pytest.FixtureRequest, records: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A project's name, and the folder of its plan."""
    folder = tmp_path_factory.mktemp("told") / "project"
    project = copy_sample(folder) if request.param == SAMPLE else lay_out(CORPUS / request.param, folder)
    return request.param, retold.tell(project, records, own=request.param == SAMPLE)


def test_the_plan_is_short_and_every_link_leads_somewhere(told: tuple[str, Path]) -> None:
    name, folder = told
    text = (folder / "redis-plan.md").read_text("utf-8")
    lines, words, links = len(text.splitlines()), len(text.split()), text.count("](")
    print(f"{name}: {lines} lines, {words} words, {links} links")
    assert lines <= LINES
    assert words <= WORDS
    assert links
    dead = [link for path in reading.files(folder) for link in reading.dead_links(path)]
    assert not [link for link in dead if not link.startswith(f"../{retold.PAGES}/")]
    assert not reading.overcited(text)
    assert not reading.wrong_articles(text)


def test_each_of_the_ten_sections_has_text_and_none_too_much(told: tuple[str, Path]) -> None:
    _, folder = told
    bodies = reading.sections((folder / "redis-plan.md").read_text("utf-8"))
    assert len(bodies) == len(SECTIONS)
    for heading, body in bodies.items():
        assert 5 <= sum(len(part.split()) for part in reading.paragraphs(body)) <= OF_A_SECTION, heading


def keyspace_of(folder: Path) -> Keyspace:
    return Run(folder.parent, folder.parent / "data" / "runs" / retold.PROFILE).load_keyspace()


def test_a_project_with_few_keys_gets_a_short_plan(told: tuple[str, Path]) -> None:
    name, folder = told
    few = len(keyspace_of(folder).keys) <= 4
    words = len((folder / "redis-plan.md").read_text("utf-8").split())
    assert few == (name == SMALL)
    assert words <= (WORDS / 2 if few else WORDS)


def test_a_project_without_a_key_gets_a_page_that_decides_nothing(told: tuple[str, Path]) -> None:
    name, folder = told
    nothing = not keyspace_of(folder).patterns
    text = (folder / "redis-plan.md").read_text("utf-8")
    assert nothing == (name == SMALL)
    assert (folder / "redis-plan" / "decisions.md").exists() is not nothing
    assert ("| Decision | Because |" in text) is not nothing
    assert not nothing or len(text.split()) <= OF_A_PAGE


def test_section_5_leaves_out_no_key_of_what_one_session_costs(told: tuple[str, Path]) -> None:
    name, folder = told
    keyspace = keyspace_of(folder)
    section = (folder / "redis-plan.md").read_text("utf-8").split("\n## 5 ")[1].split("\n## 6 ")[0]
    _, has_table, rest = section.partition("| Elements × keys |")
    assert bool(has_table) == (name == SAMPLE)  # of the others' keys no bytes are recorded
    table = rest.split("\n\n")[0]
    assert [p.name for p in keyspace.keys if has_table and p.scope != "global" and f"`{p.name}`" not in table] == []


def test_every_argument_of_a_function_is_explained_beside_it(told: tuple[str, Path]) -> None:
    path = told[1] / "redis-plan" / "protocol.md"
    text = path.read_text("utf-8") if path.exists() else ""
    has_functions = bool(library.steps(keyspace_of(told[1])))
    assert ("\n### Functions\n" in text) == has_functions
    if not has_functions:
        return
    asked = {word.strip("[].") for row in reading.rows_under(text, "Functions") for word in row[2].strip("`").split()}
    shown = text.split("What the arguments are:")[1].split("\n\n")[1]
    explained = {name for name, said in re.findall(r"^\| `([^`]+)` \| (.+) \|$", shown, re.MULTILINE) if said}
    assert asked - {"(none)", "field", "value"} <= explained
    assert not reading.long_cells(text)
