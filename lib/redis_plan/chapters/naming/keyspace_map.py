"""The keyspace as a map: what one session has in its slot, what lies across sessions, and who writes and reads each key.

A tile is a key or a channel: its name, type, bound, its TTL where it is not the session's, who writes it (←) and who
reads it (→).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from redis_plan import units
from redis_plan.delivery import library, touching
from redis_plan.figures import CONTEXT, PALETTE
from redis_plan.keyspace.cues import plural
from redis_plan.keyspace.model import KeyPattern, Keyspace

ALT = (
    "Map of the keyspace: a box for each group of keys that share a slot or lie apart, a tile for each key with its type, bound, "
    "TTL, who writes it and what reads it."
)
#: A tile, the space between tiles, what a box needs around them and for its title, in inches.
_WIDTH, _HEIGHT, _GAP, _EDGE, _TITLE = 1.72, 0.68, 0.08, 0.1, 0.5
#: Tiles in a row of all boxes together.
_COLUMNS = 5
#: Characters of a tile's line.
_LINE = 26
#: What a sentence names that is nobody: the same step that writes reads, too.
_NOBODY = ("write", "reply")
_COLOURS = dict(zip(("hash", "zset", "list", "string", "set", "stream", "channel"), PALETTE, strict=False))


@dataclass(frozen=True, slots=True)
class Tile:
    """What stands on a tile: the key's name, its type, and a line each on size, writers and readers."""

    name: str
    type: str
    size: str
    written: str
    read: str


@dataclass(frozen=True, slots=True)
class Box:
    """Keys that belong together, under a title of one or two lines."""

    title: str
    says: str
    tiles: tuple[Tile, ...]


def boxes(keyspace: Keyspace) -> tuple[Box, ...]:
    """Return the keys of one session, with its channels, and those across sessions; one box where there are no sessions."""
    state = keyspace.use("state")
    together = tuple(p for p in keyspace.patterns if p.scope != "global")
    apart = tuple(p for p in keyspace.patterns if p.scope == "global")
    usual = state.ttl.seconds if state else None
    made = []
    if together:
        noun = keyspace.session_noun if keyspace.session_entity else "owner"
        life = f"TTL {units.write(usual, 's')}, set again together; session_remove unlinks all" if usual else ""
        made.append(Box(f"One {noun}, one slot", life, _tiles(together, keyspace, usual)))
    if apart:
        title = f"Across {plural(keyspace.session_noun)}" if keyspace.session_entity else "Each key by itself"
        says = "hints: state decides, these may be late" if state else "its own TTL, set in the step that makes it"
        made.append(Box(title, says, _tiles(apart, keyspace, None)))
    return tuple(made)


def _tiles(patterns: Sequence[KeyPattern], keyspace: Keyspace, usual: int | None) -> tuple[Tile, ...]:
    writers, readers = touching.writers(keyspace), _readers(keyspace)
    return tuple(
        Tile(
            p.name,
            p.type,
            _size(p, usual),
            _short([_writer(text) for text in writers[p.name]]),
            _short([_plain(name) for name in readers.get(p.name, ())]),
        )
        for p in patterns
    )


def _readers(keyspace: Keyspace) -> Mapping[str, Sequence[str]]:
    """Return the functions that read a key and write nothing, and the components that read it by themselves."""
    reading = {s.function.name for s in library.steps(keyspace) if "no-writes" in s.function.flags}
    functions = touching.functions_on(keyspace)
    return {
        p.name: (*(f for f in functions.get(p.name, ()) if f in reading), *(_component(text) for text in p.readers))
        for p in keyspace.patterns
    }


def _size(pattern: KeyPattern, usual: int | None) -> str:
    if pattern.type == "channel":
        return ""
    bound = f"≤ {pattern.max_elements:,.0f}" if pattern.max_elements > 1 else ""
    ttl = (
        ""
        if pattern.ttl.seconds == usual
        else units.write(pattern.ttl.seconds, "s")
        if pattern.ttl.seconds
        else "no TTL"
    )
    return " · ".join(filter(None, (bound, ttl)))


def _writer(text: str) -> str:
    """Return who writes in a word or two: the function, else the component that the catalog names first."""
    return "each action" if text == touching.EACH else _component(text)


