"""Diagrams on a page: what the plan writes in Mermaid, drawn as SVG without a script, in the colours of the page.

Only what :mod:`redis_plan.actions.diagram` and :mod:`redis_plan.actions.messages` write is understood. Messages go from
lifeline to lifeline, from top to bottom; of a life each action is a row that leads from the states in which it may be
done, each a ring, to the one that it brings about, an arrow.
"""

from __future__ import annotations

import html
import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

_PARTICIPANT = re.compile(r"(?:actor|participant) (\w+) as (.+)")
_MESSAGE = re.compile(r"(\w+)(->>|-->>|-\))(\w+): (.+)")
_NOTE = re.compile(r"Note over (\w+),(\w+): (.+)")
_MOVE = re.compile(r"(\S+) --> (\S+?)(?:: (.+))?")
#: What a life has around its phases: nothing yet or any more, and the phases as a whole.
_OUTSIDE, _RUNNING = "[*]", "running"
#: Pixels: the width of a letter, the height of a line, the distance of lifelines and the space beside them.
_LETTER, _LINE, _LIFELINES, _BESIDE = 7.0, 17, 182, 80
#: Characters of a message that one line holds between two lifelines.
_WRAP = 26


def drawn(mermaid: str) -> str:
    """Return a diagram as SVG; "" where it is of a kind that nothing here writes."""
    kind, *lines = [line.strip() for line in mermaid.strip().splitlines()] or [""]
    if kind == "sequenceDiagram":
        return _messages(lines)
    return _life(lines) if kind == "stateDiagram-v2" else ""


