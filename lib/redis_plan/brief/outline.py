"""An outline: a document as blocks (headings, paragraphs, list items, table rows, code), each with its line.

Structure comes from a CommonMark parser; what teams write beside CommonMark is added: tags such as ``<decisions>`` on a
line of their own open a section, and so does a paragraph that ends in a colon before a list, or one that is only bold;
``• item`` is a list item; in a document without ``#`` headings a short numbered line (``2.1 Scoring``) is one.
HTML is inert: ``<script>``, ``<style>`` and comments are blanked, other tags are dropped from the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from redis_plan.brief.documents import Document
from redis_plan.brief.statements import (
    LABEL_WORDS,
    NOT_TITLE,
    NUMBERED,
    is_list_without_marks,
    is_titled,
    names_a_list,
    statements,
)

BlockKind = Literal["heading", "paragraph", "item", "row", "code"]

_TAG_LINE = re.compile(r"^\s*<(/?)([A-Za-z][\w-]*)\s*>\s*$")
_HTML_TAG = re.compile(r"</?[A-Za-z][^<>]{0,300}>")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()\s]*(?:\s[^()]*)?\)")
_EMPHASIS = re.compile(r"(\*\*|__|~~|`)|(?<![\w*])\*(?=[^\s*])|(?<=[^\s*])\*(?![\w*])")
_CHECKBOX = re.compile(r"^\[[ xX]\]\s+")
_BOLD_ONLY = re.compile(r"^(\*\*|__)(?P<text>[^*_]{2,100})(\*\*|__):?\s*$")
_INERT = ("script", "style")
_BULLET = re.compile(r"^(\s*)[•◦▪▸●‣∙·](?=\s)")
#: A heading as many write it, without the blank: "##Scoring"; one mark alone is a tag or a number ("#3").
_TIGHT_HEADING = re.compile(r"^(#{2,6})(?=[^\s#])")
#: A bold line with so many words is a statement that someone set in bold.
BOLD_TITLE_WORDS = 9


@dataclass(frozen=True, slots=True)
class Section:
    """The headings above a block, outermost first; ``tags`` are the XML-like tags that are open."""

    titles: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()  # the list items above ("Out of scope:"), outermost first


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a document. ``line`` and ``end`` count from 1; ``parent`` is the line of the item it belongs to."""

    kind: BlockKind
    text: str
    file: str
    line: int
    end: int
    depth: int
    section: Section
    parent: int | None = None
    ordered: bool = False
    cells: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    label_only: bool = False  # "Availability:" before a list: it names what follows


@dataclass(slots=True)
class _State:
    headings: list[tuple[int, str, int]] = field(default_factory=list)
    pseudo: tuple[str, int] | None = None
    known: dict[Section, Section] = field(default_factory=dict)

    def section(self, tags: Sequence[str], labels: Sequence[str] = ()) -> Section:
        """Return the section that is open, one and the same object for all of its blocks."""
        titles = [(text, line) for _, text, line in self.headings] + ([self.pseudo] if self.pseudo else [])
        made = Section(tuple(t for t, _ in titles), tuple(n for _, n in titles), tuple(tags), tuple(labels))
        return self.known.setdefault(made, made)


def clean(text: str) -> str:
    """Return the text of a Markdown inline: no emphasis, no code marks, no link targets, no tags, one line."""
    text = _LINK.sub(r"\1", text) if "](" in text else text
    text = _HTML_TAG.sub(" ", text) if "<" in text else text
    if "*" in text or "`" in text or "__" in text or "~~" in text:
        text = _EMPHASIS.sub("", text)
    text = " ".join(text.split())
    return _CHECKBOX.sub("", text) if text[:1] == "[" else text


