"""A project's own actions in a burst: every accepted one is on every client, and only what was accepted counts."""

from redis_plan.chapters.synchronization import acted
from redis_plan.measure.lab import Lab
from tests.chapters import project
from tests.delivery import made


def test_every_accepted_action_of_a_burst_reaches_every_client(own_server, tmp_path):
    sample = made.acting(made.SAMPLE, tmp_path)
    found = acted.at_once(Lab(own_server, "quick"), brief=sample.brief, keyspace=sample.keyspace)
    values = {value.name: value for value in found.values}
    assert values["answer accepted"].value == values["answer calls"].value > 20  # each member has an answer of its own
    assert values["incomplete"].value == 0
    assert set(found.samples["action"]) >= {"answer"}
    assert (found.samples["latency_s"] > 0).all()
    assert len(found.samples) == sum(v.value for name, v in values.items() if name.endswith(" accepted"))


def test_a_design_without_actions_is_told_why(own_server):
    found = acted.at_once(Lab(own_server, "quick"), brief=project.brief(), keyspace=project.keyspace())
    assert "No action" in found.not_run
