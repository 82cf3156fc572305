"""What the documents promise by percentile is held against what was measured."""

from dataclasses import replace

import pytest

from redis_plan import brief, resources
from redis_plan.actions import designing
from redis_plan.actions.matrix import stories
from redis_plan.chapters.synchronization import promised, stated, sync_decisions
from redis_plan.chapters.synchronization.findings import Synchronization
from redis_plan.keyspace import design
from redis_plan.measure.finding import Value
from tests.plan import records


def test_a_slower_percentile_than_promised_no_longer_supports_the_decision():
    """The sample asks for p95 500 ms and p99 1 s (prd.md:160), beside 2 s for all."""
    asked = brief.read(resources.sample_project())
    promises = promised.promises(asked, stories(asked, design(asked)))
    assert [(p.percentile, p.seconds) for p in promises] == [("p95", 0.5), ("p99", 1.0)]
    assert all(p.place.startswith("prd.md:") for p in promises)

    def held(p95: float, p99: float) -> bool:
        times = {"p50": 0.01, "p95": p95, "p99": p99, "max": p99}
        values = [*(Value(name, t, "s") for name, t in times.items()), Value("incomplete", 0.0, "messages")]
        known = Synchronization.of({id: records.evidence(id, *values) for id in ("E-05a", "E-05b")})
        (decision,) = sync_decisions.transport_decision(asked, known, (), promises)
        return decision.supported

    assert held(0.4, 0.9)
    assert not held(0.6, 0.9)
    assert not held(0.4, 1.1)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Visible in < 2 s; p95 500 ms, p99 1 s in normal operation", {"p95": 0.5, "p99": 1.0}),
        ("Seen within 2 seconds, 95% of them within 0.5 s.", {"p95": 0.5}),
        ("The latency is below 200 ms at the 99th percentile", {"p99": 0.2}),
        ("Latenz unter 300 ms (p95)", {"p95": 0.3}),
        ("99% uptime and a reply within 2 s", {}),
        ("p99.9 below 3 s", {}),
    ],
)
def test_a_clause_with_one_percentile_and_one_time_is_a_promise(text, read):
    assert {p.percentile: p.seconds for p in promised.read(text, "")} == read


def test_every_time_of_the_documents_is_held_against_its_own_path_or_said_to_be_unmeasured():
    asked = brief.read(resources.sample_project())
    told = stories(asked, designing.design(asked))
    times = {"p50": 0.01, "p95": 0.6, "p99": 0.7, "max": 0.9}
    pubsub = records.evidence(
        "E-05a", *(Value(n, t, "s") for n, t in times.items()), Value("incomplete", 0.0, "messages")
    )
    numbers = (
        ("calls", 30.0, "calls"), ("accepted", 30.0, "calls"), ("p50", 0.1, "s"), ("last", 1.4, "s"), ("server", 0.0, "s"),
    )  # fmt: skip
    acted = records.evidence(
        "E-05h", *(Value(f"join {name}", value, unit) for name, value, unit in numbers),
        Value("last", 1.4, "s"), Value("incomplete", 0.0, "actions"),
    )  # fmt: skip
    found = stated.stated(asked, told, Synchronization.of({e.id: e for e in (pubsub, acted)}))
    held = {(one.place, one.percentile, one.seconds): one.met(0.2) for one in found}
    assert held["prd.md:49", "", 1.5] is False  # join took 1.4 s, and the network comes on top
    assert held["prd.md:74", "", 2.0] is True
    assert held["prd.md:74", "p95", 0.5] is False
    assert held["prd.md:160", "p99", 1.0] is True
    assert held["prd.md:42", "", 1.0] is None  # nothing timed what opens a room
    assert held["prd.md:118", "", 2.0] is None  # no catch-up was timed here
    assert not any(place.startswith("tech-stack") for place, _, _ in held)
    shown = stated.stated_table(found, 0.2)
    assert "**missed**" in shown
    assert "not measured" in shown


def test_a_time_that_something_exceeds_is_no_promise():
    """What is slower than a second is logged; nobody promised a second."""
    asked = brief.read(resources.sample_project())
    told, found = stories(asked, designing.design(asked)), Synchronization.of({})
    [place] = [one.place for one in stated.stated(asked, told, found) if one.place == "prd.md:42"]
    beyond = tuple(
        replace(q, op=">") if f"{q.file}:{q.line}" == place and q.kind == "latency" else q for q in asked.quantities
    )
    assert place not in {one.place for one in stated.stated(replace(asked, quantities=beyond), told, found)}
