"""A design: what a project needs and nothing else, named after its own nouns."""

import time
from dataclasses import replace

import pytest

from redis_plan.brief.model import Brief
from redis_plan.codec import from_json, to_json
from redis_plan.errors import OverrideError
from redis_plan.keyspace import design, naming
from redis_plan.keyspace.model import Keyspace

from .briefs import access, entity, facts, ledger, prices, requirement, workshop

CORE = {"state", "roster", "presence", "log", "idem", "events"}


def names(keyspace: Keyspace) -> set[str]:
    return {pattern.name for pattern in keyspace.patterns}


def test_a_project_with_sessions_gets_the_core_and_what_its_entities_ask_for() -> None:
    keyspace = design(workshop())
    assert (keyspace.session_noun, keyspace.member_noun) == ("workshop", "participant")
    assert names(keyspace) >= CORE | {"vote", "round", "chat-message", "sticky-note", "code", "due"}
    assert keyspace.pattern("vote").template == "team-workshop:v1:{<session_id>}:vote:<round_id>"
    assert keyspace.pattern("events").template == "<env>:team-workshop:v1:{<session_id>}:events"
    assert keyspace.findings == ()


def test_what_lasts_stays_in_the_database_and_is_named() -> None:
    keyspace = design(workshop())
    assert not any("organisation" in pattern.template for pattern in keyspace.patterns)
    assert any("Organisation" in text and "database" in text for text in keyspace.unserved)


def test_every_pattern_names_the_needs_behind_it() -> None:
    brief = workshop()
    known = {r.id for r in brief.requirements} | {a.id for a in brief.access_patterns}
    for pattern in design(brief).patterns:
        assert {*pattern.requirements, *pattern.access_patterns} & known
        assert {*pattern.requirements, *pattern.access_patterns} <= known


def test_a_project_without_sessions_gets_no_roster() -> None:
    keyspace = design(prices())
    assert not names(keyspace) & CORE
    assert keyspace.session_entity == ""
    assert {"price", "feed", "auth-session"} <= names(keyspace)
    assert keyspace.pattern("price").template == "price-board:v1:{<price_id>}:price"
    assert keyspace.findings == ()


def test_a_login_session_alone_is_no_session_that_people_share() -> None:
    brief = replace(
        prices(),
        entities=(entity("Session"), entity("Price", "temporary")),
        access_patterns=(access("heartbeat", "Session", requirements=()), access("watch", "Price", "subscribe")),
    )
    assert design(brief).session_entity == ""


def test_a_project_that_hardly_needs_redis_gets_a_small_keyspace() -> None:
    asked = ("At most five login attempts a minute for each address", "The summary is expensive and cached for an hour")
    demands = tuple(requirement(number, text, False) for number, text in enumerate(asked, 1))
    assert names(design(replace(ledger(), requirements=demands))) == {"rate", "cache-monthly-summary"}
    assert not names(design(ledger())), "neither is asked for"


def test_a_hold_over_from_the_documents_bounds_what_is_stored() -> None:
    keyspace = design(
        replace(workshop(), facts=facts(members_per_session=40, session_capacity=40, idle_ttl=900, reconnect_grace=30))
    )
    assert keyspace.pattern("roster").max_elements == 40
    assert keyspace.pattern("state").ttl.seconds == 1800  # twice: it is set again only below one half
    assert keyspace.pattern("idem").ttl.seconds == 75  # an answer is remembered for four fifths of it: 60 s


def test_the_same_brief_gives_the_same_keyspace_and_survives_json() -> None:
    keyspace = design(workshop())
    assert design(workshop()) == keyspace
    assert from_json(Keyspace, to_json(keyspace)) == keyspace


def test_a_pinned_prefix_and_structure_are_taken() -> None:
    keyspace = design(replace(workshop(), name_prefix="tw", pinned={"log": "stream"}))
    assert keyspace.app == "tw"
    assert (keyspace.pattern("log").type, keyspace.pattern("log").chosen) == ("stream", "stream")


