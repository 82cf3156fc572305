"""A sweep: the model over vectors, for a million configurations at once.

A key's cost falls into three parts that do not know each other: its name, its value, the keyspace's tables. Each part is
computed once for every distinct input and spread over the rows, so a grid costs its axes and not its product.

>>> import numpy as np
>>> from redis_plan.memory.layout import build
>>> sweep("string", build("7.0.15"), key_len=np.array([60, 60]), vsize=np.array([1, 44]), n_keys=2490).tolist()
[351488.0, 431168.0]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from redis_plan.errors import InputError
from redis_plan.memory import encodings, model
from redis_plan.memory.layout import Build
from redis_plan.memory.shape import LARGEST_BYTES, Score, Shape, ValueType

Numbers = NDArray[np.float64]


def sweep(
    type: ValueType,
    build: Build,
    *,
    key_len: ArrayLike,
    n_elem: ArrayLike = 1,
    fsize: ArrayLike = 0,
    vsize: ArrayLike = 0,
    n_keys: ArrayLike = 1,
    ttl: ArrayLike = False,
    score: Score = "",
) -> Numbers:
    """Return the growth of ``used_memory`` in bytes for every row of the arguments, which are broadcast together.

    What a load leaves behind beside its keys (``Growth.left``) is not in it. Sizes are fixed ones, in bytes. Raises :class:`InputError` for a negative number or a size above 512 MB.
    """
    columns = [np.asarray(column) for column in (key_len, n_elem, fsize, vsize, n_keys, ttl)]
    for name, column in zip(("key_len", "n_elem", "fsize", "vsize", "n_keys"), columns, strict=False):
        if column.size and column.min() < (1 if name == "n_elem" else 0):
            raise InputError(f"{name} holds {column.min()}; it must not be negative (n_elem: at least 1)")
        if name in ("key_len", "fsize", "vsize") and column.size and column.max() > LARGEST_BYTES:
            raise InputError(f"{name} holds {column.max()}; a size is at most 512 MB")
    keys, elements, names, values, counts, timed = (
        np.ravel(column).astype(np.int64) for column in np.broadcast_arrays(*columns)
    )
    if type == "string":
        # the name and a short value share a block on some versions: one part
        one_key = _once(
            lambda row: model.predict(Shape(type, row[0], vsize=str(row[1]), ttl=bool(row[2])), build).per_key,
            keys, values, timed,
        )  # fmt: skip
    else:
        base = Shape(type, 0, fsize="1", vsize="1", score=score)
        bare = model.predict(base, build).per_key
        one_key = _once(
            lambda row: model.predict(Shape(type, row[0], fsize="1", vsize="1", ttl=bool(row[1]), score=score), build).per_key,
            keys, timed,
        )  # fmt: skip
        compact, value = _listpacks(type, build, elements, names, values)
        if not compact.all():
            value[~compact] = _once(
                lambda row: model.predict(
                    Shape(type, 0, n_elem=row[0], fsize=str(row[1]), vsize=str(row[2]), score=score), build
                ).per_key
                - bare,
                elements[~compact], names[~compact], values[~compact],
            )  # fmt: skip
        one_key = one_key + value
    tables = _once(lambda row: model.keyspace_tables(row[0], row[0] * row[1], build), counts, timed)
    return np.asarray(one_key * counts + tables, dtype=np.float64)


def _listpacks(
    type: ValueType, build: Build, elements: NDArray[np.int64], names: NDArray[np.int64], values: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], Numbers]:
    """Return which rows are listpacks of fixed entries, and what those take more than one of a single byte each."""
    number, rules = build.number, build.layout.rules
    if type == "hash":
        entry = encodings.listpack_string(names) + encodings.listpack_string(values)
        longest = number("hash-max-listpack-value")
        compact = (elements <= number("hash-max-listpack-entries")) & (np.maximum(names, values) <= longest)
    elif type == "set" and rules["set_listpack"]:
        entry = encodings.listpack_string(values)
        compact = (elements <= number("set-max-listpack-entries")) & (values <= number("set-max-listpack-value"))
    else:
        return np.zeros(len(elements), dtype=bool), np.zeros(len(elements))
    single = int(encodings.listpack_string(1)) * (2 if type == "hash" else 1)
    requested = np.append(encodings.LISTPACK_FRAME + elements * entry, encodings.LISTPACK_FRAME + single)
    taken = build.usable(requested).astype(np.float64)
    return compact, taken[:-1] - taken[-1]


def _once(part: object, *columns: NDArray[np.int64]) -> Numbers:
    """Return ``part`` of every row, computed once for each distinct row.

    Rows are told apart by one number each: the columns' own distinct values, counted in a mixed base.
    """
    assert callable(part)
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        kinds, place = np.unique(column, return_inverse=True)
        code = code * len(kinds) + place
    _, first, back = np.unique(code, return_index=True, return_inverse=True)
    rows = zip(*(column[first].tolist() for column in columns), strict=True)
    return np.array([part(row) for row in rows], dtype=np.float64)[back]
