"""Candidates are compared as they are, cliffs are found where the server has them, and close calls stay open."""

from dataclasses import replace

import pytest

from redis_plan import brief, resources
from redis_plan.experiments import load, structures
from redis_plan.keyspace import design
from redis_plan.keyspace.model import Candidate
from redis_plan.measure.lab import Lab
from redis_plan.plan import candidates_text
from redis_plan.plan.evidence import Evidence, Store


@pytest.fixture(scope="module")
def asked():
    return brief.read(resources.sample_project())


@pytest.fixture(scope="module")
def keyspace(asked):
    return design(asked)


def record(store: Store, lab: Lab, id: str, experiment, **given) -> Evidence:
    return store.record(id, "03_structures", experiment, lab, given, reuse=False)


def test_every_candidate_is_measured_with_its_bytes_and_nothing_is_left_behind(own_server, keyspace):
    pattern = keyspace.pattern("roster")
    found = structures.compare(Lab(own_server, "quick"), pattern=pattern, payload_bytes=300)
    names = {value.name for value in found.values}
    for candidate in pattern.candidates:
        assert {
            f"{candidate.name} {kind} {q}" for kind in ("write", "read") for q in ("p50", "server", "ratio")
        } <= names
        assert f"{candidate.name} bytes" in names
    assert list(own_server.client().scan_iter(match="structures:*")) == []


def test_the_cliff_is_where_the_setting_says(own_server):
    found = structures.cliff(Lab(own_server, "quick"), value_bytes=48)
    value = {v.name: v.value for v in found.values}
    assert value["hash last listpack"] == int(own_server.setting("hash-max-listpack-entries"))
    assert value["zset last listpack"] == int(own_server.setting("zset-max-listpack-entries"))
    assert value["longest value in a listpack hash"] == int(own_server.setting("hash-max-listpack-value"))
    assert value["hash step"] > 1.2


def test_a_candidate_that_the_server_lacks_is_left_out_with_the_reason(own_server, keyspace):
    pattern = keyspace.pattern("roster")
    exotic = Candidate(
        "exotic",
        "hash",
        "needs what nobody has",
        ("HSET <key> <member> <value>",),
        ("HGETALL <key>",),
        feature="hash-field-ttl",
    )
    found = structures.compare(
        Lab(own_server, "quick"), pattern=replace(pattern, candidates=(*pattern.candidates, exotic)), payload_bytes=300
    )
    measured = any(value.name.startswith("exotic ") for value in found.values)
    assert measured == ("hash-field-ttl" in own_server.capabilities)
    assert measured or "hash-field-ttl" in found.conclusion


def test_the_measurement_overrules_only_by_a_clear_margin(own_server, keyspace, asked, tmp_path):
    slow = Candidate(
        "slow",
        "string",
        "burns time",
        ("EVAL return(string.rep('x',200000)) 1 <key>", "SET <key>:<member> <value>"),
        ("GET <key>:<member>",),
    )
    quick = Candidate("quick", "string", "one command", ("SET <key>:<member> <value>",), ("GET <key>:<member>",))
    naive = Candidate(
        "naive", "string", "one document", ("GET <key>", "SET <key> <value>"), ("GET <key>",), naive=True, atomic=False
    )
    base = keyspace.pattern("rate")
    pattern = replace(base, candidates=(slow, quick, naive), chosen="slow", functions=())
    evidence = record(
        Store(tmp_path), Lab(own_server, "quick"), "E-03a", structures.compare, pattern=pattern, payload_bytes=64
    )
    assert candidates_text.challenger(pattern, evidence) == quick
    assert candidates_text.challenger(replace(pattern, chosen="quick"), evidence) is None
    changed = candidates_text.overruled(replace(keyspace, patterns=(pattern,)), [pattern], {pattern.name: evidence})
    assert changed.patterns[0].chosen == "quick"
    said = candidates_text.decision(pattern, evidence, asked, own_server)
    assert "overrules" in said.because
    assert any(alternative.naive for alternative in said.instead_of)


def test_the_load_curve_reports_the_project_s_own_rate(own_server, asked, keyspace):
    found = load.load_curve(Lab(own_server, "quick"), brief=asked, keyspace=keyspace)
    value = {v.name: v.value for v in found.values}
    assert value["target"] == load.target_rate(asked)
    assert 0 < value["server time"] < 0.05
    assert found.conditions["loop"] == "open"
    assert list(own_server.client().scan_iter(match="load:*")) == []