@pytest.mark.parametrize("prefix", ["", "Team", "a:b", "{x}", "2048", "a" * (naming.MAX_APP_BYTES + 1)])
def test_a_pinned_prefix_that_breaks_the_grammar_is_one_line(prefix: str) -> None:
    with pytest.raises(OverrideError, match="grammar") as caught:
        design(replace(workshop(), name_prefix=prefix))
    assert "\n" not in str(caught.value)


def test_a_pinned_structure_that_does_not_exist_is_one_line_with_those_that_do() -> None:
    with pytest.raises(OverrideError, match="list, stream"):
        design(replace(workshop(), pinned={"log": "scroll"}))


@pytest.mark.parametrize("fit", ["core", "useful", "no"])
def test_a_brief_without_entities_is_designed_without_a_crash(fit: str) -> None:
    brief = replace(workshop(), fit=fit, entities=(), access_patterns=())  # type: ignore[arg-type]
    assert design(brief).session_entity == ""
    assert design(replace(brief, requirements=())).patterns == ()


def test_names_of_any_language_become_ascii() -> None:
    brief = replace(workshop(), title="투표", slug="투표", entities=(entity("Pokój"), entity("Żółta kartka")))
    keyspace = design(brief)
    assert keyspace.session_entity == "Pokój"
    assert "zo-ta-kartka" in names(keyspace) or "zolta-kartka" in names(keyspace)
    assert all(naming.KEY.fullmatch(naming.example(p.template)) for p in keyspace.patterns)


def test_five_hundred_entities_and_two_thousand_access_patterns_take_less_than_ten_seconds_of_the_processor() -> None:
    things = tuple(entity(f"Thing {chr(97 + i % 26)}{i}") for i in range(500))
    patterns = tuple(access("edit", things[i % 500].name) for i in range(2000))
    brief: Brief = replace(
        workshop(),
        entities=(entity("Workshop"), *things),
        access_patterns=patterns,
        requirements=tuple(requirement(i, f"A participant edits thing {i}") for i in range(1, 300)),
    )
    started = time.process_time()
    assert len(design(brief).patterns) > 500
    assert time.process_time() - started < 10


def test_seats_are_bounded_by_the_cap_and_loaded_by_the_usual_number() -> None:
    keyspace = design(replace(workshop(), facts=facts(members_per_session=30, session_capacity=60)))
    bounds = {p.name: (p.typical_elements, p.max_elements) for p in keyspace.keys}
    assert bounds["roster"] == (30, 60)
    assert bounds["presence"] == (30, 120)


def test_what_is_subscribed_to_has_a_probe_and_what_is_not_has_none() -> None:
    for brief in (workshop(), prices(), ledger()):
        uses = [p.use for p in design(brief).channels]
        assert ("probe" in uses) == bool(uses)
        assert uses != ["probe"]


def test_session_record_is_named_where_it_writes() -> None:
    keyspace = design(workshop())
    assert all("session_record" in keyspace.pattern(name).writers for name in ("state", "log", "idem", "events"))


@pytest.mark.parametrize(
    ("name", "member"),
    [("Membership", "member"), ("User's location", "member"), ("User profile", "member"), ("Team member", "team member"), ("Uczestnik", "uczestnik")],
)  # fmt: skip
def test_a_member_is_called_by_the_name_of_a_person(name, member):
    club = replace(workshop(), entities=(entity("Workshop"), entity(name)))
    assert design(club).member_noun == member


def test_a_second_name_of_the_session_gets_no_key_of_its_own() -> None:
    brief = workshop()
    room = entity("WorkshopRoom", "session", realtime=True)
    board = entity("RoomPlan", "session", realtime=True)
    keyspace = design(replace(brief, entities=(*brief.entities, room, board)))
    assert "workshop-room" not in names(keyspace)
    assert "room-plan" in names(keyspace)
