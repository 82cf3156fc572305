"""redis.conf: every build starts with the file made for it, and nothing in it is a default."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from redis_plan import server
from redis_plan.delivery.configuration import Target, choose, redis_conf
from redis_plan.server import Binary
from tests.conftest import BINARIES
from tests.delivery import made


def target(binary: Binary) -> Target:
    return Target(binary.product, binary.version)


@pytest.mark.parametrize("binary", BINARIES, ids=lambda binary: binary.id)
def test_the_server_starts_with_the_file_and_every_line_is_in_force(
    binary: Binary, sample: made.Project, tmp_path: Path
) -> None:
    text = redis_conf(sample.brief, sample.settings, target(binary), sample.names)
    (tmp_path / "redis.conf").write_text(text)
    live = server.start_with(binary, {"include": str(tmp_path / "redis.conf")})
    try:
        for setting in choose(sample.settings, target(binary)).kept:
            (seen,) = live.client(decode_responses=True).config_get(setting.name).values()
            assert setting.value == seen or setting.value in seen, setting.name
    finally:
        live.close()


@pytest.mark.parametrize("binary", BINARIES, ids=lambda binary: binary.id)
def test_the_defaults_that_the_catalog_knows_are_those_of_the_server(binary: Binary, sample: made.Project) -> None:
    live = server.start_with(binary)
    try:
        for setting in sample.settings:
            if setting.name in ("save", "appendonly"):  # set for every server of our own
                continue
            (seen,) = live.client(decode_responses=True).config_get(setting.name).values()
            default = dict(setting.defaults)[binary.product]
            assert seen == default or default in seen, setting.name
    finally:
        live.close()


def test_nothing_in_the_file_is_a_default_and_what_is_left_out_says_why(project: made.Project) -> None:
    for product, version in (("redis", "7.0.15"), ("redis", "8.2.0"), ("valkey", "9.1.2")):
        chosen = choose(project.settings, Target(product, version))
        assert all(dict(s.defaults)[product] != s.value for s in chosen.kept)
        assert len(chosen.kept) + len(chosen.left_out) == len(project.settings)
        assert all(why for _, why in chosen.left_out)


def test_a_directive_that_a_version_does_not_know_is_left_out(sample: made.Project) -> None:
    old = redis_conf(sample.brief, sample.settings, Target("redis", "6.2.14"), sample.names)
    assert "\nmaxmemory-clients " not in old
    assert "maxmemory-clients 57671680: unknown to Redis 6.2.14, known since 7.0" in " ".join(old.split())


def test_every_line_has_its_reason_and_every_formula_its_numbers(sample: made.Project) -> None:
    lines = sample.text("redis.conf").splitlines()
    for number, line in enumerate(lines):
        if line and not line.startswith("#"):
            assert lines[number - 1].startswith("#"), line
    assert "sync_latency = 2 s (prd.md:9)" in sample.text("redis.conf")


def test_the_same_numbers_give_the_same_bytes(sample: made.Project) -> None:
    again = made.Project(sample.name, replace(sample.brief), sample.keyspace)
    assert sample.artefacts == again.artefacts


def test_only_the_line_that_names_the_users_begins_with_aclfile(project: made.Project) -> None:
    """Who takes the # off with sed or by eye finds one line, not a sentence that happens to begin so."""
    found = re.findall(r"^#? *aclfile.*$", project.text("redis.conf"), re.MULTILINE)
    assert found == ["# aclfile /etc/redis/users.acl"]
