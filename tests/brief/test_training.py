"""What the reader is trained with, and what is said of how well it reads."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from redis_plan import resources
from redis_plan.brief import encoder
from redis_plan.brief.lexicon import fold
from redis_plan.training import annotated, gathering, nearness, record, tasks

README = Path(__file__).parents[2] / "README.md"
#: How the README calls a score that the record calls shorter.
CALLED = {"real-time": "realtime", "uses of Redis": "uses"}


def test_every_noun_that_is_said_to_be_kept_stands_in_its_document() -> None:
    kept = tomllib.loads((resources.catalog_dir() / "examples" / "documents" / "kept.toml").read_text("utf-8"))
    texts = {path.stem: fold(path.read_text("utf-8")) for path in annotated.own_documents("live")}
    assert not kept.keys() - texts.keys()
    assert not [(name, one) for name, nouns in kept.items() for one in nouns if not any(fold(w) in texts[name] for w in one.split("/"))]  # fmt: skip


def test_the_readme_says_what_the_record_of_the_weights_does() -> None:
    """The honest column, to two digits."""
    folder = resources.catalog_dir() / "weights"
    scores = json.loads((folder / record.FILE).read_text("utf-8"))["scores"]
    paragraph = re.search(r"each of \d+ annotated projects left out[^:]*: (.*?\.)\n", README.read_text("utf-8"), re.S)
    assert paragraph is not None
    said = re.findall(r"([a-zA-Z][a-zA-Z -]*?)\s+(\.\d\d|1\.00)", paragraph.group(1))
    assert len(said) == 10
    assert {name: f"{scores['left out'][CALLED.get(name, name)]:.2f}".removeprefix("0") for name, _ in said} == dict(
        said
    )


def test_a_text_is_nearest_to_the_one_that_it_is_told_after() -> None:
    lines = [
        "Rowers book a berth for a boat",
        "The harbour master sees every boat live",
        "A berth is free again after an hour",
    ]
    told = ["A boat gets its berth from the rowers", "All boats are shown live to the master of the harbour"]
    other = ["Cooks share recipes with photographs", "A shopping list is made of the ingredients"]
    near, far = (nearness.nearness(encoder.encode(text), encoder.encode(lines)) for text in (told, other))
    assert nearness.nearness(encoder.encode(lines), encoder.encode(lines)) == pytest.approx(1, abs=0.01)
    assert far < near
    assert nearness.nearness(encoder.encode(told), np.zeros((0, encoder.SIZE), np.float32)) == 0


@pytest.mark.parametrize("task", [gathering], ids=lambda task: task.NAME)
def test_a_document_of_ours_that_is_left_out_teaches_nothing(task) -> None:
    text = next(one.text for one in gathering.examples(gathering.NAME))
    every, fewer = tasks.own_rows(task), tasks.own_rows(task, [text])
    assert 0 < len(every.features) - len(fewer.features) < len(every.features)
