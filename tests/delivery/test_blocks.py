"""Every block that a team copies out of README.md and walkthrough.md runs as its user, in every project."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from redis_plan import server
from redis_plan.chapters.naming import appendix
from redis_plan.chapters.naming.findings import Naming
from redis_plan.delivery import acl, bundle, timekeeping, walkthrough
from redis_plan.keyspace import functions, naming
from redis_plan.server import Server
from tests.conftest import BINARIES
from tests.delivery import made
from tests.delivery.test_gateway_places import board
from tests.delivery.test_readme import SAID

IN_TURN = Path(__file__).parent / "survivors" / "in_turn.py"
#: What a shell makes of the commands of a block: each word, and after a command a mark.
LISTED = "redis-cli() { printf '%s\\0' \"$@\"; printf '\\036'; }\n"


@pytest.fixture(scope="module")
def every(documents: Path) -> list[made.Project]:
    """Every project as a build delivers it, and one whose channels are sharded."""
    return [*(made.acting(name, documents) for name in made.PROJECTS), board("sharded-pubsub")]


@pytest.fixture(scope="module")
def ours(every: list[made.Project], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of those with sessions, whose files run."""
    root = tmp_path_factory.mktemp("every")
    return {p.name: made.write(p.artefacts, root / p.name) for p in every if not functions.missing(p.keyspace)}


def heard(script: str) -> list[list[str]]:
    """Return the words of each redis-cli in ``script``, as bash makes them."""
    done = subprocess.run(["bash", "-uc", LISTED + script], capture_output=True, text=True, check=True)
    return [command.split("\0")[:-1] for command in done.stdout.split("\036")[:-1]]


def test_a_shell_takes_each_word_as_it_is() -> None:
    words = ["*", "~", ">", "$HOME", "it's `x` $5", "a|b", "#x", "", "ann#c1", "{a,b}", "{k3v9}", "a b", '{"a":"ü"}', "<until>", "-x", "!1"]  # fmt: skip
    assert heard(f"redis-cli {walkthrough.shell(words)}") == [words]


def test_the_blocks_of_every_walkthrough_are_its_steps_where_a_shell_reads_them(every: list[made.Project]) -> None:
    """And the steps of every project run as its users: tests/delivery/test_odd.py."""
    for project in every:
        walk = walkthrough.steps(project.brief, project.keyspace)
        told = ({"step": s.name, "says": s.says, "user": s.user, "command": walkthrough.shell(s.command), "reply": "", "keys": []} for s in walk)  # fmt: skip
        text = bundle.walkthrough(project.brief, project.keyspace, bundle.Walked(tuple(told), "a server"))
        blocks = "".join(re.findall(r"```sh\n(.+?)```", text, re.DOTALL))
        assert heard(blocks) == [["--user", s.user, *s.command] for s in walk], project.name


def test_what_every_project_says_in_the_same_words_is_tried_once(every: list[made.Project]) -> None:
    """Passwords, drift check and first lines in TypeScript: tests/delivery/test_readme.py and tests/chapters/test_keys.py run them."""
    same: dict[str, set[str]] = {"passwords": set(), "drift": set(), "typescript": set()}
    for project in every:
        readme = project.text("README.md")
        same["passwords"].add(made.block(readme, "sh", "for user"))
        names = appendix.names(project.brief, project.keyspace, Naming.of({}))
        same["drift"].add(made.block(names, "python", "import json, re, sys"))
        if not functions.missing(project.keyspace):
            first = made.block(readme, "typescript")
            plain = re.sub(r"^const signals = .+\n|, signals(?= })|, signals(?=, sharded)|, sharded: true", "", first, flags=re.MULTILINE)  # fmt: skip
            same["typescript"].add(plain.replace(', probe: keys.probe("gw-1")', ""))
    assert {name: len(texts) for name, texts in same.items()} == dict.fromkeys(same, 1), same


