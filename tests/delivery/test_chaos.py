"""Games that other teams describe, played by their own actions through the delivered gateway while everything breaks."""

import asyncio
import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from redis_plan.actions import catalog
from redis_plan.keyspace import naming
from redis_plan.rig import chaos, hall
from tests.delivery import made
from tests.delivery.games.evening import NOT_TOLD
from tests.delivery.games.players import AskingMember
from tests.delivery.test_gateway import CHAOS_S, SESSIONS, running, state_of
from tests.delivery.test_survivors import AOF

#: Projects of several natures: estimates, a party, questions to a speaker, a drawing, cards, a chat.
SIX = ("planning-poker", "party-jam", "slido-clone", "collab-whiteboard", "cardholder", "wink-chat")
#: Who is in each session; the first one leads.
WHO = ("host", "ann", "bob", "cyd", "dan")
#: With everysec a server that is killed while the disk is slow may have answered what it had not written yet.
SAFE = {**AOF, "appendfsync": "always"}
#: What ends a session, or somebody's part in it, before anything could break.
ENDS = ("end", "leave")


def about(names: tuple[str, ...], rng: random.Random) -> dict[str, Any]:
    """Return arguments as a message may have them."""
    given = {
        "round": lambda: rng.choice(("r1", "r2")), "target": lambda: rng.choice(WHO), "amount": lambda: rng.randint(1, 3),
        "value": lambda: {"text": rng.choice("abc")}, "expected": lambda: rng.randint(0, 3), "role": lambda: "moderator",
    }  # fmt: skip
    return {name: given[name]() if name in given else f"{name}-{rng.randint(1, 3)}" for name in names}


@pytest.mark.parametrize("name", [name for name in SIX if name in made.PROJECTS])
def test_a_game_of_another_team_is_right_after_chaos_and_nothing_acknowledged_is_lost_or_done_twice(
    name: str, documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = made.acting(name, documents)
    folder = made.write(project.artefacts, tmp_path / "redis")
    client, actions = made.imported(folder, monkeypatch)
    ended = {action.name for action in project.keyspace.actions if catalog.kind_of(action).announces in ENDS}
    asked = {kind: names for kind, names in actions.ASKED.items() if kind not in ended}
    rng, done, said = random.Random(name), dict[tuple[str, str, str], tuple[str, dict[str, Any]]](), Counter[str]()

    async def ask(member: AskingMember, stop: asyncio.Event, rng: random.Random) -> None:
        count = 0
        while not stop.is_set():
            await asyncio.sleep(rng.uniform(0.05, 0.4))
            count += 1
            kind = rng.choice(list(asked))
            given = about(asked[kind], rng)
            status = await member.ask(f"op{count}", kind, **given)
            said[status] += 1
            if status in ("ok", "duplicate"):
                done[member.hello["s"], member.hello["m"], f"op{count}"] = kind, given

    with running(folder, project, 2, SAFE) as (own, gateways):
        keys = client.Keys(environment=naming.ENVIRONMENT)
        act, root = actions.Actions(keys), own.client(decode_responses=True)
        operations = client.Operations(root, keys, form="auto")
        sessions = [f"s{number}" for number in range(SESSIONS)]
        for session in sessions:
            operations.apply(session, "owned", {"set": {"owner": "host"}}, op_id="o", fields={"owner": "host"})
        members = [
            AskingMember([g.url for g in gateways], hall.signed(session, who, name=who.title()), random.Random(f"{session}{who}"))
            for session in sessions
            for who in WHO
        ]  # fmt: skip

        def restart_server() -> None:
            own.kill()
            time.sleep(rng.uniform(0, 0.5))
            own.start()

        def flush() -> None:
            own.client().function_flush()
            own.client().script_flush()

        faults = {"gateway killed": lambda: rng.choice(gateways).restart(), "server killed": restart_server, "flushed": flush}  # fmt: skip
        outcome = asyncio.run(chaos.run(members, faults, state_of(own, project), seconds=CHAOS_S, rng=rng, doing=ask))
        assert not outcome.wrong, outcome.wrong
        root = own.client(decode_responses=True)
        operations = client.Operations(root, keys, form="auto")
        for session in sessions:
            state = root.hgetall(keys.state(session))
            shown = {k: v for k, v in state.items() if not k.startswith(("hidden:", "key:"))}
            for member in (m for m in members if m.hello["s"] == session):
                has = member.copy.state
                differs = {k for k in {*shown, *has} if shown.get(k) != has.get(k)} - NOT_TOLD
                assert not differs, (member.hello["m"], {k: (shown.get(k), has.get(k)) for k in differs})
            log = [json.loads(entry) for entry in root.lrange(keys.log(session), 0, -1)]
            assert [e["v"] for e in log] == list(range(log[0]["v"], int(state["version"]) + 1))
            twice = [op for op, times in Counter(e["op"] for e in log if e.get("op")).items() if times > 1]
            assert not twice, (session, twice)
        for (session, who, op), (kind, given) in done.items():
            again = operations.run(act.asked(kind, session, who, given, f"{who}:{op}"))
            assert again.status == "duplicate", (
                session,
                who,
                op,
                kind,
                given,
                again,
                state_of(own, project)(session),
                outcome,
            )
    assert len(done) > len(members), said
