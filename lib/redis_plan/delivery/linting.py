"""Linting: what is wrong with a keyspace.json that a team has edited, with the line of each key at fault."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from redis_plan import brief as documents
from redis_plan.actions import designing
from redis_plan.brief.documents import find_folder
from redis_plan.brief.model import Brief
from redis_plan.delivery import reading, registry
from redis_plan.errors import DocumentError
from redis_plan.keyspace.linter import Needs, lint
from redis_plan.keyspace.model import Finding, Keyspace

FOLDER = "redis"  # where a build puts the artefacts, beside the documents
_POLICY = re.compile(r"^\s*maxmemory-policy\s+\"?([a-z-]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Linted:
    """A file that was looked at: what was found, on which line, and what could not be checked."""

    path: Path
    patterns: int
    found: tuple[tuple[int, Finding], ...]
    unchecked: str = ""

    @property
    def errors(self) -> int:
        """How many of the findings are errors."""
        return sum(finding.severity == "error" for _, finding in self.found)

    def text(self) -> str:
        """Return two lines for each finding, and one that counts them."""
        lines = [
            f"{self.path}:{line}: {f.rule} {f.severity} `{f.pattern}` {f.message}\n  fix: {f.fix}"
            for line, f in self.found
        ]
        warnings = len(self.found) - self.errors
        counts = f"{_count(self.errors, 'error')}, {_count(warnings, 'warning')}" if self.found else "no fault"
        return "\n".join((*lines, f"{_count(self.patterns, 'pattern')}: {counts}"))

    def as_json(self) -> str:
        """Return the findings as a JSON array."""
        rows = [{"path": str(self.path), "line": line, **asdict(finding)} for line, finding in self.found]
        return json.dumps(rows, ensure_ascii=False, indent=1)


def lint_file(path: Path) -> Linted:
    """Lint the keyspace.json at ``path``, or that of the project at ``path``.

    The documents of its project say what is asked for; a ``redis.conf`` beside the file, what the server evicts. Raises
    :class:`DocumentError` for a file that is missing, no JSON, or not of the published format.
    """
    file = _file(path)
    try:
        text = file.read_text("utf-8")
    except FileNotFoundError:
        raise DocumentError(f"{file}: no such file; redis-plan build writes it") from None
    except UnicodeDecodeError as error:
        raise DocumentError(f"{file}: is not UTF-8 (byte {error.start})") from None
    keyspace = reading.keyspace_of(text, str(file))
    asked = _documents(file)
    without: set[Needs] = {"candidates"} if asked else {"candidates", "documents"}
    if asked:
        keyspace = _tied(keyspace, asked)
    else:
        asked = Brief(keyspace.app, keyspace.app, "en", "useful", "", ())
    found = lint(keyspace, asked, _policy(file), without)
    unchecked = (
        "" if "documents" not in without else "no documents beside it: needs, versions and lifetimes are unchecked"
    )
    return Linted(file, len(keyspace.patterns), tuple((_line(text, f.pattern), f) for f in found), unchecked)


def _file(path: Path) -> Path:
    if path.is_file() or path.suffix == ".json":
        return path
    return find_folder(path) / FOLDER / registry.FILE


def _documents(file: Path) -> Brief | None:
    """Return the Brief of the project that ``file`` was published into, or None where it lies alone."""
    folder = file.resolve().parent
    if folder.name != FOLDER or not (folder.parent / "prd.md").is_file():
        return None
    return documents.read(folder.parent.parent)


def _tied(keyspace: Keyspace, brief: Brief) -> Keyspace:
    """Return ``keyspace`` with the access patterns and notes that the file has no room for, by the names of its keys."""
    designed = {p.name: p for p in designing.design(brief).patterns}
    patterns = tuple(
        replace(
            p,
            access_patterns=designed[p.name].access_patterns,
            requirements=tuple(dict.fromkeys((*p.requirements, *designed[p.name].requirements))),
            entities=designed[p.name].entities,
        )
        if p.name in designed
        else p
        for p in keyspace.patterns
    )
    return replace(keyspace, patterns=patterns)


def _policy(file: Path) -> str:
    """Return the eviction policy of the redis.conf beside ``file``; ``noeviction``, the server's default, without one."""
    beside = file.with_name("redis.conf")
    found = _POLICY.findall(beside.read_text("utf-8", "replace")) if beside.is_file() else []
    return found[-1] if found else "noeviction"


def _line(text: str, name: str) -> int:
    """Return the line on which the key or channel ``name`` begins; 1 for what stands nowhere in the file."""
    quoted = re.escape(json.dumps(name, ensure_ascii=False))
    found = re.search(rf'"name"\s*:\s*{quoted}\s*,\s*"template"', text) or re.search(rf'"name"\s*:\s*{quoted}', text)
    return text.count("\n", 0, found.start()) + 1 if found else 1


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