@pytest.mark.skipif(not shutil.which("redis-cli"), reason="needs redis-cli")
def test_every_library_is_loaded_and_compared_as_its_readme_says(fresh: Server, ours: dict[str, Path]) -> None:
    client: Any = fresh.client(decode_responses=True)
    client.execute_command("ACL", "SETUSER", "admin", "on", ">pw", "~*", "&*", "+@all")
    script = f'redis-cli() {{ command redis-cli -s {fresh.address[1]} "$@"; }}\nset -o pipefail\n'
    client.function_flush()
    for folder in ours.values():
        load, compare = re.findall(r"`(REDISCLI_AUTH[^`]+FUNCTION[^`]+)`", (folder / "README.md").read_text("utf-8"))
        script += f"cd '{folder}'\n! {compare} >/dev/null && {load} && {compare} || exit 1\n"
    done = subprocess.run(["bash", "-uc", script], env={**os.environ, "ADMIN_PASSWORD": "pw"}, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(client.function_list()) == len(ours)
    client.function_flush()


@pytest.fixture(scope="module")
def homes(every: list[made.Project], ours: dict[str, Path]) -> Iterator[dict[str, tuple[made.Project, Server]]]:
    """A server for each project, every second one of the same build, with its library; its users' names begin with its own."""
    with ExitStack() as held:
        live = [held.enter_context(closing(server.start_with(binary, {"port": "auto"}))) for binary in BINARIES]
        found = {}
        for number, project in enumerate(p for p in every if p.name in ours):
            home = live[number % len(live)]
            home.client().function_load((ours[project.name] / "functions.lua").read_text("utf-8"))
            for user in acl.users(project.keyspace):
                name = f"{project.keyspace.app}-{user.name}"
                home.client().execute_command("ACL", "SETUSER", name, "reset", "on", ">pw", *user.rules)
            found[project.name] = (project, home)
        yield found


def url(project: made.Project, home: Server, role: str) -> str:
    return f"redis://{project.keyspace.app}-{role}:pw@127.0.0.1:{home.address[-1]}"


def in_turn(programs: list[tuple[Path, dict[str, str], list[str], float]]) -> list[list[str]]:
    """Return what each printed; nothing may be warned of."""
    words = [[str(folder), environment, command, seconds] for folder, environment, command, seconds in programs]
    done = subprocess.run(
        [sys.executable, str(IN_TURN), json.dumps(words)], env={**os.environ, "PYTHONPATH": ""},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_first_lines_gateway_and_worker_of_every_project_run_as_its_users(
    homes: dict[str, tuple[made.Project, Server]], ours: dict[str, Path]
) -> None:
    """First a session from its creation to its end; then the worker finds it due, has it kept and hands it over."""
    first, gateways, workers = [], [], []
    for name, (project, home) in homes.items():
        (ours[name] / "first.py").write_text(made.block(project.text("README.md"), "python"), "utf-8")
        as_app = {"REDIS_URL": url(project, home, "app"), "GATEWAY_SECRET": "of this run"}
        first.append((ours[name], as_app, ["first.py"], 0.0))
        served = re.findall(
            r"^python (redis_plan_serve\.py) 127\.0\.0\.1:8080 ", project.text("README.md"), re.MULTILINE
        )
        gateways.append((ours[name], as_app, [*served, "127.0.0.1:0"], 0.0))
        if timekeeping.works(project.keyspace):
            worked = re.findall(r"^python (redis_plan_duties\.py) ", project.text("README.md"), re.MULTILINE)
            workers.append((ours[name], {"REDIS_URL": url(project, home, "worker")}, worked, 0.3))
    assert in_turn(first) == [[SAID]] * len(first)
    ended = {}
    for name, (project, home) in homes.items():
        client: Any = home.client(decode_responses=True)
        template = project.keyspace.pattern("state").template
        (state,) = (k for k in client.scan_iter(count=1000) if naming.parse(template, k) is not None)
        ended[name] = client, state
        due = project.keyspace.use("due")
        if timekeeping.works(project.keyspace) and due:
            session = naming.parse(template, state)["session_id"]  # type: ignore[index]
            bucket = f"{naming.slot(session) % 16:02d}"
            client.zadd(naming.render(due.template, bucket=bucket), {f"{session}:idle": 1})
    assert [said[0].rpartition(":")[0] for said in in_turn(gateways)] == ["listening on 127.0.0.1"] * len(gateways)
    assert in_turn(workers) == [["working"]] * len(workers)
    kept = {name: client.hget(state, "status") for name, (client, state) in ended.items()}
    works = {name for name, (project, _) in homes.items() if timekeeping.works(project.keyspace)}
    assert {name for name, status in kept.items() if status == "handed_over"} == works, kept
