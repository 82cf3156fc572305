"""Shapes: documents with the project's own fields, sizes and words, for what is written, sent and read as a whole."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from redis_plan.brief.model import Brief
from redis_plan.keyspace.model import Field, KeyPattern, Keyspace

Document = dict[str, Any]  # Any: what JSON holds
_WORDS = re.compile(r"[^\W\d_]{2,}")
MOST_MEMBERS = 500  # a snapshot of more would be read in pages


@dataclass(frozen=True, slots=True)
class Shapes:
    """The three things that travel: the session's (or record's) state, one event, and a snapshot with everyone in it."""

    state: Document
    envelope: Document
    snapshot: Document

    def items(self) -> tuple[tuple[str, Document], ...]:
        """Return name and document of each."""
        return ("state", self.state), ("envelope", self.envelope), ("snapshot", self.snapshot)


class Writer:
    """Writes values of a field's type and size, with words from the project's documents where it needs text."""

    def __init__(self, brief: Brief, rng: random.Random) -> None:
        words = [word for r in brief.requirements for word in _WORDS.findall(r.text)]
        self._words = words or [entity.name for entity in brief.entities] or ["value", "state", "member"]
        self._rng = rng

    def value(self, field: Field) -> Any:  # Any: text or a number
        """Return a value of ``field``, at most as long as it may be."""
        rng, most = self._rng, max(1, field.max_bytes)
        match field.type:
            case "integer":
                return rng.randrange(10 ** min(6, most))
            case "ms":
                return 1_795_400_000_000 + rng.randrange(10**9)
            case "decimal":
                return round(rng.uniform(1, 1000), 2)
            case "hex":
                return f"{rng.getrandbits(4 * min(16, most)):0{min(16, most)}x}"
            case "enum" | "slug":
                return rng.choice(("open", "closed", "waiting"))[:most]
            case "id" | "ULID" | "code":
                return "".join(rng.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=min(26, most)))
        return self.text(max(4, round(0.7 * most)))

    def text(self, length: int) -> str:
        """Return about ``length`` bytes of the project's own words."""
        said = ""
        while len(said.encode()) < length:
            said += self._rng.choice(self._words) + " "
        return said.encode()[:length].decode("utf-8", "ignore").strip()

    def record(self, pattern: KeyPattern) -> Document:
        """Return one value for every field of ``pattern``."""
        return {f.name: self.value(f) for f in pattern.fields}

    def member(self, size: int) -> Document:
        """Return what is kept of one member, in about ``size`` bytes of JSON."""
        entry: Document = {"name": self.text(12), "role": self._rng.choice(("host", "member", "guest")),
                           "seat": self._rng.randrange(100), "joined_at": 1_795_400_000_000 + self._rng.randrange(10**7)}  # fmt: skip
        if size < 60:
            entry = {"name": entry["name"], "seat": entry["seat"]}
        missing = size - len(dumps(entry))
        return entry | ({"about": self.text(missing - 11)} if missing > 16 else {})


def dumps(value: object) -> bytes:
    """Return compact JSON in UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def of(brief: Brief, keyspace: Keyspace, rng: random.Random) -> Shapes:
    """Return the project's shapes: state, one event with the project's payload, snapshot with its members."""
    writer = Writer(brief, rng)
    states = [p for p in keyspace.keys if p.name == "state"] or [p for p in keyspace.keys if p.type == "hash" and len(p.fields) > 2]  # fmt: skip
    if states:
        state = writer.record(states[0])
    else:
        state = {f"field_{n}": writer.text(int(max(16, brief.value("payload_bytes") / 4))) for n in range(4)}
    payload = max(40, int(brief.value("payload_bytes")))
    event: Document = {"by": writer.value(Field("by", "id", 12)), "at": writer.value(Field("at", "ms", 13))}
    event["text"] = writer.text(max(8, payload - len(dumps(event)) - 11))
    envelope = {"e": writer.value(Field("e", "hex", 16)), "v": 4711, "ts": writer.value(Field("ts", "ms", 13)), "t": "change",
                "op": writer.value(Field("op", "ULID", 26)), "d": event}  # fmt: skip
    count = max(1, min(MOST_MEMBERS, int(brief.value("members_per_session"))))
    members = {
        writer.value(Field("id", "id", 12)): writer.member(int(brief.value("member_bytes"))) for _ in range(count)
    }
    return Shapes(state, envelope, {"e": envelope["e"], "v": 4711, "state": state, "members": members})


def of_size(brief: Brief, rng: random.Random, size: int) -> Mapping[str, Document]:
    """Return a document of members that takes at least ``size`` bytes of JSON, for cutting to length."""
    writer, members, length = Writer(brief, rng), {}, 2
    while length < size:
        name, entry = writer.value(Field("id", "id", 12)), writer.member(int(brief.value("member_bytes")))
        members[name] = entry
        length += len(dumps(entry)) + len(str(name)) + 4
    return members
