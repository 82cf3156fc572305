"""From a citation to its line: the team's documents as one page with an anchor a line, and links to it.

A citation in any text is ``prd.md:29``. In the HTML review it becomes a link to that line of ``sources.html``, so that
a reviewer follows a figure from the plan to the cell that measured it and to the requirement that asked for it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

NAME = "sources"
_TAG = re.compile(r"(<[^>]*>)")


def body(documents: Mapping[str, Sequence[str]]) -> str:
    """Return the documents (name → lines) as HTML: every line numbered, with the id ``prd.md-29``. No text is lost."""
    return "\n".join(["<h1>Documents</h1>", *(_document(name, lines) for name, lines in documents.items())])


def _document(name: str, lines: Sequence[str]) -> str:
    rows = "\n".join(
        f'<li id="{html.escape(name)}-{number}" value="{number}"><span>{html.escape(line) or "&nbsp;"}</span></li>'
        for number, line in enumerate(lines, 1)
    )
    return f'<h2 id="{html.escape(name)}">{html.escape(name)}</h2>\n<ol class="source">\n{rows}\n</ol>'


def link(page: str, documents: Mapping[str, Sequence[str]]) -> str:
    """Return HTML with each citation of a line that exists made a link to it; tags and other links stay as they are."""
    if not documents:
        return page
    names = "|".join(re.escape(name) for name in sorted(documents, key=len, reverse=True))
    citation = re.compile(rf"(?<![\w./-])({names}):(\d+)\b")

    def linked(match: re.Match[str]) -> str:
        name, line = match[1], int(match[2])
        if not 0 < line <= len(documents[name]):
            return match[0]
        return f'<a class="cite" href="{NAME}.html#{name}-{line}">{match[0]}</a>'

    pieces, inside = _TAG.split(page), 0
    for index, piece in enumerate(pieces):
        if index % 2:  # a tag
            inside += piece.startswith("<a ") - (piece == "</a>")
        elif not inside and ":" in piece:
            pieces[index] = citation.sub(linked, piece)
    return "".join(pieces)
