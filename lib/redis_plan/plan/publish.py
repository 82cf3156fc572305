"""Publishing: plan, appendices and artefacts written into the project at once, and never over a person's own edits."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from redis_plan import __version__
from redis_plan.delivery.artefact import Artefact
from redis_plan.delivery.bundle import FOLDER as ARTEFACTS
from redis_plan.errors import OutputError
from redis_plan.plan.assemble import Executed
from redis_plan.plan.cells import FIGURES
from redis_plan.plan.exporter import Rendered
from redis_plan.run import Run
from redis_plan.words.sections import FOLDER as APPENDICES
from redis_plan.words.sections import SECTIONS

PLAN, RECORD = "redis-plan.md", "redis-plan.json"
FORMAT = 2  # 1: first version; 2: appendices
#: So many files that were edited by hand are told by name.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Published:
    """Where the plan is, and where edited predecessors were put aside (none where there were none)."""

    plan: Path
    record: Path
    aside: Path | None
    artefacts: Path | None = None  # their folder
    beside_aside: tuple[Path, ...] = ()  # artefacts and appendices
    recorded: bool = True  # whether a record told what we had written from what was edited


def plan_record(plan: Rendered, executed: Executed, run: Run, artefacts: Iterable[Artefact] = ()) -> str:
    """Return ``redis-plan.json``: the plan as data, with the digests by which a later edit is noticed."""
    brief = run.load_brief()
    record = {
        "format": FORMAT,
        "redis_plan": __version__,
        "title": brief.title,
        "plan_sha256": digest(plan.text),
        "appendices": [{"path": file, "sha256": digest(text)} for file, text in plan.appendices.items()],
        "artefacts": [{"path": f"{ARTEFACTS}/{a.path}", "sha256": a.sha256, "purpose": a.purpose} for a in artefacts],
        "sections": [{"number": n, "name": SECTIONS[n], "markdown": body} for n, body in plan.sections.items()],
        "facts": [asdict(fact) for fact in brief.facts],
        "keyspace": asdict(run.load_keyspace()),
        "decisions": [asdict(decision) | {"supported": decision.supported} for decision in executed.decisions],
        "evidence": [asdict(evidence) for evidence in executed.evidence.values()],
        "not_tested": list(executed.limits),
    }
    return json.dumps(record, ensure_ascii=False, indent=1) + "\n"


def digest(text: str) -> str:
    """Return the SHA-256 of ``text`` with plain line ends, so that a checkout with CRLF counts as unedited."""
    return hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()


def publish(folder: Path, plan: Rendered, record: str, artefacts: Sequence[Artefact] = ()) -> Published:
    """Write plan, appendices, figures, artefacts and record into ``folder``.

    Everything is written beside first and moved in last, so a failure leaves the previous plan as it was. A file that
    was edited by hand is kept as ``name.edited-N.ext``; one that we wrote before and no longer need is removed. Raises
    :class:`OutputError` where writing is impossible.
    """
    recorded = bool(_written_digest(folder / RECORD)) or not (folder / PLAN).exists()
    beside = plan.appendices | {f"{ARTEFACTS}/{a.path}": a.text for a in artefacts}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".redis-plan-", dir=folder) as half:
            new = Path(half)
            (new / PLAN).write_text(plan.text, encoding="utf-8")
            (new / RECORD).write_text(record, encoding="utf-8")
            (new / FIGURES).mkdir()
            for file, svg in plan.figures.items():
                (new / file).write_text(svg, encoding="utf-8")
            for file, text in beside.items():
                _make(new, folder, file, text)
            put_aside = _place(new, folder, beside)
            aside = _put_aside(folder, plan.text)
            if (folder / FIGURES).exists():
                shutil.rmtree(folder / FIGURES)
            (new / FIGURES).replace(folder / FIGURES)
            (new / RECORD).replace(folder / RECORD)
            (new / PLAN).replace(folder / PLAN)
    except OSError as error:
        raise OutputError(
            f"can't write the plan to {folder}: {error.strerror}; the previous plan is as it was"
        ) from None
    made = folder / ARTEFACTS if artefacts else None
    return Published(folder / PLAN, folder / RECORD, aside, made, put_aside, recorded)


def told_of_edits(done: Published, shown: Callable[[Path], str]) -> list[str]:
    """Return what a person is told of files that are kept: a line for the plan, and one for all beside it."""
    if not done.recorded:
        every = tuple(path for path in (done.aside, *done.beside_aside) if path)
        why = f"{RECORD} is not there, or can't be read, so nobody knows which files were edited by hand"
        return [f"{why}; {_named(every, shown, done.plan.parent)}"] if every else []
    lines = [f"the previous plan was edited by hand; it is kept as {shown(done.aside)}"] if done.aside else []
    if number := len(done.beside_aside):
        what = "a file beside the plan was" if number == 1 else f"{number} files beside the plan were"
        lines.append(f"{what} edited by hand; {_named(done.beside_aside, shown, done.plan.parent)}")
    return lines


def _named(kept: Sequence[Path], shown: Callable[[Path], str], folder: Path) -> str:
    """Return as what files are kept: the first of them, and how to list all."""
    names = ", ".join(shown(path) for path in kept[:NAMED])
    if len(kept) == 1:
        return f"it is kept as {names}"
    more = (
        f" and {len(kept) - NAMED} more (find {shlex.quote(shown(folder))} -name '*.edited-*')"
        if len(kept) > NAMED
        else ""
    )
    return f"they are kept as {names}{more}"


def _make(new: Path, folder: Path, file: str, text: str) -> None:
    """Write a file beside, and see to it that it can be moved in."""
    (new / file).parent.mkdir(parents=True, exist_ok=True)
    (new / file).write_text(text, encoding="utf-8")
    target = folder / file
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        raise IsADirectoryError(0, f"{target} is a folder")


def _place(new: Path, folder: Path, files: Mapping[str, str]) -> tuple[Path, ...]:
    """Move the files in; return where edited ones were put, remove what we wrote and do not write any more."""
    written, kept = _written_beside(folder / RECORD), []
    for file, text in files.items():
        target = folder / file
        if target.exists() and _file_digest(target) not in (written.get(file), digest(text)):
            kept.append(target.replace(_free(target)))
        (new / file).replace(target)
    for file in set(written) - set(files):
        stale = folder / file
        if stale.is_file() and _file_digest(stale) == written[file]:
            stale.unlink()
    return tuple(kept)


def _free(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.stem}.edited-{number}{path.suffix}")).exists():
        number += 1
    return aside


def _file_digest(path: Path) -> str:
    return digest(path.read_bytes().decode("utf-8", "replace"))


def _put_aside(folder: Path, text: str) -> Path | None:
    """Move a plan that is neither the one we wrote nor the new one, ``text``, to a free name; return that name."""
    plan = folder / PLAN
    if not plan.exists() or _file_digest(plan) in (_written_digest(folder / RECORD), digest(text)):
        return None
    return plan.replace(_free(plan))


def _written_beside(record: Path) -> dict[str, str]:
    """Return the digests of what we wrote beside the plan; names that leave our folders are nobody's business."""
    try:
        known = json.loads(record.read_text("utf-8"))
        listed = [*known.get("artefacts", []), *known.get("appendices", [])]
        found = {str(entry["path"]): str(entry["sha256"]) for entry in listed}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    ours = (f"{ARTEFACTS}/", f"{APPENDICES}/")
    return {name: sha for name, sha in found.items() if name.startswith(ours) and ".." not in Path(name).parts}


def _written_digest(record: Path) -> str:
    try:
        return str(json.loads(record.read_text("utf-8")).get("plan_sha256", ""))
    except (OSError, ValueError, AttributeError):
        return ""
