"""Modules stay short, and only what measures or delivers talks to Redis; `make lint` holds the layers of the package."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "lib" / "redis_plan"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def test_no_module_is_overgrown():
    most = {"redis_plan_sync_driver.py": 500}  # it is delivered, and stands alone there
    assert not [p.name for p in MODULES if len(p.read_text("utf-8").splitlines()) > most.get(p.name, 420)]


def test_only_the_rim_talks_to_redis():
    rim = {"server", "measure", "chapters", "delivery", "keyspace", "actions", "rig"}
    for path in MODULES:
        if room(path) not in rim:
            tree = ast.parse(path.read_text("utf-8"))
            names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
            assert "redis" not in names, path
