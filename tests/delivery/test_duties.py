"""The delivered gateway and the delivered worker play a round by themselves: nobody but them writes a deadline."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from redis_plan.delivery import acl
from redis_plan.delivery.redis_plan_worker import BUCKETS
from tests.delivery import made
from tests.delivery.playing import play, so
from tests.delivery.test_gateway_actions import Room, room
from tests.delivery.test_worker import Process, working

__all__ = ["room"]

#: What is the team's own in it: a round that is over is revealed with points, and an ended room goes soon.
PROGRAM = """
import asyncio, json
import redis_plan_duties as duties
from redis_plan_actions import Actions

async def settled(operations, session_id, round, once):
    actions = Actions(operations.keys)
    answers = await operations.client.execute_command("HGETALL", operations.keys.answer(session_id, round))
    await operations.run(actions.reveal_now(session_id, round, len(answers)))
    for member, text in answers.items():
        await operations.run(actions.award(session_id, member, round, json.loads(text)["d"], op_id=f"{once}:{member}"))

duties.settled, duties.STAYS_S = settled, 1.0
asyncio.run(duties.work())
"""


#: The next question runs, and is answered, before the end of the last one is done with.
AHEAD = """
import asyncio
import redis_plan_duties as duties
from redis_plan_actions import Actions

async def settled(operations, session_id, round, once):
    actions = Actions(operations.keys)
    if round == "q1":
        await operations.run(actions.start_question(session_id, "host", "q2", None, length_ms=600, length_least=1))
        await operations.run(actions.answer(session_id, "ann", "q2", 4, op_id="early"))

duties.settled = settled
asyncio.run(duties.work())
"""


@pytest.fixture
def worker(room: Room, documents: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Process]:
    folder = tmp_path / "redis"
    for user in acl.users(made.acting(made.SAMPLE, documents).keyspace):
        room.own.client().execute_command(*user.command(made.PASSWORD))
    (folder / "program.py").write_text(getattr(request, "param", PROGRAM), "utf-8")
    with working(folder, room.own, "program.py") as process:
        yield process


def test_a_question_ends_is_revealed_and_the_result_goes_without_anybody_asking(room: Room, worker: Process) -> None:
    host = room.member("host", "host", seat=False)
    ann, bob = room.member("ann", name="Ann"), room.member("bob", name="Bob")
    client, state = room.own.client(decode_responses=True), room.keys.state("s0")
    client.hset(state, "code", "K7PQXM")
    client.set(room.keys.code("K7PQXM"), "s9", ex=600)  # it lapsed, and another room drew it

    async def story() -> None:
        await so(lambda: all(m.copy.mode == "live" for m in (host, ann, bob)), "not in")
        assert await host.ask("o1", "start_question", round="q1", value={"text": "?"}) == "ok"
        assert await ann.ask("o2", "answer", round="q1", value=3) == "ok"
        await so(lambda: client.hget(state, "phase") == "open", "one of two has answered")
        assert await bob.ask("o3", "answer", round="q1", value=2) == "ok"
        await so(lambda: bob.copy.state.get("result") == "2", "all have answered, and nothing is revealed")
        started = room.act.start_question("s0", "host", "q2", None, length_ms=300, length_least=1)
        assert room.operations.run(started).status == "ok"
        await so(lambda: bob.copy.state.get("result") == "0", "the time is over, and nothing is revealed")
        await so(lambda: not client.exists(room.keys.answer("s0", "q1")), "what the round before left is kept")
        assert "key:answer:q1" not in client.hkeys(state)
        assert sorted(client.zrange(room.keys.score("s0"), 0, -1, withscores=True)) == [("ann", 3.0), ("bob", 2.0)]
        assert await host.ask("o4", "rematch") == "ok"
        started = room.act.start_question("s0", "host", "q1", None, length_ms=2000, length_least=1)
        assert room.operations.run(started).status == "ok"
        assert await ann.ask("o5", "answer", round="q1", value=5) == "ok"
        await so(lambda: ann.copy.state.get("result") == "1", "the same round, played again, is not revealed")
        await so(lambda: client.zscore(room.keys.score("s0"), "ann") == 5.0, "its points are those of the game before")
        assert await host.ask("o6", "end_game") == "ok"
        await so(lambda: ann.copy.state.get("status") == "handed_over", "the result is not kept")
        await so(lambda: not client.exists(state), "the room stays")
        await so(
            lambda: not any(client.zcount(room.keys.due(b), "-inf", "+inf") for b in BUCKETS), "it is not done with"
        )

    play(story, host, ann, bob)
    assert client.get(room.keys.code("K7PQXM")) == "s9"
    assert worker.lines == ["working"]


@pytest.mark.parametrize("worker", [AHEAD], indirect=True, ids=["the next one runs by then"])
def test_answers_of_the_question_that_runs_are_not_dropped_with_those_of_the_last_one(
    room: Room, worker: Process
) -> None:
    host, ann, bob = (
        room.member("host", "host", seat=False),
        room.member("ann", name="Ann"),
        room.member("bob", name="Bob"),
    )
    client = room.own.client(decode_responses=True)

    async def story() -> None:
        await so(lambda: all(m.copy.mode == "live" for m in (host, ann, bob)), "not in")
        started = room.act.start_question("s0", "host", "q1", None, length_ms=300, length_least=1)
        assert room.operations.run(started).status == "ok"
        assert await bob.ask("o1", "answer", round="q1", value=3) == "ok"
        await so(lambda: client.exists(room.keys.answer("s0", "q2")), "the next question is not answered")
        await so(lambda: not client.exists(room.keys.answer("s0", "q1")), "what the last question left is kept")
        assert client.hkeys(room.keys.answer("s0", "q2")) == ["ann"]

    play(story, host, ann, bob)
    assert worker.lines == ["working"]
