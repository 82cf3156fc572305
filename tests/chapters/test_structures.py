"""Candidates are compared as they are, cliffs are found where the server has them, and close calls stay open."""

import random
from dataclasses import replace

import pandas as pd
import pytest

from redis_plan import brief, resources
from redis_plan.brief.model import Component
from redis_plan.chapters.structures import (
    appendix,
    candidates_text,
    cliffs,
    compressing,
    load,
    logs,
    pipelining,
    serialising,
    shapes,
    structures,
)
from redis_plan.chapters.structures.findings import Compared, Structures
from redis_plan.choice import choose
from redis_plan.evidence.store import Evidence, Store
from redis_plan.keyspace import design
from redis_plan.keyspace.model import Candidate, Field
from redis_plan.measure.lab import Lab
from redis_plan.memory import project as memory
from redis_plan.rig import workload
from redis_plan.rig.filler import Filler, Shape
from tests import projects
from tests.chapters import project
from tests.keyspace.briefs import prices


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


@pytest.mark.parametrize("write", ["ZADD <key> <score> <member>", "SADD <key> <member>", "SET <key>:<member> <value>"])
def test_an_element_has_the_size_of_the_project_s_whether_it_is_a_value_or_a_name(write):
    candidate = Candidate("tried", "zset", "", (write,), ("GET <key>",))
    (packed,) = Filler("k", candidate, Shape(30, 41, 30), random.Random(7)).commands(candidate.write, 3)
    assert max(map(len, packed.split(b"\r\n"))) == 41


def test_every_cliff_is_where_the_settings_say(own_server):
    found = cliffs.encoding_steps(Lab(own_server, "quick"), value_bytes=48)
    value = {v.name: v.value for v in found.values}
    for cliff, setting in (
        ("hash", "hash-max-listpack-entries"),
        ("hash, longest value", "hash-max-listpack-value"),
        ("sorted set", "zset-max-listpack-entries"),
        ("sorted set, longest element", "zset-max-listpack-value"),
        ("set of numbers", "set-max-intset-entries"),
    ):
        assert value[f"{cliff} last"] == int(own_server.setting(setting)), cliff
        assert value[f"{cliff} step"] > 1.2
    assert ("set of names last" in value) == ("set-listpack" in own_server.capabilities)
    assert "list last" in value
    assert list(own_server.client().scan_iter(match="cliff*")) == []


@pytest.mark.alone
def test_depth_gains_most_for_small_payloads(own_server):
    runs = pd.concat(pipelining.depth_and_payload(Lab(own_server, "quick")).samples for _ in range(3))
    # the best of each: what can be done, without the moments in which others had the processor
    sent = runs[runs["command"] == "SET"].groupby(["size", "depth"])
    most, least = sent["per_s"].max(), sent["server_cpu_s"].min()
    gain = most.groupby("size").max() / most.xs(1, level="depth")
    assert gain[64] > gain[65536]
    assert least[64, 100] < least[64, 1]


def test_formats_hold_the_project_s_own_fields_and_come_back_as_they_were(own_server, asked, keyspace):
    lab = Lab(own_server, "quick")
    made = shapes.of(asked, keyspace, lab.rng("shapes"))
    assert {f.name for f in keyspace.pattern("state").fields} == set(made.state)
    assert abs(len(shapes.dumps(made.envelope["d"])) - asked.value("payload_bytes")) < 40
    for form in serialising.candidates(asked):
        for _, document in made.items():
            assert form.read(form.write(document)) == document
    value = {v.name: v.value for v in serialising.formats(lab, brief=asked, keyspace=keyspace).values}
    assert value["envelope MessagePack bytes"] < value["envelope JSON bytes"]
    for name in ("state JSON write", "state JSON write server cpu", f"state {serialising.HASH} change one field"):
        assert value[name] > 0


def test_the_stack_s_own_format_is_read_from_the_stack(asked):
    assert serialising.used_by_stack(asked) == "json"
    django = replace(asked, stack=(*asked.stack, Component("django-redis", "cache", "tech-stack.md", 1)))
    assert serialising.used_by_stack(django) == "pickle"
    assert [f.label for f in serialising.candidates(django)] == ["JSON", "MessagePack", "pickle"]


