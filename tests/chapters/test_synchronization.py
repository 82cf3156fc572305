"""Synchronization: the experiments on delivery, stalls and lost tails."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from redis_plan.chapters.synchronization import fan_model, fanout, sizing, sync_load_text, sync_text, synchronization
from redis_plan.chapters.synchronization.findings import Synchronization
from redis_plan.keyspace import chain
from redis_plan.measure import histogram
from redis_plan.measure.lab import Lab
from redis_plan.rig.hall import Phase, Seen
from tests.chapters import project


@pytest.fixture(scope="module")
def lab(own_server):
    return Lab(own_server, "quick")


def test_every_change_reaches_every_websocket_by_every_way(lab):
    given = {"brief": project.brief(), "keyspace": project.keyspace()}
    before = set(lab.server.client().keys())  # what other tests left on this server
    for transport in ("pubsub", "streams"):
        found = fanout.delivery(lab, **given, transport=transport)
        assert not found.not_run
        values = {v.name: v for v in found.values}
        assert values["incomplete"].value == values["faults"].value == 0
        assert values["p50"].value > 0
        assert values["p50"].n > 20
    values = {v.name: v.value for v in fanout.ways(lab, **given).values}
    assert {name for name, value in values.items() if name.endswith("_incomplete") and value == 0} == {
        f"{way}_incomplete" for way in fanout.WAYS
    }
    assert set(lab.server.client().keys()) <= before


def test_the_peak_is_sized_by_a_model_whose_error_was_measured_elsewhere(lab):
    found = sizing.fan_out(lab, brief=project.brief(), keyspace=project.keyspace())
    values = {v.name: v for v in found.values}
    assert values["error_median"].n >= 3
    assert values["gateways"].value == 1
    assert values["gateways"].grade == "modelled"
    assert found.samples["whole"].all()


def test_the_model_finds_the_prices_that_a_gateway_asks():
    true = fan_model.Prices(0.002, 1e-4, 2e-5, 1e-5, 3e-9, 0.001, 5e-5, 1e-5, 1e-8)
    rows = pd.DataFrame([
        {"rooms": rooms, "members": members, "rate_per_s": rate, "bytes": size,
         "gateway": true.gateway(rooms, members, rate, size), "server": true.server(rate, size)}
        for rooms, members in fan_model.SHAPES for rate in (30, 400, 5000) for size in (100, 900)
    ])  # fmt: skip
    assert np.allclose(fan_model.errors(fan_model.fit(rows), rows), 0, atol=1e-3)
    carried = [true.gateways(rooms, 8, 10 * rooms, 200) for rooms in (100, 10_000, 100_000)]
    assert carried == sorted(carried)
    assert carried[0] < carried[-1]
    assert true.one_of(carried[-1], 100_000, 8, 1_000_000, 200) <= fan_model.PLANNED_SHARE


def seen(rate: float, p99_s: float) -> Seen:
    """A phase of small rooms in which everything arrived."""
    return Seen(
        Phase(rate, 1.0), 8.0, int(rate), int(rate), histogram.of([p99_s] * int(rate)), late_s=0.0, took_s=1.0, errors=0,
        cost_s=1e-6, gateway=0.5, server=0.1, audience=0.3, actors=0.3,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("p99_s", "kept"),
    [
        pytest.param({500: [0.02] * 3, 1000: [0.02, 0.3, 0.03], 2000: [0.04] * 3}, 16_000, id="one moment of three was disturbed"),
        pytest.param({500: [0.02] * 3, 1000: [0.3, 0.3, 0.03], 2000: [0.04] * 3}, 4_000, id="a rate was not carried"),
        pytest.param({500: [0.3] * 3, 1000: [0.02] * 3, 2000: [0.04] * 3}, 0, id="not even the lowest"),
    ],
)  # fmt: skip
def test_a_gateway_carries_what_it_carries_up_to_the_first_rate_that_it_does_not(p99_s, kept):
    plans = [fan_model.Planned(1, Phase(float(rate), 1.0), fitted=False) for rate in p99_s] * 3
    rows = fan_model.table(plans, [seen(rate, times[turn]) for turn in range(3) for rate, times in p99_s.items()])
    assert len(rows) == len(p99_s)
    assert sizing.knee(rows) == kept


def test_a_stalled_subscriber_loses_what_was_counted_and_gets_right_again(lab):
    found = synchronization.stalled_subscriber(lab, brief=project.brief(), keyspace=project.keyspace())
    values = {v.name: v.value for v in found.values}
    assert values["counted"] > values["received"] > 0
    assert values["lost"] > 0
    assert values["wrong"] == 0


def test_only_the_beacon_finds_a_lost_tail(lab):
    found = synchronization.tail_loss(lab, brief=project.brief(), keyspace=project.keyspace())
    values = {v.name: v for v in found.values}
    assert values["repaired_with"].value == values["repaired_with"].n
    assert values["repaired_without"].value == 0


@pytest.mark.alone
def test_more_subscribers_cost_more(lab):
    found = synchronization.publish_cost(lab, brief=project.brief())
    assert {"at_1", "at_100"} <= {v.name for v in found.values}
    least = found.samples.groupby("subscribers")["usec"].min()  # without what others took of the processor meanwhile
    assert least[100] > least[1]


def test_a_project_without_sessions_is_told_why(lab):
    found = synchronization.tail_loss(lab, brief=project.brief(), keyspace=project.without_sessions())
    assert "no sessions" in found.not_run
    assert not found.values
    assert "Newest value wins" in sync_text.without_sessions(project.brief(), project.without_sessions())


@pytest.mark.parametrize(("rate", "told"), [(0.0, "or longer"), (0.5, "or longer"), (50.0, "less than the lease")])
def test_a_log_is_said_to_outlast_the_lease_only_where_it_does(rate, told):
    brief, keyspace = project.brief(), project.keyspace()
    facts = (replace(fact, value=rate) if fact.name == "events_per_session" else fact for fact in brief.facts)
    brief = replace(brief, facts=tuple(facts))
    row = next(
        line
        for line in sync_load_text.pressure(brief, keyspace, Synchronization.of({})).splitlines()
        if line.startswith("| log |")
    )
    kept = keyspace.pattern("log").max_elements
    assert (kept >= rate * chain.lease(brief)) == (told == "or longer")
    assert told in row
    assert f"{kept:,.0f} entries" in row
