"""redis.conf: every build starts with the file made for it; it has what the design depends on, and no other default."""

import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from redis_plan import server
from redis_plan.choice.weighing import build_of
from redis_plan.delivery import acl, library
from redis_plan.delivery.configuration import Target, choose, redis_conf
from redis_plan.keyspace import settings
from redis_plan.memory import capacity
from redis_plan.server import Binary
from tests.conftest import BINARIES
from tests.delivery import made
from tests.delivery.test_access import OPEN


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
            assert setting.value == seen or (setting.value and setting.value in seen), setting.name
    finally:
        live.close()


@pytest.mark.parametrize("binary", BINARIES, ids=lambda binary: binary.id)
def test_a_server_starts_with_the_file_and_the_users_of_every_project(
    binary: Binary, documents: Path, tmp_path: Path
) -> None:
    for name in made.PROJECTS:
        project, folder = made.acting(name, documents), tmp_path / name
        folder.mkdir()
        text = redis_conf(project.brief, project.settings, target(binary), project.names)
        (folder / "redis.conf").write_text(text)
        (folder / "users.acl").write_text(OPEN)
        given = {"include": str(folder / "redis.conf"), "aclfile": str(folder / "users.acl")}
        with closing(server.start_with(binary, given)) as live:
            root = live.client(decode_responses=True)
            if functions := library.compose(project.brief, project.keyspace):
                root.function_load(functions)
            users = project.text("users.acl").partition("\n")[2]  # the first line turns off who asks here
            (folder / "users.acl").write_text(OPEN + users)
            assert root.acl_load()
            assert root.acl_users() == sorted(["default", *(user.name for user in acl.users(project.keyspace))])


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


def test_the_file_has_what_the_design_depends_on_and_no_other_default_and_what_is_left_out_says_why(
    project: made.Project,
) -> None:
    for product, version in (("redis", "7.0.15"), ("redis", "8.2.0"), ("valkey", "9.1.2")):
        chosen = choose(project.settings, Target(product, version))
        assert all(dict(s.defaults)[product] != s.value or s.depends for s in chosen.kept)
        assert not [s.name for s, why in chosen.left_out if s.depends and "unknown" not in why]
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


def test_what_the_design_depends_on_is_written_though_it_is_the_default(sample: made.Project) -> None:
    """Included on a managed configuration that evicts, the file must still say that nothing is evicted."""
    lines = sample.text("redis.conf").splitlines()
    assert {"maxmemory-policy noeviction", "appendonly yes", "appendfsync everysec", 'notify-keyspace-events ""'} <= {
        *lines
    }


def test_a_replication_backlog_is_for_a_replica_that_the_documents_name(sample: made.Project) -> None:
    asked = replace(sample.brief.requirements[0], text="A replica in another zone takes over when the primary is gone.")
    with_replica = made.Project("", replace(sample.brief, requirements=(asked,)), sample.keyspace)
    denied = replace(asked, text="One node, no replica: a failover is not needed.")
    without = made.Project("", replace(sample.brief, requirements=(denied,)), sample.keyspace)
    assert "\nrepl-backlog-size " in with_replica.text("redis.conf")
    assert "repl-backlog-size" not in without.text("redis.conf")
    build = build_of("redis", (7, 0, 15))
    budgets = [
        capacity.budget(project.brief, project.keyspace, build, capacity.Constants(), 500)
        for project in (with_replica, without)
    ]
    assert budgets[0].backlog > budgets[1].backlog == 0


@pytest.mark.parametrize("node", [64, 256, 512, 4096])
def test_maxmemory_on_a_stated_node_is_for_as_many_as_the_plan_says_that_it_carries(
    sample: made.Project, node: int
) -> None:
    """A limit below what those need would refuse new sessions, or writes, long before the number that the plan promises."""
    design = (sample.brief, sample.keyspace, build_of("redis", (7, 0, 15)), capacity.Constants())
    chosen = capacity.maxmemory_on(*design, 500, node * 2.0**20)
    carried = min(500, capacity.sessions_within(*design, node * 2.0**20))
    needed = capacity.budget(*design, max(1, carried))
    assert capacity.ADMISSION_SHARE * chosen >= needed.counted
    assert not carried or needed.host <= node * 2**20
    assert chosen <= capacity.budget(*design, 500).maxmemory


def test_the_file_is_rewritten_every_ten_minutes_at_most_unless_a_restart_would_read_it_for_too_long(
    project: made.Project,
) -> None:
    """Each rewrite forks; by the default size it would fork every minute or two. While a file is read nobody is served."""
    chosen = {s.name: s.value for s in project.settings}
    if "auto-aof-rewrite-min-size" in chosen:
        least, written = float(chosen["auto-aof-rewrite-min-size"]), project.names["write_bytes"]
        read_s = least / settings.READ_RATE
        assert read_s <= settings.READ_S + 0.2
        assert settings.rewrite_period(least, 0.0, written) >= 599 or read_s >= settings.READ_S - 0.2


@pytest.mark.parametrize(("rate", "default_s"), [(1e3, 67108), (1e6, 67), (1e7, 6.7)])
def test_the_append_only_file_is_rewritten_as_seldom_as_the_reason_says(rate: float, default_s: float) -> None:
    """A file of 64 MiB over an empty dataset is full after 64 MiB of writes; a dataset as large again has to double."""
    assert settings.rewrite_period(64 * 2**20, 0.0, rate) == pytest.approx(default_s, rel=0.01)
    assert settings.rewrite_period(64 * 2**20, 64 * 2**20, rate) == pytest.approx(default_s, rel=0.01)
    assert settings.rewrite_period(64 * 2**20, 640 * 2**20, rate) == pytest.approx(10 * default_s, rel=0.01)
