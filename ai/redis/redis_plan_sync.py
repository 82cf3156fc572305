"""A copy of a session that gets right again whatever is lost: its rule alone, without I/O, for clients and gateways.

    copy = SyncClient()
    copy.disconnected()  # and ask for a catch-up with copy.epoch and copy.version, after the subscription
    if copy.receive(envelope) == "catch up" or copy.beacon(epoch, version) == "catch up":
        copy.caught_up(await operations.catch_up(session_id, copy.epoch, copy.version))

Written by redis-plan: the next build writes it again and keeps an edited one aside.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

Step = Literal["applied", "dropped", "held", "signal", "catch up", "live", "gone"]
State = dict[str, Any]
Event = Mapping[str, Any]

#: Events that a copy holds back while it catches up; beyond, it starts over with a snapshot.
MOST_HELD = 1000
#: What the functions' own events make of the session's status.
STATUS = {"end": "ended", "handed_over": "handed_over"}


#: What reading an envelope of hostile bytes may raise.
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


class Answer(Protocol):
    """What catch_up answers: a delta without a hole, the whole state, or that there is none."""

    @property
    def kind(self) -> str:
        """delta, snapshot or gone."""

    @property
    def version(self) -> int:
        """The server's."""

    @property
    def epoch(self) -> str:
        """Of a snapshot."""

    @property
    def events(self) -> Sequence[str]:
        """Of a delta: every envelope after the version asked with."""

    @property
    def state(self) -> Mapping[str, str] | None:
        """Of a snapshot: the fields."""


def patch(state: State, event: Event) -> State:
    """Fold an event into the state: d.set is a patch of its fields, d.del names those that went."""
    data = event.get("d")
    about = data if isinstance(data, dict) else {}
    gone, fields = about.get("del"), about.get("set")
    kept = {k: v for k, v in state.items() if k not in gone} if isinstance(gone, list) else dict(state)
    if event.get("t") in STATUS:
        kept["status"] = STATUS[event["t"]]
    return {**kept, **{str(k): _shown(v) for k, v in fields.items()}} if isinstance(fields, dict) else kept


