"""The sample and the annotated projects beside this checkout: read and designed once a run."""

import tempfile
from functools import cache
from pathlib import Path

from redis_plan import brief as reader
from redis_plan.actions import designing
from redis_plan.brief.model import Brief
from redis_plan.choice import Choices, choose
from redis_plan.keyspace import design
from redis_plan.keyspace.model import Keyspace
from redis_plan.resources import sample_project
from redis_plan.training.corpus import lay_out
from tests import shared
from tests.conftest import CORPUS

SAMPLE = "sample"
ANNOTATED = tuple(sorted(p.parent.name for p in CORPUS.glob("*/gold.json")))
NAMES = (SAMPLE, *ANNOTATED)


@cache
def read(name: str) -> Brief:
    """Return what the reader finds in the documents of ``name``."""

    def make() -> Brief:
        if name == SAMPLE:
            return reader.read(sample_project())
        with tempfile.TemporaryDirectory() as folder:
            return reader.read(lay_out(CORPUS / name, Path(folder) / name))  # without a title the folder gives the slug

    return shared.once(f"brief-{name}", make)


@cache
def designed(name: str) -> Keyspace:
    """Return the keyspace of ``name`` without actions."""
    return shared.once(f"keyspace-{name}", lambda: design(read(name)))


@cache
def acting(name: str) -> Keyspace:
    """Return the keyspace of ``name`` with the actions that its demands call for, as a build designs it."""
    return shared.once(f"acting-{name}", lambda: designing.design(read(name)))


@cache
def chosen(name: str) -> Choices:
    """Return the keyspace of ``name`` with every structure chosen."""
    return shared.once(f"chosen-{name}", lambda: choose(read(name), sensitivity=False))