@dataclass(slots=True)
class _Sheet:
    """Marks on a sheet that grows downwards."""

    y: float = 0.0
    right: float = 0.0
    marks: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, said: str, anchor: str = "middle", kind: str = "") -> None:
        """Write one line of text."""
        of = f' class="{kind}"' if kind else ""
        self.marks.append(f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{of}>{html.escape(said)}</text>')
        width = _LETTER * len(said)
        self.right = max(self.right, x + {"start": width, "middle": width / 2, "end": 0.0}[anchor])

    def line(self, x: float, y: float, to_x: float, to_y: float, kind: str = "") -> None:
        """Draw a line."""
        of = f' class="{kind}"' if kind else ""
        self.marks.append(f'<line x1="{x:g}" y1="{y:g}" x2="{to_x:g}" y2="{to_y:g}"{of}/>')

    def arrow(self, x: float, y: float, to_x: float, to_y: float, kind: str = "") -> None:
        """Draw a line that ends in an arrowhead."""
        self.line(x, y, to_x, to_y, kind)
        back = -7 if to_x > x else 7
        self.marks.append(f'<path d="M{to_x:g} {to_y:g}l{back} -4v8z"/>')

    def svg(self, about: str, behind: Iterable[str] = ()) -> str:
        """Return the sheet as SVG with what ``about`` says of it; ``behind`` lies below everything else."""
        width, height = round(self.right + 12), round(self.y)
        return (
            f'<svg class="diagram" role="img" aria-label="{html.escape(about)}" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}">{"".join((*behind, *self.marks))}</svg>'
        )


def _messages(lines: Sequence[str]) -> str:
    """Draw who sends what to whom."""
    names = {m[1]: m[2] for line in lines if (m := _PARTICIPANT.fullmatch(line))}
    place = {letter: _BESIDE + _LIFELINES * n for n, letter in enumerate(names)}
    sheet, boxes, begun = _Sheet(y=44), [], 0.0
    for letter, name in names.items():
        sheet.text(place[letter], 20, name, kind="head")
    for line in lines:
        if message := _MESSAGE.fullmatch(line):
            start, end = place[message[1]], place[message[3]]
            for part in textwrap.wrap(message[4], _WRAP * max(1, round(abs(end - start) / _LIFELINES))):
                sheet.text((start + end) / 2, sheet.y, part)
                sheet.y += _LINE
            sheet.arrow(start, sheet.y - 10, end, sheet.y - 10, "back" if message[2] == "-->>" else "")
            sheet.y += 12
        elif note := _NOTE.fullmatch(line):
            sheet.text((place[note[1]] + place[note[2]]) / 2, sheet.y, note[3], kind="note")
            sheet.y += _LINE + 6
        elif line.startswith("loop "):
            begun = sheet.y - 12
            sheet.text(20, sheet.y, line.removeprefix("loop "), "start", "note")
            sheet.y += _LINE + 4
        elif line == "end":
            boxes.append((begun, sheet.y - begun - 12))
            sheet.y += 6
    wide = max(place.values()) + _BESIDE - 12
    sheet.right = max(sheet.right, wide)
    behind = [f'<rect x="8" y="{top:g}" width="{wide - 8:g}" height="{tall:g}" rx="4"/>' for top, tall in boxes]
    behind += [f'<line class="life" x1="{x:g}" y1="28" x2="{x:g}" y2="{sheet.y - 8:g}"/>' for x in place.values()]
    return sheet.svg(f"Messages between {', '.join(names.values())}, from top to bottom", behind)


def _life(lines: Sequence[str]) -> str:
    """Draw which action leads from which states to which."""
    moves = [(m[1], m[2], m[3] or "") for line in lines if (m := _MOVE.fullmatch(line))]
    inside = [to for before, to, named in moves if before == _OUTSIDE and not named]
    first = inside[0] if inside else _RUNNING
    states = [_OUTSIDE, first]
    states += [
        s for before, to, _ in moves for s in (before, to) if s not in (_OUTSIDE, _RUNNING, "ended", "handed_over")
    ]
    phases = list(dict.fromkeys(states))
    after = [s for s in ("ended", "handed_over") if any(s in (before, to) for before, to, _ in moves)]
    rows: dict[str, tuple[list[str], list[str]]] = {}
    for before, to, named in moves:
        for action in named.split(", ") if named else ():
            starts, ends = rows.setdefault(action, ([], []))
            starts += phases[1:] if before == _RUNNING else [before]
            ends.append(first if to == _RUNNING else to)
    columns = [*phases, *after]
    left = 24 + _LETTER * max(map(len, rows), default=0)
    place, x = {}, left
    for state in columns:
        wide = max(52.0, 1.15 * _LETTER * len(_called(state)) + 18)
        place[state], x = x + wide / 2, x + wide
    sheet = _Sheet(y=50, right=x)
    for state in columns:
        sheet.text(place[state], 20, _called(state), kind="head")
    for action, (starts, ends) in rows.items():
        sheet.text(left - 12, sheet.y + 4, action, "end")
        _lead(sheet, [place[s] for s in dict.fromkeys(starts)], [place[s] for s in dict.fromkeys(ends)])
        sheet.y += 26
    behind = [f'<line class="life" x1="{at:g}" y1="28" x2="{at:g}" y2="{sheet.y - 12:g}"/>' for at in place.values()]
    return sheet.svg(
        "Each action with the states in which it may be done, a ring, and the one it leads to, an arrow", behind
    )


def _called(state: str) -> str:
    return "–" if state == _OUTSIDE else state


def _lead(sheet: _Sheet, starts: Sequence[float], ends: Sequence[float]) -> None:
    """Draw one action: a ring for each place that it leads from, an arrow to each that it leads to."""
    for to in ends:
        far = max((at for at in starts if at != to), key=lambda at: abs(at - to), default=to)
        if far == to:  # it leads back to where it came from
            sheet.marks.append(f'<path d="M{to:g} {sheet.y - 7:g}l-5 -7h10z"/>')
        else:
            sheet.arrow(far, sheet.y, to - (7 if far < to else -7), sheet.y)
            if any((at < to) != (far < to) for at in starts if at != to):
                other = max((at for at in starts if (at < to) != (far < to)), key=lambda at: abs(at - to))
                sheet.arrow(other, sheet.y, to - (7 if other < to else -7), sheet.y)
    sheet.marks += [f'<circle cx="{at:g}" cy="{sheet.y:g}" r="4.5"/>' for at in starts]