def test_compression_breaks_even_where_the_bytes_say(own_server, asked, keyspace):
    lab = Lab(own_server, "quick")
    value = {v.name: v.value for v in compressing.compression(lab, brief=asked, keyspace=keyspace).values}
    for codec in compressing.codecs():
        assert 16 < value[f"{codec.name} saves any from"] <= value[f"{codec.name} saves a fifth from"]
        assert value[f"snapshot {codec.name} bytes"] < value["snapshot bytes"]


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


def test_a_part_that_takes_much_of_the_budget_asks_for_a_smaller_form(own_server, tmp_path):
    asked = prices()
    choices, lab = choose(asked, sensitivity=False), Lab(own_server, "quick")
    pattern = replace(choices.keyspace.pattern("price"), scope="global", max_elements=1)
    given = {"pattern": pattern, "payload_bytes": 64}
    compared = Compared.of(record(Store(tmp_path), lab, "E-03a", structures.compare, **given))

    def held(share: float) -> bool:
        keys = share * asked.value("memory_budget") / compared.bytes[pattern.chosen].value
        taken = replace(pattern, per_session=keys)
        return candidates_text.decision(taken, compared, choices, asked, own_server).supported

    assert held(0.2)
    assert not held(0.3)


def test_a_hash_with_a_value_too_long_for_the_compact_form_is_not_said_to_hold_while_it_is_compact(
    own_server, tmp_path
):
    """A limit on its number of fields would promise what its longest value has undone."""
    asked = project.brief()
    choices, lab = choose(asked, sensitivity=False), Lab(own_server, "quick")
    pattern = choices.keyspace.pattern("roster")
    taken = replace(pattern, type="hash", fields=(Field("member", "string", 30, "who"),))
    compared = Compared.of(record(Store(tmp_path), lab, "E-03a", structures.compare, pattern=pattern, payload_bytes=64))

    def holds(longest: int) -> str:
        held = replace(taken, fields=(replace(taken.fields[0], max_bytes=longest),))
        return candidates_text.decision(held, compared, choices, asked, own_server).holds_while[0].says

    limit = int(own_server.setting("hash-max-listpack-value"))
    assert "hash-max-listpack-entries" in holds(limit)
    assert "hash-max-listpack-entries" not in holds(limit + 1)


def test_the_measurement_overrules_only_by_a_clear_margin(own_server, tmp_path):
    asked = prices()
    choices = choose(asked, sensitivity=False)
    pattern, lab = choices.keyspace.pattern("price"), Lab(own_server, "quick")
    assert pattern.chosen == "json-string"

    def decided(number, **slower):
        def planted(lab, *, pattern, payload_bytes):
            found = structures.compare(lab, pattern=pattern, payload_bytes=payload_bytes)
            changed = tuple(
                replace(v, value=v.value + slower.get(v.name.split()[0].replace("-", "_"), 0.0))
                if v.name.endswith("server")
                else replace(v, value=1.0)
                if v.name.endswith("noise floor")
                else v
                for v in found.values
            )
            return replace(found, values=changed)

        evidence = record(Store(tmp_path / str(number)), lab, "E-03a", planted, pattern=pattern, payload_bytes=64)
        compared = Compared.of(evidence)
        changed = candidates_text.overruled(asked, choices, [pattern], {"price": compared})
        return changed.pattern("price"), candidates_text.decision(pattern, compared, choices, asked, own_server)

    as_measured, said = decided(1)
    assert as_measured.chosen == "json-string"
    assert "overrules" not in said.because
    assert any(alternative.naive for alternative in said.instead_of)
    overruled, said = decided(2, json_string=1e-3)
    assert (overruled.chosen, overruled.type) == ("hash", "hash")
    assert "HSET" in overruled.writers[0]
    assert "overrules" in said.because
    naive_is_fast, _ = decided(3, json_string=1e-3, hash=1e-3)
    assert naive_is_fast.chosen == "json-string"  # what lacks something is never taken, however fast


