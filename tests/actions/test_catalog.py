"""A faulty mechanic is one line with file and line that says what to write instead."""

import pytest

from redis_plan.actions import catalog, leaning, reading
from redis_plan.errors import InputError
from redis_plan.keyspace.catalog import use_patterns

GOOD = """\
mechanic = "poll"
use = "votes"
title = "A poll"
keys = { votes = "votes hash", score = "leaderboard zset" }
leavers = { votes = "stay" }
[action.vote]
says = "A $member votes"
actors = ["member"]
guards = [{ guard = "first", key = "votes", field = "member" }]
effects = [{ effect = "put", key = "votes", field = "member", value = "value" }]
announces = "voted"
shows = ["member"]
hides = ["value"]
"""


def faulty(old: str, new: str) -> str:
    assert old in GOOD
    with pytest.raises(InputError) as raised:
        catalog.check_phases([reading.read(GOOD.replace(old, new), "poll.toml")])
    return str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('guard = "first"', 'guard = "frist"', 9, "unknown guard 'frist'; did you mean first?"),
        ('effect = "put"', 'effect = "putt"', 10, "did you mean put?"),
        ('key = "votes", field = "member" }', 'field = "member" }', 9, "guard first needs key"),
        ('key = "votes", field = "member", value', 'key = "score", field = "member", value', 10, "effect put can't do a zset"),
        ('value = "value"', 'value = "valeu"', 10, "unknown argument 'valeu'"),
        ('shows = ["member"]', 'shows = ["member", "value"]', 12, "hidden and announced"),
        ('effects = [{ effect = "put", key = "votes", field = "member"', 'effects = [{ effect = "set", field = "last"', 10, "hidden:last"),
        ('actors = ["member"]', 'actors = ["memebr"]', 8, "did you mean member?"),
        ('actors = ["member"]', 'actor = ["member"]', 8, "unknown field 'actor'"),
        ("guards = [{", 'guards = [{ guard = "phase", is = "opened" }, {', 6, "waits for the phase opened, which no action reaches"),
        ('votes = "votes hash"', 'votes = "vote hash"', 4, "did you mean votes?"),
        ('says = "A $member votes"', "", 6, "does not say its says"),
        ('announces = "voted"', 'announces = "voted', 11, ""),
        ('hides = ["value"]', 'parameters = [{ name = "n", unit = "ms" }]', 13, "says is missing"),
        ('leavers = { votes = "stay" }', "", 6, 'say under leavers whether it is to go with who leaves or to stay, leavers = { votes = "go" }'),
        ('votes = "stay"', 'votes = "drop"', 5, "unknown word 'drop'; there is go, stay"),
        ('votes = "stay"', 'vote = "stay"', 5, "unknown key 'vote'; did you mean votes?"),
        ('announces = "voted"', 'call = "session_aply"', 11, "did you mean session_apply?"),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_file_and_line(old: str, new: str, line: int, says: str) -> None:
    found = faulty(old, new)
    assert found.startswith("poll.toml:")
    assert "\n" not in found
    assert says in found
    assert f":{line}:" in found or f"line {line}" in found


def test_a_seat_or_a_role_is_asked_of_whoever_acts() -> None:
    for kind in catalog.kinds().values():
        if kind.call:
            continue
        first = kind.guards[0].name if kind.guards else ""
        leads = set(kind.actors) & {"host", "cohost", "moderator"}
        assert "member" not in kind.actors or first == "seat", kind.id
        assert not leads or first in ("role", "seat"), kind.id


def test_every_mechanic_is_of_a_use_and_every_action_has_demands_of_its_own() -> None:
    uses = {pattern.use for pattern in use_patterns()} | {"session"}
    said = [line for kind in catalog.kinds().values() for line in kind.examples]
    assert {m.use for m in catalog.mechanics().values()} <= uses
    assert len(said) == len(set(said))
    assert all(kind.examples for kind in catalog.kinds().values())


def test_each_use_that_a_project_may_have_is_worked_on_by_an_action() -> None:
    """What a design takes has actions: those of its own key, or those that every session has."""
    acted = {use for id in catalog.kinds() for use in leaning.uses_of(id)}
    # every action of a session changes the state and appends to its log; who opens one draws its code
    of_session = {"state", "events", "log", "join-code"}
    asked = {pattern.use for pattern in use_patterns() if not pattern.machinery}
    assert asked - acted - of_session == set()
