"""What keeps clients in sync, as files: the rule and its connections in Python and TypeScript, and the project's periods."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from types import ModuleType

from redis_plan.actions import catalog
from redis_plan.brief.model import Brief
from redis_plan.delivery import (
    clients,
    redis_plan_deadlines,
    redis_plan_gateway,
    redis_plan_sync,
    redis_plan_sync_cluster,
    redis_plan_sync_driver,
    redis_plan_websocket,
    redis_plan_worker,
    snapshot_clients,
    snapshots,
    timekeeping,
)
from redis_plan.delivery.artefact import Artefact, plain, render
from redis_plan.delivery.spelling import camel, snake
from redis_plan.keyspace import functions, naming, periods
from redis_plan.keyspace.model import Keyspace
from redis_plan.resources import catalog_dir

PYTHON, PYTHON_DRIVER, PYTHON_PERIODS = "redis_plan_sync.py", "redis_plan_sync_driver.py", "redis_plan_periods.py"
PYTHON_CLUSTER, PYTHON_WORKER = "redis_plan_sync_cluster.py", "redis_plan_worker.py"
PYTHON_DUTIES, PYTHON_DEADLINES = "redis_plan_duties.py", "redis_plan_deadlines.py"
PYTHON_WEBSOCKET, PYTHON_GATEWAY, PYTHON_SERVE = (
    "redis_plan_websocket.py",
    "redis_plan_gateway.py",
    "redis_plan_serve.py",
)
TYPESCRIPT_CLUSTER = "redis-plan-sync-cluster.ts"
TYPESCRIPT, TYPESCRIPT_DRIVER, TYPESCRIPT_PERIODS = (
    "redis-plan-sync.ts",
    "redis-plan-sync-driver.ts",
    "redis-plan-periods.ts",
)


#: A change may have so many times the bytes of the usual event, and never fewer than the second, nor more than the third, which
#: is all that the functions take as JSON: a drawing is larger than a click, and 200 of them are kept for each session.
CHANGE_TIMES, LEAST_CHANGE, MOST_CHANGE = 64, 1 << 14, 1 << 18


def python_sync() -> str:
    """Return the rule in Python: the very module that the experiments import."""
    return Path(redis_plan_sync.__file__).read_text("utf-8")


def python_driver() -> str:
    """Return the connections in Python: the same module but for the place of the rule."""
    return _beside(redis_plan_sync_driver)


def python_cluster() -> str:
    """Return the drivers of a cluster in Python."""
    return _beside(redis_plan_sync_cluster)


def _beside(module: ModuleType) -> str:
    """Return a module of ours as a file beside the others that it imports, which are no package then."""
    text = Path(str(module.__file__)).read_text("utf-8")
    package = module.__name__.rpartition(".")[0]
    above = text.partition(f"\n\nfrom {package}.")[0].rpartition("\n")[2].split()
    if (
        len(above) > 1 and above[1].partition(".")[0] not in sys.stdlib_module_names
    ):  # they sort with other libraries then
        text = text.replace(f"\n\nfrom {package}.", f"\nfrom {package}.", 1)
    return text.replace(f"from {package}.", "from ")


def typescript_sync() -> str:
    """Return the rule in TypeScript: without imports, so that a browser takes it too."""
    return (catalog_dir() / "delivery" / TYPESCRIPT).read_text("utf-8")


def typescript_cluster() -> str:
    """Return the drivers of a cluster in TypeScript, for both libraries."""
    return (catalog_dir() / "delivery" / TYPESCRIPT_CLUSTER).read_text("utf-8")


def typescript_driver(library: clients.Library) -> str:
    """Return the connections in TypeScript, for ``library``."""
    return render("redis-plan-sync-driver.ts.j2", library=library)


def excerpt(path: str) -> str:
    """Return what decides in the rule, as it stands in the delivered file ``path``: one envelope, one position."""
    text = typescript_sync() if path == TYPESCRIPT else python_sync()
    opening, closing = (
        ("  /** Takes one published", "  /** Takes the answer")
        if path == TYPESCRIPT
        else ("    def receive", "    def caught_up")
    )
    return textwrap.dedent(text[text.index(opening) : text.index(closing)]).rstrip()


def retrying(path: str) -> str:
    """Return how a call with an unknown outcome is sent again, as it stands in the delivered file ``path``."""
    if path == TYPESCRIPT_DRIVER:
        text, opening, closing = (
            typescript_driver("node-redis"),
            "/**\n * Sends a call again",
            "/**\n * The commands' connection",
        )
    else:
        text, opening, closing = python_driver(), "async def persist", "class Link"
    return text[text.index(opening) : text.index(closing)].rstrip()


def timing(brief: Brief) -> redis_plan_sync_driver.Timing:
    """Return the periods that the project's driver keeps to."""
    names = ("command", "beacon", "probe", "gateway_backoff", "gateway_backoff_cap")
    return redis_plan_sync_driver.Timing(*(periods.seconds(brief, name) for name in names))


