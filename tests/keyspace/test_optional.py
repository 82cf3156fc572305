"""What only saves work takes memory: it needs even odds or two sentences, where a use that a demand fails without needs less."""

from __future__ import annotations

from pathlib import Path

import pytest

from redis_plan.brief.model import UseEvidence
from redis_plan.brief.reader import read
from redis_plan.choice import choose
from redis_plan.keyspace.catalog import use_patterns
from redis_plan.keyspace.deciding import called_for

REGATTA = """# Regatta night
A live regatta for sailing clubs.

## Stories
- A steward opens a race and shares its code, skippers join the race with the code and leave it.
- All in the race see every position at once, within 1 second.
- At most 30 skippers in one race, 40 races at the same time.
- When the last boat is in, the steward closes the race.
"""
KEPT = "- The outcome is stored in the database for the archive. Everything live of the race is removed after 10 minutes.\n"
ASKED = (
    "- The table of clubs takes long to compute: it is cached for five minutes.\n"
    "- The weather report is fetched from the cache, not from the service each time.\n"
)


def said(lines: int) -> UseEvidence:
    return UseEvidence("cache", 0.45, lines, (), "prd.md", 4, "some line", "some example", 0.4)


@pytest.mark.parametrize(
    ("use", "chance", "lines", "taken"),
    [
        ("cache", 0.45, 1, False),
        ("cache", 0.45, 2, True),
        ("cache", 0.55, 1, True),
        ("cache", 0.3, 3, False),
        ("rate", 0.45, 1, True),
        ("hold", 0.45, 0, True),
    ],
)
def test_a_use_that_only_saves_work_needs_more(use: str, chance: float, lines: int, taken: bool) -> None:
    pattern = next(p for p in use_patterns() if p.use == use)
    assert called_for(pattern, chance, said(lines)) is taken


@pytest.mark.parametrize(("text", "cached"), [(KEPT, False), (ASKED, True)])
def test_what_is_saved_in_the_database_is_no_cache(tmp_path: Path, text: str, cached: bool) -> None:
    (tmp_path / "ai").mkdir()
    (tmp_path / "ai" / "prd.md").write_text(REGATTA + text, encoding="utf-8")
    assert any(p.use == "cache" for p in choose(read(tmp_path)).keyspace.patterns) is cached
