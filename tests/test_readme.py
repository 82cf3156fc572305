"""What the README tells a reader to type exists."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from redis_plan.cli import app

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = get_command(app).commands


MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
NAMED = "".join((ROOT / name).read_text("utf-8") for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"))


@pytest.mark.parametrize(
    "target",
    sorted(
        {
            *re.findall(r"(?:^|`)make ([a-z-]+)", NAMED, re.MULTILINE),
            *re.findall(r"[a-z-]+", MAKEFILE.split(".PHONY:")[1].splitlines()[0]),
        }
    ),
)
def test_make_targets_exist(target):
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)


@pytest.mark.parametrize("line", sorted(set(re.findall(r"redis-plan ([a-z]+[^\n#`|&]*)", README))))
def test_commands_and_options_exist(line):
    name, *rest = line.split()
    if name not in COMMANDS:
        pytest.fail(f"no command {name}") if re.search(rf"bin/redis-plan {name}", README) else None
        return
    known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= known


def test_files_that_are_linked_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
