"""What holds for any text at all."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from redis_plan import brief
from redis_plan.brief.lexicon import fold

PIECES = st.sampled_from(
    [
        "# ",
        "## Out of scope\n",
        "## Features\n",
        "- ",
        "* ",
        "1. ",
        "| a | b |\n|---|---|\n",
        "```\n",
        "<b>",
        "<!--",
        "-->",
        "<script>",
        "**",
        "`",
        "\n",
        "\n\n",
        "US-001 ",
        "within 200 ms ",
        "5–8 players ",
        "1 000",
        "10k ",
        "99.9% ",
        "must ",
        "real-time ",
        "w czasie rzeczywistym ",
        "최대 5회 ",
        "<decisions>\n",
        "</decisions>\n",
        "    ",
        "\t",
        "Redis 7 ",
        ":",
        "As a host, I want to start. ",
        "\\",
        "[x](y) ",
        "\x00",
        "\u2028",
        "İ",
        "un`believ`able ",
    ]
)
TEXT = st.lists(st.one_of(PIECES, st.text(max_size=12)), max_size=60).map("".join)
QUICK = settings(max_examples=60)


def read(text: str) -> brief.Brief:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "ai").mkdir()
        (Path(folder) / "ai" / "prd.md").write_text("Heading text\n\n" + text, encoding="utf-8", newline="")
        return brief.read(Path(folder))


def lines_of(text: str) -> list[str]:
    return ("Heading text\n\n" + text).replace("\r\n", "\n").replace("\r", "\n").replace("\0", " ").split("\n")


def unmarked(text: str) -> str:
    """The text without the marks of emphasis, code and links, which may stand inside a word."""
    return re.sub(r"[*_~`]", "", re.sub(r"\[([^\[\]]*)\]\([^()\s]*\)", r"\1", text))


@QUICK
@given(TEXT)
def test_any_text_is_read_and_every_line_holds_its_statement(text):
    found, lines = read(text), lines_of(text)
    for quantity in found.quantities:
        assert quantity.text in lines[quantity.line - 1]
    for requirement in found.requirements:
        first = re.search(r"\w+", fold(unmarked(requirement.text)))
        here = unmarked(" ".join(lines[requirement.line - 1 : requirement.line + 12]))
        assert first is None or first.group() in fold(here)
    for entity in found.entities:
        assert 1 <= entity.line <= len(lines)


DOCUMENT = """# Quizzle

## Functional requirements

- Players can join a room with a code.
- A room holds up to 8 players.
  - Spectators do not count.

### US-001 Reveal

- The host reveals answers within 2 seconds, live.

## Out of scope

- Voice chat
"""


def essence(found: brief.Brief) -> object:
    return (
        [(r.id, r.line, r.kind, r.text, r.realtime) for r in found.requirements],
        [(q.text, q.line, q.unit) for q in found.quantities],
        [(e.name, e.line) for e in found.entities],
    )


@given(
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["-", "*", "+"]),
    st.sampled_from(["", "  ", "\t"]),
    st.sampled_from([0, 1]),
)
@settings(max_examples=24)
def test_newlines_bullets_trailing_blanks_and_heading_depth_change_nothing(newline, bullet, blanks, deeper):
    text = re.sub(r"(?m)^(\s*)- ", rf"\1{bullet} ", DOCUMENT)
    text = re.sub(r"(?m)^#", "#" * (deeper + 1), text)
    text = newline.join(line + (blanks if not line or blanks != "  " else "") for line in text.split("\n"))
    assert essence(read(text)) == essence(read(DOCUMENT))
