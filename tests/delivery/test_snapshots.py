"""The snapshot of a role, read as its user: whoever comes late can draw the screen, and nothing hidden reaches anybody."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from redis_plan.actions import catalog
from redis_plan.delivery import snapshots
from redis_plan.keyspace.model import Bound
from redis_plan.server import Server
from tests.delivery import made

QUESTION, SECRET, RESULT = {"text": "Who wrote it?"}, "the-secret-answer", {"right": "b"}
EVERYBODY = ("ann", "bob", "host", "eve")  # two players, who leads, and one without a seat


class Table(NamedTuple):
    """A live room: what the gateway runs, what a timer runs, and the delivered actions."""

    app: Any
    worker: Any
    act: Any

    def screen(self, who: str, round: str = "none") -> Any:
        return self.app.run(self.act.snapshot_of("s", who, round))


def table(folder: Path, live: Server, project: made.Project, patch: pytest.MonkeyPatch) -> Table:
    made.write(project.artefacts, folder)
    client, actions = made.imported(folder, patch)
    root = live.client()
    root.flushall()
    root.function_flush()
    made.install(root, project)
    keys = client.Keys(environment="prod")
    users = (live.client(username=u, password=made.PASSWORD) for u in ("app", "worker"))
    app, worker = (client.Operations(user, keys) for user in users)
    app.create("s", epoch="ab", owner="host", fields={"hidden:solution": SECRET})
    return Table(app, worker, actions.Actions(keys))


@pytest.fixture
def room(fresh: Server, documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    """A room of the sample with two players, in the middle of a question that one of them has answered."""
    made_table = table(tmp_path, fresh, made.acting(made.SAMPLE, documents), monkeypatch)
    app, worker, act = made_table
    for who in ("ann", "bob"):
        assert app.run(act.join("s", who, "c1", f"d-{who}", who.title())).status == "ok"
    worker.run(act.award("s", "bob", "q1", 5))
    assert app.run(act.start_question("s", "host", "q1", QUESTION)).status == "ok"
    assert app.run(act.answer("s", "ann", "q1", SECRET)).status == "ok"
    yield made_table
    fresh.client().flushall()


def test_who_comes_late_can_draw_the_whole_screen(room: Table) -> None:
    late = room.screen("eve", "q1")
    assert (late.own_role, late.state["phase"], late.state["round"]) == ("spectator", "open", "q1")
    assert json.loads(late.state["content"]) == QUESTION
    assert {who: json.loads(seat)["name"] for who, seat in late.roster.items()} == {"ann": "Ann", "bob": "Bob"}
    assert (late.answer.count, late.answer.own) == (1, None)
    assert late.score.top == [("bob", 5.0)]
    assert late.version == room.app.catch_up("s", "", 0).version


def test_each_sees_the_own_answer_place_and_role(room: Table) -> None:
    ann, bob, host = (room.screen(who, "q1") for who in ("ann", "bob", "host"))
    assert json.loads(ann.answer.own)["d"] == SECRET
    assert bob.answer.own is None
    assert (bob.score.place, bob.score.points, ann.score.place) == (1, 5.0, None)
    assert [screen.own_role for screen in (ann, bob, host)] == ["member", "member", "host"]


def test_nothing_hidden_reaches_anybody_else_before_the_reveal_nor_by_it(room: Table) -> None:
    for who in ("bob", "host", "eve"):
        assert SECRET not in repr(room.screen(who, "q1")), who
        assert "result" not in room.screen(who, "q1").state
    while room.worker.run(room.act.all_answered("s", "q1")).status == "waiting":
        room.app.run(room.act.answer("s", "bob", "q1", "c"))
    assert room.app.run(room.act.reveal("s", "host", "q1", RESULT)).status == "ok"
    for who in ("bob", "host", "eve"):
        assert json.loads(room.screen(who, "q1").state["result"]) == RESULT
        assert SECRET not in repr(room.screen(who, "q1")), who


def test_a_new_round_begins_without_the_last_result(room: Table) -> None:
    assert room.app.run(room.act.skip_question("s", "host", "q1")).status == "ok"
    assert room.app.run(room.act.start_question("s", "host", "q2", {"text": "next"})).status == "ok"
    screen = room.screen("ann", "q2")
    assert json.loads(screen.state["content"]) == {"text": "next"}
    assert (screen.answer.count, screen.answer.own, screen.state.get("result")) == (0, None, None)


def test_a_session_that_is_gone_has_no_snapshot(room: Table) -> None:
    assert room.app.run(room.act.snapshot_of("nowhere", "ann")) is None


def test_what_waits_for_those_who_lead_is_seen_by_them_and_by_whose_it_is(
    fresh: Server, documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = made.acting(made.SAMPLE, documents)
    others = tuple(action for action in sample.keyspace.actions if action.kind != "claim.claim")
    proposing = Bound("propose", "moderation.propose", "Name", (("roster", "roster"), ("proposals", "buzzer")))
    moderated = replace(sample, keyspace=replace(sample.keyspace, actions=(*others, proposing)))
    assert {p.pattern.name: p.form for p in snapshots.parts(moderated.keyspace)}["buzzer"] == "guarded"
    room = table(tmp_path, fresh, moderated, monkeypatch)
    for who in ("ann", "bob"):
        room.app.run(room.act.join("s", who, "c1", f"d-{who}", who.title()))
    assert room.app.run(room.act.propose("s", "ann", "n1", "A Rude Name")).status == "ok"
    seen = {who: "A Rude Name" in repr(room.screen(who)) for who in EVERYBODY}
    assert seen == {"ann": True, "bob": False, "host": True, "eve": False}


@pytest.mark.parametrize(
    ("fills", "takes"), [("secrets.deal", "secrets.collect"), ("autobid.set_maximum", "autobid.clear_maximum")]
)
def test_what_only_one_may_know_is_in_no_snapshot_of_who_leads(
    fresh: Server, documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fills: str, takes: str
) -> None:
    """Also where an action that everybody is told of takes it away again."""
    sample = made.acting(made.SAMPLE, documents)
    others = tuple(action for action in sample.keyspace.actions if action.kind != "claim.claim")
    (local,) = catalog.mechanics()[fills.partition(".")[0]].keys
    keys = (("roster", "roster"), (local, "buzzer"))
    of_kind = [(kind, catalog.kinds()[kind].keys) for kind in (fills, takes)]
    bound = [Bound(kind.partition(".")[2], kind, "Card", tuple(k for k in keys if k[0] in of)) for kind, of in of_kind]
    project = replace(sample, keyspace=replace(sample.keyspace, actions=(*others, *bound)))
    room = table(tmp_path, fresh, project, monkeypatch)
    for who in ("ann", "bob"):
        room.app.run(room.act.join("s", who, "c1", f"d-{who}", who.title()))
    does = getattr(room.act, bound[0].name)
    user = room.worker if fills == "secrets.deal" else room.app
    assert user.run(does("s", "ann", SECRET)).status == "ok"
    assert {who: SECRET in repr(room.screen(who)) for who in EVERYBODY} == {
        "ann": True,
        "bob": False,
        "host": False,
        "eve": False,
    }


@pytest.mark.parametrize(
    ("name", "given", "because"),
    [
        ("award", {"target": "ann", "reason": "q1", "amount": 9}, "nobody asks for that: award"),
        ("time_up", {"round": "q1"}, "nobody asks for that: time_up"),
        ("join", {}, "nobody asks for that: join"),
        ("answer", {}, "answer needs round, value"),
        ("__init__", {}, "nobody asks for that: __init__"),
    ],
)
def test_nobody_asks_for_what_is_not_a_persons_to_do(
    room: Table, name: str, given: dict[str, Any], because: str
) -> None:
    with pytest.raises(ValueError, match=because):
        room.act.asked(name, "s", "ann", given, "op-1")


def test_what_people_ask_for_is_the_action_with_the_arguments_of_the_message(room: Table) -> None:
    call = room.act.asked("answer", "s", "bob", {"round": "q1", "value": "c", "member": "ann"}, "op-1")
    assert room.app.run(call).status == "ok"
    assert json.loads(room.screen("bob", "q1").answer.own)["d"] == "c"
