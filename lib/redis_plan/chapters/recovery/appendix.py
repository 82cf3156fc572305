"""The texts of section 9 in the appendix: what their templates need beside the design and the findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import pandas as pd

from redis_plan import resources, units
from redis_plan.brief.model import Brief
from redis_plan.chapters.recovery import section
from redis_plan.chapters.recovery.findings import Recovery
from redis_plan.delivery import library, syncing
from redis_plan.keyspace import functions, periods
from redis_plan.keyspace.model import Keyspace
from redis_plan.rig.session import rules
from redis_plan.words import words
from redis_plan.words.sync_common import is_scripted
from redis_plan.words.tables import listed, table

SURVIVAL_ALT = (
    "Bars of acknowledged changes by persistence, with narrower bars of changes present after SIGKILL and "
    "restart: equal with a file, none without."
)
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
#: Characters of an error's text that a cell shows.
_SHOWN = 88


def told(brief: Brief, keyspace: Keyspace, found: Recovery, seen: pd.DataFrame) -> list[str]:
    """Return durability, errors, retries, degraded modes and the way back; ``seen`` are the samples of ``found.replies``."""
    sessions = not functions.missing(keyspace)
    parts = [
        words.render(
            "chapters/recovery/durability",
            brief,
            keyspace,
            found=found,
            file=section.file_bytes(brief, keyspace),
            read=section.read_s(brief, keyspace, found),
        ),
        words.render(
            "chapters/recovery/replies", brief, keyspace, found=found, replies=_replies(brief, keyspace, seen)
        ),
        words.render("chapters/recovery/retries", brief, keyspace, **_retries(brief, keyspace)),
        words.render(
            "chapters/recovery/degraded", brief, keyspace, due=keyspace.use("due") is not None, ways=_ways(keyspace)
        ),
        words.render("chapters/recovery/way_back", brief, keyspace, found=found) if sessions else "",
        versions(brief, keyspace),
        words.render("chapters/recovery/interrupted", brief, keyspace, **_interrupted(brief, keyspace)),
        words.render("chapters/recovery/alone", brief, keyspace, found=found),
    ]
    return [part for part in parts if part]


def versions(brief: Brief, keyspace: Keyspace) -> str:
    """Return the rules for versions that go back, restores, split brain, poison and rollback."""
    return words.render("chapters/recovery/versions", brief, keyspace)


def _replies(brief: Brief, keyspace: Keyspace, seen: pd.DataFrame) -> str:
    """Return each error with the text seen, whether anything was written, and what to do; of one instance the fewer."""
    sessions, scripted = not functions.missing(keyspace), bool(library.steps(keyspace))
    known = {} if seen.empty else seen.fillna("").set_index("fault").to_dict("index")
    rows = []
    for error in section.every_error():
        action = error["action"] if sessions else error.get("without_sessions", error["action"])
        if brief.fit == "no" and error["code"] in _OF_MANY:
            continue
        if error.get("needs") == "functions" and not scripted:
            continue
        row = known.get(error["fault"], {})
        text = str(row.get("text", ""))
        shown = f"`{text[:_SHOWN]}{'…' if len(text) > _SHOWN else ''}`" if text else "not provoked"
        wrote = "–" if not text else "**yes**" if int(row.get("written", 0)) else "no"
        rows.append([error["code"], shown, wrote, error["class"], action, error["user"], error["alert"]])
    return table(["Error", "Seen", "Written when provoked", "Class", "Do", "User sees", "Alert"], rows)


def _retries(brief: Brief, keyspace: Keyspace) -> dict[str, object]:
    """Return the longest wait of each of the first tries, and how long an operation's answer is remembered."""

    def waits(who: Literal["gateway", "client"]) -> str:
        return ", ".join(units.write(bound, "s") for bound in periods.backoff(brief, who).waits(8))

    idem = 0 if functions.missing(keyspace) else rules(brief, keyspace).remembered_s
    return {"gateway_waits": waits("gateway"), "client_waits": waits("client"), "idem": idem}


def _ways(keyspace: Keyspace) -> Sequence[tuple[str, str]]:
    """Return what the service does about each key, those with the same way together."""
    known, ways = resources.catalog("degraded.toml"), dict[str, list[str]]()
    for p in keyspace.keys:
        does = known.get(p.use) or known["other" if p.authoritative else "rebuilt"]
        ways.setdefault(does, []).append(p.name)
    return [(listed(keyspace.pattern(name) for name in names), does) for does, names in ways.items()]


def _interrupted(brief: Brief, keyspace: Keyspace) -> dict[str, object]:
    """Return the code of a write with an unknown outcome, in the language of the project's clients."""
    if functions.missing(keyspace):
        return {}
    scripted = is_scripted(brief)
    path, language = (syncing.TYPESCRIPT_DRIVER, "typescript") if scripted else (syncing.PYTHON_DRIVER, "python")
    state = functions.session_keys(keyspace, "k3v9", environment="prod")["state"]
    return {"path": path, "language": language, "code": syncing.retrying(path), "state": state}
