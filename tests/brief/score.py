"""Score the reader on the annotated corpus: `python tests/brief/score.py [CORPUS_DIR] [arguments of score.py]`.

Lays every corpus project out as a project folder in a temporary directory, reads it, and runs the corpus's own
score.py over the results. Prints a message and succeeds where the corpus is absent.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from redis_plan.brief.reader import read
from redis_plan.brief.report import as_json

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


def main() -> int:
    """Read, write and score; the exit code is score.py's."""
    arguments = sys.argv[1:]
    corpus = Path(arguments.pop(0)) if arguments and not arguments[0].startswith("-") else default_corpus()
    if not (corpus / "score.py").exists():
        print(f"no corpus at {corpus}: nothing to score")
        return 0
    with tempfile.TemporaryDirectory(prefix="redis-plan-score-") as folder:
        briefs = Path(folder) / "briefs"
        briefs.mkdir()
        for gold in sorted(corpus.glob("*/gold.json")):
            project = lay_out(gold.parent, Path(folder) / gold.parent.name)
            text = json.dumps(as_json(read(project)), ensure_ascii=False)
            (briefs / f"{gold.parent.name}.json").write_text(text, encoding="utf-8")
        command = [sys.executable, str(corpus / "score.py"), str(corpus), str(briefs), *arguments]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
