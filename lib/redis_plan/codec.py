"""JSON for our frozen dataclasses: one writer, one reader, the same text for the same value."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


def to_json(value: Any) -> str:  # Any: every dataclass of ours
    """Return ``value`` (a dataclass instance) as indented JSON with a trailing newline."""
    return json.dumps(asdict(value), ensure_ascii=False, indent=1) + "\n"


def from_json(kind: type[T], text: str) -> T:
    """Return the ``kind`` that ``text`` describes; raises ``pydantic.ValidationError`` on a stranger."""
    reader: Any = _adapter  # mypy takes no generic type for hashable
    found: T = reader(kind).validate_json(text)
    return found


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:  # Any: the cache forgets which kind
    """Return the reader of ``kind``; making one takes longer than reading with it."""
    return TypeAdapter(kind)


def save(path: Path, value: Any) -> None:  # Any: every dataclass of ours
    """Write ``value`` to ``path`` at once: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".half")
    half.write_text(to_json(value), encoding="utf-8")
    half.replace(path)


def load(kind: type[T], path: Path) -> T:
    """Read what :func:`save` wrote; the same text gives the same object, so that what was worked out of it is known again."""
    reader: Any = _read
    found: T = reader(kind, path.read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=256)  # the records of a run, its Brief and its design
def _read(kind: Any, text: str) -> Any:  # Any: as in _adapter
    return from_json(kind, text)
