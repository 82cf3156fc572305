"""The catalog: every use pattern is complete, and every command in it runs on every server there is."""

import re

import pytest
import redis

from redis_plan.brief.examples import examples
from redis_plan.keyspace import functions, naming, records
from redis_plan.keyspace.catalog import KeySpec, UsePattern, nouns, use_patterns
from redis_plan.keyspace.expression import compute, facts_in
from redis_plan.keyspace.model import Candidate
from redis_plan.server import Server

from .briefs import facts

KNOWN = {fact.name: fact.value for fact in facts()} | {"state_fields": 12.0, "envelope_bytes": 134.0}
CANDIDATES = [
    pytest.param(spec, candidate, id=f"{pattern.use}-{spec.name.strip('$')}-{candidate.name}")
    for pattern in use_patterns()
    for spec in pattern.key
    for candidate in spec.candidate
]


def test_there_are_thirty_use_patterns_with_names_of_their_own() -> None:
    uses = [pattern.use for pattern in use_patterns()]
    assert len(uses) >= 30
    assert len(set(uses)) == len(uses)


@pytest.mark.parametrize("pattern", use_patterns(), ids=lambda pattern: pattern.use)
def test_a_use_pattern_says_what_it_is_for_what_goes_wrong_and_who_says_so(pattern: UsePattern) -> None:
    assert pattern.title
    assert pattern.purpose
    assert pattern.failure
    assert pattern.source
    assert all(source.document and source.version for source in pattern.source)
    assert pattern.machinery or any(pattern.use in example.labels for example in examples("uses"))


#: What real-time applications share, and the use patterns of the catalog that serve it.
USES = {
    "session state": "state", "roster": "roster", "presence": "presence", "connection registry": "presence",
    "heartbeat": "presence", "join code": "join-code", "role or permission": "roles", "turn and round": "round",
    "deadline queue": "due", "votes": "votes", "leaderboard": "leaderboard", "counters": "counters",
    "rate limit": "rate", "idempotency key": "idem", "lock with fencing": "lock", "event log": "log",
    "chat history": "chat", "notification inbox": "inbox", "work queue": "queue", "matchmaking": "matchmaking",
    "invitation token": "token", "cached document": "cache", "snapshot and operations": "document",
    "cursor positions": "typing", "typing indicator": "typing", "geo positions": "geo", "unique counts": "unique",
    "feature flags": "flags", "auction bids": "bids", "inventory hold": "hold", "feed": "feed",
}  # fmt: skip


def test_the_catalog_serves_every_use_that_real_time_applications_share() -> None:
    assert len(USES) >= 30
    assert set(USES.values()) <= {pattern.use for pattern in use_patterns()}


@pytest.mark.parametrize("pattern", use_patterns(), ids=lambda pattern: pattern.use)
def test_a_use_pattern_has_cues_and_says_which_things_it_takes(pattern: UsePattern) -> None:
    """Cues: stems by which the documents betray it; the shape of its things: how long they live, what they consist of."""
    cued = pattern.entities or pattern.verbs or pattern.kinds
    assert cued or pattern.when in ("fallback", "channel")
    assert set(pattern.lifetimes) <= {"connection", "session", "temporary", "unknown", "durable"}
    assert pattern.lifetimes
    assert pattern.key
    for spec in pattern.key:
        assert spec.fields, f"{spec.name} does not say what it consists of"
        assert all(field.name and field.type and field.max_bytes != "" for field in spec.fields)


@pytest.mark.parametrize("pattern", use_patterns(), ids=lambda pattern: pattern.use)
@pytest.mark.parametrize("has_session", [True, False])
def test_what_is_preferred_changes_in_one_atomic_step(pattern: UsePattern, has_session: bool) -> None:
    for original in pattern.key:
        spec = original.adapted(has_session)
        by_name = {candidate.name: candidate for candidate in spec.candidate}
        for name in spec.prefer:
            held = spec.built_as(name)
            one_step = held.functions or any(re.search(r"MULTI|script|FCALL|session_", w) for w in held.writers)
            assert by_name[name].atomic or one_step, f"{spec.name} as {name}: {held.writers}"
        assert set(spec.functions) <= set(functions.functions()) | set(records.functions_of())


@pytest.mark.parametrize("pattern", use_patterns(), ids=lambda pattern: pattern.use)
@pytest.mark.parametrize("has_session", [True, False])
def test_the_hash_tag_follows_the_owner(pattern: UsePattern, has_session: bool) -> None:
    """What a function changes with the session's state lies in the session's slot; a tag is one placeholder."""
    for original in pattern.key:
        spec = original.adapted(has_session)
        assert not spec.tag or re.fullmatch(r"<\$?[a-z][a-z0-9_]*>", spec.tag)
        if spec.functions and pattern.needs == "session" and spec.scope != "global":
            assert not spec.tag
        if pattern.many == "each":
            assert "$" in spec.part + spec.tag, f"{spec.name}: one name for several things"


