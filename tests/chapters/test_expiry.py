"""Expiry as the server does it: late for memory, exact for readers, and lost by some commands and crashes."""

from types import SimpleNamespace

import pytest

from redis_plan import units
from redis_plan.chapters.expiry import (
    atomic_ttl,
    expired_events,
    expiry,
    expiry_lag,
    expiry_rules,
    field_ttl,
    removal,
    replica_ttl,
    returned,
    session_cleanup,
    sliding,
)
from redis_plan.measure.lab import Lab
from redis_plan.memory import active_expiry
from tests.chapters import project


def values(found) -> dict[str, float]:
    return {value.name: value.value for value in found.values}


def least(measure, times=3) -> dict[str, float]:
    """The least that each value was: what was computed, without the moments in which others had the processor."""
    runs = [values(measure()) for _ in range(times)]
    return {name: min(run[name] for run in runs) for name in runs[0]}


@pytest.mark.alone
def test_the_lag_grows_with_the_live_keys_and_is_measured_for_each_setting(own_server):
    finding = expiry_lag.active_lag(Lab(own_server, "quick"))
    found, most = values(finding), int(finding.samples["volatile"].max())
    assert found["p50 among 0"] < found[f"p50 among {most}"]
    assert found["lag_p50"] == found[f"p50 among {most}"]
    assert found["expected"] == active_expiry.expected_lag_s(most, found["hz"]) == most / 400
    assert len(expiry_lag.settings_values(found)) == len(expiry_lag.SETTINGS)
    assert found["hz 100, effort 1, idle p50"] < found["lag_p50"]


def test_probes_stay_below_the_share_at_which_the_sweep_speeds_up():
    assert active_expiry.due_share(1) < 0.1
    assert active_expiry.due_share(10) < 0.01


def test_no_reader_sees_a_key_past_its_deadline(own_server):
    found = values(expiry.lazy(Lab(own_server, "quick")))
    assert found["still in memory"] == found["past their deadline"]
    assert found["seen by a reader"] == 0


@pytest.mark.alone
def test_refreshing_with_every_write_costs_bytes_and_rarely_hardly_any(own_server):
    found = values(sliding.sliding(Lab(own_server, "quick"), state_bytes=600, ttl_s=1800))
    assert found["amplification"] > 1.2
    assert found["amplification below half"] < 1.05
    assert found["GET bytes"] == 0 < found["GET, GETEX below half bytes"] < found["GETEX bytes"]
    assert found["HSET + PEXPIRE replica bytes"] > found["HSET replica bytes"] > 0
    assert found["HSET + PEXPIRE commands"] == 2


def test_replacing_commands_lose_the_ttl_and_element_commands_keep_it(own_server):
    found = expiry.survival(Lab(own_server, "quick"))
    kept = dict(zip(found.samples["command"], found.samples["kept"], strict=True))
    assert not any(kept[name] for name in ("SET", "GETSET", "PERSIST", "DEL, then HSET", "ZUNIONSTORE onto it"))
    assert all(kept[name] for name in ("SET … KEEPTTL", "APPEND", "INCR", "HSET", "RPUSH", "ZADD", "XADD"))


def test_a_crash_between_two_commands_leaves_keys_for_ever_and_one_step_leaves_none(own_server):
    found = atomic_ttl.crashes(Lab(own_server, "quick"))
    left = found.samples.groupby("way")["immortal"].sum()
    assert left[atomic_ttl.TWO_STEPS] > 0
    assert not left[[atomic_ttl.IN_MULTI, atomic_ttl.ONE_COMMAND, atomic_ttl.IN_FUNCTION]].any()
    assert set(found.samples["killed"]) == {"client", "server"}


@pytest.mark.alone
def test_every_way_to_remove_a_big_key_is_felt_and_reported(own_server):
    found = removal.big_key(Lab(own_server, "quick"))
    assert list(found.samples["way"]) == [
        "nothing (control)",
        "DEL",
        "UNLINK",
        "expiry, lazyfree no",
        "expiry, lazyfree yes",
    ]
    busy = least(lambda: removal.big_key(Lab(own_server, "quick")))
    assert busy["UNLINK blocked"] < busy["DEL blocked"]
    assert busy["expiry, lazyfree yes blocked"] < busy["expiry, lazyfree no blocked"]


