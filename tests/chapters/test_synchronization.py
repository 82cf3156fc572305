"""Synchronization: the experiments on delivery, stalls and lost tails."""

import pytest

from redis_plan.chapters.synchronization import fanout, sync_text, synchronization
from redis_plan.measure.lab import Lab
from tests.chapters import project


@pytest.fixture(scope="module")
def lab(own_server):
    return Lab(own_server, "quick")


def test_every_change_reaches_every_client_by_both_transports(lab):
    for transport in ("pubsub", "streams"):
        found = fanout.delivery(lab, brief=project.brief(), keyspace=project.keyspace(), transport=transport)
        assert not found.not_run
        values = {v.name: v for v in found.values}
        assert values["incomplete"].value == 0
        assert values["p50"].value > 0
        assert values["p50"].n > 20
    assert lab.server.client().dbsize() == 0 or not lab.server.client().keys("*fan-*")


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


def test_more_subscribers_cost_more(lab):
    found = synchronization.publish_cost(lab, brief=project.brief())
    values = {v.name: v.value for v in found.values}
    assert values["at_100"] > values["at_1"]


def test_a_project_without_sessions_is_told_why(lab):
    found = synchronization.tail_loss(lab, brief=project.brief(), keyspace=project.without_sessions())
    assert "no sessions" in found.not_run
    assert not found.values
    assert "Newest value wins" in sync_text.without_sessions(project.brief(), project.without_sessions())
