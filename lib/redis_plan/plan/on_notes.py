"""On the team's notes: where this plan differs from them, and what a run has measured about their open questions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from redis_plan import resources, units
from redis_plan.brief.model import Brief, Note
from redis_plan.brief.prefix import named_in
from redis_plan.brief.units import SIZE_BYTES
from redis_plan.evidence.decision import Decision
from redis_plan.evidence.findings import Number
from redis_plan.evidence.store import Evidence
from redis_plan.keyspace.cues import fold, plural, with_article
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import failover
from redis_plan.words.capacity import Capacity
from redis_plan.words.decision_table import plain
from redis_plan.words.tables import table
from redis_plan.words.words import inert

_VALUE = re.compile(r"\{(E-\d\d[a-z]+):([^}]+)\}")
_NAME = re.compile(r"\{(\w+)\}")
_KEY = re.compile(r"(?<![\w:/.-])([a-z][a-z0-9_-]{1,30}):(?:v\d+:)?[{<]")
_EVENTS = re.compile(r"(\d[\d ,]*)\s*(?:events|entries|messages)|maxlen\s*~?\s*(\d+)", re.IGNORECASE)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(kB|KB|KiB|MB|MiB)\s+(?:per|a|an|each|for each)\s+([\w-]+)")
#: A guess that is less than this far off the measured size is no difference.
_NEAR = 1.5


@cache
def _catalog() -> dict[str, Any]:  # Any: TOML
    return resources.catalog("notes.toml")


def differences(brief: Brief, keyspace: Keyspace, records: Mapping[str, Evidence]) -> str:
    """Return a table of what the notes say, what stands here, and why, each with its lines; "" where nothing differs."""
    names = _names(brief, keyspace)
    found: dict[str, tuple[list[Note], str, str]] = {}
    for claim in _catalog()["claim"]:
        for note in brief.notes:
            if note.kind not in ("decision", "recommendation", "memory") or not _matches(claim, note.text):
                continue
            more = _DIFFERS[claim.get("differs", "")](note.text, keyspace, records)
            here = _first([claim["here"]], names | (more or {}), records)
            because = _first(claim["because"], names | (more or {}), records)
            if more is not None and here and because:
                found.setdefault(claim["name"], ([], here, because))[0].append(note)
    rows = [[_told(notes), here, because] for notes, here, because in found.values()]
    covered = {(n.file, n.line) for notes, _, _ in found.values() for n in notes}
    rows += [
        [f"{_quoted(one.pattern)} ({one.file}:{one.line})", one.ours or "–", one.reason]
        for one in keyspace.own
        if one.verdict == "contradicted" and (one.file, one.line) not in covered
    ]
    return table(["Your notes", "Here", "Because"], rows) if rows else ""


def answers(
    brief: Brief, keyspace: Keyspace, records: Mapping[str, Evidence], decisions: Sequence[Decision]
) -> tuple[list[str], list[str]]:
    """Return the open questions that have an answer here, with it, and those that are the team's to answer."""
    names, answered, left = _names(brief, keyspace), [], []
    known = {decision.id: decision for decision in decisions}
    for note in brief.notes:
        if note.kind != "open-question":
            continue
        asked = f"{inert(note.text)} ({note.file}:{note.line})"
        said = next(_answers(note.text, names, records, known), "")
        if said:
            answered.append(f"**{asked}** {said}")
        else:
            left.append(asked)
    return answered, left


def _answers(
    text: str, names: Mapping[str, str], records: Mapping[str, Evidence], decisions: Mapping[str, Decision]
) -> Iterator[str]:
    for question in _catalog()["question"]:
        if not _matches(question, text):
            continue
        decision = decisions.get(question.get("decision", ""))
        if decision is not None:
            because = plain(decision.because).split("; ", maxsplit=1)[0].rstrip(".")
            yield f"{decision.title}. {because[:1].upper()}{because[1:]} [{decision.id}]."
        elif said := _first(question.get("answers", []), names, records):
            yield said


def _matches(entry: Mapping[str, Any], text: str) -> bool:
    folded = fold(text)
    return all(any(cue in folded for cue in group) for group in entry.get("all", []))


