"""Train what the reader learns: ``python -m redis_plan.training CORPUS [--out FOLDER | --curve]``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from redis_plan import resources
from redis_plan.brief import encoder
from redis_plan.training import corpus, record, references
from redis_plan.training.curve import curve
from redis_plan.training.tasks import train

#: Sentences that were encoded before; only training and scoring look there.
KEPT = Path(tempfile.gettempdir()) / "redis-plan-encoded.npz"


def main() -> int:
    """Train, write the weights and their record."""
    parser = argparse.ArgumentParser(prog="python -m redis_plan.training", description=__doc__)
    parser.add_argument("corpus", type=Path, help="folder of annotated projects")
    parser.add_argument("--out", type=Path, default=resources.catalog_dir() / "weights", help="where the weights go")
    parser.add_argument("--curve", action="store_true", help="print the learning curve instead of writing weights")
    asked = parser.parse_args()
    if not any(asked.corpus.glob("*/gold.json")):
        print(f"{asked.corpus}: holds no */gold.json; name a folder of annotated projects", file=sys.stderr)
        return 2
    with encoder.remembering(KEPT):
        projects = corpus.load(asked.corpus)
        learning = dict(curve(projects))
        if asked.curve:
            for size, scores in learning.items():
                print(f"{size:>3} projects  " + "  ".join(f"{name} {score:.3f}" for name, score in scores.items()))
            return 0
        models = train(projects)
        encoded = references.save(asked.out)
    for model in models.values():
        model.save(asked.out)
        print(f"{model.name}: {len(model.weights)} weights a label, {len(model.labels)} labels")
    record.write(asked.out, projects, encoded, learning)
    return 0


if __name__ == "__main__":
    sys.exit(main())
