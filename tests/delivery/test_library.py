"""functions.lua: loads everywhere, alone and complete; each step holds under hundreds of clients, in both of its forms."""

import re
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import redis

from redis_plan.delivery import library
from redis_plan.keyspace import functions, naming
from redis_plan.server import Server
from tests.delivery import made
from tests.delivery.conftest import CLIENTS, Crowd

Work = Callable[[Any, int], Coroutine[Any, Any, Any]]


@pytest.fixture(params=["function", "eval"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def storm(crowd: Crowd, generated: ModuleType, sample_folder: Path, form: str) -> Callable[[Work], list[Any]]:
    """Run the same work from 200 connections at once; what each answered."""
    scripts, keys = sample_folder / "functions-eval", generated.Keys()

    def run(work: Work) -> list[Any]:
        made = [generated.AsyncOperations(client, keys, form=form, scripts=scripts) for client in crowd.clients]
        return crowd.run([work(operations, number) for number, operations in enumerate(made)])

    return run


@pytest.fixture
def keys(generated: ModuleType) -> Any:
    return generated.Keys()


@pytest.fixture
def client(loaded: Server) -> Iterator[redis.Redis]:
    yield loaded.client(decode_responses=True)
    loaded.client().flushall()


@pytest.fixture
def one(loaded: Server, generated: ModuleType, client: redis.Redis) -> Any:
    """The operations on one connection."""
    return generated.Operations(client, generated.Keys())


def versions(client: redis.Redis, log: str) -> list[int]:
    return [int(found[1]) for text in client.lrange(log, 0, -1) if (found := re.search(r'"v":(\d+)', text))]  # type: ignore[union-attr]


def test_the_last_seats_go_to_as_many_as_there_are(storm: Any, one: Any, client: redis.Redis, keys: Any) -> None:
    one.create("full")
    replies = storm(lambda o, n: o.join("full", f"m{n}", "c", {}, capacity=60))
    assert Counter(reply.status for reply in replies) == {"joined": 60, "full": CLIENTS - 60}
    assert client.hlen(keys.roster("full")) == client.zcard(keys.presence("full")) == 60
    assert versions(client, keys.log("full")) == list(range(1, 61))


def test_a_member_who_joins_from_everywhere_takes_one_seat(
    storm: Any, one: Any, client: redis.Redis, keys: Any
) -> None:
    one.create("twin")
    storm(lambda o, n: o.join("twin", "ann", f"c{n}", {}))
    assert client.hkeys(keys.roster("twin")) == ["ann"]
    assert client.zcard(keys.presence("twin")) == 2  # the newest connections; the others were taken over


def test_a_session_is_created_once(storm: Any, one: Any, client: redis.Redis, keys: Any) -> None:
    replies = storm(lambda o, n: o.create("once", fields={"owner": f"m{n}"}))
    assert Counter(replies) == {"created": 1, "exists": CLIENTS - 1}
    assert client.hget(keys.state("once"), "owner") == f"m{replies.index('created')}"


def test_no_change_is_lost_and_the_log_has_no_hole(storm: Any, one: Any, client: redis.Redis, keys: Any) -> None:
    one.create("busy")
    replies = storm(lambda o, n: o.apply("busy", "set", {"n": n}, op_id=f"op{n}", fields={f"f{n % 5}": n}))
    assert {r.status for r in replies} == {"ok"}
    assert sorted(r.version for r in replies) == list(range(1, CLIENTS + 1)) == versions(client, keys.log("busy"))


def test_of_those_who_saw_one_version_one_wins(storm: Any, one: Any) -> None:
    one.create("race")
    replies = storm(lambda o, n: o.apply("race", "set", {}, expected_version=0, fields={"winner": n}))
    assert Counter(r.status for r in replies) == {"ok": 1, "conflict": CLIENTS - 1}


def test_an_operation_that_everybody_repeats_counts_once(storm: Any, one: Any) -> None:
    one.create("again")
    replies = storm(lambda o, n: o.apply("again", "set", {}, op_id="same"))
    assert Counter(r.status for r in replies) == {"ok": 1, "duplicate": CLIENTS - 1}
    assert {r.version for r in replies} == {1}


def test_heartbeats_and_catching_up_see_a_whole_session_while_others_write(storm: Any, one: Any) -> None:
    one.create("read", epoch="ab")
    one.join("read", "ann", "c", {})

    async def work(o: Any, n: int) -> Any:
        if n % 3 == 0:
            return (await o.apply("read", "set", {})).status
        if n % 3 == 1:
            return await o.heartbeat("read", "ann", "c")
        found = await o.catch_up("read", "ab", 1)
        assert found.kind == "delta"
        assert [int(re.search(r'"v":(\d+)', e)[1]) for e in found.events] == list(range(1, found.version + 1))  # type: ignore[index]
        return found.kind

    assert set(storm(work)) == {"ok", "renewed", "delta"}


def test_a_seat_is_given_back_once(storm: Any, one: Any, client: redis.Redis, keys: Any) -> None:
    one.create("leave")
    for number in range(20):
        one.join("leave", f"m{number}", "c", {})
    replies = storm(lambda o, n: o.leave("leave", f"m{n % 20}"))
    assert Counter(reply.status for reply in replies) == {"left": 20, "absent": CLIENTS - 20}
    assert client.hlen(keys.roster("leave")) == 0
    assert versions(client, keys.log("leave")) == list(range(1, 41))


def test_a_lapsed_lease_is_swept_by_one(storm: Any, one: Any, client: redis.Redis, keys: Any) -> None:
    one.create("sweep")
    for number in range(20):
        one.join("sweep", f"m{number}", "c", {})
        client.zadd(keys.presence("sweep"), {f"m{number}#c": 1000})
    found = [name for reply in storm(lambda o, n: o.sweep("sweep")) for name in reply]
    assert sorted(found) == sorted(f"m{n}#c" for n in range(20))
    assert client.hlen(keys.roster("sweep")) == 0


def test_no_vote_is_double_and_no_point_is_lost(storm: Any, one: Any, client: redis.Redis, keys: Any) -> None:
    one.create("vote")

    async def work(o: Any, n: int) -> str:
        first = await o.record_answer("vote", 7, f"m{n % 50}", str(n), once=True)
        await o.record_score("vote", f"m{n % 50}", 10)
        return str(first.status)

    assert Counter(storm(work)) == {"ok": 50, "taken": CLIENTS - 50}
    assert client.hlen(keys.answer("vote", 7)) == 50
    assert sum(score for _, score in client.zrange(keys.score("vote"), 0, -1, withscores=True)) == 10 * CLIENTS  # type: ignore[union-attr]
    kept, last = versions(client, keys.log("vote")), 50 + CLIENTS
    assert kept == list(range(last - len(kept) + 1, last + 1))
    assert len(kept) >= 100  # the log has its bound, and no hole


def test_nothing_outlives_a_session_that_ends_while_everybody_votes(
    storm: Any, one: Any, client: redis.Redis, keys: Any
) -> None:
    one.create("end")

    async def work(o: Any, n: int) -> Any:
        if n == 100:
            await o.end("end")
            await o.hand_over("end", "row 1")
            return await o.remove("end")
        return (await o.record_answer("end", n % 7, f"m{n}", "a")).status

    assert set(storm(work)) <= {"ok", "ended", "gone", "removed"}
    assert list(client.scan_iter()) == []


def test_a_round_that_is_over_is_dropped_once(storm: Any, one: Any, client: redis.Redis, keys: Any) -> None:
    one.create("drop")
    one.record_answer("drop", 1, "ann", "b")
    assert sum(storm(lambda o, n: o.drop_answer("drop", 1))) == 1
    assert not any(field.startswith("key:") for field in client.hkeys(keys.state("drop")))  # type: ignore[union-attr]


def test_a_limit_lets_exactly_its_number_through(storm: Any, client: redis.Redis, keys: Any) -> None:
    replies = storm(lambda o, n: o.hit_rate("join", "u1", 1, 20))
    assert sum(reply.status == "allowed" for reply in replies) == 20
    assert client.ttl(keys.rate("join", "u1", 1)) > 0  # type: ignore[operator]


def test_no_two_workers_get_one_deadline(storm: Any, client: redis.Redis, keys: Any) -> None:
    client.zadd(keys.due("03"), {f"s{n}:idle": 1 for n in range(50)})
    claimed = [claim for reply in storm(lambda o, n: o.claim_due("03", batch=3)) for claim in reply]
    assert sorted(c.entry for c in claimed) == sorted(f"s{n}:idle" for n in range(50))

    async def finish(o: Any, n: int) -> Any:
        claim = claimed[n % 50]
        return await o.done_due("03", claim.entry, claim.until if n < 50 else claim.until + 1)

    assert storm(finish).count("done") == 50
    assert client.zcard(keys.due("03")) == 0


def test_the_library_of_every_project_loads_alone_and_each_script_by_itself(
    fresh: Server, project: made.Project
) -> None:
    client = fresh.client(decode_responses=True)
    text = library.compose(project.brief, project.keyspace)
    client.function_flush()
    if text:
        assert client.function_load(text) == project.keyspace.library
        (listed,) = client.execute_command("FUNCTION", "LIST")
        found = str(listed)
        names = [project.keyspace.fcall_name(step.function.name) for step in library.steps(project.keyspace)]
        assert all(f"'{name}'" in found for name in names)
    for script in library.eval_scripts(project.brief, project.keyspace):
        client.script_load(script.text)
    client.function_flush()


def test_a_library_has_only_what_its_keyspace_needs(project: made.Project) -> None:
    names = {step.function.name for step in library.steps(project.keyspace)}
    assert ("session_create" in names) == (not functions.missing(project.keyspace))
    uses = {(p.use, p.type) for p in project.keyspace.keys}
    assert ("rate_hit" in names) == (("rate", "string") in uses)
    text = library.compose(project.brief, project.keyspace)
    for helper in re.findall(r"^local function (\w+)", text, re.MULTILINE):
        assert len(re.findall(rf"\b{helper}\b", text)) > 1, f"nobody calls {helper}"


def test_each_function_names_its_keys_and_the_requirements_it_serves(project: made.Project) -> None:
    for step in library.steps(project.keyspace):
        part = project.text("functions.lua").split(f"\n-- {step.function.name}\n")[1].split("\nlocal ")[0]
        assert re.search(r"-- (?:Serves .+ \(\S+:\d+\)|For \S+)", part), step.function.name
        if step.action and step.action.requirements:  # what keeps the design going serves no demand
            assert "-- Serves" in part, step.function.name


def test_no_function_touches_a_key_that_it_was_not_given() -> None:
    for function in library.common():
        called = re.findall(r"redis\.p?call\('(\w+)', ?([^,)]+)", function.body)
        assert {at for command, at in called} <= {"keys[1]", "keys[2]"}, function.name


def test_the_keys_of_a_step_share_a_slot(project: made.Project) -> None:
    from redis_plan.delivery import walkthrough

    for step in walkthrough.steps(project.brief, project.keyspace):
        if step.command[0] == "FCALL":
            keys: Sequence[str] = step.command[3 : 3 + int(step.command[2])]
            assert len({naming.slot(key) for key in keys}) == 1, step.command
