"""Section 9 in words: errors, backoff, degraded modes, versions that go back; and what persistence costs and keeps."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd

from redis_plan import resources, units
from redis_plan.brief.model import Brief
from redis_plan.chapters.recovery.degraded_text import degraded
from redis_plan.chapters.recovery.findings import Convergence, Recovery
from redis_plan.delivery import library, syncing
from redis_plan.keyspace import functions, periods
from redis_plan.keyspace.model import Keyspace
from redis_plan.rig.session import rules
from redis_plan.words import words
from redis_plan.words.sync_common import is_scripted

SURVIVAL_ALT = (
    "Bars of acknowledged changes by persistence, with narrower bars of changes present after SIGKILL and "
    "restart: equal with a file, none without."
)


def errors() -> list[dict[str, Any]]:  # Any: TOML
    """Return every error of the catalog, in its order."""
    table: list[dict[str, Any]] = resources.catalog("errors.toml")["error"]
    return table


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


#: Replies that only replicas, several primaries or long scripts give.
_OF_MANY = (
    "MASTERDOWN",
    "NOREPLICAS",
    "BUSY",
    "WRONGTYPE in a script that writes first",
    "CLUSTERDOWN",
    "CROSSSLOT",
    "MOVED, ASK, TRYAGAIN",
)


def error_table(
    found: Recovery, samples: pd.DataFrame, sessions: bool = True, small: bool = False, scripted: bool = True
) -> str:
    """Return each error with the text seen, whether anything was written, and what to do.

    ``small``: of one instance. ``scripted``: with those of functions.
    """
    seen = {} if samples.empty else samples.fillna("").set_index("fault").to_dict("index")
    rows = []
    for error in errors():
        action = error["action"] if sessions else error.get("without_sessions", error["action"])
        if small and error["code"] in _OF_MANY:
            continue
        if error.get("needs") == "functions" and not scripted:
            continue
        row = seen.get(error["fault"], {})
        text = str(row.get("text", ""))
        shown = f"`{_cell(text[:88])}{'…' if len(text) > 88 else ''}`" if text else "not provoked"
        wrote = "–" if not text else "**yes**" if int(row.get("written", 0)) else "no"
        rows.append(f"| {_cell(error['code'])} | {shown} | {wrote} | {error['class']} | {_cell(action)} | {_cell(error['user'])} | {_cell(error['alert'])} |")  # fmt: skip
    faults = found.replies
    head = (
        f"The replies were provoked one by one on a server of this build: {faults.seen.linked} of {faults.seen.n} seen; "
        f"{'`session_end`' if sessions else 'a deletion'} with memory full: {'works' if faults.end_under_oom.value else 'refused'} [{faults.id}]. Classes and actions: Redis documentation "
        "(`data/catalog/errors.toml` of redis-plan has the source and version)."
        if faults
        else f"{found.not_run('replies')} Classes and actions are documented (Redis documentation, 2026-08)."
    )
    return "\n".join(
        [
            "### Errors, one by one",
            "",
            head,
            "",
            "| Error | Seen | Anything written | Class | Do | User sees | Alert |",
            "|:--|:--|:--|:--|:--|:--|:--|",
            *rows,
            *(
                [
                    "",
                    "Replicas and clusters have further replies (READONLY is one that a managed failover gives); none changes what to do here.",
                ]
                if small
                else []
            ),
            "",
            "Classes: *retry* with jitter · *wait*: refuse at once meanwhile · *elsewhere*: resolve the topology first · *reload* the function · "
            "*ask*: same operation id, or read the version · *stop*: a fault of ours.",
        ]
    )


def retries(brief: Brief, keyspace: Keyspace) -> str:
    """Return backoff, budget and breaker, in numbers."""
    return words.render(
        "chapters/recovery/retries", brief, keyspace,
        gateway_waits=_waits(brief, "gateway"), client_waits=_waits(brief, "client"),
        idem=0 if functions.missing(keyspace) else rules(brief, keyspace).idem_ttl_s,
    )  # fmt: skip


def _waits(brief: Brief, who: Literal["gateway", "client"]) -> str:
    """Return the longest wait of each of the first tries."""
    return ", ".join(units.write(bound, "s") for bound in periods.backoff(brief, who).waits(8))


def versions(brief: Brief, keyspace: Keyspace) -> str:
    """Return the rules for versions that go back, restores, split brain, poison and rollback."""
    return words.render("chapters/recovery/versions", brief, keyspace)


def reconnection(brief: Brief, keyspace: Keyspace, found: Recovery) -> str:
    """Return the path back after a restart, with measured times."""
    measured = []
    for field, name in (("with_file", "restarted with its file"), ("without_file", "restarted without persistence")):
        back: Convergence | None = getattr(found, field)
        measured.append(
            f"- Server {name}: every client right after {back.convergence.full}, {back.slowest.linked} at the slowest; "
            f"{back.deltas.linked} by delta, {back.snapshots.linked} by snapshot, {back.epoch_changes.linked} saw another epoch, "
            f"{back.wrong.linked} of {back.wrong.n} wrong. A tenth of all deliveries was dropped on purpose."
            if back
            else f"- {name}: {found.not_run(field)}"
        )
    return words.render("chapters/recovery/way_back", brief, keyspace, measured="\n".join(measured))


def cleanup_interrupted(brief: Brief, keyspace: Keyspace) -> str:
    """Return what an interrupted cleanup leaves, and code of the write with an unknown outcome."""
    if functions.missing(keyspace):
        return "### Cleanup interrupted\n\nEach deletion is one command; a worker that dies between two leaves the second key to its TTL."
    keys = functions.session_keys(keyspace, "k3v9", environment="prod")
    scripted = is_scripted(brief)
    path, language = (syncing.TYPESCRIPT_DRIVER, "typescript") if scripted else (syncing.PYTHON_DRIVER, "python")
    return f"""### A write with an unknown outcome, and an interrupted cleanup

