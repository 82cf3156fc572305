"""Residue: what a load leaves behind in a fresh server that belongs to no key."""

from __future__ import annotations

import numpy as np

from redis_plan.memory.layout import Build
from redis_plan.memory.shape import Shape

#: Bytes that are read from a connection at once (PROTO_IOBUF_LEN, src/server.h, Redis 8.4).
_READ_BYTES = 16 * 1024
#: Commands that are parsed ahead (``lookahead``, src/config.c, Redis 8.4); the structs of the longest row of them are kept.
_AHEAD = 16
#: A command of more arguments is not kept (reclaimPendingCommand, src/networking.c, Redis 8.4).
_MOST_ARGUMENTS = 63


def pending_commands(shape: Shape, build: Build) -> float:
    """Return the bytes of the parsed commands that the server keeps for reuse after a pipelined load (Redis 8.4 and later)."""
    struct = build.layout.sizes.get("pending_command", 0)
    if not struct or shape.load != "pipe" or not shape.n_keys:
        return 0.0
    each = min(shape.batch or shape.n_elem, shape.n_elem)
    value, name = shape.sizes.mean, shape.names.mean
    arguments, text = {
        "string": (3, value),
        "hash": (2 + 2 * each, each * (name + value)),
        "zset": (2 + 2 * each, each * (name + 10)),
        "stream": (3 + 2 * shape.nfields, shape.nfields * (name + value) + 16),
    }.get(shape.type, (2 + each, each * value))
    commands = shape.n_keys * (1 if shape.type == "string" else -(-shape.n_elem // each))
    waiting = min(_AHEAD, commands, max(1, int(_READ_BYTES // (text + shape.key_len + 6 * arguments)))) - 1
    if arguments > _MOST_ARGUMENTS:
        waiting, arguments = (waiting // 2 if shape.ttl else 0), 3
    taken = build.usable(np.array([struct, 8 * arguments]))
    return float(waiting * taken.sum())
