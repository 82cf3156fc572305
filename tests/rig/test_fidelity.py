"""The lab's client and the C tool do the same work, and the comparison says what it is."""

import pytest

from redis_plan.errors import ServerError
from redis_plan.measure.lab import Lab
from redis_plan.rig import fidelity

PROGRAM = fidelity.tool()
needs_tool = pytest.mark.skipif(PROGRAM is None, reason="no redis-benchmark or valkey-benchmark on PATH (redis-tools)")


@needs_tool
@pytest.mark.parametrize("cell", fidelity.cells(pipelines=(1, 16), connections=(1, 50)), ids=str)
def test_both_clients_send_the_same_command_equally_often(own_server, cell):
    client = own_server.client()
    with fidelity.filled(own_server, "fidelity:"):
        client.config_resetstat()
        found = fidelity.pair(own_server, cell, "fidelity:", 800, PROGRAM, True)
        calls = client.info("commandstats")[f"cmdstat_{cell.command.lower()}"]["calls"]
    assert found.ours.commands == 800
    assert calls == pytest.approx(1600, abs=3)  # one to see the answer, one to check it
    assert found.ours.per_s > 0
    assert not client.keys("fidelity:*")


@needs_tool
def test_a_tool_that_fails_is_one_line(own_server):
    with pytest.raises(ServerError, match="redis-benchmark failed"):
        fidelity.run_tool(PROGRAM, own_server, ("NOPE",), fidelity.Cell("SET", 1, 1), 10)


@needs_tool
def test_the_cross_check_has_a_ratio_for_every_depth(own_server):
    found = fidelity.cross_check(Lab(own_server, "quick"))
    assert {v.name for v in found.values} == {"ratio", "ratio 1 × 1", "ratio 1 × 50", "ratio 16 × 1", "ratio 16 × 50"}
    assert set(found.samples["command"]) == {"SET", "GET"}
    assert not found.not_run


def test_without_the_tool_the_reason_is_said(own_server, monkeypatch):
    monkeypatch.setenv("PATH", "")
    found = fidelity.cross_check(Lab(own_server, "quick"))
    assert "redis-benchmark" in found.not_run
    assert not found.values
