"""Expiry as the server does it: late for memory, exact for readers, and lost by some commands."""

from redis_plan.experiments import expiry, removal
from redis_plan.measure.lab import Lab


def values(found) -> dict[str, float]:
    return {value.name: value.value for value in found.values}


def test_the_lag_grows_with_the_live_keys(own_server):
    found = values(expiry.active_lag(Lab(own_server, "quick")))
    assert found["p50 among 0"] < found["p50 among 400"]
    assert found["lag_p50"] == found["p50 among 400"]
    assert found["expected"] == expiry.expected_lag_s(400, found["hz"]) == 1.0


def test_no_reader_sees_a_key_past_its_deadline(own_server):
    found = values(expiry.lazy(Lab(own_server, "quick")))
    assert found["still in memory"] == found["past their deadline"]
    assert found["seen by a reader"] == 0


def test_refreshing_with_every_write_costs_bytes_and_rarely_hardly_any(own_server):
    found = values(expiry.sliding(Lab(own_server, "quick"), state_bytes=600, ttl_s=1800))
    assert found["amplification"] > 1.2
    assert found["amplification below half"] < 1.05
    assert found["GET bytes"] == 0 < found["GETEX bytes"]


def test_replacing_commands_lose_the_ttl_and_element_commands_keep_it(own_server):
    found = expiry.survival(Lab(own_server, "quick"))
    kept = dict(zip(found.samples["command"], found.samples["kept"], strict=True))
    assert not any(kept[name] for name in ("SET", "GETSET", "PERSIST", "DEL, then HSET", "ZUNIONSTORE onto it"))
    assert all(kept[name] for name in ("SET … KEEPTTL", "APPEND", "INCR", "HSET", "RPUSH", "ZADD", "XADD"))


def test_every_way_to_remove_a_big_key_is_felt_and_reported(own_server):
    found = removal.big_key(Lab(own_server, "quick"))
    assert list(found.samples["way"]) == [
        "nothing (control)",
        "DEL",
        "UNLINK",
        "expiry, lazyfree no",
        "expiry, lazyfree yes",
    ]
    assert all(value.value > 0 for value in found.values)


def test_mass_expiry_is_compared_with_rest_and_with_jitter(own_server):
    found = removal.mass_expiry(Lab(own_server, "quick"))
    assert set(found.samples["case"]) == {"no keys due", "all due at once", "due with jitter"}


def test_field_ttl_is_measured_where_there_is_one_and_honest_where_not(own_server):
    found = removal.leases(Lab(own_server, "quick"), members=10)
    if "hash-field-ttl" in own_server.capabilities:
        assert values(found)["hash with field TTL bytes"] > 0
    else:
        assert found.values == ()
        assert "Redis 7.4 or Valkey 9.0" in found.not_run