def test_the_load_curve_reports_the_project_s_own_mix(own_server, asked, keyspace):
    found = load.load_curve(Lab(own_server, "quick"), brief=asked, keyspace=keyspace)
    value = {v.name: v.value for v in found.values}
    assert value["target"] == sum(rate.per_s for rate in workload.rates(asked, keyspace))
    assert value["server cpu"] > 0
    assert value["core share at target"] > 0
    assert (found.conditions["loop"], found.conditions["connections"]) == ("open", load.CONNECTIONS)
    assert found.conditions["persistence"] == "appendonly yes"  # as the plan configures it
    assert list(own_server.client().scan_iter(match="load:*")) == []


def test_a_peak_beyond_the_generator_is_offered_in_part():
    assert load._multiples(1e6)[-1] * 1e6 <= load.MOST_PER_S
    assert load._multiples(1e9)[-1] * 1e9 <= load.MOST_PER_S
    assert load._multiples(5_000)[0] == 1.0


def test_a_project_without_sessions_is_offered_its_reads_and_writes(own_server):
    found = load.load_curve(Lab(own_server, "quick"), brief=project.brief(), keyspace=project.without_sessions())
    assert found.not_run or "write" in found.conditions["mix"]


def test_the_plan_tells_the_benchmarks_shortly(own_server, asked, keyspace, tmp_path):
    lab, store, given = Lab(own_server, "quick"), Store(tmp_path), {"brief": asked, "keyspace": keyspace}
    record(store, lab, "E-03x", cliffs.encoding_steps, value_bytes=48)
    record(store, lab, "E-03y", load.load_curve, **given)
    record(store, lab, "E-03w", serialising.formats, **given)
    record(store, lab, "E-03z", compressing.compression, **given)
    record(store, lab, "E-03v", pipelining.depth_and_payload)
    found = Structures.of(store.all())
    assert "| sorted set | 128 elements |" in appendix.encodings(**given, found=found)
    told = appendix.load(**given, found=found, threshold_s=0.02)
    assert "| change | 2,000/s |" in told or "the generator was late" in told  # as on a busy machine
    formats = appendix.formats(**given, found=found)
    assert "Compression saves a fifth of the bytes from" in formats
    assert len(formats) < 2_000


def test_a_stream_pays_for_its_node_and_quick_leaves_the_logs_out(own_server, asked, keyspace):
    given = {"brief": asked, "keyspace": keyspace}
    assert "profile quick" in logs.by_length(Lab(own_server, "quick"), **given).not_run
    value = {v.name: v.value for v in logs.by_length(Lab(own_server, "standard"), **given).values}
    assert value["stream 1 bytes"] > 2 * value["list 1 bytes"]
    assert value["list 100 held"] == value["stream 100 held"] == 100
    assert value["stream, ~ 100 held"] >= 100


def test_a_record_is_filled_with_what_all_its_fields_take_and_no_more():
    made = replace(project.keyspace().pattern("state"), typical_elements=4, max_elements=4, fields=tuple(
        Field(name, "text", size, "") for name, size in (("a", 10), ("b", 20), ("c", 30), ("body", 1024))
    ))  # fmt: skip
    shape = Shape.of(made, 100)
    assert shape.elements * shape.value_bytes == pytest.approx(10 + 20 + 30 + 1024, rel=0.01)


def test_an_element_has_its_own_name_in_full_so_that_a_key_has_the_bytes_that_section_5_measures():
    """A remembered answer stands under its operation's id of up to 32 bytes, which is most of what the hash takes."""
    brief, keyspace = projects.read(projects.SAMPLE), projects.acting(projects.SAMPLE)
    idem = keyspace.use("idem")
    shape = Shape.of(idem, brief.value("payload_bytes"))
    (counted,) = (one.shape.fsize for one in memory.loads(keyspace, 1) if one.pattern.name == idem.name)
    assert shape.name_bytes == int(counted)
    (packed,) = Filler(
        "k", next(c for c in idem.candidates if c.name == idem.chosen), shape, random.Random(1)
    ).commands(("HSET <key> <member> <value>",), 3)
    assert f"${counted}\r\nm0000003".encode() in packed
