"""Imports go leftward on the journey: documents → Brief → keyspace → measurement → plan."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "lib" / "redis_plan"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))

#: What each room may import, besides itself and the common ground.
COMMON = {"errors", "units", "codec", "resources", "expressions", "figures", "server"}
ROOMS = {
    "server": set(),
    "brief": set(),
    "keyspace": {"brief"},
    "actions": {"brief", "keyspace"},
    "interview": {"brief", "keyspace", "actions"},
    "memory": {"brief", "keyspace"},
    "measure": {"brief", "keyspace"},
    "choice": {"brief", "keyspace", "actions", "memory"},
    "delivery": {"brief", "keyspace", "actions"},
    "rig": {"brief", "keyspace", "actions", "measure", "delivery"},
    "experiments": {"brief", "keyspace", "actions", "memory", "choice", "measure", "delivery", "rig"},
    "plan": {
        "brief",
        "keyspace",
        "actions",
        "memory",
        "choice",
        "measure",
        "delivery",
        "rig",
        "experiments",
        "run",
        "parameters",
    },
}


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = (
                [node.module] if node.module != "redis_plan" else [f"redis_plan.{alias.name}" for alias in node.names]
            )
        found |= {name.split(".")[1] for name in names if name.startswith("redis_plan.") and "__" not in name}
    return found


def test_imports_go_leftward():
    strangers = {
        path.relative_to(PACKAGE): found
        for path in MODULES
        if room(path) in ROOMS and (found := imported(path) - COMMON - ROOMS[room(path)] - {room(path)})
    }
    assert not strangers


def test_no_module_is_overgrown():
    assert not [path.name for path in MODULES if len(path.read_text("utf-8").splitlines()) > 420]


def test_common_ground_imports_no_room():
    for name in sorted(COMMON - {"server"}):
        assert not imported(PACKAGE / f"{name}.py") & set(ROOMS), name


def test_only_the_rim_talks_to_redis():
    rim = {"server", "measure", "experiments", "delivery", "keyspace", "actions", "rig"}
    for path in MODULES:
        if room(path) not in rim:
            tree = ast.parse(path.read_text("utf-8"))
            names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
            assert "redis" not in names, path