From `redis/{path}`; the periods are those of this project:

```{language}
{syncing.retrying(path)}
```

Each of `session_end`, `session_hand_over` and `session_remove` is one step and the same the second time: killed before one, nothing is gone and the worker's next tick goes on from the status; killed after `session_remove`, everything is. Cut between `session_remove` and the removal from an index (`due`, `code`), the index names a session without `{keys["state"]}`: its reader drops the entry."""


def durability(found: Recovery) -> str:
    """Return the table of recovery points by kind of failure (section 8)."""
    lines = [
        "### Durability: what each failure loses",
        "",
        "[figure 08-survival]",
        "",
        "| Failure | appendonly yes, everysec | appendonly yes, always | no persistence | Grade |",
        "|:--|:--|:--|:--|:--|",
    ]
    a = found.survival
    if a is None:
        lines.append(f"| process killed (`kill -9`, OOM killer) | nothing acknowledged | nothing acknowledged | everything | documented (Redis persistence docs); {found.not_run('survival')} |")  # fmt: skip
    else:
        lost = (
            (a.everysec_lost, a.everysec_acked), (a.always_lost, a.always_acked), (a.no_persistence_lost, a.no_persistence_acked)
        )  # fmt: skip
        shares = " | ".join(f"{gone.linked} of {acked:,.0f}" for gone, acked in lost)
        lines.append(f"| process killed (`kill -9`, OOM killer) | {shares} | measured |")
        lines.append(f"| last bytes of the file torn | {a.torn_lost.linked} | as before | – | measured, `aof-load-truncated yes` |")  # fmt: skip
    lines += [
        "| kernel crash, power loss, host gone | the last 1 to 2 s | the command in flight | everything | documented (Redis persistence docs); not measured: a process kill leaves the page cache alone |",
        "| failover to a replica | what was not replicated yet | the same | the same | documented (asynchronous replication) |",
        "| disk lost, data deleted | since the last backup | the same | everything | documented |",
        "",
    ]
    if a:
        lines.append(f"A restart with this small file took {a.restart.linked}; load time grows with the file.")
    return "\n".join(lines)


def section(brief: Brief, keyspace: Keyspace, found: Recovery, samples: pd.DataFrame) -> list[str]:
    """Return section 9 as blocks of Markdown, for a project with sessions or without."""
    parts = [
        error_table(found, samples, not functions.missing(keyspace), brief.fit == "no", bool(library.steps(keyspace))),
        retries(brief, keyspace),
        degraded(brief, keyspace),
    ]
    if not functions.missing(keyspace):
        parts.append(reconnection(brief, keyspace, found))
    return [*parts, versions(brief, keyspace), cleanup_interrupted(brief, keyspace)]
