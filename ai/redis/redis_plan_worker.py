"""A worker: it takes up the deadlines that are due, each by one worker at a time, and ends the sessions that are over.

    lease = leases(link, operations, keys.state, SWEEP_S)
    idle = lifetime(link, operations, keys.state, IDLE_S, keep, STAYS_S)
    duties = {"lease": lease, "idle": idle, "timer": …}
    worker = Worker(operations, duties, Pace(POLL_S, CLAIM_S), decode_id)
    loop.add_signal_handler(signal.SIGTERM, worker.stop)
    await worker.run()

An entry of the index is "<session_id>:<kind>", its score the deadline. A worker that dies leaves its claims, and
another one takes them up when they end: so a duty may be begun twice, and asks the session whether it is still to be
done, as each function and action does.

Written by redis-plan: the next build writes it again and keeps an edited one aside.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from redis.exceptions import RedisError

#: The buckets of the index, as bucket() of the client numbers them.
BUCKETS: Final = tuple(f"{number:02d}" for number in range(16))
#: Of so many entries a worker knows what it said when they failed last.
MOST_FAILING: Final = 10_000
#: So many lapsed leases a call of session_sweep removes at most.
MOST_SWEPT: Final = 100

_ENDS = re.compile(r"(?:[^|]*\|){3}([0-9]+)\|")
_log = logging.getLogger("redis_plan")

#: Carries out what is due of a session, by its id and the kind of deadline; returns the next one in Unix ms, or None.
Duty = Callable[[str, str], Awaitable[float | None]]


class Pace(NamedTuple):
    """Periods in seconds, which redis_plan_periods.py has; and how many deadlines are under way at once."""

    poll_s: float
    claim_s: float
    most: int = 32
    longest_wait_s: float = 5.0  # between two looks while the server does not answer


class Claim(Protocol):
    """A deadline that is this worker's until a time of the server's clock."""

    @property
    def entry(self) -> str:
        """Session and kind."""

    @property
    def until(self) -> int:
        """When it is due again, Unix ms."""


class Operations(Protocol):
    """What is needed of AsyncOperations."""

    def claim_due(self, bucket: str, /, *, claim_ms: int, batch: int) -> Awaitable[Sequence[Claim]]:
        """Take what is due."""

    def done_due(self, bucket: str, entry: str, claimed_until: int, /) -> Awaitable[str]:
        """Remove an entry that is still ours."""

    def move_due(self, bucket: str, entry: str, claimed_until: int, at_ms: int, /) -> Awaitable[str]:
        """Give it its next deadline."""


class Worker:
    """Looks into each bucket every poll_s, and carries out what it could claim.

    counts: done, moved; lost (another deadline or another worker's meanwhile), failed (due again when its claim ends),
    unknown (of a kind without a duty).
    """

    def __init__(
        self,
        operations: Operations,
        duties: Mapping[str, Duty],
        pace: Pace,
        decode: Callable[[str], str] = str,
        buckets: Sequence[str] = BUCKETS,
    ) -> None:
        self.operations, self.duties, self.pace, self.decode, self.buckets = operations, duties, pace, decode, buckets
        self.counts: Counter[str] = Counter()
        self._over = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._failing: dict[str, str] = {}  # what was said of an entry when it failed last

    def stop(self) -> None:
        """Claim nothing more; run() returns once what was begun is done."""
        self._over.set()

    async def run(self) -> None:
        """Work until stop()."""
        failures, known = 0, dict[str, None]()
        while not self._over.is_set():
            failed = await self._look()
            failures = failures + 1 if len(failed) == len(self.buckets) else 0
            says = dict.fromkeys(f"{type(error).__name__}: {error}" for error in failed)
            for said in says:  # once for as long as it stays the same
                _log.log(logging.DEBUG if said in known else logging.WARNING, "looking for deadlines: %s", said)
            known = says
            bound = min(self.pace.longest_wait_s, self.pace.poll_s * 2.0 ** min(failures, 30))
            await self._wait(random.uniform(0, bound) if failures else bound)
        await asyncio.gather(*self._under_way)

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._over.wait(), seconds)
        except TimeoutError:
            return

    async def _look(self) -> list[Exception]:
        """Look into each bucket; return what failed: one that can't be read keeps none of the others waiting."""
        failed: list[Exception] = []
        for bucket in self.buckets:
            try:
                await self._claim(bucket)
            except Exception as error:  # whatever it is, a worker must not stand still
                failed.append(error)
        return failed

    async def _claim(self, bucket: str) -> None:
        """Claim what is due in a bucket, never more than can be begun at once."""
        while not self._over.is_set():
            if len(self._under_way) >= self.pace.most:
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
                continue
            room = self.pace.most - len(self._under_way)
            began = asyncio.get_running_loop().time()
            claims = await self.operations.claim_due(bucket, claim_ms=round(1000 * self.pace.claim_s), batch=room)
            for claim in claims:
                task = asyncio.create_task(self._take_up(bucket, claim, began + self.pace.claim_s))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
            if len(claims) < room:
                break

    async def _take_up(self, bucket: str, claim: Claim, until: float) -> None:
        """Carry out one deadline while it is ours: what takes longer than its claim is given up."""
        session_id, _, kind = claim.entry.rpartition(":")
        duty = self.duties.get(kind)
        if duty is None:
            self.counts["unknown"] += 1
            self._warn(claim.entry, "nothing carries out such a deadline")
            return
        try:
            async with asyncio.timeout_at(until):
                at = await duty(self.decode(session_id), kind)
                if at is None:
                    self.counts[await self.operations.done_due(bucket, claim.entry, claim.until)] += 1
                else:
                    self.counts[await self.operations.move_due(bucket, claim.entry, claim.until, round(at))] += 1
            self._failing.pop(claim.entry, None)
        except Exception as error:  # it is due again when its claim ends, here or at another worker
            self.counts["failed"] += 1
            away = isinstance(error, RedisError | OSError) or getattr(error, "again", False)  # nobody's fault in here
            self._warn(claim.entry, f"to be done again: {type(error).__name__}: {error}", trace=not away)

    def _warn(self, entry: str, said: str, *, trace: bool = False) -> None:
        """Warn of an entry once for as long as it fails alike: one that never succeeds comes back with each claim."""
        level = logging.DEBUG if self._failing.get(entry) == said else logging.WARNING
        _log.log(level, "deadline %s: %s", entry, said, exc_info=trace)  # a repr of redis-py has no message
        self._failing.pop(entry, None)
        if len(self._failing) >= MOST_FAILING:
            del self._failing[next(iter(self._failing))]  # the one not heard of for longest
        self._failing[entry] = said


class Connection(Protocol):
    """What is needed of Link, redis.asyncio.Redis or redis.asyncio.RedisCluster."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command."""


class Sessions(Protocol):
    """What the duties below need of AsyncOperations."""

    def sweep(self, session_id: str, /) -> Awaitable[Sequence[str]]:
        """Remove connections whose lease has lapsed."""

    def end(self, session_id: str, /) -> Awaitable[Any]:
        """End the session."""

    def hand_over(self, session_id: str, receipt: str, /) -> Awaitable[Any]:
        """Acknowledge that its result is kept elsewhere."""

    def remove(self, session_id: str, /) -> Awaitable[str]:
        """Unlink what it held."""


#: By a script and not by TIME alone: on a cluster each server has a clock, and the session's dates are of its own.
_SEEN: Final = "return {redis.call('TIME'), redis.call('HMGET', KEYS[1], 'status', 'updated_at')}"


async def _seen(link: Connection, state: str) -> tuple[float, str, float]:
    """Return its server's clock, and status ("" where there is none) and last change of a session; times in Unix ms."""
    (seconds, micros), (status, changed) = await link.execute_command("EVAL", _SEEN, 1, state)
    text = status.decode() if isinstance(status, bytes) else status
    return 1000 * int(seconds) + int(micros) / 1000, text or "", float(changed or 0)


def ends_at(record: str) -> float:
    """Return when a record "<version>|<state>|<owner>|<until>|<value>" ends, Unix ms; 0 for never or no record."""
    found = _ENDS.match(record)
    return float(found[1]) if found else 0.0


def leases(link: Connection, operations: Sessions, state: Callable[[str], str], every_s: float) -> Duty:
    """Return the duty that looks for lapsed leases of a session every so many seconds, until it has ended."""

    async def sweep(session_id: str, _kind: str) -> float | None:
        while len(await operations.sweep(session_id)) >= MOST_SWEPT:
            continue
        now, status, _ = await _seen(link, state(session_id))
        return None if status in ("", "ended", "handed_over") else now + 1000 * every_s

    return sweep


def lifetime(
    link: Connection,
    operations: Sessions,
    state: Callable[[str], str],
    idle_s: float,
    keep: Callable[[str], Awaitable[str]],
    stays_s: float,
    end: Callable[[str], Awaitable[Any]] | None = None,
) -> Duty:
    """Return the duty that ends an idle session, has its result kept, and removes it stays_s later.

    ``end`` is the action that ends an idle session, which looks once more whether it is idle; else it is ended anyway.

    ``keep`` writes the result where it stays and returns what proves it, such as the id of its row. It is called again
    where a worker died behind it, so it must know its session again.
    """

    async def over(session_id: str, _kind: str) -> float | None:
        now, status, changed = await _seen(link, state(session_id))
        if status not in ("", "ended", "handed_over"):
            if now < changed + 1000 * idle_s:
                return changed + 1000 * idle_s
            await (end or operations.end)(session_id)
            now, status, changed = await _seen(link, state(session_id))
            if status not in ("", "ended", "handed_over"):  # something happened in between
                return changed + 1000 * idle_s
        if status not in ("", "handed_over"):
            await operations.hand_over(session_id, await keep(session_id))
            if stays_s:
                return now + 1000 * stays_s
        elif now < changed + 1000 * stays_s:
            return changed + 1000 * stays_s
        await operations.remove(session_id)
        return None

    return over
