"""Overrides: what the team corrects in ``ai/redis-plan.toml``. Never written by us; an unknown key is an error."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis_plan.brief.facts import catalogue
from redis_plan.errors import OverrideError

NAME = "redis-plan.toml"
_TABLES = ("facts", "entities", "naming", "structures")
_STRUCTURES = ("string", "hash", "list", "set", "zset", "stream", "channel")
_CANDIDATE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")  # a structure by its own name: "string-per-op"
_PREFIX = re.compile(r"[a-z][a-z0-9-]{0,23}")


@dataclass(frozen=True, slots=True)
class Overrides:
    """The team's corrections, checked; ``facts`` maps a name to (value in base units, line)."""

    facts: Mapping[str, tuple[float, int]] = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    prefix: str | None = None
    structures: Mapping[str, str] = field(default_factory=dict)
    structure_lines: Mapping[str, int] = field(default_factory=dict)
    present: bool = False


def read_overrides(folder: Path) -> Overrides:
    """Return the overrides of a document folder; raises :class:`OverrideError` with file, line and a suggestion."""
    path = folder / NAME
    if not path.exists():
        return Overrides()
    try:
        text = path.read_bytes().decode("utf-8-sig")
        data = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise OverrideError(f"{path}:{line}: is not UTF-8; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        # tomllib says the place at the end of its text, and as numbers only from Python 3.14 on
        place = re.search(r" \(at line (\d+), column \d+\)$", str(error))
        at, says = (place[1], str(error).removesuffix(place[0])) if place else (text.count("\n") + 1, str(error))
        raise OverrideError(f"{path}:{at}: is not TOML: {says}") from None
    except OSError as error:
        raise OverrideError(f"{path}: can't be read: {error.strerror}") from None
    return _Checker(path, text).check(data)


class _Checker:
    """Checks one file and knows the lines of its keys."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.lines = text.splitlines()

    def check(self, data: Mapping[str, Any]) -> Overrides:
        for key, value in data.items():
            self._known(key, _TABLES, "", "a table")
            self._typed(isinstance(value, dict), "", key, "a table, written [" + key + "]", value)
        facts = self._facts(data.get("facts", {}))
        entities = data.get("entities", {})
        for key in entities:
            self._known(key, ("add", "rename", "drop"), "entities", "a key of [entities]")
        naming = data.get("naming", {})
        for key in naming:
            self._known(key, ("prefix",), "naming", "a key of [naming]")
        prefix = naming.get("prefix")
        if prefix is not None:
            good = isinstance(prefix, str) and bool(_PREFIX.fullmatch(prefix))
            self._typed(good, "naming", "prefix", "up to 24 of a-z, 0-9 and -, beginning with a letter", prefix)
        structures = data.get("structures", {})
        for key, value in structures.items():
            good = isinstance(value, str) and (value in _STRUCTURES or bool(_CANDIDATE.fullmatch(value)))
            near = difflib.get_close_matches(str(value), _STRUCTURES, n=1)
            wanted = f"one of {', '.join(_STRUCTURES)}, or a candidate's name" + (
                f"; did you mean {near[0]}?" if near else ""
            )
            self._typed(good, "structures", key, wanted, value)
        add = self._names(entities, "add")
        drop = self._names(entities, "drop")
        rename = entities.get("rename", {})
        good = isinstance(rename, dict) and all(isinstance(v, str) and v for v in rename.values())
        self._typed(good, "entities", "rename", 'a table of names, { "Old" = "New" }', rename)
        self._agree(facts, add, drop, rename)
        line = self._line("entities", "add")
        lines = {key: self._line("structures", key) for key in structures}
        return Overrides(facts, dict.fromkeys(add, line), rename, tuple(drop), prefix, structures, lines, True)

    def _agree(
        self, facts: Mapping[str, tuple[float, int]], add: list[str], drop: list[str], rename: Mapping[str, str]
    ) -> None:
        """Raise where two entries of the file contradict each other."""
        for name in drop:
            if other := "add" if name in add else "rename" if name in rename else "":
                line = self._line("entities", "drop")
                raise OverrideError(f"{self.path}:{line}: [entities] drops {name!r}, and {other} names it; keep one")
        usual, cap = facts.get("members_per_session"), facts.get("session_capacity")
        if usual and cap and cap[0] < usual[0]:
            raise OverrideError(
                f"{self.path}:{cap[1]}: session_capacity {cap[0]:g} is below members_per_session {usual[0]:g} "
                f"(line {usual[1]}): a session holds its usual number of members; raise the cap or lower the other"
            )

    def _facts(self, given: Mapping[str, Any]) -> dict[str, tuple[float, int]]:
        checked = {}
        for key, value in given.items():
            self._known(key, catalogue(), "facts", "a fact")
            number = isinstance(value, int | float) and not isinstance(value, bool)
            unit = catalogue()[key]["unit"]
            self._typed(number and 0 < value < 1e18, "facts", key, f"a number above 0, in {unit}", value)
            checked[key] = (float(value), self._line("facts", key))
        return checked

    def _names(self, table: Mapping[str, Any], key: str) -> list[str]:
        value = table.get(key, [])
        good = isinstance(value, list) and all(isinstance(v, str) and v.strip() for v in value)
        self._typed(good, "entities", key, "a list of names", value)
        return list(value)

    def _known(self, key: str, known: Iterable[str], table: str, what: str) -> None:
        names = tuple(known)
        if key in names:
            return
        near = difflib.get_close_matches(key, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"
        raise OverrideError(f"{self.path}:{self._line(table, key)}: {key!r} is not {what}; {hint}")

    def _typed(self, good: bool, table: str, key: str, wanted: str, found: object) -> None:
        if not good:
            name = f"[{table}] {key}" if table else key
            raise OverrideError(f"{self.path}:{self._line(table, key)}: {name} must be {wanted}, got {found!r}")

    def _line(self, table: str, key: str) -> int:
        """Return the line that sets ``key`` in ``table`` (line 1 when it can't be found)."""
        here = ""
        bare = rf"[\"']?{re.escape(key)}[\"']?"
        for number, line in enumerate(self.lines, 1):
            header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
            if header:
                here = header.group(1).strip("\"' ")
                if here == key or here.startswith(f"{table}.{key}") or (not table and here.startswith(f"{key}.")):
                    return number
                continue
            if (here == table and re.match(rf"\s*{bare}\s*[=.]", line)) or re.match(
                rf"\s*{re.escape(table)}\.{bare}\s*[=.]", line
            ):
                return number
        return 1
