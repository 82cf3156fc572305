"""What of other teams' documents our actions carry out: `python -m tests.actions.coverage [CORPUS_DIR] [--list SERVED] [--of SLUG]`.

Each annotated project is read and designed, and counted: the must-uses of its gold, those that the design has, those that an
action of the project works on; its demands by how the story matrix says they are served, and the same of the demands that the
careful reader calls real-time. An action for a demand that this reader calls neither real-time nor a line of a use is counted
as doubtful: it bounds how precise "concrete" is. `--list concrete` prints the demands of a way with what serves them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis_plan import codec
from redis_plan.actions import ability, catalog, designing, matrix, vocabulary
from redis_plan.actions.matrix import Row, Stories
from redis_plan.brief import encoder, reader
from redis_plan.brief.model import Brief
from redis_plan.keyspace.catalog import use_patterns
from redis_plan.keyspace.model import Keyspace
from redis_plan.training.corpus import lay_out

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "corpus"
#: What the corpus calls the files whose names in a project are others.
NOTES = {"redis_planning_summary.md": "notes.md"}
SLACK = 1  # lines between where the reader and we say that a demand stands


@dataclass
class Covered:
    """The counts of one project."""

    slug: str
    must: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    acted: tuple[str, ...] = ()
    served: Counter[str] = field(default_factory=Counter)
    live: Counter[str] = field(default_factory=Counter)
    doubtful: list[Row] = field(default_factory=list)


def acted_on(brief: Brief, keyspace: Keyspace, found: Stories) -> set[str]:
    """Return the uses that an action of the project works on, a key or a field of the state."""
    uses: set[str] = set()
    for action in found.actions:
        touched = ability.touched(action.kind, action.keys, keyspace)
        uses |= {action.kind.use, *(p.use for p in touched)}
    named = vocabulary.names_in_state(a.kind for a in found.actions)
    return uses | {p.use for p in use_patterns() if named & set(p.in_state)}


def cover(slug: str, gold: dict[str, Any], brief: Brief) -> tuple[Covered, Stories]:
    """Return what is covered of the project that ``gold`` describes."""
    keyspace = designing.design(brief)
    found = matrix.stories(brief, keyspace)
    there = {p.use for p in keyspace.patterns} | {use for use, _ in designing.kept_in_state(brief, keyspace)}
    must = sorted({use["use"] for use in gold["design"]["uses"] if use["need"] == "must"})
    acting = acted_on(brief, keyspace, found)
    made = Covered(
        slug, tuple(must), tuple(u for u in must if u in there), tuple(u for u in must if u in acting & there)
    )
    made.served = Counter(row.served for row in found.rows)
    stated = list(_stated(gold))
    live = {(r["file"], r["line"]) for r in stated if r.get("realtime")}
    used = {(f, n) for u in gold["design"]["uses"] for f, n in _lines_of(u)}
    for row in found.rows:
        at = [(NOTES.get(row.file, row.file), row.line + d) for d in range(-SLACK, SLACK + 1)]
        if live.intersection(at):
            made.live[row.served] += 1
        elif row.served == "concrete" and not used.intersection(at):
            made.doubtful.append(row)
    return made, found


def _stated(gold: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (r for r in gold["requirements"] if r["kind"] != "out-of-scope")


def _lines_of(use: dict[str, Any]) -> Iterator[tuple[str, int]]:
    yield from (("prd.md", n) for n in use["lines"])
    yield from (("notes.md", n) for n in use.get("notes_lines", ()))


def line(name: str, one: Iterable[Covered]) -> str:
    """Return one row of the table: of one project, or of all."""
    every = list(one)
    must, taken, acted = (sum(len(getattr(c, what)) for c in every) for what in ("must", "taken", "acted"))
    served, live = (sum((getattr(c, what) for c in every), Counter()) for what in ("served", "live"))
    counts = "  ".join("/".join(f"{of[s]:>3}" for s in matrix.SERVED) for of in (served, live))
    lost = ", ".join(u for c in every for u in c.taken if u not in c.acted) if len(every) == 1 else ""
    return f"{name:18} {must:>3}{taken:>4}{acted:>4}   {counts}  {sum(len(c.doubtful) for c in every):>3}  {lost}"


def briefs(corpus: Path, kept: Path | None) -> Iterator[tuple[str, dict[str, Any], Brief]]:
    """Yield each project of ``corpus`` with its gold, read; what was read before lies in ``kept``."""
    for gold in sorted(corpus.glob("*/gold.json")):
        slug, file = gold.parent.name, kept and kept / f"{gold.parent.name}.json"
        if file and file.is_file():
            brief = codec.from_json(Brief, file.read_text("utf-8"))
        else:
            with tempfile.TemporaryDirectory() as folder:
                brief = reader.read(lay_out(gold.parent, Path(folder) / slug))
            if file:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(codec.to_json(brief), "utf-8")
        yield slug, json.loads(gold.read_text("utf-8")), brief


def main() -> None:
    """Print the table, and the demands that are asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpus", type=Path, nargs="?", default=CORPUS)
    parser.add_argument(
        "--list", choices=[*matrix.SERVED, "doubtful"], help="print the demands that are served in this way"
    )
    parser.add_argument("--of", default="", help="one project alone")
    parser.add_argument("--kept", type=Path, help="a folder that keeps what was read from one run to the next")
    asked = parser.parse_args()
    if not asked.corpus.is_dir():
        print(f"{asked.corpus}: no corpus here")
        return
    every = []
    print(
        f"{len(catalog.kinds())} kinds of action. Demands: {'/'.join(matrix.SERVED)}; then those that are real-time; doubtful"
    )
    print(f"{'project':18} must taken acted")
    with encoder.remembering((asked.kept or Path(tempfile.mkdtemp())) / "vectors.npz"):
        for slug, gold, brief in briefs(asked.corpus, asked.kept):
            if asked.of in ("", slug):
                covered, found = cover(slug, gold, brief)
                every.append(covered)
                print(line(slug, [covered]), flush=True)
                chosen = covered.doubtful if asked.list == "doubtful" else found.rows
                for row in chosen if asked.list else ():
                    if asked.list in ("doubtful", row.served):
                        print(f"  {row.place:12} {row.text[:110]} → {', '.join(row.by) or row.why[:60]}")
    print(line("all", every))


if __name__ == "__main__":
    main()
