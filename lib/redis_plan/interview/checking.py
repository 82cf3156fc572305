"""Checking: whether a ``redis-plan.toml`` that came back can be relied on.

Each finding is one line: where in the file, what is wrong, what to do. What the schema refuses comes first; then the
citations are held against the documents, the numbers against their lines, and the demands against the uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from redis_plan import brief as reader
from redis_plan.brief import documents
from redis_plan.brief.overrides import NAME, Overrides
from redis_plan.brief.overrides.loading import examine, read_text
from redis_plan.errors import OverrideError
from redis_plan.interview import citing, covering
from redis_plan.interview.reading import read


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One fault of a file: its line (0: the whole file), what is wrong and what to do."""

    line: int
    says: str

    def text(self, file: str) -> str:
        """Return the finding as it is printed."""
        return f"{file}:{max(1, self.line)}: {self.says}"


def check(project: Path) -> list[Finding]:
    """Return what is wrong with a project's ``redis-plan.toml``, by line.

    Raises :class:`OverrideError` where there is none or it is no TOML, :class:`DocumentError` where the documents
    can't be read.
    """
    path = documents.find_folder(project) / NAME
    if not path.exists():
        raise OverrideError(f"{path}: no such file; `redis-plan read --propose` writes one to start from")
    given, faults = examine(read_text(path))
    if faults:
        if faults[0][1].startswith("is not TOML"):
            raise OverrideError(f"{path}:{faults[0][0]}: {faults[0][1]}")
        return [Finding(*fault) for fault in faults]
    raw = reader.read(project, Overrides())
    lines = {document.name: document.lines for document in documents.load(project).values()}
    found = [*citing.wrong_citations(given, lines, raw.quantities), *covering.strangers(given, raw, lines)]
    try:
        found += covering.uncovered(read(project), given)
    except OverrideError as error:  # what only the design can tell: a use without a session, a pin of no key
        found.append(citing.split(str(error)))
    return sorted({Finding(*one) for one in found})
