"""From the moment a session is opened, every action of every project can be accepted: by its function, as the user that it is for."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

import pytest
import redis

from redis_plan import server
from redis_plan.actions import catalog, reaching
from redis_plan.brief.model import Brief
from redis_plan.chapters.sessions import steps
from redis_plan.delivery import duties
from redis_plan.keyspace import functions
from redis_plan.keyspace.model import Keyspace
from redis_plan.rig.playing.delivered import Delivered, delivered
from redis_plan.rig.playing.world import World, of_project
from redis_plan.server import Server
from tests import projects
from tests.conftest import BINARIES

#: So many sessions are opened at most, and so many calls made in each: about ten times what was ever needed.
SESSIONS, CALLS = 40, 250
MEMBERS = ("annette", "bernard", "cynthia")
#: Projects whose documents need no Redis.
WITHOUT = ("boardmate", "whatispent", "zenith-buzzer")


class Play:
    """A project's actions called at random in sessions that nothing but its functions writes to, until each was accepted."""

    def __init__(self, at_work: Delivered, keyspace: Keyspace) -> None:
        self.at_work, self.keyspace, self.rng = at_work, keyspace, random.Random(7)
        self.answers: dict[str, set[str]] = {}
        self.calls = 0

    def run(self) -> list[str]:
        """Return the actions that no call had accepted, each with the answers that it gave."""
        for n in range(SESSIONS):
            worlds = self.opened(f"k3v{n}")
            self.answers = {name: self.answers.get(name, set()) for name in worlds}
            endings = [name for name, world in worlds.items() if {e.name for e in world.kind.effects} & {"close"}]
            others = [name for name in worlds if name not in endings]
            for _ in range(CALLS if others else 0):
                name = self.rng.choice(others)
                self.answers[name].add(self.answer(worlds[name]))
            for name in self.rng.sample(endings, len(endings)):  # a session ends once
                self.answers[name] |= {self.answer(worlds[name]) for _ in range(8)}
            if not self.open:
                break
        return self.open

    @property
    def open(self) -> list[str]:
        return [f"{name}: {sorted(said)}" for name, said in self.answers.items() if "ok" not in said]

    def opened(self, session: str) -> dict[str, World]:
        found = {action.name: world for action, world in of_project(self.at_work.admin, self.keyspace, session)}
        for world in found.values():
            world.client = self.at_work.users[duties.callers(world.function.call)[0]]
        if self.keyspace.use("state"):
            self.at_work.send(self.at_work.calls.create(session, **steps.owner(self.at_work)))
            if any(effect.name == "check_name" for world in found.values() for effect in world.kind.effects):
                state = functions.session_keys(self.keyspace, session)["state"]
                self.at_work.admin.hset(state, "checks_names", "1")
        return found

    def answer(self, world: World) -> str:
        self.calls += 1
        try:
            return str(world.call(f"op{self.calls}", **self.given(world))[1])
        except redis.ResponseError as error:
            if "BADARG" not in str(error):
                raise
            return str(error)

    def given(self, world: World) -> Mapping[str, str]:
        """Return somebody, something and some time, as likely as not what is asked for."""
        draw = self.rng.choice
        member = draw(("host", *MEMBERS))
        short = {p.name: draw(("1", "60000")) for p in world.kind.parameters if p.unit == "ms"}
        return short | {
            "member": member, "name": member, "folded": member, "target": draw(MEMBERS), "role": draw(reaching.GIVEN_ROLES),
            "expected": draw("01234"), "amount": draw("123456789"), "value": draw(('"a"', '"b"')), "token": "1",
        }  # fmt: skip


@pytest.fixture(scope="module")
def live() -> Iterator[Server]:
    started = server.start_with(BINARIES[0])
    yield started
    started.close()


def never_accepted(live: Server, brief: Brief, keyspace: Keyspace) -> list[str]:
    with delivered(live, brief, keyspace) as at_work:
        return Play(at_work, keyspace).run()


@pytest.mark.parametrize("name", [name for name in projects.NAMES if name not in WITHOUT])
def test_every_action_is_accepted_in_some_session_that_was_opened_and_played(live: Server, name: str) -> None:
    keyspace = projects.acting(name)
    assert keyspace.actions
    assert never_accepted(live, projects.read(name), keyspace) == []


@pytest.mark.parametrize("name", [name for name in projects.NAMES if name in WITHOUT])
def test_documents_that_need_no_redis_get_no_action_and_no_key(name: str) -> None:
    keyspace = projects.acting(name)
    assert projects.read(name).fit == "no"
    assert not keyspace.actions
    assert not keyspace.keys


def test_every_action_of_the_catalog_can_be_reached_from_a_session_that_was_just_opened() -> None:
    found = {id: reaching.step(kind, {k: f"{use} {kind.borrowed.get(k, kind.mechanic) if use == 'records' else ''}" for k, (use, _) in kind.keys.items()}) for id, kind in catalog.kinds().items()}  # fmt: skip
    assert set(found) - set(reaching.places(found)) == set()


def test_what_only_goes_on_or_begins_anew_opens_no_round() -> None:
    """Nobody answers before a round is started: what is cleared or resumed was open before."""
    asked = {"seats.join", "submission.submit", "submission.clear", "phases.resume", "phases.pause"}
    found = {id: reaching.step(kind, dict.fromkeys(kind.keys, "votes")) for id, kind in catalog.kinds().items()}
    assert reaching.completed(asked, found) - asked == {"phases.start"}


def test_a_turn_is_given_before_it_is_passed_on() -> None:
    found = {id: reaching.step(kind, {}) for id, kind in catalog.kinds().items()}
    assert reaching.completed({"seats.join", "phases.pass_turn"}, found) >= {"phases.give_turn"}
