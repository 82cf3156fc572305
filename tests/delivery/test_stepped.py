"""Any sequence of calls while the server's clock is set forward and back: the functions do what the models say.

``REDIS_PLAN_PROPERTIES=deep`` runs a hundred times as many.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from redis_plan.keyspace import functions
from tests.conftest import BINARIES
from tests.delivery import test_model
from tests.delivery.playing import until
from tests.delivery.test_clock import STEP_S, Clock

pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler (cc) makes the clock that can be stepped")
BUDGET = settings(test_model.BUDGET, max_examples=1000 if test_model.DEEP else 10)
#: Of a session here: a step of the clock is not to end it.
LONG_S = 100_000
STEPS = st.sampled_from([-STEP_S, 0.0, STEP_S, 2 * STEP_S])
INDEX, CLAIM_MS = "m:due", 60_000


def now_ms(client: Any) -> float:
    seconds, micros = client.time()
    return float(1000 * seconds + micros / 1000)


def step(client: Any, clock: Clock, seconds: float) -> None:
    """Set the clock, and go on once the server goes by it: it looks at it now and then."""
    clock.set(seconds)
    until(lambda: abs(now_ms(client) - 1000 * (time.time() + seconds)) < 500, "the clock stands still")


class Stepped(test_model.Life):
    """The same session and model; leases lapse and go on by a clock that is set, and nothing else minds it."""

    clock: Clock

    def __init__(self) -> None:
        step(self.client, self.clock, 0)
        super().__init__()

    @rule(seconds=STEPS)
    def the_clock_is_set(self, seconds: float) -> None:
        step(self.client, self.clock, seconds)
        seconds_now, micros = self.client.time()
        now = 1000 * seconds_now + micros / 1000
        self.lapsed = {
            c for c, end in self.client.zrange(test_model.K["presence"], 0, -1, withscores=True) if end <= now
        }


class Claims(RuleBasedStateMachine):
    """Deadlines that anybody writes at any time, and workers that claim them: nobody has what another one has.

    The model: when each entry is due, and until when it is somebody's. What is due is due by seconds, never by a hair.
    """

    client: Any
    clock: Clock

    def __init__(self) -> None:
        super().__init__()
        step(self.client, self.clock, 0)
        self.client.flushall()
        self.due: dict[str, float] = {}
        self.claimed: dict[str, int] = {}
        self.given: list[tuple[str, int]] = []  # every claim that a worker was ever given

    def now(self) -> float:
        return now_ms(self.client)

    def held(self, entry: str) -> bool:
        return self.claimed.get(entry, 0) > self.now()

    @rule(seconds=STEPS)
    def the_clock_is_set(self, seconds: float) -> None:
        step(self.client, self.clock, seconds)

    @rule(entry=st.sampled_from("abc"), in_s=st.sampled_from([-5, 0, 100, 5000]), how=st.sampled_from(["", "NX", "LT"]))
    def somebody_writes_a_deadline(self, entry: str, in_s: int, how: str) -> None:
        at = int(self.now()) + 1000 * in_s
        self.client.execute_command("ZADD", INDEX, *how.split(), at, entry)
        before = self.due.get(entry)
        if before is None or not how or (how == "LT" and at < before):
            self.due[entry] = at

    @rule()
    def a_worker_looks(self) -> None:
        free = {entry for entry, at in self.due.items() if at <= self.now() and not self.held(entry)}
        put_off = {entry for entry, at in self.due.items() if at <= self.now() and self.held(entry)}
        found = self.client.fcall("due_claim", 1, INDEX, CLAIM_MS, 10)
        claims = dict(zip(found[::2], map(int, found[1::2]), strict=True))
        assert set(claims) == free, "what is due and nobody's, and nothing else"
        # what had ended by then does not go on where the clock is set back
        self.claimed = {entry: until for entry, until in self.claimed.items() if until > self.now()}
        self.due |= claims | {entry: self.claimed[entry] + 1 for entry in put_off}
        self.claimed |= claims
        self.given += claims.items()

    @precondition(lambda self: self.given)
    @rule(which=st.integers(0, 9), in_s=st.none() | st.sampled_from([-5, 100]))
    def a_worker_is_done(self, which: int, in_s: int | None) -> None:
        entry, until = self.given[-1 - which % len(self.given)]
        at = int(self.now()) + 1000 * (in_s or 0)
        name, rest, well = ("due_done", [], "done") if in_s is None else ("due_move", [at], "moved")
        ours, mine = self.due.get(entry) == until, self.claimed.get(entry) == until
        told = self.client.fcall(name, 1, INDEX, entry, until, *rest)
        assert told == (well if ours else "lost")
        if mine:
            del self.claimed[entry]
            if self.due.get(entry) == until + 1:
                self.due[entry] = int(self.now())
        if ours and in_s is None:
            del self.due[entry]
        elif ours:
            self.due[entry] = at

    @invariant()
    def the_index_is_as_the_model_has_it(self) -> None:
        found = dict(self.client.zrange(INDEX, 0, -1, withscores=True))
        claims = {
            entry.removeprefix("claimed "): found.pop(entry) for entry in [*found] if entry.startswith("claimed ")
        }
        assert set(found) == set(self.due)
        assert all(abs(found[entry] - at) < 1000 for entry, at in self.due.items())
        running = {entry: until for entry, until in self.claimed.items() if until > self.now()}
        assert {entry: until for entry, until in claims.items() if until > self.now()} == running

    def teardown(self) -> None:
        """Whatever was told is looked at in the end."""
        step(self.client, self.clock, 10 * STEP_S)
        found = self.client.fcall("due_claim", 1, INDEX, CLAIM_MS, 10)
        assert set(found[::2]) == set(self.due)


@pytest.fixture(scope="module", params=BINARIES, ids=lambda binary: binary.id)
def stepped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A server of each build with every function of the catalog, and its clock."""
    clock = Clock(tmp_path_factory.mktemp("clock"))
    with pytest.MonkeyPatch.context() as patch, closing(clock.start(request.param, patch)) as live:
        live.client().function_load(functions.library("every", test_model.ALL))
        yield {"clock": clock, "client": live.client(decode_responses=True)}


@pytest.mark.parametrize("machine", [Stepped, Claims])
def test_any_sequence_of_calls_does_what_the_model_says_whatever_the_clock_is_set_to(
    stepped: dict[str, Any], monkeypatch: pytest.MonkeyPatch, machine: type[RuleBasedStateMachine]
) -> None:
    monkeypatch.setattr(test_model, "TTL", LONG_S)
    run: Any = run_state_machine_as_test
    run(type(machine.__name__, (machine,), stepped), settings=BUDGET)
