"""What the storms found stands in the plan with its controls, shortly."""

import pytest

from redis_plan.actions.matrix import Stories
from redis_plan.chapters.sessions import (
    contention,
    fencing,
    functioncost,
    fuzz,
    invariants,
    isolation,
    neighbours,
    repetition,
    session_decisions,
    storm_text,
)
from redis_plan.chapters.sessions.findings import Sessions
from redis_plan.evidence.store import Store
from redis_plan.measure.lab import Lab
from tests.chapters import project


@pytest.fixture(scope="module")
def lab(own_server):
    return Lab(own_server, "quick")


def test_the_plan_tells_each_storm_with_its_control(lab, tmp_path):
    given = {"brief": project.brief(), "keyspace": project.keyspace()}
    store = Store(tmp_path)
    wanted = {
        "invariants": invariants.invariants, "writers": contention.writers, "fuzz": fuzz.fuzz, "forged": isolation.forged_ids,
        "ghosts": isolation.ghosts, "duplicates": repetition.duplicates, "costs": functioncost.cost_by_size,
        "fencing": fencing.fencing, "neighbours": neighbours.noisy_neighbour,
    }  # fmt: skip
    for name, experiment in wanted.items():
        store.record(Sessions.declared()[name][0], "07_sessions", experiment, lab, given, reuse=False)
    found = Sessions.of(store.all())
    (text,) = storm_text.tested(project.brief(), project.keyspace(), found)
    assert "| no vote counted twice |" in text
    assert "| session_apply |" in text
    assert {d.id for d in session_decisions.decisions(project.brief(), Stories((), ()), found)} == {"D-07a", "D-07b"}
