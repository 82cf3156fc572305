"""The artefacts of the sample project and of every real one, made once."""

import importlib
import importlib.util
import re
import sys
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redis_plan.brief.model import Brief
from redis_plan.delivery import acl, bundle
from redis_plan.delivery.artefact import Artefact
from redis_plan.delivery.configuration import Target
from redis_plan.keyspace import settings
from redis_plan.keyspace.functions import Function
from redis_plan.keyspace.model import Keyspace
from redis_plan.server import Server
from tests import projects

SAMPLE, PROJECTS = projects.SAMPLE, projects.NAMES
TARGET = Target("redis", "7.0.15")
#: Of every user that a test makes.
PASSWORD = "pw"
#: Delivered modules of Python that import each other by these names.
CLIENTS = ("redis_plan_client", "redis_plan_actions")


@dataclass
class Project:
    """A project's Brief and keyspace, and what its configuration is computed from."""

    name: str
    brief: Brief
    keyspace: Keyspace

    @property
    def names(self) -> dict[str, float]:
        return settings.quantities(self.brief, self.keyspace, 0.75 * self.brief.value("memory_budget"), 0.0)

    @property
    def settings(self) -> tuple[settings.Setting, ...]:
        return settings.settings(self.keyspace, self.names)

    @cached_property
    def artefacts(self) -> tuple[Artefact, ...]:
        return bundle.bundle(self.brief, self.keyspace, self.settings, self.names, TARGET)

    def text(self, path: str) -> str:
        return next(a.text for a in self.artefacts if a.path == path)


def skip_without(server: Server, function: Function) -> None:
    """Skip a function whose command this server does not have: no design for such a server brings it."""
    if "HSETEX" in function.commands and "hash-field-setex" not in server.capabilities:
        pytest.skip(f"{server} has no HSETEX (Redis 8, Valkey 9), so no design for it has {function.name}")


def of(name: str, folder: Path) -> Project:
    """Return a project, read and designed once a run."""
    return Project(name, projects.read(name), projects.designed(name))


@cache
def acting(name: str, folder: Path) -> Project:
    """Return the same project with the actions that its demands call for, as a build designs it."""
    return Project(name, projects.read(name), projects.acting(name))


def write(artefacts: tuple[Artefact, ...], folder: Path) -> Path:
    """Write the artefacts as a build does."""
    for artefact in artefacts:
        path = folder / artefact.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(artefact.text, "utf-8")
    return folder


def install(root: Any, project: Project) -> None:
    """Load the project's functions and make its users on a server, as an operator does."""
    root.function_load(project.text("functions.lua"), replace=True)
    for user in acl.users(project.keyspace):
        root.execute_command(*user.command(PASSWORD))


def url(of: Server, user: str = "") -> str:
    """Return where a server of ours with a port is, for one of its users where one is named."""
    login = f"{user}:{PASSWORD}@" if user else ""
    return f"redis://{login}127.0.0.1:{of.address[-1]}"


def imported(folder: Path, patch: pytest.MonkeyPatch, names: tuple[str, ...] = CLIENTS) -> list[Any]:
    """Import delivered modules of a folder by their own names, whatever another test has imported by them."""
    patch.syspath_prepend(str(folder))
    for name in names:
        patch.delitem(sys.modules, name, raising=False)
    return [importlib.import_module(name) for name in names]


def client_module(folder: Path, name: str) -> ModuleType:
    """Import the generated Python client."""
    spec = importlib.util.spec_from_file_location(f"generated_{name}", folder / "redis_plan_client.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def block(readme: str, language: str, begins: str = "") -> str:
    """Return the first block of a language in a README that begins so."""
    found = re.findall(rf"```{language}\n({re.escape(begins)}.+?)```", readme, re.DOTALL)
    assert found
    return str(found[0])
