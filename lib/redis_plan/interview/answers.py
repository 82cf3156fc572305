"""Answers: one entry of ``ai/redis-plan.toml`` set, added or taken back, all comments and other lines kept.

::

    answer(project, "facts.members_per_session", "30", cite="prd.md:31")
    answer(project, "uses.take", "votes", entity="Vote", cite="prd.md:40")   # a list grows
    answer(project, "entities.set.Live stream", realtime=True)               # a name may hold blanks and dots
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_origin

from redis_plan.brief import documents
from redis_plan.brief.overrides import NAME
from redis_plan.brief.overrides.loading import examine, parse_overrides, read_text
from redis_plan.brief.overrides.positions import Path as Keys
from redis_plan.brief.overrides.positions import extents
from redis_plan.brief.overrides.schema import File, Short, model_in
from redis_plan.errors import OutputError, OverrideError
from redis_plan.interview.writing import Value, key, literal


def answer(project: Path | str, path: str, value: Value | None = None, **more: Value) -> str:
    """Set the entry at ``path`` in the project's ``redis-plan.toml`` and return the line that says it.

    ``more`` are further keys of the entry, such as ``cite``. At a list the entry is added. Raises
    :class:`OverrideError` where the schema has no such entry or the value is none for it; then nothing is written.
    """
    file = documents.find_folder(Path(project)) / NAME
    text = read_text(file) if file.exists() else ""
    parse_overrides(text, str(file))  # a broken file is the team's to mend first
    keys = tuple(path.split(".", 2))
    changed, line = _changed(text, keys, _entry(keys, value, more))
    faults = examine(changed)[1]
    if faults:
        raise OverrideError(f"{'.'.join(keys)}: {faults[0][1]}; {file.name} is unchanged")
    _write(file, changed)
    return line


def _write(file: Path, text: str) -> None:
    half = file.with_name(file.name + ".half")
    try:
        half.write_text(text, encoding="utf-8")
        half.replace(file)
    except OSError as error:
        raise OutputError(f"{file}: can't be written: {error.strerror}") from None


def _entry(keys: Keys, value: Value | None, more: Mapping[str, Value]) -> Value:
    """Return what stands behind the equals sign: the value alone, or a table with what goes with it."""
    if not more:
        if value is None:
            raise OverrideError(f"{'.'.join(map(str, keys))}: say a value, such as answer(…, 30)")
        return value
    model = model_in(File.model_fields[str(keys[0])].annotation) if keys[0] in File.model_fields else None
    for step in keys[1:]:
        if model is not None and str(step) in model.model_fields:
            model = model_in(model.model_fields[str(step)].annotation)
    if value is None:
        return dict(more)
    if model is not None and issubclass(model, Short):
        return {model.short: value, **more}
    raise OverrideError(f"{'.'.join(map(str, keys))}: takes a value or keys, not both")


def _changed(text: str, keys: Keys, entry: Value) -> tuple[str, str]:
    """Return the text with the entry in it, and the entry's own line."""
    values, ends = extents(text)
    named = f"{key(str(keys[-1]))} = {literal(entry)}"
    if keys in values:
        begin, end = values[keys]
        if text[begin] == "[" and not isinstance(entry, list):
            return _grown(text, (begin, end), entry), f"{'.'.join(map(str, keys))} += {literal(entry)}"
        return text[:begin] + literal(entry) + text[end:], named
    if _is_list(keys) and not isinstance(entry, list):
        entry = [entry]
        named = f"{key(str(keys[-1]))} = {literal(entry)}"
    table = keys[:-1]
    if table in values:  # written as an inline table
        begin, end = values[table]
        inner = text[begin + 1 : end - 1].strip()
        return text[:begin] + "{ " + (f"{inner}, " if inner else "") + named + " }" + text[end:], named
    if table in ends:
        at = ends[table]
        rest = re.match(r"[ \t]*(?:#[^\n]*)?", text[at:])
        at += rest.end() if rest else 0
        return text[:at] + "\n" + named + text[at:], named
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}[{'.'.join(key(str(step)) for step in table)}]\n{named}\n", named


def _is_list(keys: Keys) -> bool:
    """Whether the schema has a list at ``keys``."""
    model = model_in(File.model_fields[str(keys[0])].annotation) if keys[0] in File.model_fields else None
    field = model.model_fields.get(str(keys[1])) if model and len(keys) == 2 else None
    return field is not None and get_origin(field.annotation) is list


def _grown(text: str, extent: tuple[int, int], entry: Value) -> str:
    """Return the text with one more element in the list at ``extent``, laid out as the others are."""
    begin, end = extent
    inner = text[begin + 1 : end - 1]
    if "\n" not in inner:
        old = inner.strip().rstrip(",").rstrip()
        return text[:begin] + "[" + (f"{old}, " if old else "") + literal(entry) + "]" + text[end:]
    values, _ = extents(text)
    last = max((e for _, e in values.values() if begin < e < end), default=None)
    head, tail = text[: end - 1], text[end - 1 :]
    if last is not None and not text[last:].lstrip().startswith(","):
        head = text[:last] + "," + text[last : end - 1]
    return head.rstrip(" \t") + ("" if head.rstrip(" \t").endswith("\n") else "\n") + f"  {literal(entry)},\n" + tail
