"""What the reader is trained with: the texts of our own that ship say of nouns that stand in them that they are kept."""

from __future__ import annotations

import tomllib

from redis_plan import resources
from redis_plan.brief.lexicon import fold
from redis_plan.training import annotated


def test_every_noun_that_is_said_to_be_kept_stands_in_its_document() -> None:
    kept = tomllib.loads((resources.catalog_dir() / "examples" / "documents" / "kept.toml").read_text("utf-8"))
    texts = {path.stem: fold(path.read_text("utf-8")) for path in annotated.own_documents("live")}
    assert not kept.keys() - texts.keys()
    assert not [(name, one) for name, nouns in kept.items() for one in nouns if not any(fold(w) in texts[name] for w in one.split("/"))]  # fmt: skip
