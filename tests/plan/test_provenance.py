"""Provenance: evidence is measured again when a helper of its experiment changes."""

import shutil

from redis_plan.plan import provenance


def test_an_experiment_depends_on_the_helpers_of_its_helpers_and_not_on_texts():
    found = provenance.sources("redis_plan.experiments.contention")
    assert {
        "redis_plan.experiments.session",
        "redis_plan.experiments.contender",
        "redis_plan.keyspace.chain",
        "redis_plan.measure.lab",
    } <= set(found)
    assert not [name for name in found if name.startswith(("redis_plan.plan", "redis_plan.brief"))]


def test_a_changed_helper_changes_what_the_evidence_depends_on(tmp_path):
    package = tmp_path / "redis_plan"
    shutil.copytree(provenance.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    before = provenance.sources("redis_plan.experiments.contention", package)
    assert before == provenance.sources("redis_plan.experiments.contention")
    with (package / "keyspace" / "chain.py").open("a") as helper:
        helper.write("# changed\n")
    assert provenance.sources("redis_plan.experiments.contention", package) != before
    assert provenance.digest("redis_plan.experiments.contention") != provenance.digest("redis_plan.experiments.expiry")
