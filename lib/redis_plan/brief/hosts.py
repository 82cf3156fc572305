"""What the stack takes away from a design: hosts, managed servers and versions, from ``data/catalog/hosts.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from redis_plan import resources
from redis_plan.brief.model import Component, Remark


@cache
def hosts() -> Mapping[str, Any]:
    """Return the catalogue: ``limit``, ``version`` and ``exclusive`` entries."""
    return tomllib.loads((resources.catalog_dir() / "hosts.toml").read_text(encoding="utf-8"))


def stack_remarks(stack: Sequence[Component]) -> list[Remark]:
    """Return a remark for each chosen component that limits what a Redis design can rely on."""
    chosen = [c for c in stack if c.status == "chosen"]
    return [*_limits(chosen), *_versions(chosen), *_two_for_one_job(chosen)]


def _limits(chosen: Sequence[Component]) -> list[Remark]:
    remarks = []
    for entry in hosts()["limit"]:
        named = [c for c in chosen if c.name in entry["names"]]
        others = [c for c in chosen if c not in named and _relieves(c, entry.get("without", ""))]
        if named and not others:
            first = named[0]
            remarks.append(Remark("stack", f"{first.name} {entry['remark']}", first.file, first.line))
    return remarks


def _relieves(component: Component, without: str) -> bool:
    """Whether a component does what the limited one can't."""
    return component.role == "hosting" if without == "another host" else bool(without) and component.name == without


def _versions(chosen: Sequence[Component]) -> list[Remark]:
    remarks = []
    for component in chosen:
        number = re.match(r"\d+(?:\.\d+)?", component.version or "")
        lacks = [
            entry["lacks"]
            for entry in hosts()["version"]
            if number and component.name == entry["product"] and _below(number.group(), entry["below"])
        ]
        if lacks:
            text = f"{component.name} {component.version} lacks {'; and '.join(lacks)}"
            remarks.append(Remark("stack", text, component.file, component.line))
    return remarks


def _below(version: str, bound: float) -> bool:
    """Whether ``version`` is surely older: "7" may be any 7.x, so that it is not below 7.4."""
    whole = float(version)
    return whole < bound if "." in version else whole + 1 <= bound


def _two_for_one_job(chosen: Sequence[Component]) -> list[Remark]:
    """Return a remark where two documents give one job to two technologies."""
    remarks = []
    for entry in hosts()["exclusive"]:
        named = [c for c in chosen if c.name in entry["names"]]
        other = next((c for c in named[1:] if c.file != named[0].file), None)
        if other:
            first = named[0]
            text = f"{first.name} ({first.file}:{first.line}) against {other.name} ({other.file}:{other.line}) as {entry['job']}: which one is it?"
            remarks.append(Remark("conflict", text, other.file, other.line))
    return remarks
