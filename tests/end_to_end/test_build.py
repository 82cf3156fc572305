"""A whole build of the sample project: ten sections, all proven, the same twice, and never over a person's edits."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from redis_plan import resources
from redis_plan.delivery import acl
from redis_plan.parameters import NOTEBOOKS
from redis_plan.words.sections import SECTIONS, heading
from tests.conftest import MACHINE_PATHS
from tests.end_to_end.conftest import copy_sample, redis_plan
from tests.plan import reading
from tests.words.test_command_block import play_as_users

pytestmark = pytest.mark.slow


def plan_of(project: Path) -> str:
    return (project / "ai/redis-plan.md").read_text("utf-8")


def whole_of(project: Path) -> str:
    return reading.whole(project / "ai")


def section(text: str, number: int) -> str:
    after = text.split(f"\n{heading(number)}\n", 1)[1]
    return re.split(r"\n## ", after, maxsplit=1)[0]


def test_ten_sections_in_order_each_with_text(built):
    text = plan_of(built)
    places = [text.index(f"\n{heading(number)}\n") for number in SECTIONS]
    assert places == sorted(places)
    for number in SECTIONS:
        assert len(section(text, number).split()) > 80, number


def test_every_record_has_its_cell(built):
    found = re.findall(r"/html/(\d\d_\w+)\.html#cell-id=([\w-]+)", whole_of(built))
    assert found
    for notebook, cell in found:
        assert f'id="cell-id={cell}"' in (built / f"data/runs/quick/html/{notebook}.html").read_text("utf-8")


def test_every_figure_exists_and_has_alternative_text(built):
    for path in reading.files(built / "ai"):
        for alt, file in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", path.read_text("utf-8")):
            assert len(alt.split()) > 5
            assert (path.parent / file).read_text("utf-8").lstrip().startswith("<?xml")


def test_every_link_leads_somewhere(built):
    assert not [dead for path in reading.files(built / "ai") for dead in reading.dead_links(path)]


def test_every_link_between_pages_leads_somewhere(built):
    pages = {path.name: path.read_text("utf-8") for path in (built / "data/runs/quick/html").glob("*.html")}
    for name, text in pages.items():
        for target, anchor in re.findall(r'href="([\w-]*(?:\.html)?)(?:#([^"]+))?"', text):
            there = pages[target or name]
            assert not anchor or f'id="{anchor}"' in there, (name, target, anchor)


def test_the_plan_can_be_read(built):
    for path in reading.files(built / "ai"):
        text = path.read_text("utf-8")
        assert not reading.long_cells(text)
        assert not reading.repeated(text)
        assert not reading.wrong_articles(text)
    assert not reading.contradictions(whole_of(built))


def test_the_plan_is_short_enough_to_be_read(built):
    text = plan_of(built)
    assert len(text.splitlines()) <= 450
    assert len(text.split()) <= 7_000
    assert len(re.findall(r"^!\[", text, re.MULTILINE)) <= 8
    for head, body in reading.sections(text).items():
        assert sum(len(part.split()) for part in reading.paragraphs(body)) <= 600, head
    assert not reading.overcited(text)


def test_the_first_page_has_what_a_developer_builds_and_what_the_team_asked(built):
    text = plan_of(built)
    first = text.split("\n## 1 ", 1)[0]
    record = json.loads((built / "ai/redis-plan.json").read_text("utf-8"))
    prefix = record["keyspace"]["patterns"][0]["template"].removesuffix("state")
    for pattern in record["keyspace"]["patterns"]:
        assert f"`{pattern['template'].replace(prefix, '…')}`" in first
    library = (built / "ai/redis/functions.lua").read_text("utf-8")
    functions = re.findall(r"^redis\.register_function\W+(?:function_name\W+)?(\w+)", library, re.MULTILINE)
    assert functions
    begins = f"{record['keyspace']['app'].replace('-', '_')}_"
    assert f"`FCALL {begins}<name> " in first
    for name in functions:
        assert name.startswith(begins)
        assert f"`{name.removeprefix(begins)}`" in first
    assert re.search(r"\| “[^|]*timer[^|]*\(redis_planning_summary.md:\d+\) \| deadlines stand in a sorted set", first)
    assert re.search(r"- \*\*Are expired events punctual[^*]*\*\* No\.", first)


def test_no_clock_host_or_path_of_this_machine_is_in_the_plan(built):
    text = whole_of(built)
    assert str(built) not in text
    assert not [path for path in MACHINE_PATHS if path in text]
    assert not re.search(r"\b\d\d:\d\d:\d\d\b", text)


def test_the_record_beside_the_plan_says_the_same(built):
    record = json.loads((built / "ai/redis-plan.json").read_text("utf-8"))
    assert [s["number"] for s in record["sections"]] == list(SECTIONS)
    assert all(s["markdown"] in plan_of(built) for s in record["sections"])
    assert {e["id"] for e in record["evidence"]} >= {"E-04a", "E-05a", "E-06a", "E-08a"}
    assert all(d["holds_while"] and any(a["naive"] for a in d["instead_of"]) for d in record["decisions"])


def test_every_notebook_measured_or_read_something_and_left_its_page(built):
    for name in NOTEBOOKS:
        assert (built / f"data/runs/quick/html/{name}.html").exists()
    assert (built / "data/runs/quick/html/redis-plan.html").exists()


def test_no_cell_shows_what_only_a_log_should_have(built):
    """A warning of a server that an experiment killed is no finding, and its words are of this machine."""
    for name in NOTEBOOKS:
        node = nbformat.read(built / f"data/runs/quick/notebooks/{name}.ipynb", as_version=4)
        said = [out.text for cell in node.cells for out in cell.get("outputs", ()) if out.get("name") == "stderr"]
        assert said == [], name


def test_pages_load_nothing_and_run_no_script(built):
    for page in (built / "data/runs/quick/html").glob("*.html"):
        text = page.read_text("utf-8")
        assert "<script" not in text, page.name
        assert not re.search(r"<(img|link|iframe)[^>]+(src|href)=\"(https?:)?//", text), page.name
        assert all(re.search(r'alt="[^"]+"', image) for image in re.findall(r"<img [^>]*>", text)), page.name


def test_the_run_folder_is_hidden_from_git(built):
    assert (built / "data/runs/quick/.gitignore").read_text() == "*\n"


def test_every_command_of_the_plan_runs_as_the_user_that_it_names(built, own_server):
    """Blocks of commands on a connection of their user; blocks of the shell as they stand, from the folder of the plan."""
    text = whole_of(built)
    root = own_server.client()
    for words in re.findall(r"^user (\w+) on #\w+ (.+)$", (built / "ai/redis/users.acl").read_text(), re.MULTILINE):
        root.execute_command("ACL", "SETUSER", words[0], "reset", "on", ">tried", *words[1].split())
    shell = [block for block in re.findall(r"```sh\n(.+?)```", text, re.DOTALL) if block.startswith("redis-cli")]
    assert shell
    for block in shell if shutil.which("redis-cli") else ():
        there = f'redis-cli() {{ command redis-cli -s {own_server.address[1]} "$@"; }}\n'
        done = subprocess.run(
            ["bash", "-euc", there + block], cwd=built / "ai", env=os.environ | {"REDISCLI_AUTH": "tried"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "ERR" not in done.stdout + done.stderr
        assert "NOPERM" not in done.stdout + done.stderr
    root.function_load((built / "ai/redis/functions.lua").read_text("utf-8"), replace=True)
    users = [
        acl.AclUser(name, "", tuple(rules.split()))
        for name, rules in re.findall(
            r"^user (\w+) on #\w+ (.+)$", (built / "ai/redis/users.acl").read_text(), re.MULTILINE
        )
    ]
    assert play_as_users(own_server, users, text) == {"app", "worker"}
    root.flushall()
    root.function_flush()


def test_assembling_twice_from_the_same_evidence_gives_the_same_bytes(built, tmp_path):
    texts = []
    for name in ("one", "two"):
        copy = shutil.copytree(built, tmp_path / name / "project")
        assert redis_plan("assemble", copy, "--profile", "quick").code == 0
        texts.append(whole_of(copy))
    assert texts[0] == texts[1] == whole_of(built)


def test_a_rebuild_that_reuses_evidence_gives_the_same_plan(built, tmp_path):
    copy = shutil.copytree(built, tmp_path / "project")
    done = redis_plan("build", copy, "--profile", "quick", "--reuse", "--only", "04,06")
    assert done.code == 0, done.err
    assert whole_of(copy) == whole_of(built)


def test_a_plan_edited_by_hand_is_kept_aside_and_said_so(built, tmp_path):
    copy = shutil.copytree(built, tmp_path / "project")
    plan = copy / "ai/redis-plan.md"
    plan.write_text(plan.read_text("utf-8") + "\nOur own remark.\n", encoding="utf-8")
    others = sorted((copy / "ai/redis").glob("*.py"))
    for other in others:
        other.write_text(other.read_text("utf-8") + "# ours\n", encoding="utf-8")
    done = redis_plan("assemble", copy, "--profile", "quick")
    assert "edited by hand; it is kept as" in done.err
    [line] = [line for line in done.err.splitlines() if "beside the plan" in line]  # one line, however many there are
    assert line.startswith(f"{len(others)} files beside the plan were edited by hand")
    assert all(path.with_name(f"{path.stem}.edited-1.py").exists() for path in others)
    assert "Our own remark." in (copy / "ai/redis-plan.edited-1.md").read_text("utf-8")
    assert plan_of(copy) == plan_of(built)


def test_without_the_record_what_differs_is_told_in_one_line_with_what_lists_it(built, tmp_path):
    copy = shutil.copytree(built, tmp_path / "project")
    delivered = [path for path in (copy / "ai/redis").rglob("*") if path.is_file()]
    assert len(delivered) > 10
    for path in delivered:
        path.write_bytes(path.read_bytes() + b"\n")
    (copy / "ai/redis-plan.json").unlink()
    done = redis_plan("assemble", copy, "--profile", "quick")
    (line,) = (line for line in done.err.splitlines() if "edited by hand" in line)
    assert "redis-plan.json is not there" in line
    assert line.count(".edited-1") == 3
    assert f" and {len(delivered) - 3} more" in line
    listing = line.rpartition("(")[2].removesuffix(")")
    listed = subprocess.run(
        listing, shell=True, cwd=Path.cwd(), capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(listed) == len(delivered)


def test_a_build_that_fails_leaves_the_previous_plan_as_it_was(built, tmp_path):
    copy = shutil.copytree(built, tmp_path / "project")
    notebook = copy / "data/runs/quick/notebooks/04_expiry.ipynb"
    node = nbformat.read(notebook, as_version=4)
    node.cells = [cell for cell in node.cells if "plan-03" not in cell.metadata.get("tags", [])]
    nbformat.write(node, notebook)
    other = copy / "data/runs/quick/notebooks/02_keyspace.ipynb"
    node = nbformat.read(other, as_version=4)
    node.cells = [cell for cell in node.cells if "plan-03" not in cell.metadata.get("tags", [])]
    nbformat.write(node, other)
    done = redis_plan("assemble", copy, "--profile", "quick")
    assert done.code == 1
    assert "section 3 (TTL and Expiration Policies) is empty" in done.err
    assert plan_of(copy) == plan_of(built)


def test_nbconvert_knows_the_exporter(built, tmp_path):
    copy = shutil.copytree(built / "data/runs/quick", tmp_path / "quick")
    done = subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "redis-plan", "--output", "redis-plan", copy / "notebooks/01_requirements.ipynb"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = (copy / "notebooks/redis-plan.md").read_text("utf-8")
    assert all(f"\n{heading(number)}\n" in text for number in SECTIONS)
    assert (copy / "notebooks/redis-plan-figures").is_dir()
    assert not reading.dead_links(copy / "notebooks/redis-plan.md")


@pytest.mark.parametrize("way", ["papermill", "run all"])
def test_a_notebook_runs_by_itself_with_the_same_result(built, tmp_path, way):
    """Notebook 04 by plain papermill, and by Run All with defaults but for the project (nbclient, in the notebooks' folder)."""
    run = shutil.copytree(built / "data/runs/quick", tmp_path / "run")
    source = resources.notebooks_dir() / "04_expiry.ipynb"
    given = {"project": str(built), "run_dir": str(run), "profile": "quick"}
    if way == "papermill":
        options = [part for name, value in given.items() for part in ("-p", name, value)]
        command = [sys.executable, "-m", "papermill", str(source), str(tmp_path / "04.ipynb"), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    else:
        node = nbformat.read(source, as_version=4)
        (cell,) = [c for c in node.cells if "parameters" in c.metadata.get("tags", [])]
        cell.source += "\n" + "\n".join(f"{name} = {value!r}" for name, value in given.items())
        nbformat.write(node, tmp_path / "edited.ipynb")
        done = subprocess.run(
            [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--output", "04", tmp_path / "edited.ipynb"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    by_build = nbformat.read(built / "data/runs/quick/notebooks/04_expiry.ipynb", as_version=4)
    alone = nbformat.read(tmp_path / "04.ipynb", as_version=4)
    assert shape(alone) == shape(by_build)
    for decision in ("D-04a", "D-04b"):
        old, new = (
            json.loads((folder / f"decisions/{decision}.json").read_text())
            for folder in (built / "data/runs/quick", run)
        )
        assert (old["title"], old["decision"]) == (new["title"], new["decision"])


def test_two_fresh_builds_decide_the_same(built, tmp_path):
    """The notebooks in which a measurement may overrule the catalog or sizes what is recommended, once more."""
    again = copy_sample(tmp_path / "project")
    done = redis_plan("build", again, "--profile", "quick", "--only", "01,02,03,05,06")
    assert done.code == 0, done.err
    # what was decided, not what was measured, nor what is computed from that
    measured = re.compile(r"[\d.,]+ ?[^\s\d]* \[E-\d\d[a-z]+\]|(?<=maxmemory )\d+|\d{8,} B")
    first, second = (
        {
            d["id"]: (d["title"], measured.sub("…", d["decision"]))
            for d in map(json.loads, (p.read_text() for p in folder.glob("data/runs/quick/decisions/D-0[2356]*.json")))
        }
        for folder in (built, again)
    )
    assert first
    assert first == second


def test_a_lone_strange_prd_is_built_with_a_warning_for_all_that_is_missing(tmp_path):
    """No headings, another language, HTML and a script, a byte order mark and CRLF; no other document."""
    project = tmp_path / "project"
    (project / "ai").mkdir(parents=True)
    text = (
        "참가자는 방에 입장하고 실시간으로 투표한다. 최대 30명, 2초 이내 동기화.\n\n"
        "<script>alert('hello')</script> <b>세션</b>은 2시간 후 삭제된다.\n\nRedis, Node.js, Socket.IO\n"
    )
    (project / "ai/prd.md").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    done = redis_plan("build", project, "--profile", "quick")
    assert done.code == 0, done.err
    warnings = [line for line in done.err.splitlines() if line.startswith("warning: ")]
    assert any("redis_planning_summary.md" in line for line in warnings)
    assert any("tech-stack.md" in line for line in warnings)
    plan = plan_of(project)
    assert "What the reader of the documents wants you to see" in plan
    assert "<script" not in plan
    assert all("<script" not in page.read_text() for page in (project / "data/runs/quick/html").glob("*.html"))


def shape(node) -> list[tuple[str, list[str]]]:
    """Which cell gave which kinds of output."""
    return [
        (cell.id, [sorted(output.get("data", {})) for output in cell.outputs])
        for cell in node.cells
        if cell.cell_type == "code" and not {"parameters", "injected-parameters"} & set(cell.metadata.get("tags", []))
    ]
