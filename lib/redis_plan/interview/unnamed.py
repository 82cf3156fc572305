"""Unnamed: nouns that the demands speak of and that no entity says, for whoever corrects a reading to look at."""

from __future__ import annotations

from collections.abc import Iterator

from redis_plan.brief import keeping
from redis_plan.brief.lexicon import fold
from redis_plan.brief.reader import demands_of, entities_by_rule, read_texts
from redis_plan.brief.stack import technology_words
from redis_plan.interview.reading import Reading

#: So many are told, the likeliest first.
MOST = 14


def unnamed(reading: Reading, most: int = MOST) -> Iterator[str]:
    """Yield each noun with its line: ``scale (prd.md:87)``."""
    texts = read_texts(reading.project)
    words, requirements = demands_of(texts)
    found, demanded = entities_by_rule(texts, words, requirements)
    spoken = [(t.blocks, t.roles, t.language) for t in texts]
    weighed = keeping.passed_over(spoken, found, demanded, words, reading.brief.entities)
    for name, file, line in [one for one in weighed if fold(one[0]) not in technology_words()][:most]:
        yield f"{name} ({file}:{line})"
