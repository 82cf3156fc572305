"""What a gateway tells the workers: when to look at a session. No function can: the index is in another slot.

    index = lambda session_id: keys.due(bucket(session_id))
    deadlines = Deadlines(link, index, encode_id, ("phase_until",), SWEEP_S, IDLE_S, CLAIM_S)
    driver.follow(session_id, deadlines.heard)  # redis_plan_gateway.py calls it for each of its sessions

An entry is a hint: the worker's action asks the session's state once more, so one too many or too early changes
nothing. Each gateway that has members of a session writes what it hears, and once a heartbeat what should be there: so
none is missed for long where a gateway dies or the index is lost.

Written by redis-plan: the next build writes it again and keeps an edited one aside.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from redis_plan_sync import is_signal, unix_ms

#: What is due may be claimed by a worker, or moved to its next sweep: what is later than twice the longer is neither.
TWICE = 2
#: A look that people's actions ask for comes so many seconds later: what they do meanwhile is seen by the same look.
SOON_S = 0.25
#: Before an entry: the name of another one beside it for as long as a worker has claimed it, as due_claim writes it.
CLAIM = "claimed "
#: Of so many sessions it is known that a worker was told of the end of their phase.
MOST_TOLD = 10_000

_log = logging.getLogger("redis_plan")


class Connection(Protocol):
    """What is needed of Link, redis.asyncio.Redis or redis.asyncio.RedisCluster."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command."""


class Copy(Protocol):
    """What is needed of SyncClient."""

    @property
    def mode(self) -> str:
        """live, where the state is the session's."""

    @property
    def state(self) -> Mapping[str, Any]:
        """Its fields."""

    @property
    def changed_at(self) -> object:
        """How the server dates them, Unix ms."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How often it caught up, as a delta or a snapshot."""


class Deadlines:
    """Entries <session_id>:<kind> of the index: lease and idle of each session, and timer where a field of it ends."""

    def __init__(
        self,
        link: Connection,
        index: Callable[[str], str],
        encode: Callable[[str], str],
        fields: Sequence[str],
        sweep_s: float,
        idle_s: float,
        claim_s: float,
    ) -> None:
        self.link, self.index, self.encode, self.fields = link, index, encode, tuple(fields)
        self.sweep_s, self.idle_s = sweep_s, idle_s
        self.claimed_s = TWICE * max(sweep_s, claim_s)
        self.ahead_ms = 0.0  # this process's clock before the server's, as the last event shows it
        self._signs = tuple(f'"{field}":"' for field in self.fields)
        self._told: dict[str, tuple[object, ...]] = {}  # the phase that was over when a worker was told
        self._waiting: dict[tuple[str, str], dict[str, int]] = {}
        self._writing: asyncio.Task[None] | None = None

    def heard(self, session_id: str, copy: Copy, message: str | None) -> None:
        """Write what follows from an event (None: from the whole state), whose copy has taken it already."""
        if copy.mode != "live" or (message is not None and is_signal(message)):
            return
        if message is not None and (dated := unix_ms(copy.changed_at)):
            self.ahead_ms = 1000 * time.time() - dated
        if message is None or '"status":"open"' in message:
            self._write_all(session_id, copy)
        elif copy.state.get("status") == "ended":
            self._write(session_id, "", {"idle": self._now_ms()})  # its result is to be kept at once
        elif '"phase":"closed"' in message:
            self._is_told(session_id, copy)
            self._write(session_id, "", {"timer": self._now_ms()})  # a round is over, whoever ended it
        elif any(sign in message for sign in self._signs) and (at := self._end(copy.state)):
            self._write(session_id, "", {"timer": at})

    def soon(self, session_id: str) -> None:
        """Have a worker look at the timer soon: what was done may be the last that everybody waited for."""
        self._write(session_id, "LT", {"timer": self._now_ms() + 1000 * SOON_S})

    async def written(self) -> None:
        """Return once everything that was to be written has been sent."""
        if self._writing is not None:
            await self._writing

    def _write_all(self, session_id: str, copy: Copy) -> None:
        state, changed, now = copy.state, unix_ms(copy.changed_at), self._now_ms()
        if state.get("status") in ("ended", "handed_over"):
            self._told.pop(session_id, None)
            self._write(session_id, "NX", {"idle": now})
            return
        due = {"lease": now + 1000 * self.sweep_s, "idle": (changed or now) + 1000 * self.idle_s}
        end = 0 if self._is_told(session_id, copy) else self._end(state)
        if end:
            due["timer"] = end
        latest = {kind: max(at, now + 1000 * self.claimed_s) for kind, at in due.items()}
        if end > now:  # a later one is a timer's that has gone; what is due may be a worker's already
            latest["timer"] = end
        self._write(session_id, "NX", due)
        self._write(session_id, "XX LT", latest)  # one of before the clock was set back
        self._write(session_id, "XX LT", dict.fromkeys(("lease", "idle", "timer"), now + 1000 * self.claimed_s), CLAIM)

    def _is_told(self, session_id: str, copy: Copy) -> bool:
        """Note that a worker is told of a phase that is over, and return whether it was: what it looked at is done.

        It is told again after the copy caught up, since the index may be lost with what else was.
        """
        told = self._told.pop(session_id, None)
        if (phase := copy.state.get("phase", "open")) == "open":
            return False
        if len(self._told) >= MOST_TOLD:
            del self._told[next(iter(self._told))]
        now = (phase, self._end(copy.state), copy.counts.get("delta"), copy.counts.get("snapshot"))
        self._told[session_id] = now
        return told == now

    def _end(self, state: Mapping[str, Any]) -> int:
        """Return when the first of its timers ends, 0 where none runs: a field that is no time makes none."""
        return min(filter(None, (unix_ms(state.get(field)) for field in self.fields)), default=0)

    def _write(self, session_id: str, how: str, entries: Mapping[str, float], of: str = "") -> None:
        """Queue entries; those of all sessions go out by one connection, each part of the index in one command."""
        found = self._waiting.setdefault((self.index(session_id), how), {})
        found |= {f"{of}{self.encode(session_id)}:{kind}": round(at) for kind, at in entries.items()}
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._send())

    async def _send(self) -> None:
        while self._waiting:
            (index, how), entries = next(iter(self._waiting.items()))
            del self._waiting[index, how]
            words = [word for entry, at in entries.items() for word in (str(at), entry)]
            try:
                await self.link.execute_command("ZADD", index, *how.split(), *words)
            except Exception as error:  # a hint: the next heartbeat gives it again
                _log.debug("deadlines were not written: %s", error)

    def _now_ms(self) -> float:
        """Return the server's clock, as far as events have shown it: a process whose own is wrong delays nothing."""
        return 1000 * time.time() - self.ahead_ms
