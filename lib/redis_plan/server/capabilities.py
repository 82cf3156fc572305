"""Capabilities: what a server can do, asked of it and never read off a version string.

Each name stands in the catalog's ``capabilities.toml`` with its question: a command or subcommand (COMMAND INFO), a
setting (CONFIG GET), or a trial on a key of ours. What the server does not let us ask is "not checked", not absent.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import redis

from redis_plan import resources


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server has, and what it did not let us ask."""

    present: frozenset[str]
    not_checked: frozenset[str]


@cache
def catalog() -> Mapping[str, Mapping[str, Any]]:
    """Return the table of capabilities: name → question, meaning and what to install to have it."""
    table: dict[str, dict[str, Any]] = tomllib.loads((resources.catalog_dir() / "capabilities.toml").read_text("utf-8"))
    return table


def probe(client: redis.Redis, settings: Mapping[str, str], prefix: str) -> Capabilities:
    """Ask the server behind ``client`` for every capability; trials touch one key under ``prefix``."""
    answers = {
        name: _ask(client, entry, settings, prefix) for name, entry in catalog().items() if not _is_command(entry)
    }
    commands = {name: entry for name, entry in catalog().items() if _is_command(entry)}
    known = _commands(client, [entry.get("command") or entry["subcommand"] for entry in commands.values()])
    answers |= dict(zip(commands, known, strict=True))
    return Capabilities(
        frozenset(name for name, answer in answers.items() if answer),
        frozenset(name for name, answer in answers.items() if answer is None),
    )


def missing(name: str) -> str:
    """Return the sentence for an experiment that needs ``name`` and does not have it."""
    entry = catalog()[name]
    return f"this server has no {name} ({entry['meaning']}); it needs {entry['install']}"


def lacking(name: str, found: Capabilities, server: str) -> str:
    """Return why an experiment that needs ``name`` can't run on ``server``, with what to install; empty if it can."""
    if name in found.present:
        return ""
    entry = catalog()[name]
    if name in found.not_checked:
        return f"not checked: {server} does not let us ask whether it has {name} ({entry['meaning']})"
    return f"{server} has no {name} ({entry['meaning']}); it needs {entry['install']}"


def _is_command(entry: Mapping[str, Any]) -> bool:
    return "command" in entry or "subcommand" in entry


def _ask(client: redis.Redis, entry: Mapping[str, Any], settings: Mapping[str, str], prefix: str) -> bool | None:
    if "setting" in entry:
        if not settings:
            return None
        value = settings.get(entry["setting"])
        return value is not None and value == entry.get("value", value)
    return _try(client, entry, f"{prefix}redis-plan-trial")


def _try(client: redis.Redis, entry: Mapping[str, Any], key: str) -> bool | None:
    """Run the trial's commands on ``key``; the last answer decides. Nothing is left."""
    answer: Any = None
    try:
        for words in entry["trial"]:
            answer = client.execute_command(*(key if word == "<key>" else word for word in words))
        if isinstance(answer, bytes):
            answer = answer.decode("utf-8", "replace")
        return bool(answer == entry["answer"])
    except redis.exceptions.NoPermissionError:
        return None
    except redis.ResponseError:
        return False
    finally:
        with suppress(redis.RedisError):
            client.unlink(key)


def _commands(client: redis.Redis, names: Sequence[str]) -> list[bool | None]:
    """Whether the server knows each command; None where it does not tell."""
    try:
        answers: Any = client.execute_command("COMMAND INFO", *names)  # as one word: no callback of redis-py for it
    except redis.ResponseError:
        return [None] * len(names)
    return [bool(answer) for answer in answers]
