r"""Positions: where in a TOML text each key, table and list element stands.

``tomllib`` forgets lines. This reader knows nothing but them: it walks over a text that ``tomllib`` has accepted, so
it may be lenient about what it skips.

>>> where = positions('[uses]\ntake = [\n  "chat",\n  { use = "votes" },\n]\n')
>>> where["uses",], where["uses", "take"], where["uses", "take", 1, "use"]
((1, 1), (2, 5), (4, 4))
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping

Path = tuple[str | int, ...]
Span = tuple[int, int]  # first and last line, from 1
Extent = tuple[int, int]  # offsets of a value's first character, and of the one after its last

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_PLAIN = re.compile(r"[^,\]}\n#]*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'',
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def positions(text: str) -> Mapping[Path, Span]:
    """Return the first and last line of every path of ``text``, which must be TOML."""
    return _Walk(text).spans


def extents(text: str) -> tuple[Mapping[Path, Extent], Mapping[Path, int]]:
    """Return where the value of every key stands in ``text``, and where the statements of every ``[table]`` end."""
    walk = _Walk(text)
    return walk.values, walk.ends


def line_of(spans: Mapping[Path, Span], path: Path) -> int:
    """Return the first line of ``path``, of the nearest one above it where that has none of its own, else 1."""
    for end in range(len(path), 0, -1):
        if path[:end] in spans:
            return spans[path[:end]][0]
    return 1


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text
        self.breaks = [n for n, c in enumerate(text) if c == "\n"]
        self.spans: dict[Path, Span] = {}
        self.values: dict[Path, Extent] = {}
        self.ends: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}  # elements so far of each array of tables
        at = 0
        table: Path = ()
        while (at := self._blank(at)) < len(text):
            at, table = self._header(at) if text[at] == "[" else (self._statement(at, table), table)
            self.ends[table] = at

    def _line(self, at: int) -> int:
        return bisect_right(self.breaks, at - 1) + 1

    def _note(self, path: Path, begin: int, end: int) -> None:
        for size in range(1, len(path)):  # a dotted key, and [a.b] without [a], bring their tables along
            self.spans.setdefault(path[:size], (self._line(begin), self._line(begin)))
        self.spans[path] = (self._line(begin), self._line(max(begin, end - 1)))

    def _blank(self, at: int) -> int:
        found = _BLANK.match(self.text, at)
        return found.end() if found else at

    def _header(self, at: int) -> tuple[int, Path]:
        double = self.text.startswith("[[", at)
        keys, end = self._keys(at + 1 + double)
        path: Path = ()
        for n, key in enumerate(keys):
            path += (key,)
            last = n == len(keys) - 1
            if last and double:
                self.counts[path] = self.counts.get(path, -1) + 1
                self.spans.setdefault(path, (self._line(at), self._line(at)))
            if path in self.counts:
                path += (self.counts[path],)
        self._note(path, at, at + 1)
        return self.text.find("]", end) + 1 + double, path

    def _keys(self, at: int) -> tuple[list[str], int]:
        keys: list[str] = []
        while True:
            at = self._skip(_SPACE, at)
            found = _STRING.match(self.text, at) or _BARE.match(self.text, at)
            if found is None:
                return keys, at
            keys.append(_unquoted(found.group()))
            at = self._skip(_SPACE, found.end())
            if not self.text.startswith(".", at):
                return keys, at
            at += 1

    def _skip(self, pattern: re.Pattern[str], at: int) -> int:
        found = pattern.match(self.text, at)
        return found.end() if found else at

    def _statement(self, at: int, table: Path) -> int:
        keys, end = self._keys(at)
        path = (*table, *keys)
        begin = self._blank(end + 1)
        end = self._value(begin, path)
        self.values[path] = (begin, end)
        self._note(path, at, end)
        return max(end, at + 1)

    def _value(self, at: int, path: Path) -> int:
        opening = self.text[at : at + 1]
        if opening == "[":
            return self._members(at, path, "]")
        if opening == "{":
            return self._members(at, path, "}")
        return self._skip(_STRING if opening in ("'", '"') else _PLAIN, at)

    def _members(self, at: int, path: Path, closing: str) -> int:
        at, index = self._blank(at + 1), 0
        while at < len(self.text) and self.text[at] != closing:
            begin = at
            if closing == "]":
                at = self._value(at, (*path, index))
                self.values[*path, index] = (begin, at)
                self._note((*path, index), begin, at)
                index += 1
            else:
                at = self._statement(at, path)
            at = self._blank(at)
            at = self._blank(at + 1) if self.text.startswith(",", at) else max(at, begin + (at == begin))
        return at + 1


def _unquoted(key: str) -> str:
    if key[:1] == '"':
        return _ESCAPE.sub(r"\1", key[1:-1])
    return key[1:-1] if key[:1] == "'" else key