def _blank_inert(lines: Sequence[str]) -> tuple[list[str], list[tuple[str, ...]]]:
    """Blank scripts, styles, comments and tag lines; return the lines and the tags open at each."""
    result: list[str] = []
    open_tags: list[str] = []
    tags: list[tuple[str, ...]] = []
    until = fence = ""
    for line in lines:
        tags.append(tuple(open_tags))
        text = line
        mark = text.lstrip()[:3]
        if not until and mark in ("```", "~~~") and (not fence or mark == fence):
            fence = "" if fence else mark
        elif not fence:
            text, until = _blank_line(text, until)
            match = _TAG_LINE.match(text)
            if match:
                _turn_tag(open_tags, match.group(2).lower(), closing=bool(match.group(1)))
                text = ""
        result.append(text)
    return result, tags


def _turn_tag(open_tags: list[str], name: str, *, closing: bool) -> None:
    if not closing:
        if len(open_tags) < 20:
            open_tags.append(name)
    elif name in open_tags:
        del open_tags[len(open_tags) - 1 - open_tags[::-1].index(name) :]


def _blank_line(line: str, until: str) -> tuple[str, str]:
    """Blank what is inert in ``line``; ``until`` is the text that ends what an earlier line opened."""
    kept, lower, position = "", line.lower(), 0
    while position < len(line):
        if until:
            end = lower.find(until, position)
            if end < 0:
                return kept + " " * (len(line) - position), until
            stop = end + len(until)
            kept, position, until = kept + " " * (stop - position), stop, ""
            continue
        starts = [(lower.find(mark, position), end) for mark, end in _OPENERS]
        begins = [(at, end) for at, end in starts if at >= 0]
        if not begins:
            return kept + line[position:], ""
        at, until = min(begins)
        kept, position = kept + line[position:at], at
    return kept, until


_OPENERS = (("<!--", "-->"), *((f"<{name}", f"</{name}>") for name in _INERT))


def _parser() -> MarkdownIt:
    # Blocks only: inline parsing would cost more than all the rest, and reference definitions swallow lines.
    parser = MarkdownIt("commonmark").enable("table").disable(["html_block", "code", "reference"])
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


_PARSER = _parser()


def outline(document: Document) -> tuple[Block, ...]:
    """Return the blocks of ``document`` in order."""
    return parse(document)[0]


def parse(document: Document) -> tuple[tuple[Block, ...], list[str]]:
    """Return the blocks of ``document``, and its lines with scripts, comments and tag lines blanked in place."""
    lines, tags = _blank_inert(document.lines)
    tokens = _PARSER.parse("\n".join(_as_markdown(lines)))
    return tuple(_Walk(document.name, tokens, lines, tags).blocks()), lines


def _as_markdown(lines: Sequence[str]) -> list[str]:
    """Return the lines with bullets and numbered titles written as Markdown has them; none is added or removed."""
    written = [_TIGHT_HEADING.sub(r"\1 ", _BULLET.sub(r"\1-", line)) for line in _unfenced(lines)]
    if any(line.startswith(("# ", "## ", "### ")) for line in written):
        return written
    full = [(n, NUMBERED.match(line)) for n, line in enumerate(written) if line.strip()]
    for (n, here), (_, after) in zip(full, [*full[1:], (0, None)], strict=False):
        if here and _is_title(here, after):
            depth = here.group("number").count(".")
            written[n] = f"{'#' * (2 + depth)} {written[n].strip()}"
    return written


def _unfenced(lines: Sequence[str]) -> list[str]:
    """Blank the fence around a document that someone pasted as "```markdown"; what stands inside is the document."""
    kept, inside = list(lines), False
    for n, line in enumerate(lines):
        mark = line.strip().lower()
        if not inside and mark in ("```markdown", "```md"):
            kept[n], inside = "", True
        elif inside and mark == "```":
            kept[n], inside = "", False
    return kept


def _is_title(here: re.Match[str], after: re.Match[str] | None) -> bool:
    """Whether a numbered line stands over text: a short one, not one of several statements in a row."""
    title = here.group("title").rstrip()
    if title.endswith(NOT_TITLE) or len(title.split()) > 6 or (not title.isascii() and len(title) > 40):
        return False
    return after is None or after.group("number").startswith(here.group("number") + ".")


