"""Publishing: the plan written into the project at once, and never over a person's own edits."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from redis_plan import __version__
from redis_plan.errors import OutputError
from redis_plan.plan import assemble
from redis_plan.plan.assemble import Study
from redis_plan.plan.cells import FIGURES
from redis_plan.plan.sections import SECTIONS
from redis_plan.run import Run

PLAN, RECORD = "redis-plan.md", "redis-plan.json"
FORMAT = 1  # 1: first version


@dataclass(frozen=True, slots=True)
class Published:
    """Where the plan is, and where an edited predecessor was put aside (None where there was none)."""

    plan: Path
    record: Path
    aside: Path | None


def plan_record(text: str, study: Study, run: Run) -> str:
    """Return ``redis-plan.json``: the plan as data, with the digest by which a later edit is noticed."""
    brief = run.load_brief()
    record = {
        "format": FORMAT,
        "redis_plan": __version__,
        "title": brief.title,
        "plan_sha256": digest(text),
        "sections": [
            {"number": n, "name": SECTIONS[n], "markdown": body} for n, body in assemble.sections(study).items()
        ],
        "facts": [asdict(fact) for fact in brief.facts],
        "keyspace": asdict(run.load_keyspace()),
        "decisions": [asdict(decision) | {"supported": decision.supported} for decision in study.decisions],
        "evidence": [asdict(evidence) for evidence in study.evidence.values()],
        "not_tested": list(study.limits),
    }
    return json.dumps(record, ensure_ascii=False, indent=1) + "\n"


def digest(text: str) -> str:
    """Return the SHA-256 of ``text`` with plain line ends, so that a checkout with CRLF counts as unedited."""
    return hashlib.sha256(text.replace("\r\n", "\n").encode()).hexdigest()


def publish(folder: Path, text: str, figures: Mapping[str, str], record: str) -> Published:
    """Write plan, figures and record into ``folder``.

    Everything is written beside first and moved in last, so a failure leaves the previous plan as it was. A plan that
    was edited by hand is moved to ``redis-plan.edited-N.md``. Raises :class:`OutputError` where writing is impossible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".redis-plan-", dir=folder) as half:
            new = Path(half)
            (new / PLAN).write_text(text, encoding="utf-8")
            (new / RECORD).write_text(record, encoding="utf-8")
            (new / FIGURES).mkdir()
            for file, svg in figures.items():
                (new / file).write_text(svg, encoding="utf-8")
            aside = _put_aside(folder)
            if (folder / FIGURES).exists():
                shutil.rmtree(folder / FIGURES)
            (new / FIGURES).replace(folder / FIGURES)
            (new / RECORD).replace(folder / RECORD)
            (new / PLAN).replace(folder / PLAN)
    except OSError as error:
        raise OutputError(
            f"can't write the plan to {folder}: {error.strerror}; the previous plan is as it was"
        ) from None
    return Published(folder / PLAN, folder / RECORD, aside)


def _put_aside(folder: Path) -> Path | None:
    """Move a plan that is not the one we wrote to a free name; return that name."""
    plan = folder / PLAN
    if not plan.exists() or digest(plan.read_bytes().decode("utf-8", "replace")) == _written_digest(folder / RECORD):
        return None
    number = 1
    while (aside := folder / f"redis-plan.edited-{number}.md").exists():
        number += 1
    plan.replace(aside)
    return aside


def _written_digest(record: Path) -> str:
    try:
        return str(json.loads(record.read_text("utf-8")).get("plan_sha256", ""))
    except (OSError, ValueError):
        return ""
