"""Brackets of generated code, broken over lines as a formatter would."""

from __future__ import annotations

from collections.abc import Sequence

#: Characters of a line.
LINE = 120


def python_call(opening: str, parts: Sequence[str], closing: str, indent: int) -> str:
    """Return a bracket on one line where it fits, else its parts on one line of their own, else one part a line.

    Formatters for Python have it so; a list has no middle way.
    """
    line, body = f"{opening}{', '.join(parts)}{closing}", f"{' ' * (indent + 4)}{', '.join(parts)}"
    if len(line) <= LINE:
        return line
    if opening.endswith("(") and len(body) <= LINE and not opening.startswith("from "):
        return f"{opening}\n{body}\n{' ' * indent}{closing}"
    inner = "".join(f"\n{' ' * (indent + 4)}{part}," for part in parts)
    return f"{opening}{inner}\n{' ' * indent}{closing}"


def typescript_call(opening: str, parts: Sequence[str], closing: str, indent: int) -> str:
    """Return a bracket on one line where it fits, else its parts in lines of the same width."""
    line = f"{opening}{', '.join(parts)}{closing}"
    if len(line) <= LINE:
        return line
    lines = [""]
    for part in parts:
        if len(lines[-1]) + len(part) > LINE - indent - 4 and lines[-1]:
            lines.append("")
        lines[-1] += f"{part}, "
    inner = "".join(f"\n{' ' * (indent + 2)}{text.rstrip()}" for text in lines)
    return f"{opening}{inner}\n{' ' * indent}{closing}"
