"""Calibration: a layout that is wrong, or unknown, is brought to the server's own numbers by a short probe."""

import json
import statistics
from dataclasses import replace

import pytest

from redis_plan import server as servers
from redis_plan.chapters.memory import calibrating
from redis_plan.errors import ServerError
from redis_plan.memory import calibration, layout, live
from redis_plan.memory.calibration import Calibration, Reading
from redis_plan.memory.layout import Build, Correction
from redis_plan.server import Server


@pytest.fixture(scope="module")
def readings(server_binaries: tuple[servers.Binary, ...]) -> dict[str, tuple[Build, list[Reading]]]:
    """The probe sets, loaded once on a server of each build."""
    found = {}
    for binary in server_binaries:
        server = servers.start_with(binary, {"hz": "100"})
        try:
            build = live.build_of(server)
            found[binary.id] = (build, calibrating.read_sets(server, build)[0])
        finally:
            server.close()
    return found


def wrongly(build: Build, family: str, allocator: str) -> Build:
    other = layout.load(family)
    return replace(build, layout=other, allocator=allocator, settings=dict(other.settings))


def off(found: Calibration, readings: list[Reading]) -> float:
    """How far the sum of the sets that took no part in the fit is off, in per cent."""
    checks = [r for r in readings if r.check]
    measured = sum(r.measured for r in checks)
    return 100 * abs(sum(calibration.predicted(r, found.build) for r in checks) - measured) / measured


def test_the_layout_of_a_known_version_needs_no_calibration(readings: dict[str, tuple[Build, list[Reading]]]) -> None:
    for build, sets in readings.values():
        errors = [abs(calibration.error(r, build)) for r in sets]
        assert statistics.median(errors) <= (1.0 if build.allocator == "libc" else 0.1)


@pytest.mark.parametrize("family", ["redis-7.0", "redis-7.4", "redis-8.10", "valkey-9.1"])
@pytest.mark.parametrize("allocator", ["jemalloc-q8", "jemalloc-q16", "libc"])
def test_a_wrong_layout_is_found_out_and_brought_under_two_per_cent(
    readings: dict[str, tuple[Build, list[Reading]]], family: str, allocator: str
) -> None:
    for build, sets in readings.values():
        start = wrongly(build, family, allocator)
        if (start.layout.family, start.allocator) == (build.layout.family, build.allocator):
            continue
        found = calibration.calibrate(sets, start)
        assert found.before_median > 0.3 or found.before_worst > 2
        assert found.changed
        assert found.build.allocator == build.allocator
        assert off(found, sets) < 2
        assert found.after_median < 2


def test_a_build_that_no_layout_was_read_from_is_fitted_and_what_remains_is_said(
    readings: dict[str, tuple[Build, list[Reading]]],
) -> None:
    for build, sets in readings.values():
        others = [name for name in layout.families() if name != build.layout.family]
        start = wrongly(build, "redis-8.10", build.allocator)
        found = calibration.calibrate(sets, start, families=others, allocators=(build.allocator,))
        assert found.changed
        assert off(found, sets) < 2 < off(replace(found, build=start), sets)
        if found.after_worst > calibration.SET_TOLERANCE.get(build.allocator, 2.0):
            assert any("still" in line for line in found.not_fitted)


def test_what_was_fitted_is_told_as_text_and_as_json(readings: dict[str, tuple[Build, list[Reading]]]) -> None:
    build, sets = next(iter(readings.values()))
    found = calibration.calibrate(sets, wrongly(build, "valkey-9.1", "libc"), doubt="nobody knows this version")
    told = json.loads(json.dumps(found.as_json()))
    assert told["calibrated"] is (build.layout.family != "valkey-9.1" or build.allocator != "libc")
    assert told["fitted"]
    assert told["error_after_percent"]["median"] < 2
    assert "nobody knows this version" in found.text()
    assert all(line in found.text() for line in found.fitted)


def test_readings_that_drown_in_noise_change_nothing(readings: dict[str, tuple[Build, list[Reading]]]) -> None:
    for build, sets in readings.values():
        noisy = calibration.calibrate(sets, build, noise=20_000.0, force=True)
        assert not noisy.build.corrections
        assert any("noise" in line for line in noisy.not_fitted)


def test_a_correction_reaches_every_prediction() -> None:
    build = layout.build("7.0.15")
    probe = next(p for p in calibration.probes() if p.load.shape.type == "hash")
    plain = calibration.Reading(probe.load.shape, False, 0, 0, 1.0)
    more = replace(build, corrections={"hash listpack": Correction(10.0, 2.0)})
    grown = calibration.predicted(plain, more) - calibration.predicted(plain, build)
    assert grown == pytest.approx((10 + 2 * probe.load.shape.n_elem) * probe.load.shape.n_keys)


def test_predictions_after_a_calibration_use_what_it_found(own_server: Server) -> None:
    build = live.build_of(own_server)
    try:
        live.remember(own_server, replace(build, corrections={"hash listpack": Correction(16.0)}))
        assert live.build_of(own_server).corrections["hash listpack"].per_key == 16
        assert live.build_of(own_server).settings == build.settings
    finally:
        live.remember(own_server, None)
    assert not live.build_of(own_server).corrections


def test_a_users_server_is_left_as_it_was(own_server: Server) -> None:
    with own_server.client() as client:
        client.set("theirs", "value")
        before = set(client.scan_iter())
        found = calibrating.at(own_server.secret_url)
        assert set(client.scan_iter()) <= before  # other keys may have come to their end meanwhile
        assert client.get("theirs") == b"value"
        client.delete("theirs")
    assert found.start.layout.family == live.build_of(own_server).layout.family


def test_a_server_that_is_not_there_gets_one_line() -> None:
    with pytest.raises(ServerError, match="can't reach"):
        calibrating.at("redis://127.0.0.1:1")
