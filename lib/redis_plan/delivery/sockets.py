"""How a gateway closes a client's connection and how the client comes back, as the WebSocket library of the stack does it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from redis_plan.brief.model import Brief
from redis_plan.resources import catalog_dir

#: What the catalog says of each library, in words.
_TEXTS = ("name", "codes", "close", "back", "closed", "answer", "adapter", "rooms", "recovery")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a gateway closes a connection, and whether its client comes back by itself."""

    name: str
    word: str
    code: int
    back: Literal["no", "yes", "later"]
    when: str


@dataclass(frozen=True, slots=True)
class Library:
    """A WebSocket library: what closing and coming back mean there."""

    name: str
    codes: bool
    close: str
    back: str
    closed: str
    answer: str
    adapter: str
    rooms: str
    recovery: str
    traps: tuple[str, ...]
    source: str

    def sign(self, reason: Reason) -> str:
        """Return how this library tells a client the reason, in a few words."""
        return f"code {reason.code} `{reason.word}`" if self.codes else f"`bye` with `{reason.word}`"

    def closing(self, reason: Reason) -> str:
        """Return what the gateway does, in code."""
        return self.close.format(code=reason.code, word=reason.word)


@cache
def _catalog() -> dict[str, Any]:  # Any: TOML
    return tomllib.loads((catalog_dir() / "websockets.toml").read_text("utf-8"))


@cache
def reasons() -> dict[str, Reason]:
    """Return every reason by name."""
    return {name: Reason(name, **entry) for name, entry in _catalog()["reason"].items()}


def library(brief: Brief) -> Library:
    """Return the library that the stack names, a chosen one first; plain WebSockets where it names none."""
    table = _catalog()["library"]
    for status in ("chosen", "alternative", "mentioned", "later"):
        named = {c.name.lower() for c in brief.stack if c.status == status}
        for entry in table:
            if named & set(entry["names"]):
                return _library(entry)
    return _library(table[-1])


def _library(entry: dict[str, Any]) -> Library:
    source = "; ".join(f"{s['document']}, {s['version']}" for s in entry["source"])
    rest = {k: entry[k] for k in _TEXTS}
    return Library(**rest, traps=tuple(entry["traps"]), source=source)


def summary(brief: Brief) -> dict[str, str]:
    """Return what the README says of the stack's library."""
    found = library(brief)
    return {
        "name": found.name,
        "closing": found.closing(reasons()["deploy"]),
        "kicked": found.sign(reasons()["kicked"]),
        "taken": found.sign(reasons()["taken"]),
        "back": found.back,
        "closed": found.closed,
        "answer": found.answer,
        "adapter": found.adapter,
        "rooms": found.rooms,
        "recovery": found.recovery,
    }


def sign(brief: Brief, reason: str) -> str:
    """Return how the stack's library tells a client the reason ``reason``."""
    return library(brief).sign(reasons()[reason])
