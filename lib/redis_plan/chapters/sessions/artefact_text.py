"""The artefacts in words: the functions with their contracts, the walkthrough in short, and where the files are."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import pandas as pd

from redis_plan.brief.model import Brief
from redis_plan.chapters.sessions.findings import Sessions
from redis_plan.delivery import clients
from redis_plan.delivery import library as library_of
from redis_plan.delivery.artefact import Artefact
from redis_plan.delivery.library import Step
from redis_plan.delivery.operations import operations
from redis_plan.keyspace import naming, records
from redis_plan.keyspace.model import Keyspace

#: Where a sentence of a contract ends.
_SENTENCE = re.compile(r"(?<=\.)\s+(?=[A-Z])")

#: Functions worth an excerpt, the first that the project has: short, and with every rule of the others in it.
_EXCERPTS = ("session_heartbeat", "rate_hit")


def told(artefact: Artefact) -> str:
    """Return how plan text names an artefact: its path and its digest."""
    return f"`redis/{artefact.path}` (SHA-256 `{artefact.sha256}`)"


def library(brief: Brief, keyspace: Keyspace) -> str:
    """Return the contract of every function, one of them in full, and where the library is; "" where there is none."""
    steps = library_of.steps(keyspace)
    if not steps:
        return ""
    made = Artefact(library_of.FILE, library_of.compose(brief, keyspace), "")
    excerpt = next((s for name in _EXCERPTS for s in steps if s.function.name == name), steps[0])
    sessions = any(s.of_session for s in steps)
    return "\n".join(
        [
            "### Functions",
            "",
            f"The library `{library_of.library_name(keyspace)}` is {told(made)}. Load it at every deploy, before the gateways "
            "start, on every primary:",
            "",
            "```sh",
            f"redis-cli --user admin -x FUNCTION LOAD REPLACE < redis/{made.path}",
            "```",
            "",
            "Call with `FCALL <name> <number of keys> <keys> <arguments>`. Where Functions are not available, each file of "
            f"`redis/{library_of.SCRIPTS}/` is the same step for `EVALSHA` (and for `EVAL` on `NOSCRIPT`). "
            f"{_clients(brief, keyspace)}"
            + (f" … stands for the session's other keys, whose TTL is refreshed in the same step{_further(keyspace)}." if sessions else ""),
            "",
            "| Function | KEYS | ARGV | Returns |",
            "|:--|:--|:--|:--|",
            *(_row(step) for step in steps),
            "",
            *_rest_of_the_contract(steps),
            f"One of them in full, `{excerpt.function.name}`; validation comes first, then the writes, then the TTL:",
            "",
            "```lua",
            _code(excerpt),
            "```",
        ]
    )  # fmt: skip


def _clients(brief: Brief, keyspace: Keyspace) -> str:
    methods = len(operations(brief, keyspace))
    return (
        f"`redis/{clients.PYTHON}` (redis-py) and `redis/{clients.TYPESCRIPT}` ({clients.library_for(brief)}) have a typed method for "
        f"each call, {methods} in all, with keys, TTLs and bounds filled in."
    )


def _row(step: Step) -> str:
    f = step.function
    flags = f" `{' '.join(f.flags)}`" if f.flags else ""
    if step.of_session:
        keys = " ".join(f.keys) + (" …" if f.more_keys else "")
        if step.patterns:
            keys = keys.replace("target", " / ".join(p.name for p in step.patterns))
    else:
        keys = ", ".join(f"`{p.template}`" for p in step.patterns)
    return f"| `{f.name}`{flags} | {keys} | `{f.args}` | {_ticked(_first_sentence(f.returns))} |".replace("\n", " ")


def _first_sentence(text: str) -> str:
    """Return the first sentence of a contract: what is returned; the rest stands below the table."""
    return _SENTENCE.split(text, maxsplit=1)[0]


def _rest_of_the_contract(steps: Sequence[Step]) -> list[str]:
    """Return what the contracts say beyond what is returned, one item a function."""
    rest = [(s.function.name, _SENTENCE.split(" ".join(s.function.returns.split()), maxsplit=1)[1:]) for s in steps]
    lines = [f"- `{name}`: {_ticked(more[0])}" for name, more in rest if more]
    return [*lines, ""] if lines else []


def _ticked(text: str) -> str:
    """Turn quotes into code: a name in angle brackets would vanish as HTML."""
    return re.sub(r'"([^"]*)"', lambda m: f"`{m[1]}`" if m[1] else '`""`', text)


def _code(step: Step) -> str:
    lines = step.function.source.splitlines()
    return "\n".join(line for line in lines if not line.startswith(("-- Reply", "-- FOR")))


def _further(keyspace: Keyspace) -> str:
    """Name the keys whose own id the caller must add: the current one of each collection by round."""
    by_round = [f"`{p.name}`" for p in records.rounds(keyspace) if p.ttl.policy == "sliding"]
    if not by_round:
        return ""
    return (
        f"; the caller adds the current key of {', '.join(by_round)}. The state notes each of these in a field `key:<part>`: "
        "`session_remove` answers the parts that it was not given and does nothing, so that none outlives its session, and "
        "`session_drop` removes those of a round that is over"
    )


def walk(found: Sessions, samples: pd.DataFrame | None, keyspace: Keyspace) -> str:
    """Return the walkthrough in short: the steps after which the set of keys was another one."""
    whole = "`redis/walkthrough.md`"
    title = (
        f"The life of one {keyspace.session_noun}, as it ran"
        if keyspace.session_entity
        else "One use of each key, as it ran"
    )
    walked = found.walk
    if walked is None or samples is None:
        return f"### {title}\n\n{found.not_run('walk').rstrip('.')}."
    rows, before = [], set[str]()
    for row in samples.to_dict("records"):
        now = {name for name, _, _ in json.loads(row["keys"])}
        if now != before:
            new, gone = sorted(now - before), sorted(before - now)
            rows.append(f"| {row['says']} | {_short(new, keyspace)} | {_short(gone, keyspace)} | {len(now)} |")
        before = now
    return "\n".join(
        [
            f"### {title}",
            "",
            f"{walked.steps.linked}, sent one after the other to a live server: {whole} has every command, its answer and the "
            f"keys after it. Here are the steps that make or remove keys. What stayed, {walked.left.linked}, ends by its TTL, "
            f"and a SCAN found {walked.strange.linked} that the registry does not know [{walked.id}].",
            "",
            "| Step | New keys | Gone | Keys |",
            "|:--|:--|:--|--:|",
            *rows,
        ]
    )


def _short(names: list[str], keyspace: Keyspace) -> str:
    """Return the parts of names, by which the registry calls them."""
    found = []
    for name in names:
        pattern = next((p for p in keyspace.keys if naming.parse(p.template, name) is not None), None)
        found.append(f"`{pattern.name}`" if pattern else f"`{name}`")
    return ", ".join(dict.fromkeys(found)) or "–"
