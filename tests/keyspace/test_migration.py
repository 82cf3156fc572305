"""Two schema versions live side by side: no key of one is a key of the other, and ids survive the move."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_plan.delivery import acl
from redis_plan.keyspace import design, migration, naming
from redis_plan.server import Server

from .briefs import ledger, prices, workshop

KEYSPACES = [design(workshop()), design(prices()), design(ledger())]


@pytest.mark.parametrize("keyspace", KEYSPACES, ids=lambda k: k.app)
def test_no_key_of_one_version_is_a_key_of_the_next(keyspace) -> None:  # type: ignore[no-untyped-def]
    after = migration.next_version(keyspace)
    assert after.schema_version == keyspace.schema_version + 1
    for old in keyspace.patterns:
        for new in after.patterns:
            assert not naming.overlap(old.template, new.template)
            assert naming.parse(old.template, naming.example(new.template)) is None
        assert migration.version_of(naming.example(old.template)) == 1
    for new in after.patterns:
        assert naming.KEY.fullmatch(naming.example(new.template))
        assert migration.version_of(naming.example(new.template)) == 2


@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=200))
def test_whatever_people_type_as_an_id_survives_the_move_and_keeps_its_slot(session: str, other: str) -> None:
    move = migration.Move(
        "vote", "quiz:v1:{<session_id>}:vote:<round_id>", "quiz:v2:{<session_id>}:ballot:<round_id>", True
    )
    key = naming.render(move.old, session_id=session, round_id=other)
    after = migration.moved(key, move)
    assert after == naming.render(move.new, session_id=session, round_id=other)
    assert naming.slot(key) == naming.slot(str(after))


def test_a_strange_key_is_not_moved_and_a_missing_id_is_named() -> None:
    move = migration.Move("vote", "quiz:v1:{<s>}:vote", "quiz:v2:{<s>}:vote:<round_id>", False)
    assert migration.moved("quiz:v1:{k3}:roster", move) is None
    with pytest.raises(KeyError, match="round_id"):
        migration.moved("quiz:v1:{k3}:vote", move)
    with pytest.raises(ValueError, match="no schema version"):
        migration.bumped("quiz:roster")


def test_a_changed_type_or_field_is_written_anew_and_the_rest_may_be_copied() -> None:
    old = design(workshop())
    new = migration.next_version(design(replace(workshop(), pinned={"log": "stream"})))
    alike = {move.name: move.same_form for move in migration.moves(old, new)}
    assert alike["roster"]
    assert not alike["log"]


def test_copy_moves_a_session_with_its_ttl_on_every_server(own_server: Server) -> None:
    old = design(workshop())
    move = next(m for m in migration.moves(old, migration.next_version(old)) if m.name == "roster")
    client = own_server.client()
    key = naming.render(move.old, session_id="mig:{1}")
    after = migration.moved(key, move)
    try:
        client.hset(key, "ann", "{}")
        client.expire(key, 500)
        assert client.copy(key, str(after)) is True
        assert client.hgetall(str(after)) == {b"ann": b"{}"}
        assert 0 < client.ttl(str(after)) <= 500
    finally:
        client.unlink(key, str(after))


def test_an_acl_for_both_versions_lets_neither_into_the_other_s_names() -> None:
    old = design(workshop())
    new = migration.next_version(old)
    one = {rule for user in acl.users(old)[:1] for rule in user.rules if rule.startswith("~")}
    two = {rule for user in acl.users(new)[:1] for rule in user.rules if rule.startswith("~")}
    assert one
    assert two
    assert not one & two
