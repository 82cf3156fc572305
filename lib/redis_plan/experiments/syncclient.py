"""A sync client: the state machine that keeps one copy of a session's state right, whatever gets lost on the way.

>>> client = SyncClient()
>>> client.caught_up(["snapshot", 4, "ab12", "round", "1"])
'live'
>>> client.receive('{"e":"ab12","v":5,"t":"vote","op":"","d":{"set":{"round":"2"}}}')
'applied'
>>> client.receive('{"e":"ab12","v":7,"t":"vote","op":"","d":null}'), client.counts["gap"]
('catch up', 1)
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

#: Events that a client holds back while it catches up; beyond it, it starts over with a snapshot.
MOST_HELD = 1000

Step = Literal["applied", "dropped", "held", "catch up", "live", "gone"]


@dataclass(slots=True)
class SyncClient:
    """One client's copy. Its rule: apply version + 1, drop what is older, and ask for everything else.

    Whoever holds the client subscribes first and then asks ``session_catch_up`` with ``epoch`` and ``version``: what
    arrives in between is held and applied after the answer. "catch up" as an answer means: ask now.
    """

    epoch: str = ""
    version: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    mode: Literal["catching up", "live", "gone"] = "catching up"
    counts: Counter[str] = field(default_factory=Counter)
    held: list[str | bytes] = field(default_factory=list)

    def receive(self, message: str | bytes) -> Step:
        """Take one published envelope."""
        if self.mode == "gone":
            return "gone"
        if self.mode == "catching up":
            return self._hold(message)
        try:
            event = json.loads(message)
            epoch, version = str(event["e"]), int(event["v"])
        except (ValueError, KeyError, TypeError):
            # one unreadable message must not stop the client: the gap it leaves is found like any other
            self.counts["unreadable"] += 1
            return "dropped"
        if epoch != self.epoch:
            self.counts["epoch"] += 1
            return self._ask(message)
        if version <= self.version:
            self.counts["dropped"] += 1
            return "dropped"
        if version > self.version + 1:
            self.counts["gap"] += 1
            return self._ask(message)
        self._apply(version, event)
        return "gone" if event.get("t") == "end" else "applied"

    def beacon(self, epoch: str, version: int) -> Step:
        """Take the server's position, sent every beacon period: it shows a lost tail, which no later event would."""
        if self.mode != "live":
            return "held"
        if epoch == self.epoch and version == self.version:
            return "live"
        self.counts["beacon"] += 1
        self.mode = "catching up"
        return "catch up"

    def disconnected(self) -> None:
        """Forget what is held; epoch and version stay, for the next catch-up."""
        if self.mode != "gone":
            self.mode = "catching up"
        self.held.clear()

    def caught_up(self, reply: Sequence[Any]) -> Step:  # Any: the reply of session_catch_up, strings and a number
        """Take the answer of ``session_catch_up``, then what was held meanwhile."""
        kind = str(reply[0])
        self.counts[kind] += 1
        if kind == "gone":
            self.mode = "gone"
            return "gone"
        if kind == "snapshot":
            self.version, self.epoch = int(reply[1]), str(reply[2])
            self.fields = dict(zip(map(str, reply[3::2]), map(str, reply[4::2]), strict=True))
        else:
            for entry in reply[2:]:
                event = json.loads(entry)
                if int(event["v"]) == self.version + 1:
                    self._apply(int(event["v"]), event)
        self.mode = "live"
        held, self.held = self.held, []
        for at, message in enumerate(held):
            if self.receive(message) == "catch up":
                self.held += held[at + 1 :]
                return "catch up"
        return "live"

    def _apply(self, version: int, event: dict[str, Any]) -> None:  # Any: JSON
        """Fold one event into the copy: ``d.set`` is a patch of the state's fields."""
        data = event.get("d")
        if isinstance(data, dict) and isinstance(data.get("set"), dict):
            self.fields.update({str(k): str(v) for k, v in data["set"].items()})
        self.version = version
        self.counts["applied"] += 1
        if event.get("t") == "end":
            self.mode = "gone"

    def _hold(self, message: str | bytes) -> Step:
        if len(self.held) >= MOST_HELD:
            self.held.clear()
            self.epoch = ""  # too far behind: the next catch-up gives a snapshot
            self.counts["overflow"] += 1
        self.held.append(message)
        return "held"

    def _ask(self, message: str | bytes) -> Step:
        self.mode = "catching up"
        self._hold(message)
        return "catch up"
