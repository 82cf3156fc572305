"""The functions behind ``redis-plan memory``: arguments in, rows and text out; the command line only prints them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from redis_plan import units
from redis_plan.errors import InputError
from redis_plan.memory import layout, model
from redis_plan.memory.layout import Build
from redis_plan.memory.reported import memory_usage
from redis_plan.memory.shape import LARGEST_BYTES, Shape, Sizes

DEFAULT_SERVER = "7.0.15"


def servers() -> list[dict[str, str]]:
    """Return the server ids that ``--server`` knows, with family, allocator and the version the layout was read from.

    Any other version works as ``redis-<version>-<allocator>`` or ``valkey-<version>-<allocator>``, with the allocator
    ``bundled-jemalloc``, ``jemalloc-q16`` or ``libc``.
    """
    builds = [layout.build(id) for id in (*layout.KNOWN_IDS, *layout.READ_IDS)]
    return [
        {"id": b.id, "family": b.layout.family, "allocator": b.allocator, "read_from": b.layout.version} for b in builds
    ]


def clustered(server: str | Build) -> Build:
    """Return the build ``server`` as a node of a cluster that serves all slots."""
    return replace(server if isinstance(server, Build) else layout.build(server), cluster=True)


def shape_of(
    *,
    type: str,
    key_length: int,
    count: int,
    fields: int = 1,
    field_size: str = "8",
    value_size: str = "20",
    entry_fields: int = 1,
    score: str = "idx",
    step_ms: int = 1,
    groups: int = 0,
    pending: int = 0,
    batch: int = 0,
    ttl: bool = False,
    field_ttl: bool = False,
) -> Shape:
    """Return the shape that the options of ``redis-plan memory`` declare; raises :class:`InputError` in one line.

    ``fields`` is the number of elements a key: fields of a hash, members, list elements, stream entries. Messages name the
    option that was typed.
    """
    for option, value, least in (
        ("key-length", key_length, 0), ("count", count, 0), ("fields", fields, 1), ("entry-fields", entry_fields, 1),
        ("step-ms", step_ms, 0), ("groups", groups, 0), ("pending", pending, 0), ("batch", batch, 0),
    ):  # fmt: skip
        if value < least:
            raise InputError(f"--{option} {value}: it must be at least {least}")
    if key_length > LARGEST_BYTES:
        raise InputError(f"--key-length {key_length}: a key's name is at most 512 MB")
    for option, size in (("field-size", field_size), ("value-size", value_size)):
        try:
            Sizes.parse(size)
        except InputError as error:
            raise InputError(f"--{option} {size}: {error}") from None
    row = {
        "type": type, "key_len": key_length, "n_elem": fields, "fsize": field_size, "vsize": value_size,
        "nfields": entry_fields, "score": score if type == "zset" else "", "step_ms": step_ms, "groups": groups,
        "pending": pending, "batch": batch, "ttl": int(ttl), "hfe": int(field_ttl), "n_keys": count, "alike": 0,
    }  # fmt: skip
    return Shape.of_row(row)


def predict(
    shape: Shape, server: str | Build = DEFAULT_SERVER, settings: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the prediction for ``shape`` on the build ``server`` (or its id) as plain data: totals, one key, its parts.

    All numbers are bytes. ``parts`` splits one key (key name and entry, object, value, fields, table, expires, groups),
    ``allocator_waste`` is the rounding in it, ``keyspace_tables`` belongs to all keys together.
    """
    build = server if isinstance(server, Build) else layout.build(server, settings)
    growth = model.predict(shape, build)
    return {
        "server": build.id,
        "family": build.layout.family,
        "allocator": build.allocator,
        "type": shape.type,
        "encoding": growth.encoding,
        "keys": shape.n_keys,
        "used_memory": round(growth.used_memory),
        "memory_usage": round(memory_usage(shape, build)),
        "per_key": growth.used_memory / max(shape.n_keys, 1),
        "one_key": growth.per_key,
        "parts": growth.parts,
        "allocator_waste": growth.waste,
        "keyspace_tables": growth.tables,
    }


