"""Score the reader on the annotated corpus: `python -m tests.brief.score [CORPUS_DIR] [arguments of score.py]`.

Lays every corpus project out as a project folder in a temporary directory, reads and designs it, and runs the corpus's own
score.py over the results. Beside the plain score stands the one that counts, with each project left out: read by weights that were trained without it,
without the documents of our own that resemble it, and without the cues that it alone supports (`--shadows` and `--lone` list them; `--support FOLDER` names further documents that
count; `--left-out` gives score.py that reading, as in `--left-out --misses SLUG`). The whole run also notes both
in the record of the weights. Prints a message and succeeds where the corpus is absent.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis_plan import resources
from redis_plan.brief import encoder, learnt
from redis_plan.brief.reader import read
from redis_plan.brief.report import as_json
from redis_plan.choice import choose
from redis_plan.codec import to_json
from redis_plan.errors import RedisPlanError
from redis_plan.training import corpus as training_corpus
from redis_plan.training import record
from redis_plan.training.__main__ import KEPT
from redis_plan.training.corpus import lay_out
from redis_plan.training.nearness import shadows
from redis_plan.training.tasks import train

from .left_out import Cue, lone_cues, reading_without


def default_corpus() -> Path:
    """Return where the corpus lies beside this checkout."""
    return Path(__file__).resolve().parents[3] / "shared" / "corpus"


def read_all(corpus: Path, folder: Path, around: Callable[[str], Any]) -> tuple[Path, Path]:
    """Read and design every project of ``corpus``, each inside ``around(slug)``; return the two folders of results."""
    briefs, designs = folder / "briefs", folder / "designs"
    briefs.mkdir(parents=True)
    designs.mkdir()
    for gold in sorted(corpus.glob("*/gold.json")):
        slug = gold.parent.name
        project = lay_out(gold.parent, folder / slug)
        with around(slug):
            brief = read(project)
            (briefs / f"{slug}.json").write_text(json.dumps(as_json(brief), ensure_ascii=False), encoding="utf-8")
            try:
                (designs / f"{slug}.json").write_text(to_json(choose(brief).keyspace), encoding="utf-8")
            except RedisPlanError as error:
                print(f"{slug}: no design: {error}", file=sys.stderr)
    return briefs, designs


@contextmanager
def as_it_is(slug: str) -> Iterator[None]:
    """Read as users do."""
    yield


def left_out(corpus: Path, lone: dict[str, frozenset[Cue]]) -> Callable[[str], Any]:
    """Return the surroundings in which a project is read by what was learnt from the others."""
    projects = training_corpus.load(corpus)
    resembling = shadows(projects)

    @contextmanager
    def around(slug: str) -> Iterator[None]:
        others = training_corpus.without(projects, slug)
        with reading_without(lone[slug]), learnt.using(train(others, without=resembling[slug])):
            yield

    return around


def scores(corpus: Path, briefs: Path, designs: Path) -> dict[str, Any]:
    """Return what score.py says of the results."""
    command = _command(corpus, briefs, designs, "--json")
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # type: ignore[no-any-return]


def _command(corpus: Path, briefs: Path, designs: Path, *more: str) -> list[str]:
    return [sys.executable, str(corpus / "score.py"), str(corpus), str(briefs), "--designs", str(designs), *more]


def side_by_side(plain: dict[str, Any], left_out: dict[str, Any]) -> None:
    """Print both scores: plain, and with the project left out."""
    columns = list(plain["macro"])
    print(f"{'plain / left out':<18}" + "".join(f"{c[:12]:>13}" for c in columns) + f"{'out of scope':>14}")
    for slug, row in plain["projects"].items():
        other = left_out["projects"][slug]
        cells = "".join(_cell(row, other, c) for c in columns)
        both = (row["out_of_scope_read_as_demand"], other["out_of_scope_read_as_demand"])
        print(f"{slug:<18}{cells}{both[0]:>9} / {both[1]}")
    for label, name in (("macro en+pl", "macro_en_pl"), ("macro all", "macro")):
        if plain[name]:
            print(
                f"{label:<18}" + "".join(f"{plain[name][c]:>7.3f} /{left_out[name][c]:>4.2f}" for c in columns), end=""
            )
            print(f"{plain['out_of_scope_read_as_demand']:>9} / {left_out['out_of_scope_read_as_demand']}")


def _cell(row: dict[str, Any], other: dict[str, Any], column: str) -> str:
    return f"{row[column]['f1']:>7.3f} /{other[column]['f1']:>4.2f}" if column in row else f"{'–':>13}"


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
    if arguments == ["--shadows"]:
        with encoder.remembering(KEPT):
            resembling = shadows(training_corpus.load(corpus))
        for slug, names in resembling.items():
            print(slug, *sorted(name.partition("\n")[0] for name in names), sep="\n  ")
        return 0
    lone = lone_cues(corpus, support)
    if arguments == ["--lone"]:
        for slug, cues in lone.items():
            print(slug, *sorted(f"{c.file}{c.group}: {c.text}" for c in cues), sep="\n  ")
        return 0
    with tempfile.TemporaryDirectory(prefix="redis-plan-score-") as folder, encoder.remembering(KEPT):
        if arguments:
            one = "--left-out" in arguments
            read_by = left_out(corpus, lone) if one else as_it_is
            results = read_all(corpus, Path(folder), read_by)
            rest = [argument for argument in arguments if argument != "--left-out"]
            return subprocess.run(_command(corpus, *results, *rest), check=False).returncode
        plain = read_all(corpus, Path(folder) / "plain", as_it_is)
        without = read_all(corpus, Path(folder) / "left-out", left_out(corpus, lone))
        found = scores(corpus, *plain), scores(corpus, *without)
        side_by_side(*found)
        record.note_scores(resources.catalog_dir() / "weights", *(one["macro"] for one in found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