def _component(text: str) -> str:
    """Return the function or the component that a registry's sentence begins with; "" where it begins with neither."""
    found = re.match(r"(?:(?:the|each|same) )*(\w+)", text)
    return "" if found is None or found[1] in _NOBODY else _plain(found[1])


def _plain(name: str) -> str:
    return name.removeprefix("session_")


def _short(names: Sequence[str]) -> str:
    """Return as many names as a line holds; of more the last are counted. What is done by each action comes first."""
    kept = sorted(dict.fromkeys(filter(None, names)), key=lambda name: name != "each action")
    shown = len(kept)
    while shown > 1 and len(_told(kept, shown)) > _LINE:
        shown -= 1
    return _told(kept, shown)


def _told(names: Sequence[str], shown: int) -> str:
    more = f" +{len(names) - shown}" if shown < len(names) else ""
    return ", ".join(names[:shown]) + more


def plot(keyspace: Keyspace) -> Figure:
    """Draw the map of a keyspace that has a pattern."""
    found = boxes(keyspace)
    widths = _columns([len(box.tiles) for box in found])
    rows = max(math.ceil(len(box.tiles) / wide) for box, wide in zip(found, widths, strict=True))
    height = _TITLE + rows * (_HEIGHT + _GAP) + 2 * _EDGE
    across = [wide * (_WIDTH + _GAP) + 2 * _EDGE - _GAP for wide in widths]
    width = sum(across) + 2 * _GAP * (len(across) - 1)
    figure = Figure(figsize=(width, height))
    figure.set_layout_engine("none")  # places are in inches
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    left = 0.0
    for box, wide, broad in zip(found, widths, across, strict=True):
        _draw_box(axes, box, left, wide, broad, height)
        left += broad + 2 * _GAP
    return figure


def _columns(counts: Sequence[int]) -> list[int]:
    """Return how many tiles stand side by side in each box, so that the boxes are about as high as each other."""
    if len(counts) == 1:
        return [min(_COLUMNS, counts[0])]
    ways = ([first, _COLUMNS - first] for first in range(1, _COLUMNS))
    return min(ways, key=lambda way: max(math.ceil(n / wide) for n, wide in zip(counts, way, strict=True)))


def _draw_box(axes: Axes, box: Box, left: float, wide: int, across: float, height: float) -> None:
    frame = FancyBboxPatch(
        (left + 0.04, 0.04), across - 0.08, height - 0.08, boxstyle="round,pad=0,rounding_size=0.08",
        facecolor="#f4f4f4", edgecolor=CONTEXT, linewidth=1,
    )  # fmt: skip
    axes.add_patch(frame)
    top = height - _EDGE
    axes.text(left + _EDGE, top - 0.12, box.title, fontsize=11, weight="bold", va="center")
    axes.text(left + _EDGE, top - 0.32, box.says, fontsize=8, va="center", color="#444444")
    for place, tile in enumerate(box.tiles):
        row, column = divmod(place, wide)
        _draw_tile(axes, tile, left + _EDGE + column * (_WIDTH + _GAP), top - _TITLE - row * (_HEIGHT + _GAP))


def _draw_tile(axes: Axes, tile: Tile, x: float, top: float) -> None:
    axes.add_patch(
        Rectangle((x, top - _HEIGHT), _WIDTH, _HEIGHT, facecolor="white", edgecolor="#c8c8c8", linewidth=0.8)
    )
    axes.add_patch(Rectangle((x, top - _HEIGHT), 0.06, _HEIGHT, facecolor=_COLOURS[tile.type], edgecolor="none"))
    told = (
        (tile.name, 9, "bold", "black"),
        (" · ".join(filter(None, (tile.type, tile.size))), 7, "normal", "#444444"),
        (f"← {tile.written}", 7, "normal", "black"),
        (f"→ {tile.read}" if tile.read else "", 7, "normal", "black"),
    )
    for line, (text, size, weight, colour) in enumerate(told):
        axes.text(x + 0.12, top - 0.11 - 0.155 * line, text, fontsize=size, weight=weight, color=colour, va="center")
