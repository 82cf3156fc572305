"""Committed notebooks: no outputs, few tags, short cells, stable ids, and a signature that the library checks."""

import ast
import io
import re
import tokenize
from collections import Counter

import nbformat
import pytest

from redis_plan import resources
from redis_plan.parameters import NOTEBOOKS
from redis_plan.words.sections import APPENDICES, SECTIONS

PATHS = sorted(resources.notebooks_dir().glob("*.ipynb"))
TAGS = {"parameters", "setup", "live"}
TAGS |= {f"plan-{n:02d}" for n in SECTIONS} | {f"appendix-{name}" for name in APPENDICES}
HEADINGS = ["## Method", "## Experiment", "## Result", "## Decision", "## What this does not show", "## Plan text"]


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def node(path):
    return nbformat.read(path, as_version=4)


def test_there_are_nine():
    assert [path.stem for path in PATHS] == list(NOTEBOOKS)


def test_no_outputs_are_committed(node):
    for cell in node.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_only_known_tags(node):
    assert {tag for cell in node.cells for tag in cell.metadata.get("tags", [])} <= TAGS


def test_cells_have_unique_readable_ids(node):
    ids = [cell.id for cell in node.cells]
    assert max(Counter(ids).values()) == 1
    assert all(
        re.fullmatch(r"[a-z][a-z0-9-]+", cell_id) and not re.fullmatch(r"[0-9a-f]{8}", cell_id) for cell_id in ids
    )


def test_code_cells_are_short(node):
    for cell in node.cells:
        if cell.cell_type == "code" and "parameters" not in cell.metadata.get("tags", []):
            assert len(cell.source.splitlines()) <= 12, cell.id
            assert not re.search(r"^(def|class) ", cell.source, re.MULTILINE), cell.id


def test_it_is_an_essay_with_its_parts_in_order(node):
    text = "\n".join(cell.source for cell in node.cells if cell.cell_type == "markdown")
    assert text.startswith("# ")
    assert re.search(r"^\*[^*]+\?[^*]*\*$", text, re.MULTILINE), "the question in italics"
    places = [text.find(heading) for heading in HEADINGS]
    assert -1 not in places
    assert places == sorted(places)


def test_the_parameters_cell_is_the_signature_that_the_library_checks(path, node):
    (cell,) = [c for c in node.cells if "parameters" in c.metadata.get("tags", [])]
    comments = {
        token.start[0]: token.string.removeprefix("# ")
        for token in tokenize.generate_tokens(io.StringIO(cell.source).readline)
        if token.type == tokenize.COMMENT
    }
    fields = NOTEBOOKS[path.stem].model_fields
    seen = {}
    for statement in ast.parse(cell.source).body:
        assert isinstance(statement, ast.AnnAssign)
        assert isinstance(statement.target, ast.Name)
        name = statement.target.id
        seen[name] = ast.literal_eval(statement.value)
        assert comments[statement.lineno] == fields[name].description
        kind = fields[name].annotation
        assert ast.unparse(statement.annotation) == (kind.__name__ if isinstance(kind, type) else "str")
    assert seen == {name: field.default for name, field in fields.items()}


def test_it_ends_with_its_run_record(node):
    assert [cell.source for cell in node.cells if cell.cell_type == "code"][-1] == "study.record()"
    assert node.cells[-1].id == "run-record"


@pytest.mark.parametrize("name", ["02_keyspace", "04_expiry", "06_memory"])
def test_the_longest_stay_below_thirty_cells(name):
    (path,) = [path for path in PATHS if path.stem == name]
    assert len(nbformat.read(path, as_version=4).cells) < 30


def test_prose_tells_no_figure_that_a_run_would_have_to_measure(node):
    """A number with a unit of time or size in prose is a setting or an expectation, or else it is computed: then code says it."""
    told = re.compile(
        r"\b(?:took|takes|costs?|measured|found) (?:about |only )?\d[\d,.]* ?(?:ns|µs|ms|s|B|KiB|MiB|%)\b"
    )
    for cell in node.cells:
        if cell.cell_type == "markdown":
            assert not told.search(cell.source), (cell.id, told.search(cell.source))
