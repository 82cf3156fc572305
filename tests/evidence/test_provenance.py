"""Provenance: evidence is measured again when anything changes that its result depends on."""

import shutil

import pytest

from redis_plan import resources
from redis_plan.evidence import provenance

EXPERIMENT = "redis_plan.chapters.sessions.contention"


def test_an_experiment_depends_on_the_helpers_of_its_helpers_and_not_on_texts():
    found = provenance.sources(EXPERIMENT)
    assert {
        "redis_plan.rig.session",
        "redis_plan.chapters.sessions.contender",
        "redis_plan.keyspace.chain",
        "redis_plan.measure.lab",
        "redis_plan.server.process",
        "redis_plan.brief.model",
    } <= set(found)
    assert not [name for name in found if name.startswith("redis_plan.plan")]


@pytest.mark.parametrize("module", ["keyspace/chain.py", "server/process.py", "brief/model.py"])
def test_a_changed_module_has_its_evidence_measured_again(tmp_path, module):
    package = tmp_path / "redis_plan"
    shutil.copytree(provenance.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    before = provenance.digest(EXPERIMENT)
    assert provenance.digest(EXPERIMENT, package) == before
    with (package / module).open("a") as helper:
        helper.write("# changed\n")
    provenance.digest.cache_clear()
    provenance._source.cache_clear()
    assert provenance.digest(EXPERIMENT, package) != before
    assert before != provenance.digest("redis_plan.chapters.expiry.expiry")


@pytest.mark.parametrize(
    ("file", "again"),
    [
        ("memory/redis-7.0.toml", True),
        ("patterns/state.toml", True),
        ("functions/session.lua", True),
        ("lexicons/en.toml", False),
    ],
)
def test_a_changed_catalog_has_evidence_measured_again_unless_only_the_reader_knows_it(tmp_path, file, again):
    catalog = shutil.copytree(resources.catalog_dir(), tmp_path / "catalog")
    before = provenance.digest(EXPERIMENT)
    assert provenance.digest(EXPERIMENT, catalog=catalog) == before
    with (catalog / file).open("a") as entry:
        entry.write("\n")
    provenance.digest.cache_clear()
    provenance.catalogued.cache_clear()
    assert (provenance.digest(EXPERIMENT, catalog=catalog) != before) == again
