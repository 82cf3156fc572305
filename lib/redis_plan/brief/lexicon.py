"""A lexicon: which words of a language cue what, read from ``data/catalog/lexicons/<language>.toml``.

Cues are grouped (``section.out-of-scope``, ``realtime.strong``, ``op.<=`` …). A cue is one or more folded words; a
word that ends in ``*`` is a stem and matches any ending, which is how inflected languages are read. One pass over a
text finds every cue of every group, in time linear in its length.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from redis_plan import resources

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
#: Scripts written without blanks between words: there a cue is found as a substring.
UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def _fold_table() -> dict[int, str]:
    table: dict[int, str] = {}
    for code in range(0xC0, 0x250):
        base = unicodedata.normalize("NFKD", chr(code))[0]
        if base.isascii():
            table[code] = base
    table.update(
        {ord("ł"): "l", ord("Ł"): "L", ord("ø"): "o", ord("Ø"): "O", ord("đ"): "d", ord("İ"): "I", ord("ı"): "i"}
    )
    table.update(
        {ord("’"): "'", ord("‐"): "-", ord("‑"): "-", ord("\xa0"): " ", ord("\u202f"): " ", ord("\u2009"): " "}
    )
    return table


_FOLD = _fold_table()


def fold(text: str) -> str:
    """Return ``text`` in lower case without diacritics, of the same length, so that positions stay true.

    >>> fold("Użytkownik ŁĄCZY")
    'uzytkownik laczy'
    """
    if text.isascii():
        return text.lower()
    plain = text.translate(_FOLD)
    lower = plain.lower()
    return lower if len(lower) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in plain)


#: Of so many texts the words are remembered, and of so many the cues: what a stage of reading finds helps the next.
REMEMBERED_WORDS, REMEMBERED = 30_000, 100_000
_WORDS: dict[str, str] = {}


def _once(word: str) -> str:
    """Return one and the same object for a word that occurs often."""
    return _WORDS.setdefault(word, word)


_TOKENS: dict[str, tuple[str, list[tuple[str, int, int]]]] = {}


def tokens(text: str) -> tuple[str, list[tuple[str, int, int]]]:
    """Return the folded text and its words with their positions; several lexicons look at one text in turn."""
    known = _TOKENS.get(text)
    if known is None:
        if len(_TOKENS) > REMEMBERED_WORDS:
            _TOKENS.clear()
            _WORDS.clear()
        folded = fold(text)
        known = _TOKENS[text] = (folded, [(_once(m.group()), *m.span()) for m in WORD.finditer(folded)])
    return known


class Hit(NamedTuple):
    """A cue that was found: its group, the cue as the lexicon writes it, and where in the text."""

    group: str
    cue: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Cue:
    group: str
    text: str
    words: tuple[tuple[str, bool], ...]  # (word, is a stem)
    rest: tuple[tuple[str, bool], ...] = ()  # the words after the first


class _Following(dict[str, tuple[_Cue, ...]]):
    """Cues that begin with one word; by the word after it those that it does not rule out, worked out once for each."""

    def __init__(self, cues: Sequence[_Cue]) -> None:
        super().__init__()
        self.cues = cues
        #: all of them, where none has a second word
        self.alone = () if any(cue.rest for cue in cues) else tuple(cues)

    def __missing__(self, after: str) -> tuple[_Cue, ...]:
        made = tuple(cue for cue in self.cues if not cue.rest or _is(after, *cue.rest[0]))
        if len(self) >= REMEMBERED_WORDS:
            self.clear()
        if not after.isdigit():  # numbers hardly recur
            self[after] = made
        return made


def _is(word: str, wanted: str, stem: bool) -> bool:
    return word.startswith(wanted) if stem else word == wanted


class _Candidates(dict[str, _Following | None]):
    """The cues whose first word is a word or a beginning of it, worked out once for each word that is met."""

    def __init__(self, exact: Mapping[str, list[_Cue]], stems: Mapping[str, list[_Cue]]) -> None:
        super().__init__()
        self.exact, self.stems = exact, stems
        self.firsts: frozenset[str] = frozenset()  # letters that a cue begins with, once all cues are in
        self.lengths: list[int] = []  # of the stems

    def __missing__(self, word: str) -> _Following | None:
        if not self.firsts:
            self.firsts = frozenset(known[0] for known in (*self.exact, *self.stems))
            self.lengths = sorted({len(stem) for stem in self.stems})
        if word[0] not in self.firsts:  # a number, mostly, and numbers hardly recur
            return None
        found = list(self.exact.get(word, ()))
        for size in self.lengths:
            if size > len(word):
                break
            found += self.stems.get(word[:size], ())
        made = _Following(found) if found else None
        if found or not word.isdigit():
            self[word] = made
        return made


@dataclass(slots=True)
class Lexicon:
    """The cues of one or more languages, ready to be looked up."""

    languages: tuple[str, ...]
    data: Mapping[str, Any]  # Any: the TOML file's tree
    _exact: dict[str, list[_Cue]] = field(default_factory=dict)
    _stems: dict[str, list[_Cue]] = field(default_factory=dict)
    _substrings: dict[str, list[_Cue]] = field(default_factory=dict)
    _known: _Candidates = field(init=False)
    _unspaced: re.Pattern[str] | None = None
    _groups: dict[str, frozenset[str]] = field(default_factory=dict)
    _sets: dict[frozenset[str], frozenset[str]] = field(default_factory=dict)  # few differ: each is held once
    _lasts: dict[str, tuple[frozenset[str], tuple[str, ...]]] = field(default_factory=dict)
    _word_sets: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._known = _Candidates(self._exact, self._stems)

    def add(self, group: str, cue: str) -> None:
        """Add one cue."""
        folded = fold(cue)
        if UNSPACED.search(folded):
            self._substrings.setdefault(folded, []).append(_Cue(group, cue, ()))
            return
        words = tuple((m.group(), m.end() < len(folded) and folded[m.end()] == "*") for m in WORD.finditer(folded))
        if words:
            index = self._stems if words[0][1] else self._exact
            index.setdefault(words[0][0], []).append(_Cue(group, cue, words, words[1:]))

    def finish(self) -> None:
        """Prepare the search for substrings, once all cues are in."""
        if self._substrings:
            longest_first = sorted(self._substrings, key=len, reverse=True)
            self._unspaced = re.compile("|".join(re.escape(cue) for cue in longest_first))

    def hits(self, text: str) -> list[Hit]:
        """Return every cue in ``text``, in order of position."""
        return [Hit(cue.group, cue.text, start, end) for cue, start, end in self._found(text)]

    def _found(self, text: str) -> list[tuple[_Cue, int, int]]:
        folded, words = tokens(text)
        found: list[tuple[_Cue, int, int]] = []
        known, count = self._known, len(words)
        for i, here in [(i, c) for i, (word, _, _) in enumerate(words) if (c := known[word]) is not None]:
            _, start, end = words[i]
            for cue in here.alone or here[words[i + 1][0] if i + 1 < count else ""]:
                last = i + len(cue.rest)
                if last == i:
                    found.append((cue, start, end))
                elif last < count and all(_is(words[j][0], *want) for j, want in enumerate(cue.rest[1:], i + 2)):
                    found.append((cue, start, words[last][2]))
        if self._unspaced and not folded.isascii() and UNSPACED.search(folded):
            for match in self._unspaced.finditer(folded):
                found += [(c, match.start(), match.end()) for c in self._substrings[match.group()]]
        return found

    def may_end(self, prefix: str, text: str) -> bool:
        """Whether a cue of a group that begins with ``prefix`` may end at the end of ``text``; quick, for many texts."""
        known = self._lasts.get(prefix)
        if known is None:
            cues = [c.words[-1] for c in self._every() if c.group.startswith(prefix) and c.words]
            stems = tuple(word for word, stem in cues if stem)
            known = self._lasts[prefix] = frozenset(word for word, stem in cues if not stem), stems
        end = len(text) - (text[-1:] != "_" and not text[-1:].isalnum())
        start = end
        while start > 0 and end - start < 24 and text[start - 1].isalnum():
            start -= 1
        if start >= end:
            return False
        folded = fold(text[start:end])
        return folded in known[0] or folded.startswith(known[1]) or not text.isascii()

    def _every(self) -> Iterable[_Cue]:
        for index in (self._exact, self._stems):
            for cues in index.values():
                yield from cues

    def groups(self, text: str) -> frozenset[str]:
        """Return the names of the groups of which ``text`` holds a cue."""
        known = self._groups.get(text)
        if known is None:
            if len(self._groups) > REMEMBERED:
                self._groups.clear()
            found = frozenset([cue.group for cue, _, _ in self._found(text)])
            known = self._groups[text] = self._sets.setdefault(found, found)
        return known

    def words(self, group: str) -> frozenset[str]:
        """Return the plain word list ``group`` (``stopwords`` …) of all its languages, folded."""
        known = self._word_sets.get(group)
        if known is None:
            known = self._word_sets[group] = frozenset(fold(word) for word in self.data.get(group, ()))
        return known


def _files() -> dict[str, Mapping[str, Any]]:
    folder = resources.catalog_dir() / "lexicons"
    return {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.toml"))}


@cache
def lexicons() -> Mapping[str, Mapping[str, Any]]:
    """Return every lexicon file by language."""
    return _files()


@cache
def lexicon(*wanted: str) -> Lexicon:
    """Return the lexicon of the languages ``wanted``, with English beside: documents of all languages mix it in."""
    files = lexicons()
    languages = tuple(dict.fromkeys(name for name in (*wanted, "en") if name in files))
    merged: dict[str, Any] = {}
    for name in languages:
        for key, value in files[name].items():
            if isinstance(value, list):
                merged[key] = [*merged.get(key, []), *value]
            elif isinstance(value, dict):
                merged[key] = {**value, **merged.get(key, {})}
            else:
                merged.setdefault(key, value)
    made = Lexicon(languages, merged)
    for entry in merged.get("cue", []):
        for cue in entry["cues"]:
            made.add(entry["group"], cue)
    made.finish()
    return made


#: A code block between fences; one that is never closed is text.
_FENCED = re.compile(r"^(```+|~~~+)[^\n]*\n.*?^\1[`~]*\s*$", re.MULTILINE | re.DOTALL)


def detect_language(texts: Iterable[str]) -> tuple[str, float]:
    """Return the language most of the words belong to and the share of words that cue it.

    Scripts of their own decide at once; else the language whose frequent words occur most. ``("unknown", 0.0)`` when
    no lexicon knows the words. Fenced code is English in every language and says nothing.
    """
    texts = [text[:60_000] for text in texts]
    sample = " ".join(_FENCED.sub(" ", text) for text in texts)
    if not any(c.isalpha() for c in sample):
        sample = " ".join(texts)
    letters = sum(c.isalpha() for c in sample) or 1
    scripts = {
        "ko": len(re.findall(r"[\uac00-\ud7af]", sample)),
        "ja": len(re.findall(r"[\u3040-\u30ff]", sample)),
        "zh": len(re.findall(r"[\u4e00-\u9fff]", sample)),
    }
    if scripts["ja"] / letters > 0.08:
        return "ja", scripts["ja"] / letters
    best = max(scripts, key=lambda name: scripts[name])
    if scripts[best] / letters > 0.12:
        return best, scripts[best] / letters
    words = [m.group() for m in WORD.finditer(fold(sample))]
    counts = {
        name: sum(word in stop for word in words)
        for name, stop in ((n, frozenset(fold(w) for w in d.get("stopwords", ()))) for n, d in lexicons().items())
    }
    if not words or not counts:
        return "unknown", 0.0
    language = max(counts, key=lambda name: counts[name])
    share = counts[language] / len(words)
    # terse bullet lists hold few of the frequent words; three that agree are still a language
    return (language, share) if share > 0.06 or (share > 0.015 and counts[language] >= 3) else ("unknown", share)