class _Walk:
    """One walk over the parser's tokens; a method for each kind of token, named after it."""

    def __init__(self, file: str, tokens: list[Token], lines: list[str], tags: list[tuple[str, ...]]) -> None:
        self.file, self.tokens, self.lines, self.tags = file, tokens, lines, tags
        self.state = _State()
        self.items: list[list[int | None]] = []  # the line of each open list item, None until its text is seen
        self.labels: list[str] = []  # of each open list item the text, where a list under it follows at once
        self.lists: list[bool] = []
        self.header: list[str] = []
        self.cells: list[str] = []
        self.row_line = 1

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks in order of line."""
        for i, token in enumerate(self.tokens):
            visit = getattr(self, f"_{token.type}", None)
            if visit is not None:
                yield from visit(i, token) or ()

    def _bullet_list_open(self, i: int, token: Token) -> None:
        self.lists.append(False)

    def _ordered_list_open(self, i: int, token: Token) -> None:
        self.lists.append(True)

    def _bullet_list_close(self, i: int, token: Token) -> None:
        self.lists.pop()

    _ordered_list_close = _bullet_list_close

    def _list_item_open(self, i: int, token: Token) -> None:
        self.items.append([None])
        self.labels.append("")

    def _list_item_close(self, i: int, token: Token) -> None:
        self.items.pop()
        self.labels.pop()

    def _thead_open(self, i: int, token: Token) -> None:
        self.header = []

    def _tr_open(self, i: int, token: Token) -> None:
        self.cells = []

    def _tr_close(self, i: int, token: Token) -> Iterator[Block]:
        if any(self.cells):
            text, line = " | ".join(c for c in self.cells if c), self.row_line
            section = self.state.section(self._tags_at(line - 1))
            cells, header = tuple(self.cells), tuple(self.header)
            yield Block("row", text, self.file, line, line, 0, section, cells=cells, header=header)

    def _inline(self, i: int, token: Token) -> Iterator[Block]:
        begin = (token.map or [0, 0])[0]
        opener = self.tokens[i - 1].type
        if opener in ("td_open", "th_open"):
            self.row_line = begin + 1
            (self.header if opener == "th_open" else self.cells).append(clean(token.content))
        elif opener == "heading_open" and not self.items:
            yield from _heading(self.file, self.state, token, int(self.tokens[i - 1].tag[1]), self._tags_at(begin))
        else:
            after = self.tokens[i + 1 : i + 3]
            tags = self._tags_at(begin)
            above = [label for label in self.labels if label]
            if self.items and not self.labels[-1] and any(t.type in _LISTS for t in after):
                label = clean(token.content)
                self.labels[-1] = label.rstrip(":：") if len(label) <= 60 else ""
            heads = _heads_bullets(self.tokens, i)
            yield from _text(self.file, self.state, token, self.items, self.lists, after, tags, above, heads)

    def _fence(self, i: int, token: Token) -> Iterator[Block]:
        begin, end = token.map or [0, 0]
        section = self.state.section(self._tags_at(begin))
        parent = self.items[-1][0] if self.items else None
        yield Block("code", token.content, self.file, begin + 2, end, len(self.items), section, parent)

    _code_block = _fence

    def _tags_at(self, index: int) -> tuple[str, ...]:
        return self.tags[min(index, len(self.tags) - 1)]


def _heading(file: str, state: _State, token: Token, level: int, tags: Sequence[str]) -> Iterator[Block]:
    line = (token.map or [0])[0] + 1
    text = clean(token.content)
    if token.map and len(text) > 120 and token.level == 1 and token.map[1] - token.map[0] > 1:
        yield Block("paragraph", text, file, line, token.map[1], 0, state.section(tags))
        return
    while state.headings and state.headings[-1][0] >= level:
        state.headings.pop()
    state.pseudo = None
    above = state.section(tags)
    state.headings.append((level, text.rstrip(":"), line))
    yield Block("heading", text, file, line, line, level, above)


_LONE_NUMBER = ("ordered_list_open", "list_item_open", "paragraph_open")
_THEN_BULLETS = ("paragraph_close", "list_item_close", "ordered_list_close", "bullet_list_open")


def _heads_bullets(tokens: Sequence[Token], i: int) -> bool:
    """Whether the text is a numbered list of one item with bullets straight after: "2. Rooms" over its demands."""
    before, after = tokens[max(0, i - 3) : i], tokens[i + 1 : i + 5]
    return tuple(t.type for t in before) == _LONE_NUMBER and tuple(t.type for t in after) == _THEN_BULLETS


_LISTS = ("bullet_list_open", "ordered_list_open")


def _text(
    file: str,
    state: _State,
    token: Token,
    items: list[list[int | None]],
    lists: list[bool],
    after: list[Token],
    tags: Sequence[str],
    labels: Sequence[str],
    heads_bullets: bool,
) -> Iterator[Block]:
    begin, end = token.map or [0, 0]
    raw = token.content.split("\n")
    if items:
        first = items[-1][0] is None
        if first:
            items[-1][0] = begin + 1
        outer = [item[0] for item in items[:-1] if item[0] is not None]
        parent = (outer[-1] if outer else None) if first else items[-1][0]
        if first and len(items) == 1 and heads_bullets and len(token.content.split()) <= 8:
            state.pseudo = None
            above = state.section(tags)
            state.pseudo = (clean(token.content).rstrip(":："), begin + 1)
            yield Block("paragraph", clean(token.content), file, begin + 1, end, 0, above, label_only=True)
            return
        kind: BlockKind = "item" if first else "paragraph"
        depth = len(items) - 1
        section = state.section(tags, labels)
        yield Block(kind, clean(token.content), file, begin + 1, end, depth, section, parent, lists[-1])
        return
    bold = _BOLD_ONLY.match(token.content.strip())
    if bold and len(bold.group("text").split()) >= BOLD_TITLE_WORDS:
        bold = None
    before_list = any(t.type in (*_LISTS, "fence", "table_open") for t in after)
    titled = len(raw) > 1 and raw[-1].rstrip(" *_").endswith((":", "：")) and len(raw[-1].split()) <= LABEL_WORDS
    if titled and any(line.rstrip(" *_").endswith((".", "!", "?")) or ":" in line for line in raw[:-1]):
        before_list = False  # the last line alone names the list: the lines before it say something
    plain = token.content.strip(" *_")
    label = plain.endswith((":", "：")) or (len(raw) == 1 and names_a_list(plain))
    if bold or (label and before_list and len(raw) <= 3 and len(token.content) <= 300):
        state.pseudo = None
        above = state.section(tags)
        state.pseudo = (clean(token.content).rstrip(":："), begin + 1)
        yield Block("paragraph", clean(token.content), file, begin + 1, end, 0, above, label_only=True)
        return
    titled_list = is_list_without_marks(raw) and is_titled(raw)
    for start, stop in statements(raw):
        text = clean("\n".join(raw[start:stop]))
        if titled_list and start == 0:
            state.pseudo = None
            above = state.section(tags)
            state.pseudo = (text, begin + 1)
            yield Block("paragraph", text, file, begin + 1, begin + 1, 0, above, label_only=True)
            continue
        if (
            text
            and stop < len(raw)
            and stop - start == 1
            and text.endswith((":", "："))
            and len(text.split()) <= LABEL_WORDS
        ):
            state.pseudo = None
            above = state.section(tags)
            state.pseudo = (text.rstrip(":："), begin + 1 + start)
            yield Block("paragraph", text, file, begin + 1 + start, begin + stop, 0, above, label_only=True)
        elif text:
            yield Block("paragraph", text, file, begin + 1 + start, begin + stop, 0, state.section(tags))
