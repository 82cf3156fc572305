"""A backup and its restore as the plan says it, step by step, with the delivered configuration, functions and users."""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from redis_plan import server
from redis_plan.chapters.recovery import appendix
from redis_plan.delivery import acl
from redis_plan.delivery.configuration import Target, redis_conf
from redis_plan.server import Binary, Server
from tests.conftest import BINARIES
from tests.delivery import made
from tests.delivery.playing import until

SESSIONS = ("s0", "s1", "s2")


@pytest.fixture(params=BINARIES, ids=lambda binary: binary.id)
def binary(request: pytest.FixtureRequest) -> Binary:
    found: Binary = request.param
    return found


@pytest.fixture
def conf(binary: Binary, sample: made.Project, tmp_path: Path) -> Path:
    path = tmp_path / "redis.conf"
    path.write_text(redis_conf(sample.brief, sample.settings, Target(binary.product, binary.version), sample.names))
    return path


@contextmanager
def started(binary: Binary, folder: Path, conf: Path, **more: str) -> Iterator[Server]:
    """Start a server with the file on a folder of data; ``more`` as it stands on the command line."""
    folder.mkdir(exist_ok=True)
    given = tuple(word for name, value in more.items() for word in (f"--{name}", value))
    with closing(
        server.start_with(binary, {"include": str(conf), "dir": str(folder), "appendonly": "yes"}, given)
    ) as live:
        yield live


def operations(module: Any, client: Any) -> Any:
    return module.Operations(client, module.Keys("prod"))


def test_a_backup_is_restored_as_the_plan_says_and_every_client_takes_a_snapshot(
    binary: Binary, conf: Path, sample: made.Project, sample_folder: Path, generated: Any, tmp_path: Path
) -> None:
    plan = appendix.versions(sample.brief, sample.keyspace)
    for step in ("BGSAVE", "dump.rdb", "redis.conf --appendonly no", "CONFIG SET appendonly yes", "session_renew"):
        assert f"`{step}`" in plan
    with started(binary, tmp_path / "lost", conf) as live:
        admin = live.client(decode_responses=True)
        admin.function_load(sample.text("functions.lua"))
        ours = operations(generated, admin)
        for session in SESSIONS:
            ours.create(session)
            ours.apply(session, "named", {}, fields={"title": "kept"})
        admin.bgsave()
        until(lambda: not admin.info("persistence")["rdb_bgsave_in_progress"], "the copy is never written")
        copy = shutil.copy(tmp_path / "lost" / "dump.rdb", tmp_path)
        ours.apply("s0", "named", {}, fields={"title": "lost"})
        before = ours.catch_up("s0", "", 0)

    with started(binary, folder_with(copy, tmp_path / "trap"), conf) as live:
        assert not live.client().dbsize()  # the trap that the plan names

    folder = folder_with(copy, tmp_path / "restored")
    with started(binary, folder, conf, appendonly="no") as live:
        admin: Any = live.client(decode_responses=True)
        admin.config_set("appendonly", "yes")
        user = next(user for user in acl.users(sample.keyspace) if user.name == "worker")
        admin.execute_command(*user.command(made.PASSWORD))
        worker = live.client(decode_responses=True, username="worker", password=made.PASSWORD)
        renewing, states = operations(generated, worker), generated.Keys("prod").state("*").replace("%2A", "*")
        found = sorted(key.partition("{")[2].partition("}")[0] for key in worker.scan_iter(states))
        assert found == list(SESSIONS)
        assert [renewing.renew(session).status for session in found] == ["renewed"] * 3
        until(lambda: not admin.info("persistence")["aof_rewrite_in_progress"], "the append-only file is never written")

    with started(binary, folder, conf) as live:  # and the next start is one like any other
        ours = operations(generated, live.client(decode_responses=True))
        caught = ours.catch_up("s0", before.epoch, before.version)
        assert (caught.kind, caught.state["title"]) == ("snapshot", "kept")
        assert ours.apply("s0", "named", {}, fields={"title": "on"}).status == "ok"


def folder_with(copy: str, folder: Path) -> Path:
    folder.mkdir()
    shutil.copy(copy, folder)
    return folder
