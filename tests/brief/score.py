"""Score the reader on the annotated corpus: `python -m tests.brief.score [CORPUS_DIR] [arguments of score.py]`.

Lays every corpus project out as a project folder in a temporary directory, reads it, and runs the corpus's own
score.py over the results. Beside the plain score stands the score with each project left out: read without the cues
that it alone supports (`--lone` lists those cues; `--support FOLDER` names further documents that count). Prints a message and succeeds where the corpus is absent.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis_plan.brief import lexicon
from redis_plan.brief.reader import read
from redis_plan.brief.report import as_json

from .left_out import lone_cues, reading_with, without

NAMES = {"prd.md": "prd.md", "tech-stack.md": "tech-stack.md", "notes.md": "redis_planning_summary.md"}


def default_corpus() -> Path:
    """Return where the corpus lies beside this checkout."""
    return Path(__file__).resolve().parents[3] / "shared" / "corpus"


def lay_out(source: Path, target: Path) -> Path:
    """Copy one corpus project into the layout that users have, and return its folder."""
    (target / "ai").mkdir(parents=True)
    for name, called in NAMES.items():
        if (source / name).exists():
            shutil.copy(source / name, target / "ai" / called)
    return target


def read_all(corpus: Path, folder: Path, reader: Callable[[str, Path], dict[str, Any]]) -> Path:
    """Read every project of ``corpus`` with ``reader`` and return the folder of the results."""
    briefs = folder / "briefs"
    briefs.mkdir(parents=True)
    for gold in sorted(corpus.glob("*/gold.json")):
        slug = gold.parent.name
        project = lay_out(gold.parent, folder / slug)
        (briefs / f"{slug}.json").write_text(json.dumps(reader(slug, project), ensure_ascii=False), encoding="utf-8")
    return briefs


def scores(corpus: Path, briefs: Path) -> dict[str, Any]:
    """Return what score.py says of the results."""
    command = [sys.executable, str(corpus / "score.py"), str(corpus), str(briefs), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # type: ignore[no-any-return]


def side_by_side(plain: dict[str, Any], left_out: dict[str, Any]) -> None:
    """Print both scores: plain, and with the project's own cues left out."""
    columns = list(plain["macro"])
    print(f"{'plain / left out':<18}" + "".join(f"{c[:13]:>15}" for c in columns) + f"{'out of scope':>14}")
    for slug, row in plain["projects"].items():
        other = left_out["projects"][slug]
        cells = "".join(f"{row[c]['f1']:>8.3f} /{other[c]['f1']:>5.2f}" for c in columns)
        both = (row["out_of_scope_read_as_demand"], other["out_of_scope_read_as_demand"])
        print(f"{slug:<18}{cells}{both[0]:>9} / {both[1]}")
    for label, name in (("macro en+pl", "macro_en_pl"), ("macro all", "macro")):
        if plain[name]:
            print(f"{label:<18}" + "".join(f"{plain[name][c]:>8.3f} /{left_out[name][c]:>5.2f}" for c in columns))


def main() -> int:
    """Read, write and score."""
    arguments = sys.argv[1:]
    corpus = Path(arguments.pop(0)) if arguments and not arguments[0].startswith("-") else default_corpus()
    if not (corpus / "score.py").exists():
        print(f"no corpus at {corpus}: nothing to score")
        return 0
    support = []
    while "--support" in arguments:
        at = arguments.index("--support")
        support.append(Path(arguments[at + 1]))
        del arguments[at : at + 2]
    files, lone = lexicon.lexicons(), lone_cues(corpus, support)
    if arguments == ["--lone"]:
        for slug, cues in lone.items():
            print(slug, *sorted(f"{c.language}:{c.group}:{c.text}" for c in cues), sep="\n  ")
        return 0

    def left_out(slug: str, project: Path) -> dict[str, Any]:
        with reading_with(without(files, lone[slug])):
            return as_json(read(project))

    with tempfile.TemporaryDirectory(prefix="redis-plan-score-") as folder:
        briefs = read_all(corpus, Path(folder) / "plain", lambda _, project: as_json(read(project)))
        if arguments:
            command = [sys.executable, str(corpus / "score.py"), str(corpus), str(briefs), *arguments]
            return subprocess.run(command, check=False).returncode
        without_own = read_all(corpus, Path(folder) / "left-out", left_out)
        side_by_side(scores(corpus, briefs), scores(corpus, without_own))
    return 0


if __name__ == "__main__":
    sys.exit(main())