def periods_file(brief: Brief, keyspace: Keyspace, template: str) -> str:
    """Return the project's periods as constants; ``template`` is of the catalog's ``delivery/``."""
    found = [
        {
            "name": p.name,
            "about": textwrap.wrap(
                plain(f"{p.says[:1].upper()}{p.says[1:]}: {p.because} ({p.grade}: {p.formula})."), 100
            ),
            "value": f"{p.seconds:g}" if p.seconds % 1 else f"{p.seconds:.1f}",
            "ms": p.ms,
        }
        for p in periods.periods(brief).values()
        if p.in_clients
    ]
    return render(template, title=plain(brief.title), session=not functions.missing(keyspace), periods=found)


def most_change(brief: Brief) -> int:
    """Return how many bytes a change may have that a browser sends."""
    return int(min(MOST_CHANGE, max(LEAST_CHANGE, CHANGE_TIMES * brief.value("payload_bytes"))))


def signals(keyspace: Keyspace) -> tuple[tuple[str, str], ...]:
    """Return the channels of a session that carry signals, as ``Keys`` names them in Python and in TypeScript.

    One that has further ids in its name is none: who follows a session knows its id alone.
    """
    return tuple(
        (snake(p.name), camel(p.name))
        for p in keyspace.channels
        if p.use == "typing"
        and p.scope == "session"
        and set(naming.placeholders(p.template)) - {"env"} == {"session_id"}
    )


def _serve(brief: Brief, keyspace: Keyspace) -> str:
    probe = keyspace.use("probe") is not None
    shown = snapshots.parts(keyspace)
    sharded = any(p.sharded for p in keyspace.channels)
    doors = {name: snake(action.name) for name, action in snapshot_clients.entrances(keyspace).items()} if shown else {}
    hears = ", ".join(f"keys.{name}" for name, _ in signals(keyspace))
    bans = any(effect.name == "ban" for action in keyspace.actions for effect in catalog.kind_of(action).effects)
    return render(
        "serve.py.j2", title=plain(brief.title), environment=naming.ENVIRONMENT, probe=probe, seen=bool(shown), sharded=sharded,
        of_round=any(part.of_round for part in shown), entrances=doors, bans=bans, hears=f', "signals": [{hears}]' * bool(hears), most_change=most_change(brief),
        works=timekeeping.works(keyspace), **timekeeping.names(keyspace),
    )  # fmt: skip


def _duties(brief: Brief, keyspace: Keyspace) -> str:
    return render(
        "duties.py.j2", title=plain(brief.title), environment=naming.ENVIRONMENT,
        sharded=any(p.sharded for p in keyspace.channels), **timekeeping.names(keyspace),
    )  # fmt: skip


def artefacts(brief: Brief, keyspace: Keyspace) -> tuple[Artefact, ...]:
    """Return the files of a project whose sessions are kept in sync; none for another."""
    if functions.missing(keyspace):
        return ()
    library = clients.library_for(brief)
    sharded = any(p.sharded for p in keyspace.channels)
    worker = (
        Artefact(PYTHON_WORKER, _beside(redis_plan_worker), "a worker: due deadlines, sweeps, results handed over"),
        Artefact(PYTHON_DUTIES, _duties(brief, keyspace), "the worker as a process, to start from"),
        Artefact(PYTHON_DEADLINES, _beside(redis_plan_deadlines), "what a gateway tells the worker: when it must look"),
    )
    cluster = Artefact(PYTHON_CLUSTER, python_cluster(), "feeds SyncClient from the primaries of a cluster")
    return (
        Artefact(PYTHON, python_sync(), "SyncClient without I/O, for Python"),
        Artefact(PYTHON_DRIVER, python_driver(), "feeds SyncClient from redis.asyncio"),
        *([cluster] if sharded else []),
        Artefact(PYTHON_WEBSOCKET, _beside(redis_plan_websocket), "a member's WebSocket and its words, for picows"),
        Artefact(PYTHON_GATEWAY, _beside(redis_plan_gateway), "a gateway: rooms, catch-up, presence, slow clients"),
        *(worker if timekeeping.works(keyspace) else ()),
        Artefact(PYTHON_SERVE, _serve(brief, keyspace), "the gateway as a process, to start from"),
        Artefact(PYTHON_PERIODS, periods_file(brief, keyspace, "periods.py.j2"), "every period with its reason"),
        Artefact(TYPESCRIPT, typescript_sync(), "SyncClient without I/O, for the browser and the gateway"),
        Artefact(TYPESCRIPT_DRIVER, typescript_driver(library), f"feeds SyncClient from {library}"),
        *(
            [Artefact(TYPESCRIPT_CLUSTER, typescript_cluster(), "feeds SyncClient from the primaries of a cluster")]
            if sharded
            else []
        ),
        Artefact(TYPESCRIPT_PERIODS, periods_file(brief, keyspace, "periods.ts.j2"), "every period with its reason"),
    )
