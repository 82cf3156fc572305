"""Periods: computed in one place, ordered as the design needs them, and read by everything that names one."""

import re
import tomllib
from dataclasses import replace

import pytest

from redis_plan import brief as reader
from redis_plan.brief.model import Brief
from redis_plan.keyspace import periods
from redis_plan.resources import catalog_dir, sample_project
from tests.test_imports import MODULES, PACKAGE


@pytest.fixture(scope="module")
def sample() -> Brief:
    return reader.read(sample_project())


def with_facts(brief: Brief, **values: float) -> Brief:
    return replace(brief, facts=tuple(replace(f, value=values.get(f.name, f.value)) for f in brief.facts))


def test_a_silent_phone_is_shown_as_gone_long_before_its_seat_is_free(sample: Brief) -> None:
    found = periods.periods(sample)
    assert found["presence"].seconds == 30  # "a phone that is gone is shown as gone within 30 seconds"
    assert found["lease"].seconds == 90  # "within 90 seconds the seat is kept"


@pytest.mark.parametrize("latency", [0.01, 0.1, 2.0, 30.0])
def test_the_beacon_does_not_follow_the_delivery_latency(sample: Brief, latency: float) -> None:
    assert periods.seconds(with_facts(sample, sync_latency=latency), "beacon") == 1.0


def test_the_beacon_of_many_sessions_is_rarer_and_never_rarer_than_a_heartbeat(sample: Brief) -> None:
    many = with_facts(sample, sessions_peak=4_000.0, gateway_nodes=3.0)
    assert periods.seconds(many, "beacon") == 6.0
    assert periods.seconds(with_facts(many, sessions_peak=1e6), "beacon") == many.value("heartbeat")


@pytest.mark.parametrize("grace", [0.5, 20.0, 600.0])
@pytest.mark.parametrize("heartbeat", [0.5, 10.0, 120.0])
def test_the_periods_keep_their_order(sample: Brief, heartbeat: float, grace: float) -> None:
    s = {
        n: p.seconds for n, p in periods.periods(with_facts(sample, heartbeat=heartbeat, reconnect_grace=grace)).items()
    }
    assert s["heartbeat"] < s["presence"] <= s["lease"]
    assert s["command"] < s["retry_window"]
    assert s["poll"] < s["claim"]
    assert s["beacon"] <= s["heartbeat"]
    assert s["gateway_backoff"] <= s["gateway_backoff_cap"]


def test_no_module_decides_a_period_of_its_own() -> None:
    names = "|".join(tomllib.loads((catalog_dir() / "periods.toml").read_text("utf-8")))
    typed = re.compile(rf"\b(?:{names})(?:_PERIOD)?_(?:M?S)\b[^=\n]*=\s*[\d(]", re.IGNORECASE)
    for path in MODULES:
        # an experiment scales its own run down and says so in its conditions; what is delivered or told does not
        told = path.stem.endswith(("_text", "_rules", "_decisions"))
        if told or path.relative_to(PACKAGE).parts[0] in ("keyspace", "delivery", "plan", "words"):
            assert not typed.search(path.read_text("utf-8")), path
