"""The vocabulary of actions: every guard, effect and argument that a mechanic may use (``functions/vocabulary.toml``)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from redis_plan.actions.model import Effect, Guard, Kind
from redis_plan.keyspace import calls
from redis_plan.keyspace.model import Field
from redis_plan.resources import catalog_dir


@dataclass(frozen=True, slots=True)
class Word:
    """A guard or an effect of the vocabulary; the fields are those of ``functions/vocabulary.toml``."""

    name: str
    form: Literal["guard", "effect"]
    says: str
    options: Mapping[str, str]
    types: tuple[str, ...] = ()
    session: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    lua: str | Mapping[str, str] = ""  # by type where it differs
    sure: Mapping[str, str] = field(default_factory=dict)  # by type
    alone: bool = False
    fields: bool = False
    undoes: str = ""
    needs: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    brings: tuple[str, ...] = ()
    reopens: bool = False
    only_takes: bool = False
    frees: bool = False
    vacates: bool = False
    tells: str = ""
    finds: str = ""
    answer: str = ""
    refused: str = ""


@cache
def guards() -> Mapping[str, Word]:
    """Return every guard that an action may have."""
    return _words("guard")


@cache
def effects() -> Mapping[str, Word]:
    """Return every effect that an action may have."""
    return _words("effect")


def fills(effect: Effect) -> bool:
    """Whether an effect writes into a key, and does not only take from it."""
    return "key" in effect.options and not effects()[effect.name].only_takes


@cache
def arguments() -> Mapping[str, calls.Argument]:
    """Return every argument that the caller of an action may give."""
    return {name: calls.Argument(name=name, **fields) for name, fields in _vocabulary()["argument"].items()}


@cache
def forms() -> Mapping[str, Mapping[str, str]]:
    """Return the forms that an argument of a declared action may have: check, kind, example and meaning."""
    found: Mapping[str, Mapping[str, str]] = _vocabulary()["form"]
    return found


@cache
def shown() -> Mapping[str, Mapping[str, str]]:
    """Return what an event may show beside what the caller gives, fields and counts: name, Lua and types of each."""
    found: Mapping[str, Mapping[str, str]] = _vocabulary()["shown"]
    return found


def shown_name(what: str) -> str:
    """Return the name in an event's data of what a kind shows: ``field phase_until`` is ``phase_until``."""
    word, _, of = what.partition(" ")
    return of if word in ("field", "own") else shown()[word]["name"] if word in shown() else word


def state_fields(kinds: Iterable[Kind]) -> tuple[Field, ...]:
    """Return the fields of the state that actions of ``kinds`` read or write, each as the vocabulary describes it."""
    named = names_in_state(kinds)
    return tuple(
        Field(name, about["type"], about["max_bytes"], about["says"])
        for name, about in _vocabulary()["state"].items()
        if name in named
    )


def names_in_state(kinds: Iterable[Kind]) -> set[str]:
    """Return the names of the fields of the state that actions of ``kinds`` read or write, as ``role:$member``."""
    named: set[str] = set()
    for kind in kinds:
        parts: tuple[Guard | Effect, ...] = (*kind.guards, *kind.effects)
        for part in parts:
            word = (guards() if isinstance(part, Guard) else effects())[part.name]
            named |= {field for field in word.reads if not field.startswith("<")}
            named |= {
                str(part.options[o])
                for o, what in word.options.items()
                if what.startswith("field") and o in part.options
            }
            if word.name == "phase":
                named.add("phase")
    return named


def arguments_of(kind: Kind) -> Mapping[str, calls.Argument]:
    """Return every argument that ``kind`` may take: the vocabulary's, and its own."""
    return {**arguments(), **own_arguments(kind.forms)}


def own_arguments(given: Mapping[str, str]) -> dict[str, calls.Argument]:
    """Return the arguments that a declared action brings along, by name."""
    return {name: calls.Argument(name=name, **forms()[form]) for name, form in given.items()}


@cache
def _vocabulary() -> Mapping[str, Any]:  # Any: a TOML table
    return tomllib.loads((catalog_dir() / "functions" / "vocabulary.toml").read_text("utf-8"))


def _words(form: Literal["guard", "effect"]) -> Mapping[str, Word]:
    def lists(fields: Mapping[str, Any]) -> dict[str, Any]:  # Any: values of a TOML table
        return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}

    return {name: Word(name=name, form=form, **lists(fields)) for name, fields in _vocabulary()[form].items()}
