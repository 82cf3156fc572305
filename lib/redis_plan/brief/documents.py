"""Documents: the files of a project that are read, as text with line numbers.

A project is a folder with ``ai/`` (or ``.ai/``): ``prd.md`` must be there, ``tech-stack.md`` and
``redis_planning_summary.md`` may be missing, which costs assumptions. Bad files get one line that names the file and,
where a byte is at fault, its offset.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from redis_plan.errors import DocumentError

Part = Literal["prd", "stack", "notes"]

#: File names that are looked for, the usual one first.
NAMES: dict[Part, tuple[str, ...]] = {
    "prd": ("prd.md", "PRD.md"),
    "stack": ("tech-stack.md", "tech_stack.md", "TECH-STACK.md"),
    "notes": ("redis_planning_summary.md", "redis-planning-summary.md", "planning_summary.md", "notes.md"),
}
FOLDERS = ("ai", ".ai")
MAX_BYTES = 50_000_000  # ten times the largest document that is promised to be read in seconds


@dataclass(frozen=True, slots=True)
class Document:
    """One file: ``text`` has plain newlines and no byte order mark; ``lines[0]`` is line 1."""

    part: Part
    name: str
    path: Path
    text: str

    @property
    def lines(self) -> list[str]:
        """The lines without their newline."""
        return self.text.split("\n")


def find_folder(project: Path) -> Path:
    """Return the project's document folder; raises :class:`DocumentError` when there is none."""
    if not project.exists():
        raise DocumentError(f"{project}: no such folder; name a project that holds ai/prd.md")
    if not project.is_dir():
        raise DocumentError(f"{project}: is a file; name the project's folder, the one that holds ai/")
    for name in FOLDERS:
        if (project / name).is_dir():
            return project / name
    raise DocumentError(f"{project}: holds neither ai/ nor .ai/; put the documents in {project / 'ai'}")


def load(project: Path) -> dict[Part, Document]:
    """Return the documents that exist, the PRD always among them."""
    folder = find_folder(project)
    found: dict[Part, Document] = {}
    for part, names in NAMES.items():
        path = next((folder / name for name in names if (folder / name).exists()), None)
        if path is not None:
            found[part] = read_document(part, path)
    if "prd" not in found:
        raise DocumentError(f"{folder / 'prd.md'}: no such file; the product requirements are the one document we need")
    if not found["prd"].text.strip():
        raise DocumentError(f"{found['prd'].path}: is empty; write down what the product must do")
    return found


def read_document(part: Part, path: Path) -> Document:
    """Read one file; raises :class:`DocumentError` naming the file and what is wrong with it."""
    if path.is_dir():
        raise DocumentError(f"{path}: is a folder; a Markdown file is expected")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DocumentError(f"{path}: has {size:,} bytes; {MAX_BYTES:,} are the most that are read")
        raw = path.read_bytes()
    except OSError as error:
        raise DocumentError(f"{path}: can't be read: {error.strerror}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DocumentError(f"{path}:{line}: is not UTF-8: byte {raw[error.start]:#04x}; save it as UTF-8") from None
    return Document(part, path.name, path, text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", " "))