def test_mass_expiry_is_compared_with_rest_and_with_jitter(own_server):
    found = removal.mass_expiry(Lab(own_server, "quick"))
    assert set(found.samples["case"]) == {"no keys due", "all due at once", "due with jitter"}
    labels = [text.get_text() for text in removal.plot_mass(found.samples).axes[0].texts]
    for case in set(found.samples["case"]):
        longest = next(v.value for v in found.values if v.name == f"{case} max")
        assert any(f"{case}: {units.write(longest, 's')} at most" in label for label in labels), (
            "the figure says another number"
        )


def test_leases_are_compared_on_every_server_and_field_ttl_where_there_is_one(own_server):
    found = field_ttl.leases(Lab(own_server, "quick"), members=10)
    measured = values(found)
    assert measured["sorted set named"] == 100
    assert measured["key each named"] == 0
    if "hash-field-ttl" in own_server.capabilities:
        assert measured["hash with field TTL bytes"] > 0
        assert measured["hash with field TTL named"] == 0
    else:
        assert "hash with field TTL bytes" not in measured
        assert "Redis 7.4 or Valkey 9.0" in found.conditions["not run"]


def test_events_are_lost_while_nobody_listens_and_the_schedule_gives_out_every_timer(own_server):
    found = values(expired_events.watched(Lab(own_server, "quick")))
    assert found["claimed from the schedule"] == found["timers"]
    assert found["events after the restart"] < found["due while the server was down"]


def test_a_replica_hides_what_is_due_and_keeps_it_while_its_primary_hangs(own_server):
    found = values(replica_ttl.compared(Lab(own_server, "quick")))
    assert found["found by GET before"] == found["due"]
    assert found["found by GET after"] == found["primary hung: found by GET"] == 0
    assert found["primary hung: still held"] == 20


@pytest.mark.alone
def test_memory_comes_back_and_a_table_above_a_tenth_keeps_its_slots(own_server):
    found = values(returned.watched(Lab(own_server, "quick")))
    assert found["all expire: keys left"] < 240  # of 24,000: the last few wait for the slow sweep
    assert found["all expire: used left"] < 20
    assert found["5 of 6 expire: slots left"] > 50


@pytest.mark.alone
def test_one_key_is_ended_in_less_server_time_than_what_has_to_be_found(own_server):
    found = values(session_cleanup.compared(Lab(own_server, "quick"), parts=12, part_bytes=100))
    computed = least(lambda: session_cleanup.compared(Lab(own_server, "quick"), parts=12, part_bytes=100))
    assert computed["one hash server"] < computed["scan by prefix server"]
    assert found["one hash left"] == found["list of keys left"] == found["scan by prefix left"] == 0
    assert found["TTL on each key left"] > 0


@pytest.mark.parametrize("left_out", [expired_events.events, replica_ttl.on_replica, returned.memory])
def test_the_long_ones_are_left_out_in_a_quick_build_and_say_so(own_server, left_out):
    assert "standard" in left_out(Lab(own_server, "quick")).not_run


@pytest.mark.parametrize(("pace", "said"), [(0.0, "on average"), (1e6, "at most")])
def test_how_late_a_key_goes_is_told_as_the_mean_or_as_the_most_as_the_appendix_has_it(monkeypatch, pace, said):
    """At rest the model gives the mean, of which the worst is twice as much; with much that falls due it gives the most."""
    monkeypatch.setattr(expiry_rules, "volatile_keys", lambda *_: 1e6)
    monkeypatch.setattr(expiry_rules, "due_per_s", lambda *_: pace)
    brief, keyspace = project.brief(), project.keyspace()
    lag = SimpleNamespace(hz=SimpleNamespace(value=10.0), id="E-04a")
    short, long = expiry_rules.in_short(brief, keyspace, 10.0), expiry_rules.expected(brief, keyspace, lag)
    assert short.endswith(said)
    assert f" {said}" in long
