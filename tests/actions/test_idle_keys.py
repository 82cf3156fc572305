"""Keys without a use: none for things that nothing lets live in Redis, and none on which nothing can be done."""

from collections.abc import Iterable
from dataclasses import replace

from redis_plan.actions import designing, matching
from redis_plan.actions.finding import find_actions
from redis_plan.brief.model import DECLARED, Attribute, Brief, Entity, OwnKey, TakenUse
from redis_plan.keyspace import design
from redis_plan.keyspace.uses import passed_over
from tests.keyspace.briefs import entity, requirement, workshop

FOOTLIGHT = replace(entity("Footlight", "temporary"), confidence=0.5)


def asked(demands: Iterable[tuple[str, bool]] = (), thing: Entity = FOOTLIGHT) -> Brief:
    """A workshop in whose documents a footlight is read, with these demands besides, each real-time or not."""
    brief = workshop()
    others = tuple(e for e in brief.entities if e.name in ("Workshop", "Participant", "Vote", "Chat message"))
    more = tuple(requirement(90 + n, text, live) for n, (text, live) in enumerate(demands))
    return replace(brief, entities=(*others, thing), requirements=(*brief.requirements, *more))


def test_a_thing_that_no_real_time_demand_speaks_of_gets_no_key_and_no_error():
    brief = asked([("A treasurer writes down what each footlight did cost", False)])
    assert design(brief).use("records") is not None
    made = designing.design(brief)
    assert made.use("records") is None
    assert [f for f in made.findings if f.severity == "error"] == []
    assert "records" in {one.use for one in passed_over(brief, {p.use for p in made.patterns})}


def test_a_thing_of_which_something_live_is_asked_that_no_action_does_keeps_its_key_where_it_is_described():
    demands = [("The colour of a footlight follows the loudness of the piano within 200 ms", True)]
    told = replace(FOOTLIGHT, attributes=(Attribute("colour"),))
    assert [p.name for p in designing.design(asked(demands, told)).keys if p.use == "records"] == ["footlight"]
    declared = replace(FOOTLIGHT, confidence=DECLARED)
    assert [p.name for p in designing.design(asked(demands, declared)).keys if p.use == "records"] == ["footlight"]
    assert designing.design(asked(demands)).use("records") is None  # nobody could say what it holds


def test_a_thing_whose_demands_are_carried_out_on_another_key_has_none_beside_it():
    brief = asked([("Participants write chat messages to a footlight", True)])
    made = designing.design(brief)
    assert made.use("chat") is not None
    assert made.use("records") is None
    assert [f for f in made.findings if f.severity == "error"] == []


def test_a_thing_that_another_use_of_the_design_keeps_by_its_name_has_no_key_beside_it():
    demands = [("The colour of a wheel ballot follows the loudness of the piano within 200 ms", True)]
    brief = asked(demands, replace(FOOTLIGHT, name="Wheel ballot"))
    assert "wheel-ballot" in [p.name for p in design(brief).keys]
    made = designing.design(brief)
    assert made.use("votes") is not None
    assert made.use("records") is None


def test_what_the_team_says_itself_or_names_in_a_key_stays():
    declared = asked(thing=replace(FOOTLIGHT, confidence=1.0))
    named = replace(asked(), own_keys=(OwnKey("footlight:{id}", "hash", 60, (), "notes.md", 3),))
    for brief in (declared, named):
        assert [p.name for p in designing.design(brief).keys if p.use == "records"] == ["footlight"]


def test_records_are_the_home_of_no_mechanic_that_keeps_none():
    brief = asked([("Participants write chat messages to a footlight", True)])
    homes = matching.matches(brief, design(brief)).homes
    assert "footlight" not in homes.values()


def test_a_channel_comes_with_the_key_without_which_nothing_is_sent_on_it():
    brief = asked()
    brief = replace(brief, settled=replace(brief.settled, taken=(TakenUse("typing", (), 1, "redis-plan.toml", 1),)))
    assert design(brief).use("rate") is None
    made = designing.design(brief)
    assert made.use("rate") is not None
    assert "signals.send" in {action.kind.id for action in find_actions(brief, made)}
    unwanted = replace(brief, settled=replace(brief.settled, dropped={"rate": 2}))
    assert designing.design(unwanted).use("rate") is None