def _first(texts: Sequence[str], names: Mapping[str, str], records: Mapping[str, Evidence]) -> str:
    """Return the first text whose values were measured and whose names are known, filled in; "" where there is none."""
    return next((told for text in texts if (told := _filled(text, names, records))), "")


def _filled(text: str, names: Mapping[str, str], records: Mapping[str, Evidence]) -> str:
    for id, value in _VALUE.findall(text):
        if id not in records or value not in records[id]:
            return ""
    told = _VALUE.sub(lambda m: str(Number(records[m[1]], m[2])), text)
    if any(name not in names for name in _NAME.findall(told)):
        return ""
    return _NAME.sub(lambda m: names[m[1]], told)


def _names(brief: Brief, keyspace: Keyspace) -> dict[str, str]:
    """Return the names of the design that a text may use."""
    found = {
        "app": keyspace.app,
        "app_from": _app_from(brief),
        "schema": str(keyspace.schema_version),
        "a_noun": with_article(keyspace.session_noun),
        "idle_ttl": units.write(brief.value("idle_ttl"), "s"),
        "sync_latency": units.write(brief.value("sync_latency"), "s"),
        "failover": failover.told(),
    }
    if (state := keyspace.use("state")) is not None and state.ttl.seconds:
        found["state_ttl"] = units.write(state.ttl.seconds, "s")
    if (log := keyspace.use("log")) is not None:
        found |= {"log_type": log.type, "log_max": f"{log.max_elements:,.0f}"}
    return found


def _app_from(brief: Brief) -> str:
    """Return where the first part of every name comes from."""
    if brief.name_prefix_where:
        return f"so {brief.name_prefix_where} decides"
    return "so `ai/redis-plan.toml` says" if brief.name_prefix else "that is the product's name in the documents"


def _always(text: str, keyspace: Keyspace, records: Mapping[str, Evidence]) -> dict[str, str] | None:
    return {}


def _other_prefix(text: str, keyspace: Keyspace, records: Mapping[str, Evidence]) -> dict[str, str] | None:
    """Return the prefix that a note gives its keys, where it is another one."""
    key = _KEY.search(text)
    said = named_in(text) or (key[1] if key else "")
    return {"said": said} if said and said != keyspace.app else None


def _other_log(text: str, keyspace: Keyspace, records: Mapping[str, Evidence]) -> dict[str, str] | None:
    """Return something where a note keeps another number of events, or keeps them in another structure."""
    log, said = keyspace.use("log"), _EVENTS.search(text)
    if log is None or said is None:
        return None
    number = int(re.sub(r"\D", "", said[1] or said[2]))
    other = "list" if log.type == "stream" else "stream"
    return {} if number != log.max_elements or other in fold(text) else None


def _other_bytes(text: str, keyspace: Keyspace, records: Mapping[str, Evidence]) -> dict[str, str] | None:
    """Return something where a note guesses another size of a session than was measured."""
    said, fit = _SIZE.search(text), Capacity.of(records).fit
    if said is None or fit is None:
        return None
    noun = keyspace.session_noun
    if said[3].lower() not in (noun, plural(noun)):
        return None
    guessed, measured = float(said[1]) * SIZE_BYTES[said[2].replace("KB", "kB")], fit.session.value
    return {} if max(guessed / measured, measured / guessed) >= _NEAR else None


_DIFFERS: dict[str, Callable[[str, Keyspace, Mapping[str, Evidence]], dict[str, str] | None]] = {
    "": _always,
    "prefix": _other_prefix,
    "log": _other_log,
    "bytes": _other_bytes,
}


def _told(notes: Sequence[Note]) -> str:
    """Return what the first of the notes says, and where all of them stand."""
    places = [f"{note.file}:{note.line}" for note in notes]
    return f"{_quoted(notes[0].text)} ({', '.join(places)})"


def _quoted(text: str, most: int = 90) -> str:
    plain_text = " ".join(text.split())
    cut = plain_text if len(plain_text) <= most else plain_text[:most].rsplit(" ", 1)[0] + " …"
    return f"“{inert(cut)}”"
