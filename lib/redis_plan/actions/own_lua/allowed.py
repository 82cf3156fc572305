"""Allowed: the commands that own Lua may run, and the names that it sees (``functions/own_lua.toml``)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from redis_plan.resources import catalog_dir


@dataclass(frozen=True, slots=True)
class Command:
    """A command that own Lua may run; the fields are those of ``functions/own_lua.toml``."""

    name: str
    types: tuple[str, ...]
    writes: bool = False
    many: bool = False
    whole: str = ""
    fails: str = ""
    redis: str = "0"
    valkey: str = "0"


@cache
def _file() -> Mapping[str, Any]:  # Any: a TOML table
    return tomllib.loads((catalog_dir() / "functions" / "own_lua.toml").read_text("utf-8"))


@cache
def commands() -> Mapping[str, Command]:
    """Return every command that own Lua may run."""
    return {
        name: Command(name, tuple(entry["types"]), **{k: v for k, v in entry.items() if k not in ("names", "types")})
        for entry in _file()["command"]
        for name in entry["names"]
    }


@cache
def refused() -> Mapping[str, str]:
    """Return why each of the other commands must not stand in own Lua."""
    return {name: entry["because"] for entry in _file()["refused"] for name in entry["names"]}


def offered() -> tuple[str, ...]:
    """Return the names that own Lua sees without declaring them."""
    names = _file()["names"]
    return (*names["ours"], *names["kernel"], *names["lua"])


def refused_names() -> Mapping[str, str]:
    """Return why each of these names must not stand in own Lua."""
    found: Mapping[str, str] = _file()["names"]["refused"]
    return found