def _shown(value: object) -> str:
    """Return a value as a field of the state has it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def unix_ms(value: object) -> int:
    """Return a time in Unix ms, 0 for what is none."""
    return int(value) if isinstance(value, int | str) and str(value).isdecimal() and len(str(value)) < 17 else 0


def is_signal(message: str) -> bool:
    """Whether a published text has a t that begins with "~": it is heard, and changes no state."""
    if "~" not in message and "\\u" not in message:  # as nearly every event: not worth its reading
        return False
    try:
        return str(json.loads(message).get("t", "")).startswith("~")
    except _UNREADABLE:
        return False


def addressed(message: str) -> tuple[str, str, str]:
    """Return whom an envelope is for, the target's id, and what all others get: its position, d.set and d.del.

    For "leaders", for one "target", or for "nobody"; "" is everybody, and then there is no rest.
    """
    if '"to"' not in message and "\\u" not in message:  # as nearly every event: not worth its reading
        return "", "", ""
    event = json.loads(message)
    data = event.get("d")
    about = data if isinstance(data, dict) else {}
    if about.get("to") not in ("leaders", "target", "nobody"):
        return "", "", ""
    rest = {**event, "d": {name: about[name] for name in ("set", "del") if name in about}}
    return about["to"], str(about.get("target", "")), json.dumps(rest, ensure_ascii=False, separators=(",", ":"))


def hears(to: str, target: str, leads: bool, member_id: str) -> bool:
    """Whether a member gets an envelope whole."""
    return not to or (to == "leaders" and leads) or (to == "target" and target == member_id)


def seen_by(message: str, leads: bool, member_id: str) -> str:
    """Return an envelope as one member may see it: a gateway sends no other text to a socket, also of a catch-up."""
    to, target, rest = addressed(message)
    return message if hears(to, target, leads, member_id) else rest


class SyncClient:
    """One copy. Its rule: apply version + 1, drop what is older, and ask for everything else.

    "catch up" as an answer means: ask the server now, with epoch and version, after the subscription was confirmed.
    counts["rolled back"]: a server that lost changes (a failover, a restore) has another history than this copy; it is
    told by the time of the copy's last event where the server's version has come as far again.
    """

    def __init__(self, fold: Callable[[State, Event], State] = patch, most_held: int = MOST_HELD) -> None:
        self.fold, self.most_held = fold, most_held
        self.epoch, self.version = "", 0
        self.changed_at: object = 0  # how the server dates that version, Unix ms
        self.state: State = {}
        self.mode: Literal["catching up", "live", "gone"] = "catching up"
        self.held: list[str | bytes] = []
        self.counts: Counter[str] = Counter()

    def disconnected(self) -> None:
        """Note that events may be missing from here on; epoch and version stay, for the next catch-up."""
        self.mode = "catching up"
        self.held.clear()

    def receive(self, message: str | bytes) -> Step:
        """Take one published envelope {e, v, ts, t, op, d}."""
        try:
            event = json.loads(message)
            kind = str(event.get("t", ""))
            if kind.startswith("~"):
                return "signal"
            epoch, version = str(event["e"]), int(event["v"])
        except _UNREADABLE:
            self.counts["unreadable"] += (
                1  # it must not stop the others: the gap that it leaves is found like any other
            )
            return "dropped"
        if self.mode == "catching up":
            return self._hold(message)
        if epoch != self.epoch:
            return self._behind("epoch")
        if version <= self.version and not self._rewritten(event):
            self.counts["dropped"] += 1
            return "dropped"
        if version != self.version + 1:
            return self._behind("gap")
        if not self._apply(event, version):
            return self._behind("poison")
        return "applied"

    def beacon(self, epoch: str, version: int) -> Step:
        """Take the server's position ("" for none): it shows a lost last message, which no later event would."""
        if self.mode == "catching up":
            return "held"
        there = (self.epoch, self.version) if self.mode == "live" else ("", 0)
        return self.mode if (epoch, version) == there else self._behind("beacon")

    def caught_up(self, answer: Answer) -> Step:
        """Take the answer of catch_up, then what was held meanwhile."""
        self.counts[answer.kind] += 1
        held, self.held = self.held, []
        if answer.kind == "gone":
            self.mode, self.epoch, self.version, self.changed_at, self.state = "gone", "", 0, 0, {}
            return "gone"
        if answer.kind == "snapshot":
            if answer.epoch == self.epoch and answer.version < self.version:
                self.counts["rolled back"] += 1
            self.version, self.epoch, self.state = answer.version, answer.epoch, dict(answer.state or {})
            self.changed_at = self.state.get("updated_at")
        elif not self._delta(answer):
            self.epoch = ""  # a hole, poison or another history: a snapshot goes around it
            return "catch up"
        self.mode = "live"
        for at, message in enumerate(held):
            if self.receive(message) == "catch up":
                self.held += held[at + 1 :]
                return "catch up"
        return self.mode

    def _delta(self, answer: Answer) -> bool:
        for text in answer.events:
            try:
                event = json.loads(text)
                version = int(event["v"])
            except _UNREADABLE:
                return False
            if version == self.version and unix_ms(self.changed_at) not in (0, unix_ms(event.get("ts"))):
                self.counts["rolled back"] += 1
                return False
            if version == self.version + 1 and not self._apply(event, version):
                return False
        return self.version >= answer.version

    def _rewritten(self, event: Event) -> bool:
        """Whether an event that is not newer is dated later than the copy: the server lost it, and wrote it anew."""
        return 0 < unix_ms(self.changed_at) < unix_ms(event.get("ts"))

    def _apply(self, event: Event, version: int) -> bool:
        try:
            self.state = self.fold(self.state, event)
        except Exception:  # poison, or an event of a newer release
            self.counts["poison"] += 1
            self.epoch = ""
            return False
        self.version, self.changed_at = version, event.get("ts")
        self.counts["applied"] += 1
        return True

    def _behind(self, why: str) -> Step:
        # what shows it is not held: the answer is read after it, and an event that a failover lost would ask for ever
        self.counts[why] += 1
        self.mode = "catching up"
        return "catch up"

    def _hold(self, message: str | bytes) -> Step:
        if len(self.held) >= self.most_held:  # too far behind: the next answer is a snapshot
            self.held.clear()
            self.epoch = ""
            self.counts["overflow"] += 1
        self.held.append(message)
        return "held"
