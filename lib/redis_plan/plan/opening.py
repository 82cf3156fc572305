"""The opening of a notebook's page: under its question, what this run answered, by the decisions that its cells show, or in words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_markdown_cell

from redis_plan.evidence.decision import UNSUPPORTED

_DECISION = re.compile(
    r"^### D-\d\d[a-z]+ .*?\n\n(?P<status>[^\n]*)\n\n\*\*Question\.\*\* (?P<question>[^\n]+?) *\n\*\*Decision\.\*\* (?P<decision>[^\n]+?) *\n",
    re.MULTILINE,
)

#: What a notebook that decides nothing answers, in a sentence of its own.
_ANSWER = re.compile(r"^\*\*Answer\.\*\* (.+)$", re.MULTILINE)


def answered(node: NotebookNode) -> NotebookNode:
    """Return an executed notebook with its answers behind its first cell; unchanged where it decided nothing."""
    lines = list(_answers(node))
    if not lines or not node.cells:
        return node
    told = new_markdown_cell("**What this run answers**\n\n" + "\n".join(lines), id="opening")
    opened: NotebookNode = from_dict({**node, "cells": [node.cells[0], told, *node.cells[1:]]})
    return opened


def _answers(node: NotebookNode) -> Iterator[str]:
    for cell in node.cells:
        for output in cell.get("outputs", ()):
            text = output.get("data", {}).get("text/markdown", "")
            yield from (f"- {said}" for said in _ANSWER.findall(text))
            for found in _DECISION.finditer(text):
                doubt = f" **{UNSUPPORTED}.**" if found["status"].startswith(UNSUPPORTED) else ""
                more = f"[How we know](#cell-id={cell.id})" if cell.get("id") else ""
                yield f"- *{found['question']}* {found['decision']}{doubt} {more}".rstrip()
