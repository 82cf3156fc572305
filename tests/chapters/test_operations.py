"""The configuration takes effect, the metrics exist, and each user gets what it should and no more."""

import pytest

from redis_plan import brief, resources
from redis_plan.chapters.operations import operations
from redis_plan.delivery import acl
from redis_plan.keyspace import design, settings
from redis_plan.measure.lab import Lab


@pytest.fixture(scope="module")
def keyspace():
    return design(brief.read(resources.sample_project()))


@pytest.fixture(scope="module")
def numbers(keyspace):
    return settings.quantities(brief.read(resources.sample_project()), keyspace, 64 * 2**20, 10_000.0)


def test_every_directive_takes_effect(own_server, keyspace, numbers):
    chosen = settings.settings(keyspace, numbers)
    found = operations.settings_take_effect(Lab(own_server, "quick"), chosen=chosen)
    assert found.samples["took_effect"].all(), found.samples
    assert {"maxmemory", "maxmemory-policy", "appendonly", "client-output-buffer-limit"} <= set(found.samples["name"])


def test_a_directive_that_does_not_exist_is_reported_not_hidden(own_server):
    made_up = settings.Setting("maxmemory-wisdom", "yes", "invented")
    found = operations.settings_take_effect(Lab(own_server, "quick"), chosen=[made_up])
    assert not found.samples["exists"].any()
    assert "0 of 1" in found.conclusion


def test_metrics_exist_or_are_named_as_absent(own_server, keyspace, numbers):
    wanted = settings.alerts(keyspace, numbers)
    found = operations.metrics_exist(
        Lab(own_server, "quick"), wanted=wanted, chosen=settings.settings(keyspace, numbers)
    )
    fields = found.samples[found.samples["kind"] == "field"]
    absent = set(fields.loc[fields["value"] == 0, "name"])
    assert absent <= {"client_output_buffer_limit_disconnections"}  # since 7.4
    assert all(name in found.conclusion for name in absent)


def test_users_may_do_their_work_and_nothing_else(own_server, keyspace):
    found = operations.users_get_what_they_should(
        Lab(own_server, "quick"), users=acl.users(keyspace), checks=acl.checks(keyspace)
    )
    wrong = found.samples[found.samples["wanted"] != found.samples["seen"]]
    assert wrong.empty, wrong
    assert (~found.samples["seen"]).sum() >= 10


def test_a_user_with_too_many_rights_is_found(own_server, keyspace):
    users = [acl.AclUser("app", "far too much", ("~*", "&*", "+@all")), *acl.users(keyspace)[1:]]
    found = operations.users_get_what_they_should(Lab(own_server, "quick"), users=users, checks=acl.checks(keyspace))
    assert "app FLUSHALL" in found.conclusion
