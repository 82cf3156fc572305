"""Real documents of other teams: each is read and designed; of one without sessions a whole plan is built."""

import json
import re
from pathlib import Path

import pytest

from redis_plan.brief.report import as_json
from redis_plan.training.corpus import NAMES, lay_out
from redis_plan.words.sections import SECTIONS, heading
from tests import projects
from tests.conftest import CORPUS
from tests.end_to_end.conftest import redis_plan
from tests.plan import reading

pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the annotated documents of ../shared/corpus are not on this machine"
)
GOLD = {path.parent.name: json.loads(path.read_text("utf-8")) for path in sorted(CORPUS.glob("*/gold.json"))}


def shortest(with_session: bool, needs: str = "") -> list[str]:
    """Return the project with the shortest documents of those that have, or have not, a shared live session.

    ``needs`` leaves those that need Redis as much as that: core, useful or no.
    """
    found = [
        slug
        for slug, gold in GOLD.items()
        if (gold["design"]["session"] is not None) == with_session and needs in ("", gold["needs_redis"])
    ]
    return sorted(found, key=lambda slug: sum(path.stat().st_size for path in (CORPUS / slug).glob("*.md")))[:1]


#: What is built live, where it takes its minute: no project with sessions, which test_build and test_declared_build
#: build; the others are read and designed, and their artefacts tried in tests/delivery.
BUILT = next(iter(shortest(with_session=False)), "")

#: Words that only the sample project uses.
SAMPLE_WORDS = ("buzzroom", "quizmaster", "podium", "nickname", "quiz")


def test_each_is_read_and_designed():
    for slug in GOLD:
        read, keyspace = as_json(projects.read(slug)), projects.chosen(slug).keyspace
        assert json.loads(json.dumps(read))["fit"] in ("core", "useful", "no"), slug
        assert keyspace.app, slug
        assert all(key.chosen or key.type == "channel" for key in keyspace.keys), slug


@pytest.fixture(scope="module")
def theirs(tmp_path_factory) -> tuple[Path, dict]:
    project = lay_out(CORPUS / BUILT, tmp_path_factory.mktemp(BUILT) / "project")
    done = redis_plan("build", project, "--profile", "quick")
    assert done.code == 0, done.err
    return project, GOLD[BUILT]


def fold(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


@pytest.mark.slow
def test_builds_with_ten_sections_that_speak_of_this_project(theirs):
    project, gold = theirs
    text = (project / "ai/redis-plan.md").read_text("utf-8")
    for number in SECTIONS:
        body = re.split(r"\n## ", text.split(f"\n{heading(number)}\n", 1)[1], maxsplit=1)[0]
        assert len(body.split()) > 10, number
    text = reading.whole(project / "ai")

    documents = " ".join(
        path.read_text("utf-8") for path in (project / "ai").glob("*.md") if path.name in NAMES.values()
    ).lower()
    for word in SAMPLE_WORDS:
        if word not in documents:
            assert word not in text.lower(), word

    named = [fold(name) for entity in gold["entities"] for name in (entity["name"], *entity["aliases"])]
    assert any(name in fold(text) for name in named)

    numbers_of_facts(project, text)


def numbers_of_facts(project: Path, text: str) -> None:
    """Every documented number of the plan stands in the line that it names."""
    record = json.loads((project / "ai/redis-plan.json").read_text("utf-8"))
    for fact in record["facts"]:
        if fact["grade"] == "documented" and fact["file"].endswith(".md"):
            lines = (project / "ai" / fact["file"]).read_text("utf-8").splitlines()
            around = " ".join(lines[fact["line"] - 1 : fact["line"] + 1])
            assert re.search(r"\d|one|two|three|five|ten|jed|dw|trz", around, re.IGNORECASE), (fact["name"], around)
            assert f"{fact['file']}:{fact['line']}" in text


@pytest.mark.slow
def test_the_plan_can_be_read_and_does_not_contradict_itself(theirs):
    project, _ = theirs
    for path in reading.files(project / "ai"):
        text = path.read_text("utf-8")
        assert not reading.dead_links(path)
        assert not reading.long_cells(text)
        assert not reading.repeated(text)
        assert not reading.wrong_articles(text)
    assert not reading.contradictions(reading.whole(project / "ai"))


@pytest.mark.slow
def test_a_negative_control_gets_a_small_keyspace(theirs):
    project, gold = theirs
    record = json.loads((project / "ai/redis-plan.json").read_text("utf-8"))
    if gold["needs_redis"] == "no":
        assert len(record["keyspace"]["patterns"]) <= 6
        assert "can do without" in (project / "ai/redis-plan.md").read_text("utf-8")
