"""A user's mistake is one clear line and exit code 2, before a kernel starts, and nothing is written."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from redis_plan import notebook, server
from redis_plan.errors import DocumentError
from redis_plan.parameters import NOTEBOOKS
from tests.end_to_end.conftest import redis_plan, told


def refused(*arguments: object, **options: object) -> str:
    """Run a build that must be refused; return its one line."""
    words = ("build", *arguments, "--profile", "quick")
    done = redis_plan(*words, **options) if options else told(*words)
    assert done.code == 2, done.err
    assert "Traceback" not in done.err + done.out
    said = [line for line in done.lines if line.startswith("redis-plan: ")]
    assert len(said) == 1, done.err
    return said[0]


def nothing_written(project: Path) -> bool:
    return not (project / "data").exists() and not (project / "ai" / "redis-plan.md").exists()


def test_project_absent(tmp_path):
    assert "no such folder" in refused(tmp_path / "nowhere")


def test_prd_absent(project):
    (project / "ai/prd.md").unlink()
    assert "prd.md" in refused(project)
    assert nothing_written(project)


@pytest.mark.parametrize("text", ["", "  \n\t\n"], ids=["empty", "whitespace"])
def test_prd_without_text(project, text):
    (project / "ai/prd.md").write_text(text)
    assert "prd.md: is empty" in refused(project)


def test_prd_that_is_not_utf8(project):
    (project / "ai/prd.md").write_bytes(b"# Shop\n\nPrices in \xa3 and \x80.\n")
    assert "prd.md" in (line := refused(project))
    assert "UTF-8" in line


def test_prd_that_is_a_folder(project):
    (project / "ai/prd.md").unlink()
    (project / "ai/prd.md").mkdir()
    assert "prd.md" in refused(project)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["bild"], "No such command 'bild'. Did you mean 'build'?; see "),
        (["build", ".", "--profil", "quick"], "No such option: --profil (Possible options: --profile, --url); see "),
        (["build", ".", "--profile", "quik"], "'quik' is not one of 'quick', 'standard', 'full'; see "),
        (["memory", "--type", "hash", "--fields", "x"], "'--fields': Input should be a valid integer"),
        (["memory", "--value-size"], "Option '--value-size' requires an argument; see "),
    ],
)
def test_a_mistyped_command_is_one_line_that_says_where_help_is(words, says):
    done = told(*words)
    assert (done.code, done.out, len(done.lines)) == (2, "", 1), done.err
    assert done.lines[0].startswith("redis-plan: ")
    assert says in done.lines[0]
    assert done.lines[0].endswith("--help")


def test_assembling_where_another_profile_was_built_names_it(project):
    assert "run redis-plan build first" in told("assemble", project).err
    for name in NOTEBOOKS:
        (path := project / f"data/runs/quick/notebooks/{name}.ipynb").parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    done = told("assemble", project)
    assert (done.code, len(done.lines)) == (2, 1)
    assert done.lines[0].endswith("add --profile quick")


def test_unknown_parameter(project):
    assert "has no parameter 'sed'; did you mean seed?" in refused(project, "--param", "sed=3")
    assert nothing_written(project)


def test_an_unknown_parameter_is_told_only_of_those_it_may_give(project):
    assert refused(project, "--param", "foo=3").endswith("--param foo=3: the build has no parameter 'foo'; known: seed")


def test_ill_typed_parameter(project):
    assert "parameter seed" in refused(project, "--param", "seed=many")


def test_parameter_without_a_value(project):
    assert "write NAME=VALUE" in refused(project, "--param", "seed")


def test_unknown_notebook(project):
    assert "--only 12: no such notebook" in refused(project, "--only", "12")


def test_unknown_key_in_the_toml(project):
    (project / "ai/redis-plan.toml").write_text("[facts]\nsession_peak = 5\n")
    line = refused(project)
    assert "redis-plan.toml:2" in line
    assert "sessions_peak" in line


def test_unreachable_server(project):
    assert "can't reach redis://127.0.0.1:1" in refused(project, "--url", "redis://127.0.0.1:1")
    assert nothing_written(project)


def test_password_protected_server(project):
    with server.open_own({"port": str(server.free_port()), "requirepass": "x"}) as live:
        assert "password" in refused(project, "--url", f"redis://127.0.0.1:{live.address[2]}")


def test_read_only_server(project):
    with server.open_own({"port": str(server.free_port())}) as live:
        live.client().execute_command(
            "ACL", "SETUSER", "reader", "on", "nopass", "~*", "+@read", "+@connection", "+info"
        )
        assert "write" in refused(project, "--url", f"redis://reader:x@127.0.0.1:{live.address[2]}")


def test_unwritable_output(project, tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, not a folder")
    assert "can't write" in refused(project, "--out", blocked / "plan")


def test_disk_full(project, tmp_path):
    """A file system of its own with no room left; where we may not mount one, a limit on file sizes does the same."""
    full = tmp_path / "full"
    full.mkdir()
    if (
        os.geteuid() == 0
        and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", full], check=False).returncode == 0
    ):
        try:
            (full / "filler").write_bytes(b"x" * 60_000)
            assert "can't write" in refused(project, "--out", full)
        finally:
            subprocess.run(["umount", full], check=True)
    else:
        import resource
        import signal

        def limited():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        assert "can't write" in refused(project, "--out", full, preexec_fn=limited)


def test_a_notebook_run_before_its_input_names_the_one_to_run_first(project):
    done = redis_plan("build", project, "--profile", "quick", "--only", "03")
    assert done.code == 1
    assert "keyspace.json" in done.err
    assert "run notebook 02_keyspace first" in done.err
    assert "Traceback" not in done.err


def test_another_build_of_the_same_folder(project):
    import fcntl

    folder = project / "data/runs/quick"
    folder.mkdir(parents=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another build is running" in refused(project)


def test_help_names_every_option():
    done = redis_plan("build", "--help")
    assert done.code == 0
    for option in ("--profile", "--url", "--only", "--param", "--out", "--reuse"):
        assert option in done.out


def test_no_arguments_is_help():
    assert "build" in redis_plan().out


def test_the_sample_is_untouched_by_reading(project):
    shutil.copytree(project / "ai", project / "before")
    assert redis_plan("read", project).code == 0
    assert redis_plan("read", project, "--json").out.startswith("{")
    for path in (project / "before").iterdir():
        assert path.read_bytes() == (project / "ai" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("name", "value", "option"),
    [("profile", "full", "--profile"), ("run_dir", "/x", "--out"), ("reuse", "true", "--reuse")],
)
def test_parameter_that_has_an_option_of_its_own(project, name, value, option):
    assert f"the build sets {name}; use {option}" in refused(project, "--param", f"{name}={value}")
    assert nothing_written(project)


@pytest.mark.parametrize("option", ["--count", "--fields", "--key-length"])
def test_memory_of_nothing(option):
    done = redis_plan("memory", option, "0")
    assert done.code == 2
    assert f"'{option}'" in done.err
    assert "Traceback" not in done.err


def test_memory_prints_a_table_in_the_one_form_that_is_asked(tmp_path):
    table = tmp_path / "keys.csv"
    table.write_text("type,key_len,n_keys,n_elem,vsize\nhash,32,100,5,20\n")
    (row,) = json.loads(redis_plan("memory", "--table", table, "--json").out)
    assert row in list(csv.DictReader(redis_plan("memory", "--table", table, "--csv").out.splitlines()))
    for wrong, said in (
        (("--csv",), "redis-plan: --csv prints a table: give --table, too"),
        (("--table", table, "--csv", "--json"), "redis-plan: --csv and --json exclude each other: give one"),
    ):
        done = redis_plan("memory", *wrong)
        assert (done.code, done.out, done.lines) == (2, "", [said])


def test_a_fault_of_ours_is_one_line_with_its_place():
    """A module that is broken stands for every error that nobody foresaw."""
    broken = "import redis_plan.brief as b; b.read = lambda _: {}['x']; import sys; sys.argv = ['redis-plan', 'read']; "
    done = subprocess.run(
        [sys.executable, "-c", broken + "from redis_plan.cli import main; main()"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "a fault of redis-plan itself: KeyError: 'x' (<string>:1)" in done.stderr


def test_a_notebook_by_hand_says_that_the_project_is_not_there_and_makes_nothing(tmp_path):
    with pytest.raises(DocumentError, match="no such folder"):
        notebook.begin("01_requirements", {"project": str(tmp_path / "typo"), "profile": "quick"})
    assert not (tmp_path / "typo").exists()
