"""Capabilities: what a server can do, asked of it and never read off a version string."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import Any

import redis

from redis_plan import resources


@cache
def catalog() -> dict[str, dict[str, str]]:
    """Return the table of capabilities: name → question, meaning and what to install to have it."""
    table: dict[str, dict[str, str]] = tomllib.loads((resources.catalog_dir() / "capabilities.toml").read_text("utf-8"))
    return table


def probe(client: redis.Redis, settings: dict[str, str]) -> frozenset[str]:
    """Return the names of the capabilities that the server behind ``client`` has."""
    table = catalog()
    commands = {name: entry.get("command") or entry.get("subcommand", "") for name, entry in table.items()}
    asked = [name for name, command in commands.items() if command]
    known = _commands(client, [commands[name] for name in asked])
    found = {name for name, there in zip(asked, known, strict=True) if there}
    for name, entry in table.items():
        if "setting" in entry and entry["setting"] in settings:
            found |= {name} if settings[entry["setting"]] == entry.get("value", settings[entry["setting"]]) else set()
    return frozenset(found)


def _commands(client: redis.Redis, names: list[str]) -> list[bool]:
    """Whether the server knows each command; False where it does not tell."""
    try:
        with client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.execute_command("COMMAND INFO", name)
            answers: list[Any] = pipe.execute(raise_on_error=False)
    except redis.RedisError:
        return [False] * len(names)
    return [_is_known(answer) for answer in answers]


def _is_known(answer: Any) -> bool:
    if isinstance(answer, redis.RedisError) or not answer:
        return False
    first = next(iter(answer.values())) if isinstance(answer, dict) else answer[0]
    return bool(first)


def missing(name: str) -> str:
    """Return the sentence for an experiment that needs ``name`` and does not have it."""
    entry = catalog()[name]
    return f"this server has no {name} ({entry['meaning']}); it needs {entry['install']}"