@pytest.mark.parametrize("pattern", use_patterns(), ids=lambda pattern: pattern.use)
@pytest.mark.parametrize("has_session", [True, False])
def test_every_key_is_bounded_ends_and_is_chosen_over_a_naive_design(pattern: UsePattern, has_session: bool) -> None:
    for original in pattern.key:
        spec = original.adapted(has_session)
        by_name = {candidate.name: candidate for candidate in spec.candidate}
        assert set(spec.prefer) <= set(by_name)
        assert any(candidate.naive for candidate in spec.candidate)
        assert not by_name[spec.prefer[0]].naive
        assert spec.at_bound
        assert spec.when_lost
        assert spec.because
        assert spec.ttl.because
        assert spec.deleted_by
        assert (spec.ttl.seconds is None) == (spec.ttl.policy == "none")


@pytest.mark.parametrize("pattern", use_patterns(), ids=lambda pattern: pattern.use)
@pytest.mark.parametrize("has_session", [True, False])
def test_who_writes_a_key_with_a_ttl_sets_it_whatever_holds_the_key(pattern: UsePattern, has_session: bool) -> None:
    for original in pattern.key:
        spec = original.adapted(has_session)
        for candidate in (spec.prefer[0], *spec.variant):
            held = spec.built_as(candidate)
            commands = next(c.write for c in spec.candidate if c.name == candidate)
            sets = re.search(r"EXPIRE|SETEX|\bEX\b|\bPX\b", " ".join((*held.writers, *commands)))
            assert held.ttl.seconds is None or held.functions or sets, f"{spec.name} as {candidate}: {held.writers}"


@pytest.mark.parametrize("pattern", use_patterns(), ids=lambda pattern: pattern.use)
def test_every_key_has_two_to_four_candidates_and_says_how_often_it_is_used(pattern: UsePattern) -> None:
    for spec in pattern.key:
        assert 2 <= len(spec.candidate) <= 4
        assert spec.writes != ""
        assert spec.reads != ""


@pytest.mark.parametrize("pattern", use_patterns(), ids=lambda pattern: pattern.use)
def test_every_number_is_computed_from_known_facts(pattern: UsePattern) -> None:
    for spec in pattern.key:
        numbers = [spec.max_elements, spec.per_session, *(field.max_bytes for field in spec.fields)]
        numbers += [spec.ttl.seconds] if spec.ttl.seconds is not None else []
        for rate in (spec.writes, spec.reads):
            assert set(facts_in(rate)) <= set(KNOWN)
            assert compute(rate, KNOWN) >= 0
        for number in numbers:
            assert set(facts_in(number)) <= set(KNOWN)
            assert compute(number, KNOWN) > 0


def test_an_expression_is_arithmetic_and_nothing_else() -> None:
    for text in ("__import__('os')", "idle_ttl.real", "unheard_of + 1", "[1][0]"):
        with pytest.raises(ValueError, match="no arithmetic"):
            compute(text, KNOWN)


def test_a_noun_that_only_looks_like_a_session_is_in_the_lexicon() -> None:
    assert {"auth", "token"} <= set(nouns().not_session)


def _fill(template: str, key: str, member: str) -> list[str]:
    words = {"<key>": key, "<member>": member, "<value>": '{"n":1}', "<score>": "12", "<count>": "10"}
    return [re.sub(r"<\w+>", lambda m: words[m[0]], word) for word in template.split()]


@pytest.mark.parametrize(("spec", "candidate"), CANDIDATES)
def test_every_candidate_runs_as_it_is_written(own_server: Server, spec: KeySpec, candidate: Candidate) -> None:
    if candidate.feature and candidate.feature not in own_server.capabilities:
        pytest.skip(f"{own_server.fingerprint.product} {own_server.fingerprint.version} has no {candidate.feature}")
    if candidate.type == "channel" and any("SUBSCRIBE" in command for command in candidate.read):
        reads: tuple[str, ...] = ()  # a subscription would turn the client into a subscriber
    else:
        reads = candidate.read
    client = own_server.client()
    key = f"catalog:{spec.name.strip('$')}:{candidate.name}"
    try:
        for member in ("a", "b"):
            for command in candidate.write:
                client.execute_command(*_fill(command, key, member))
        for command in reads:
            client.execute_command(*_fill(command, key, "a"))
        kinds = {client.type(name).decode() for name in client.scan_iter(match=f"{key}*")}  # type: ignore[union-attr]
        assert kinds <= {candidate.type, "string"} if candidate.type != "channel" else kinds <= {"list", "stream"}
        assert candidate.type == "channel" or candidate.type in kinds
    except redis.ResponseError as error:
        pytest.fail(f"{candidate.name}: {error}")
    finally:
        for name in client.scan_iter(match=f"{key}*"):
            client.unlink(name)


def test_the_session_functions_find_the_types_they_expect() -> None:
    by_use = {pattern.use: pattern.key[0] for pattern in use_patterns()}
    for name, types in functions.TYPES.items():
        spec = by_use[name]
        chosen = next(candidate for candidate in spec.candidate if candidate.name == spec.prefer[0])
        assert chosen.type in types


def test_no_template_of_the_catalog_holds_a_brace() -> None:
    for pattern in use_patterns():
        for spec in pattern.key:
            assert "{" not in spec.part
            assert naming.SLUG.match(spec.part.replace("$slug", "slug"))
