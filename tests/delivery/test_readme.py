"""README.md: who follows it word for word has users with passwords, the library loaded, and a first session that ran."""

import asyncio
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from redis_plan import server
from redis_plan.keyspace import functions
from redis_plan.rig import hall
from redis_plan.rig.member import Member
from redis_plan.server import Server
from tests.delivery import made, node
from tests.delivery.test_access import OPEN

SAID = "ok duplicate live 2 x"


@pytest.fixture(scope="module")
def url(sample: made.Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server whose configuration, users and library came about as the README says."""
    folder = made.write(sample.artefacts, tmp_path_factory.mktemp("etc"))
    script = made.block(sample.text("README.md"), "sh", "for user")
    subprocess.run(["bash", "-euc", script], cwd=folder, check=True)
    kept = folder / "passwords.new"
    assert kept.stat().st_mode & 0o077 == 0
    secrets = dict(line.split() for line in kept.read_text().splitlines())
    assert sorted(secrets) == ["admin", "app", "monitor", "worker"]
    named = re.search(r"`(sed -i [^`]+ redis\.conf)`", sample.text("README.md"))
    assert named
    subprocess.run(["bash", "-euc", named[1]], cwd=folder, check=True)
    users, configuration = folder / "users.acl", folder / "redis.conf"
    assert f"\naclfile {users}\n" in configuration.read_text("utf-8")
    delivered, port = users.read_text(), server.free_port()
    users.write_text(OPEN + delivered.partition("\n")[2])  # default stays on for the test's own connection
    with server.open_own({"port": str(port), "include": str(configuration)}) as live:
        admin = live.client(username="admin", password=secrets["admin"])
        admin.function_load((folder / "functions.lua").read_text("utf-8"), replace=True)
        yield f"redis://app:{secrets['app']}@127.0.0.1:{port}"


@pytest.mark.skipif(not shutil.which("redis-cli"), reason="needs redis-cli")
def test_the_library_is_loaded_compared_and_a_refusal_is_told_as_the_readme_says(
    sample: made.Project, fresh: Server, tmp_path: Path
) -> None:
    load, compare = re.findall(r"`(REDISCLI_AUTH[^`]+FUNCTION[^`]+)`", sample.text("README.md"))
    client = fresh.client()
    client.execute_command("ACL", "SETUSER", "admin", "on", ">pw", "~*", "&*", "+@all")
    on = f'redis-cli() {{ command redis-cli -s {fresh.address[1]} "$@"; }}\n'
    made.write(sample.artefacts, tmp_path)

    def ends(script: str) -> int:
        environment = {**os.environ, "ADMIN_PASSWORD": "pw"}
        run = ["bash", "-uo", "pipefail", "-c", on + script]
        return subprocess.run(run, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, check=False).returncode

    client.function_flush()
    assert ends(compare) == 1
    assert ends(load) == 0
    assert ends(compare) == 0
    client.function_load("#!lua name=mine\nredis.register_function('mine', function() return 1 end)")
    (tmp_path / "functions.lua").write_text(
        "#!lua name=theirs\nredis.register_function('mine', function() return 2 end)"
    )
    assert ends(load) == 1
    assert client.fcall("mine", 0) == 1
    assert ends(compare) == 1
    client.function_flush()


def said(command: list[str], folder: Path, url: str) -> str:
    """Run the first lines; return what they printed."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "REDIS_URL": url}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_the_first_lines_in_python_run_as_they_stand(sample: made.Project, url: str, tmp_path: Path) -> None:
    made.write(sample.artefacts, tmp_path)
    (tmp_path / "first.py").write_text(made.block(sample.text("README.md"), "python"), "utf-8")
    assert said([sys.executable, "first.py"], tmp_path, url) == SAID
    assert f"`{SAID}`" in sample.text("README.md")


def test_the_gateway_runs_as_it_stands_with_the_rights_of_the_application(
    sample: made.Project, url: str, tmp_path: Path
) -> None:
    made.write(sample.artefacts, tmp_path)
    client = made.client_module(tmp_path, "gateway")
    operations = client.Operations(redis.Redis.from_url(url), client.Keys("prod"))
    operations.create("k3v9")
    script = made.block(sample.text("README.md"), "sh", "pip install")
    command = next(line for line in script.splitlines() if line.startswith("python ")).partition("#")[0]
    assert "127.0.0.1:8080" in command
    words = [sys.executable, *command.replace("8080", "0").split()[1:]]
    environment = {**os.environ, "REDIS_URL": url, "GATEWAY_SECRET": hall.SECRET}
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = process.stdout.readline().strip().rpartition(":")[2]
        member = Member([f"ws://127.0.0.1:{port}/"], hall.signed("k3v9", "ann"), random.Random(1))

        async def story() -> str:
            life = asyncio.create_task(member.live())
            status = await asyncio.wait_for(member.act("op-1", "renamed", {"title": "x"}), 20)
            member.stop()
            await life
            return status

        status = asyncio.run(story())
        process.terminate()
    assert (status, process.returncode) == ("ok", 0)
    state = operations.client.hgetall(operations.keys.state("k3v9"))
    assert state[b"title"] == b"x"


@pytest.mark.parametrize("library", node.LIBRARIES)
def test_the_first_lines_in_typescript_run_as_they_stand(url: str, library: str, programs: Path) -> None:
    assert said(["node", "first.js"], programs / library, url) == SAID


def test_only_a_project_with_sessions_has_first_lines_of_one(project: made.Project) -> None:
    readme = project.text("README.md")
    assert ("## First lines" in readme) == (not functions.missing(project.keyspace))