def render(prediction: Mapping[str, Any]) -> str:
    """Return ``prediction`` as text for a terminal: totals, then a line a part."""
    keys, one = int(prediction["keys"]), float(prediction["one_key"])
    lines = [
        f"{keys:,} {prediction['type']} keys ({prediction['encoding']}) on {prediction['server']} ({prediction['allocator']})",
        "",
        f"used_memory growth  {units.write(prediction['used_memory'], 'B')}  ({prediction['used_memory']:,} B)",
        f"MEMORY USAGE        {prediction['memory_usage']:,} B a key (what the server would report)",
        f"one key             {prediction['per_key']:,.1f} B with its share of the keyspace's tables",
        "",
    ]
    rows = [(name, float(size)) for name, size in prediction["parts"].items()]
    rows.append(("keyspace tables", float(prediction["keyspace_tables"]) / max(keys, 1)))
    lines += [
        f"  {name:<16} {size:>12,.1f} B  {100 * size / (prediction['per_key'] or 1):5.1f} %" for name, size in rows
    ]
    lines.append(
        f"  of which waste   {float(prediction['allocator_waste']):>12,.1f} B  (allocator rounding, one key of {one:,.1f} B)"
    )
    return "\n".join(lines)


def render_json(prediction: Mapping[str, Any]) -> str:
    """Return ``prediction`` as indented JSON."""
    return json.dumps(prediction, indent=1, ensure_ascii=False)


def predict_table(path: Path, server: str | Build = DEFAULT_SERVER) -> list[dict[str, str]]:
    """Return the rows of the CSV at ``path``, each with ``predicted_used_memory`` and ``predicted_memory_usage``.

    ``predicted_used_memory`` is the growth for all keys of the row, ``predicted_memory_usage`` one key's MEMORY USAGE.
    Raises :class:`InputError` naming the file and the line.
    """
    build = server if isinstance(server, Build) else layout.build(server)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"can't read the table {path}: {reason}") from None
    reader = csv.DictReader(io.StringIO(text))
    if not text.strip():
        raise InputError(f"the table {path} is empty")
    if not reader.fieldnames or "type" not in reader.fieldnames or "key_len" not in reader.fieldnames:
        raise InputError(
            f"{path} needs a header with the columns type and key_len, and n_keys, n_elem, vsize where they apply"
        )
    rows = []
    for number, row in enumerate(_rows(reader, path), start=2):
        try:
            shape = Shape.of_row(row)
            predicted = {
                "predicted_used_memory": str(round(model.predict(shape, build).used_memory)),
                "predicted_memory_usage": str(round(memory_usage(shape, build))),
            }
        except InputError as error:
            raise InputError(f"{path}:{number}: {error}") from None
        rows.append({name: value or "" for name, value in row.items() if name is not None} | predicted)
    return rows


def _rows(reader: csv.DictReader[str], path: Path) -> Iterator[dict[str, str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: {error}") from None


def render_csv(rows: Sequence[Mapping[str, str]]) -> str:
    """Return ``rows`` as CSV text, with the columns of the first row."""
    if not rows:
        return ""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]), lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def render_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Return ``rows`` as a Markdown table of the declaration columns that are used, and the two predictions."""
    if not rows:
        return ""
    wanted = (
        "type",
        "key_len",
        "n_elem",
        "fsize",
        "vsize",
        "ttl",
        "n_keys",
        "predicted_used_memory",
        "predicted_memory_usage",
    )
    names = [name for name in wanted if name in rows[0]]
    lines = ["| " + " | ".join(names) + " |", "|" + "|".join(":--" if n == "type" else "--:" for n in names) + "|"]
    lines += ["| " + " | ".join(row.get(name, "") for name in names) + " |" for row in rows]
    return "\n".join(lines)
