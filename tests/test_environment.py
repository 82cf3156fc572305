"""The three ways in name the same packages, and no file names an index, a host or a path of one machine."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests.conftest import MACHINE_PATHS

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
LOCK = (ROOT / "requirements.lock").read_text("utf-8")

#: conda-forge's name for a package of another name on PyPI; "-base" leaves a GUI toolkit out.
CONDA_NAMES = {
    "redis-py": "redis",
    "matplotlib-base": "matplotlib",
    "seaborn-base": "seaborn",
    "msgpack-python": "msgpack",
}
#: What only the conda way needs: the interpreter, its installer, the server, the build backend, redis[hiredis] by hand.
CONDA_ONLY = {"python", "pip", "redis-server", "hatchling", "hiredis"}


def pip_requirements() -> dict[str, SpecifierSet]:
    found = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
    return {canonicalize_name(r.name): r.specifier for r in found}


def conda_requirements() -> dict[str, SpecifierSet]:
    plain = [item for item in CONDA if isinstance(item, str)]
    plain += [item for part in CONDA if isinstance(part, dict) for item in part["pip"] if not item.startswith("-")]
    found = [Requirement(item) for item in plain]
    return {canonicalize_name(CONDA_NAMES.get(r.name, r.name)): r.specifier for r in found}


def test_conda_names_the_same_packages():
    assert set(conda_requirements()) - CONDA_ONLY == set(pip_requirements())


@pytest.mark.parametrize("name", pip_requirements())
def test_conda_names_the_same_versions(name):
    assert conda_requirements()[name] == pip_requirements()[name]


def test_conda_has_a_server_and_the_same_python():
    assert "redis-server" in conda_requirements()
    assert conda_requirements()["python"] == SpecifierSet(PROJECT["project"]["requires-python"])


def locked() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^\s;\\]+)", LOCK, re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def test_the_lock_satisfies_every_range():
    groups = [text for group in PROJECT["dependency-groups"].values() for text in group]
    for text in [*PROJECT["project"]["dependencies"], *groups]:
        wanted = Requirement(text)
        versions = locked()[canonicalize_name(wanted.name)]
        assert all(wanted.specifier.contains(version) for version in versions), text


def test_the_lock_pins_every_package_by_hash():
    blocks = re.split(r"\n(?=\S)", LOCK.strip())
    assert all("--hash=sha256:" in block for block in blocks if "==" in block)


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml", "environment.yml", "Makefile", ".ci/run"])
def test_no_index_host_or_machine_path_is_named(name):
    text = (ROOT / name).read_text("utf-8")
    assert not re.search(r"index-url|https?://|find-links|file://", text)
    assert not [path for path in MACHINE_PATHS if path in text]
