"""References: the sentences of our own that reading compares documents with, encoded once and shipped."""

from __future__ import annotations

from pathlib import Path

from redis_plan.actions import catalog, elsewhere, matching
from redis_plan.brief import encoder, evidence, fit, keeping, restrictions, vectors
from redis_plan.brief.examples import examples, lines_of_documents


def sentences() -> tuple[str, ...]:
    """Return each once, as the encoder gets it."""
    listed = [example.text for task in (evidence.TASK, restrictions.TASK, matching.TASK) for example in examples(task)]
    listed += [e for kind in elsewhere.outside().values() for e in kind.examples]
    listed += [e for quality in elsewhere.qualities().values() for e in quality.examples]
    listed += [line.text for line in lines_of_documents()]
    return tuple(dict.fromkeys(encoder.shortened([*listed, *fit.local_sentences(), *keeping.known_names()])))


def save(folder: Path) -> int:
    """Write the vectors of all, and of the mechanics' own examples, into ``folder``; return how many they are."""
    kinds = [example for kind in catalog.kinds().values() for example in kind.examples]
    texts = tuple(dict.fromkeys([*sentences(), *encoder.shortened(kinds)]))
    vectors.save(texts, encoder.stored(encoder.encode_anew(texts)), folder)
    return len(texts)
