"""``redis-plan lint``: a keyspace.json that a team has edited, through the command line."""

import copy
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from redis_plan import brief, cli, resources
from redis_plan.actions import designing
from redis_plan.delivery import reading, registry
from redis_plan.errors import DocumentError

Record = dict[str, Any]
Run = Callable[..., tuple[int, str, str]]
SCHEMA = jsonschema.Draft202012Validator(json.loads(registry.schema()))


@pytest.fixture(scope="module")
def published() -> str:
    """The sample's keyspace.json, as a build publishes it."""
    asked = brief.read(resources.sample_project())
    return registry.keyspace_json(asked, designing.design(asked))


@pytest.fixture
def file(tmp_path: Path, published: str) -> Path:
    """A project of the test's own, with the sample's documents and the published file."""
    folder = tmp_path / "ai" / "redis"
    folder.mkdir(parents=True)
    for name in ("prd.md", "redis_planning_summary.md", "tech-stack.md"):
        shutil.copy(resources.sample_project() / "ai" / name, tmp_path / "ai" / name)
    (folder / "keyspace.json").write_text(published, "utf-8")
    return folder / "keyspace.json"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in this process; return exit code, output and errors."""

    def lint(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["redis-plan", "lint", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return lint


def edit(file: Path, name: str, **values: object) -> int:
    """Change members of one key or channel; return the line on which it begins afterwards."""
    record = json.loads(file.read_text("utf-8"))
    entry = next(e for e in record["keys"] + record["channels"] if e["name"] == name)
    entry |= values
    text = json.dumps(record, ensure_ascii=False, indent=2) + "\n"
    file.write_text(text, "utf-8")
    return text[: text.index(f'"name": "{entry["name"]}",\n      "template"')].count("\n") + 1


NONE = {"policy": "none", "seconds": None, "because": "edited"}
SESSION = "buzz:v1:{<session_id>}:"


def test_a_published_file_is_clean_as_a_project_and_as_a_file(run: Run, file: Path) -> None:
    for argument in (file.parents[2], file):
        code, out, err = run(argument)
        assert (code, err) == (0, "")
        assert re.fullmatch(r"\d+ patterns: no fault\n", out)


def test_a_file_alone_says_what_it_can_not_check(run: Run, file: Path, tmp_path: Path) -> None:
    alone = tmp_path / "keyspace.json"
    shutil.copy(file, alone)
    code, out, err = run(alone)
    assert code == 0
    assert "no fault" in out
    assert err == "no documents beside it: needs, versions and lifetimes are unchecked\n"


EDITED: dict[str, tuple[str, dict[str, object]]] = {
    "KS001": ("roster", {"ttl": NONE, "deleted_by": ""}),
    "KS002": ("roster", {"ttl": NONE}),
    "KS003": ("roster", {"bound": {"elements": 30, "keys": 1}}),
    "KS005": ("log", {"template": "buzz:v1:{<log_id>}:log"}),
    "KS006": ("log", {"template": SESSION + "roster"}),
    "KS007": ("roster", {"template": SESSION + "roster-<round_id>"}),
    "KS008": ("roster", {"template": SESSION + "Roster"}),
    "KS009": ("roster", {"template": "buzz:v1:{all}:roster:<session_id>"}),
    "KS011": ("roster", {"template": SESSION + "roster:<email>"}),
    "KS015": ("idem", {"ttl": {"policy": "fixed", "seconds": 1, "because": "edited"}}),
    "KS018": ("roster", {"read_by": ["worker: SCAN MATCH *"]}),
    "KS024": ("due", {"read_by": ["worker, on expired notifications"]}),
    "KS026": ("events", {"template": SESSION + "events"}),
    "KS031": ("code", {"written_by": ["service: HSET"], "functions": [], "structure": "ours"}),
    "KS035": ("events", {"read_by": ["gateway: PSUBSCRIBE *:events"]}),
    "KS037": ("log", {"fields": [{"name": "d", "type": "JSON", "max_bytes": 300}]}),
}


@pytest.mark.parametrize("rule", EDITED)
def test_a_fault_is_a_line_with_file_line_rule_and_fix_and_exit_code_1(run: Run, file: Path, rule: str) -> None:
    name, values = EDITED[rule]
    line = edit(file, name, **values)
    code, out, err = run(file)
    assert (code, err) == (1, "")
    found = re.findall(r"^(.+):(\d+): (KS\d\d\d) (error|warning) `([\w-]+)` \S.*\n  fix: \S.*$", out, re.MULTILINE)
    assert (rule, "error") in {(f[2], f[3]) for f in found}
    assert {f[0] for f in found} == {str(file)}
    if rule != "KS006":  # it names the first of the two
        assert any(f[1:3] == (str(line), rule) and f[4] == name for f in found) or rule in ("KS005", "KS007")


def test_a_warning_alone_is_exit_code_0(run: Run, file: Path) -> None:
    edit(file, "due", template="buzz:v1:due", bound={"elements": 1e6, "keys": 1, "at_bound": "refuse"})
    code, out, _ = run(file)
    assert code == 0
    assert "KS028 warning `due`" in out
    assert "0 errors, " in out


def test_the_eviction_policy_is_that_of_the_configuration_beside_the_file(run: Run, file: Path) -> None:
    (file.parent / "redis.conf").write_text("# a comment\nmaxmemory-policy allkeys-lru\n")
    code, out, _ = run(file)
    assert code == 1
    assert "`allkeys-lru` may evict it" in out


def test_json_is_an_array_of_findings(run: Run, file: Path) -> None:
    line = edit(file, "roster", ttl=NONE)
    code, out, _ = run(file, "--json")
    assert code == 1
    first = json.loads(out)[0]
    assert set(first) == {"path", "line", "rule", "severity", "pattern", "message", "fix"}
    assert (first["path"], first["line"], first["pattern"]) == (str(file), line, "roster")


WRONG: dict[str, tuple[Callable[[str], str], str]] = {
    "a comma too few": (lambda text: text.replace('"format": 1,', '"format": 1'), r":4: is not JSON: .*delimiter"),
    "half a file": (lambda text: text[: len(text) // 2], r":\d+: is not JSON: "),
    "an empty file": (lambda text: "", r":1: is not JSON: "),
    "another shape": (lambda text: "[1]", r": the file: "),
    "nesting without end": (lambda text: "[" * 200_000, r": is not JSON"),
    "a missing member": (lambda text: text.replace('"app":', '"apt":'), r": app: is missing \(and 1 more\)"),
    "a wrong type": (lambda text: re.sub(r'"seconds": \d+', '"seconds": "60"', text, count=1), r": keys\[0\]\.ttl\.seconds: .*integer"),
    "a TTL that contradicts itself": (lambda text: re.sub(r'"seconds": \d+', '"seconds": null', text, count=1), r": keys\[0\]\.ttl: policy none goes"),
    "an unknown type": (lambda text: text.replace('"type": "hash"', '"type": "json"', 1), r": keys\[\d+\]\.type: .*'hash'"),
    "a later format": (lambda text: text.replace('"format": 1,', '"format": 2,'), r": format: .*1"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_file_that_is_no_keyspace_is_one_line_and_exit_code_2(run: Run, file: Path, case: str) -> None:
    change, says = WRONG[case]
    file.write_text(change(file.read_text("utf-8")), "utf-8")
    code, out, err = run(file)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert re.search("^redis-plan: " + re.escape(str(file)) + says, err), err


def test_a_file_that_can_not_be_read_is_one_line(run: Run, file: Path, tmp_path: Path) -> None:
    file.write_bytes(b'{"app": "\xff"}')
    assert run(file)[::2] == (2, f"redis-plan: {file}: is not UTF-8 (byte 9)\n")
    file.unlink()
    assert run(tmp_path)[::2] == (2, f"redis-plan: {file}: no such file; redis-plan build writes it\n")
    assert run(tmp_path / "nowhere")[0] == 2
    assert run(tmp_path / "ai" / "prd.md")[0] == 2


def _firsts(value: Any) -> Any:  # Any: JSON
    """Return ``value`` with one element of each list: what is true of the first is true of all."""
    if isinstance(value, dict):
        return {key: _firsts(one) for key, one in value.items()}
    return [_firsts(one) for one in value[:1]] if isinstance(value, list) else value


def _places(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:  # Any: JSON
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, one in inner for place in _places(one, (*at, key)))]


def test_the_reader_refuses_what_the_published_schema_refuses_and_nothing_else(published: str) -> None:
    record = _firsts(json.loads(published))
    reading.keyspace_of(json.dumps(record), "k")
    strangers: tuple[Any, ...] = (
        None,
        True,
        -1,
        1.5,
        7,
        "",
        "Some Text",
        "text",
        [],
        {},
        ["text"],
        [""],
        [{}],
        ["a", "a"],
    )
    checked = 0
    for place in _places(record)[1:]:
        for stranger in (*strangers, "gone", "more"):
            changed: Any = copy.deepcopy(record)
            holder = changed
            for step in place[:-1]:
                holder = holder[step]
            if stranger == "gone":
                del holder[place[-1]]
            elif stranger == "more" and isinstance(holder, dict):
                holder["unheard-of"] = 1
            else:
                holder[place[-1]] = stranger
            try:
                reading.keyspace_of(json.dumps(changed), "k")
                taken = True
            except DocumentError:
                taken = False
            assert taken == SCHEMA.is_valid(changed), f"{place} = {stranger!r}"
            checked += 1
    assert checked > 1000
