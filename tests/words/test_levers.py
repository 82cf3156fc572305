"""Levers: how many sessions fit after a change of the design is what the model says of that design, not a rule of three."""

from dataclasses import replace

import pandas as pd
import pytest

from redis_plan.brief.model import Brief
from redis_plan.chapters.memory import memory_budget
from redis_plan.keyspace.model import Keyspace
from redis_plan.measure.finding import Value
from redis_plan.measure.lab import Lab
from redis_plan.memory import capacity, live, model, project
from redis_plan.server import Server
from redis_plan.words import levers
from redis_plan.words.capacity import Capacity
from tests import projects
from tests.plan.records import evidence

NODE, SAVED = 256.0 * capacity.MIB, 70.0


@pytest.fixture
def brief() -> Brief:
    """The sample's, with a node that is too small for its peak."""
    read = projects.read(projects.SAMPLE)
    facts = (replace(f, value=NODE, grade="documented") if f.name == "memory_budget" else f for f in read.facts)
    return replace(read, facts=tuple(facts))


@pytest.fixture
def keyspace() -> Keyspace:
    """The sample's, with a cache of large documents across its rooms."""
    made = projects.designed(projects.SAMPLE)
    code = made.use("join-code")
    cache = replace(code, name="cache-page", use="cache", authoritative=False, per_session=15_000.0)
    cache = replace(cache, fields=(replace(code.fields[0], max_bytes=4096),))
    return replace(made, patterns=(*(p for p in made.patterns if p.use != "cache"), cache))


def found(server: Server, brief: Brief, keyspace: Keyspace) -> Capacity:
    """What notebook 06 would have found, by the model alone."""
    build = live.build_of(server)
    planned = memory_budget.capacity_plan(Lab(server, "quick"), brief=brief, keyspace=keyspace)
    each = {load.pattern.name: model.predict(load.shape, build).per_key for load in project.loads(keyspace, 1)}
    fit = (
        Value("bytes_per_session", project.bytes_per_session(keyspace, build), "B"),
        Value("tables_per_session", 1.0, "B", grade="modelled"),
        Value("error_all", 0.0, "%"),
        Value("memory_usage_error_all", 0.0, "%"),
        *(Value(f"{name}_bytes_per_key", size, "B") for name, size in each.items()),
    )
    idem = keyspace.use("idem")
    small = (
        Value("key_each", each[idem.name] * idem.per_session, "B"),
        Value("keys_each", idem.per_session, "keys"),
        Value("hash_a_session", 1.0, "B"),
        Value("buckets", 1.0, "B"),
        Value("saved_by_buckets", SAVED, "%"),
    )
    in_hashes = evidence("E-06l", *small)
    in_hashes.conditions["pattern"] = idem.name
    records = (evidence("E-06a", *fit), evidence("E-06c", *planned.values), in_hashes)
    return Capacity.of({record.id: record for record in records})


def test_as_many_fit_as_a_design_with_so_much_less_carries(
    own_server: Server, brief: Brief, keyspace: Keyspace
) -> None:
    cache, hashes = levers.levers(brief, keyspace, found(own_server, brief, keyspace))
    assert (cache.key, hashes.key) == (levers.ACROSS, keyspace.use("idem").name)
    without = replace(keyspace, patterns=tuple(p for p in keyspace.patterns if p.name != "cache-page"))
    fewer = tuple(
        replace(p, per_session=p.per_session * (1 - SAVED / 100)) if p.name == hashes.key else p
        for p in without.patterns
    )
    for lever, smaller in ((cache, without), (hashes, replace(without, patterns=fewer))):
        carries = capacity.sessions_within(brief, smaller, live.build_of(own_server), capacity.Constants(), NODE)
        assert lever.fit == pytest.approx(carries, rel=0.1), lever.what


def test_the_most_that_a_session_may_take_makes_the_peak_fit(
    own_server: Server, brief: Brief, keyspace: Keyspace
) -> None:
    budget, peak = found(own_server, brief, keyspace).budget, brief.value("sessions_peak")
    assert budget.carries.value < peak
    saved = budget.dataset.value / peak - budget.most(peak)
    assert budget.carried(saved, peak) == pytest.approx(peak, rel=0.02)


def test_the_bars_have_the_keys_across_sessions(own_server: Server, brief: Brief, keyspace: Keyspace) -> None:
    known = found(own_server, brief, keyspace)
    session = known.fit.session.value
    samples = pd.DataFrame([{"pattern": "log", "per_session": 1.0, "bytes_per_session": session / 2}])
    across = known.budget.dataset.value / brief.value("sessions_peak") - session
    told = levers.steps(levers.levers(brief, keyspace, known), samples, session, across)
    assert told[0][1][levers.ACROSS] == across
    assert told[1][1][levers.ACROSS] < across / 10
