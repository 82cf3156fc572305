"""Experiments on names: even ids, cheap names, one slot, and a drift check that runs as it is printed."""

import re
import subprocess
import sys

import pytest

from redis_plan.chapters.naming import appendix, drift, keys, keyspace_map
from redis_plan.chapters.naming.findings import Naming
from redis_plan.choice import choose
from redis_plan.delivery import registry as registry_file
from redis_plan.keyspace import design, functions, naming, records
from redis_plan.measure.finding import Finding
from redis_plan.measure.lab import Lab
from redis_plan.server import Server
from tests.keyspace.briefs import ledger, prices, workshop


def value(finding: Finding, name: str) -> float:
    return next(v.value for v in finding.values if v.name == name)


@pytest.fixture
def lab(own_server: Server) -> Lab:
    return Lab(own_server, "quick")


def test_session_ids_spread_evenly_and_small_integers_do_not(lab: Lab) -> None:
    template = design(workshop()).pattern("state").template
    finding = keys.slot_skew(lab, template=template, sessions_peak=200)
    assert value(finding, "ids_6") < 1.1
    # published: {0}..{127} land [27,15,22,23,16,25] on 6 nodes (Centrifugo)
    assert value(finding, "tags_6") == pytest.approx(27 / 128 * 6)
    assert value(finding, "constant_6") == 6
    assert keys.plot_skew(finding.samples).axes


def test_a_longer_name_never_costs_less(lab: Lab) -> None:
    names = keys.three_forms(design(workshop()))
    finding = keys.name_cost(lab, names=names, keys_at_peak=1200)
    assert value(finding, "short_key") <= value(finding, "chosen_key") <= value(finding, "long_key")
    single = finding.samples[finding.samples["kind"] == "MEMORY USAGE"]
    assert single["bytes"].is_monotonic_increasing
    assert keys.plot_name_cost(finding.samples).axes


def test_every_atomic_step_stays_in_one_slot_and_the_control_fails(lab: Lab) -> None:
    keyspace = design(workshop())
    finding = keys.one_slot(lab, keyspace=keyspace)
    assert (value(finding, "split"), value(finding, "crossslot")) == (0, 0)
    assert value(finding, "split_without_tag") > 0
    assert value(finding, "crossslot_without_tag") == len(functions.functions()) + len(records.recorded(keyspace))


@pytest.mark.parametrize("brief", [prices(), ledger()], ids=lambda brief: brief.slug)
def test_projects_without_sessions_are_measured_too(lab: Lab, brief) -> None:  # type: ignore[no-untyped-def]
    keyspace = design(brief)
    assert value(keys.one_slot(lab, keyspace=keyspace), "split") == 0
    assert keys.three_forms(keyspace)["chosen"].startswith(brief.slug)
    assert naming.placeholders(keys.tagged(keyspace))


@pytest.mark.parametrize("brief", [workshop(), prices(), ledger()], ids=lambda brief: brief.slug)
def test_the_texts_of_sections_one_to_three_name_every_key(own_server: Server, brief) -> None:  # type: ignore[no-untyped-def]
    choices = choose(brief)
    keyspace = choices.keyspace
    texts = (
        appendix.names(brief, keyspace, Naming.of({})),
        appendix.structures(brief, choices, own_server.setting, "a server"),
        appendix.lifetimes(brief, keyspace),
    )
    for pattern in keyspace.patterns:
        assert f"`{pattern.template}`" in texts[0]
        assert f"`{pattern.name}`" in texts[1]
    assert all(f"`{pattern.name}`" in texts[2] for pattern in keyspace.keys)
    for text in texts:
        prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        assert not re.search(r"\$\w|None\b(?![:.])|nan", prose)
        assert not re.search(r"^#{1,2} ", text, re.MULTILINE)


@pytest.mark.parametrize("brief", [workshop(), prices()], ids=lambda brief: brief.slug)
def test_the_map_has_every_key_once_with_who_writes_it(brief) -> None:  # type: ignore[no-untyped-def]
    keyspace = design(brief)
    tiles = [tile for box in keyspace_map.boxes(keyspace) for tile in box.tiles]
    assert sorted(tile.name for tile in tiles) == sorted(p.name for p in keyspace.patterns)
    assert all(tile.written for tile in tiles)
    drawn = {text.get_text() for axes in keyspace_map.plot(keyspace).axes for text in axes.texts}
    assert {tile.name for tile in tiles} <= drawn


def test_the_printed_drift_check_passes_a_clean_server_and_finds_strangers(own_server: Server, tmp_path) -> None:  # type: ignore[no-untyped-def]
    keyspace = design(workshop())
    script, told = tmp_path / "drift.py", appendix.names(workshop(), keyspace, Naming.of({}))
    script.write_text(re.search(r"```python\n(.*)```", told, re.DOTALL)[1])  # type: ignore[index]
    with Lab(own_server, "quick").own() as own:
        client = own.client()
        client.hset(naming.example(keyspace.pattern("state").template), "epoch", "9f")
        client.expire(naming.example(keyspace.pattern("state").template), 60)
        client.zadd(naming.example(keyspace.pattern("due").template), {"x:idle": 1})
        (tmp_path / "keyspace.json").write_text(registry_file.keyspace_json(workshop(), keyspace))
        run = [sys.executable, str(script), own.url, str(tmp_path / "keyspace.json")]
        assert subprocess.run(run, check=False, capture_output=True, text=True, timeout=120).stdout == "0 faults\n"
        client.set("stranger", 1)
        client.persist(naming.example(keyspace.pattern("state").template))
        found = subprocess.run(run, check=False, capture_output=True, text=True, timeout=120)
        assert found.returncode == 1
        assert "stranger: not in the registry" in found.stdout
        assert "no TTL" in found.stdout


def test_sessions_played_by_the_functions_leave_only_what_the_registry_knows(lab: Lab) -> None:
    finding = drift.registry_holds(lab, brief=workshop(), keyspace=design(workshop()))
    assert value(finding, "faults") == 0, finding.samples[finding.samples["fault"] != ""]
    assert value(finding, "planted_found") == value(finding, "planted") == 3
    assert value(finding, "patterns") >= 8
    assert drift.registry_holds(lab, brief=prices(), keyspace=design(prices())).not_run
