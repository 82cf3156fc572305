"""A structure is chosen by what it can do first, then by what it costs on the project's own numbers."""

import math
from dataclasses import replace

import pytest

from redis_plan.actions.designing import design
from redis_plan.brief.examples import examples
from redis_plan.brief.model import Brief, Component
from redis_plan.choice import choose, constants, contested
from redis_plan.choice.sensitivity import DIMENSIONS, scaled
from redis_plan.codec import from_json, to_json
from redis_plan.keyspace.catalog import use_patterns
from redis_plan.keyspace.model import Keyspace
from tests.benchmarks.choices import large
from tests.keyspace.briefs import access, entity, facts, ledger, prices, requirement, workshop

BRIEFS = {brief.slug: brief for brief in (workshop(), prices(), ledger())}


def on(brief: Brief, version: str, product: str = "Redis") -> Brief:
    return replace(brief, stack=(Component(product, "cache", "tech-stack.md", 3, version),))


@pytest.mark.parametrize("slug", BRIEFS)
def test_every_key_has_a_choice_among_all_its_candidates(slug: str) -> None:
    found = choose(BRIEFS[slug])
    assert {c.pattern.name for c in found.choices} == {p.name for p in found.keyspace.patterns if p.candidates}
    for choice in found.choices:
        assert {o.candidate.name for o in choice.weighed.options} == {c.name for c in choice.pattern.candidates}
        assert choice.runner_up
        assert found.keyspace.pattern(choice.pattern.name).chosen == choice.chosen.candidate.name
    assert not [f for f in found.keyspace.findings if f.severity == "error"]


@pytest.mark.parametrize("slug", BRIEFS)
def test_what_is_chosen_can_serve_and_nothing_that_can_is_clearly_cheaper(slug: str) -> None:
    for choice in choose(BRIEFS[slug], sensitivity=False).choices:
        assert choice.chosen.obstacle is None
        least = min(o.cost.total for o in choice.weighed.options if o.feasible)
        clearly, felt = constants.limit("clearly"), constants.limit("felt")
        assert choice.chosen.cost.total <= max(least * clearly, least + felt)


def test_a_cost_is_the_sum_of_shares_that_a_person_can_check() -> None:
    brief = workshop()
    log = choose(brief, sensitivity=False).of("log")
    cost = log.chosen.cost
    assert cost.total == pytest.approx(sum(share for _, share in cost.shares))
    assert [name for name, _ in cost.shares] == [w.name for w in constants.weights()]
    memory = dict(cost.shares)["memory"]
    assert memory == pytest.approx(cost.bytes_each * brief.value("sessions_peak") / brief.value("memory_budget"))
    cpu = log.weighed.rates.writes * cost.write.cpu_s + log.weighed.rates.reads * cost.read.cpu_s
    assert dict(cost.shares)["cpu"] == pytest.approx(cpu / constants.limit("core_s"))


def test_every_weight_has_a_reason() -> None:
    assert all(w.of and w.because and w.value > 0 for w in constants.weights())


def reason(brief: Brief, key: str, candidate: str) -> str:
    option = next(o for o in choose(brief, sensitivity=False).of(key).weighed.options if o.candidate.name == candidate)
    return option.obstacle.kind if option.obstacle else ""


@pytest.mark.parametrize(
    ("key", "candidate", "kind"),
    [
        ("roster", "json-string", "atomic"),
        ("presence", "set", "lacks"),
        ("idem", "string-per-op", "functions"),
        ("state", "string-per-field", "functions"),
        ("code", "hash-buckets", "version"),
        ("log", "stream", ""),
    ],
)
def test_what_cannot_serve_is_out_with_the_reason(key: str, candidate: str, kind: str) -> None:
    assert reason(workshop(), key, candidate) == kind


def test_a_read_of_many_keys_without_a_common_tag_is_out() -> None:
    # a bucketed lock table is read by one key at a time; counters of one owner share a tag, so they stay in
    brief = replace(prices(), entities=(*prices().entities, entity("Counter", "temporary")))
    assert reason(brief, "counter", "string-per-counter") == ""


def test_a_collection_that_would_block_the_server_is_out_once_it_is_large() -> None:
    people = requirement(9, "Count unique visitors a day")
    small = replace(prices(), requirements=(*prices().requirements, people), facts=facts(sessions_peak=2))
    assert reason(small, "unique", "set") == ""
    assert reason(replace(small, facts=facts(sessions_peak=50_000)), "unique", "set") == "size"


@pytest.mark.parametrize(
    ("version", "product", "held"), [("7.2", "Redis", "string"), ("8.0", "Redis", "hash"), ("9.1", "Valkey", "hash")]
)
def test_a_version_that_has_more_changes_the_choice_and_the_registry_with_it(
    version: str, product: str, held: str
) -> None:
    brief = on(replace(workshop(), facts=facts(sessions_peak=20_000)), version, product)
    found = choose(brief, sensitivity=False)
    pattern = found.keyspace.pattern("code")
    assert pattern.type == held
    assert ("<bucket>" in pattern.template) == (held == "hash")
    assert ("codes_take" in pattern.writers[0]) == (held == "hash")
    assert not [f for f in found.keyspace.findings if f.severity == "error" or f.pattern == "code"]


def test_what_flips_a_choice_does_flip_it() -> None:
    brief = on(replace(workshop(), facts=facts(sessions_peak=20_000)), "7.2")
    seen = set()
    for base in (brief, workshop(), prices(), replace(prices(), facts=facts(sessions_peak=2_000))):
        for choice in choose(base).choices:
            for flip in choice.flips:
                seen.add(flip.dimension)
                if flip.version:
                    product, version = flip.version.split()
                    changed = on(base, version, product)
                else:
                    changed = scaled(base, DIMENSIONS[flip.dimension], flip.factor)
                    if base.access_patterns and any(
                        a.id in choice.pattern.access_patterns for a in base.access_patterns
                    ):
                        continue  # rates of access patterns scale with the facts, which a hand-written Brief does not do
                assert choose(changed, sensitivity=False).of(choice.pattern.name).chosen.candidate.name == flip.winner
                assert flip.winner != choice.chosen.candidate.name
    assert "version" in seen


def test_a_factor_at_which_a_choice_flips_is_the_nearest_one_within_its_precision() -> None:
    brief = on(replace(workshop(), facts=facts(sessions_peak=20_000)), "8.0")
    flip = next(f for f in choose(brief).of("code").flips if f.dimension == "sessions" and f.factor < 1)
    nearer = scaled(brief, DIMENSIONS["sessions"], math.sqrt(flip.factor))
    assert choose(nearer, sensitivity=False).of("code").chosen.candidate.name == "hash-buckets"


def test_a_pin_wins_over_cost_and_is_said() -> None:
    found = choose(replace(workshop(), pinned={"log": "stream"}))
    assert found.of("log").chosen.candidate.name == "stream"
    assert found.keyspace.pattern("log").because == "pinned by the team in `redis-plan.toml`"
    assert found.of("log").flips == ()


def test_close_calls_are_measured_first_and_channels_never() -> None:
    found = choose(workshop(), sensitivity=False)
    close = {c.pattern.name for c in found.close}
    assert "log" in close
    patterns = contested(found, found.keyspace.patterns, most=len(close))
    assert {p.name for p in patterns} == close
    assert all(p.type != "channel" for p in contested(found, found.keyspace.patterns, most=99))


@pytest.mark.parametrize("slug", BRIEFS)
def test_the_same_brief_gives_the_same_choices_and_survives_json(slug: str) -> None:
    first, again = choose(BRIEFS[slug]), choose(BRIEFS[slug])
    assert first == again
    assert from_json(Keyspace, to_json(first.keyspace)) == first.keyspace


def test_where_the_catalog_is_not_overruled_the_keyspace_is_the_design() -> None:
    found = choose(workshop(), sensitivity=False)
    assert all(c.by_catalog for c in found.choices)
    assert found.keyspace == design(workshop())


def test_every_candidate_that_could_be_chosen_says_how_the_registry_reads_then() -> None:
    for pattern in use_patterns():
        for has_session in (True, False):
            for original in pattern.key:
                spec = original.adapted(has_session)
                for candidate in spec.candidate:
                    reads = candidate.name in spec.variant or candidate.name in spec.prefer
                    rewrites = len(candidate.write) > 1 and candidate.write[0].startswith("GET")
                    assert reads or candidate.lacks or rewrites or spec.functions or not spec.variant, (
                        f"{pattern.use} {spec.name} {candidate.name}"
                    )


def test_a_large_brief_is_chosen_for_completely_and_lint_clean() -> None:
    brief = large()
    assert (len(brief.entities), len(brief.access_patterns)) == (500, 2000)
    found = choose(brief, sensitivity=False)
    served = {a for p in found.keyspace.patterns for a in p.access_patterns}
    assert served | {text.split()[0] for text in found.keyspace.unserved} == {a.id for a in brief.access_patterns}
    assert not [f for f in found.keyspace.findings if f.severity == "error"]
    assert len({p.name for p in found.keyspace.patterns}) == len(found.keyspace.patterns) > 300


def test_the_rates_of_an_entitys_own_key_come_from_its_access_patterns() -> None:
    brief = replace(workshop(), access_patterns=(replace(access("submit", "Vote"), rate_per_s=77.0),))
    found = choose(brief, sensitivity=False)
    assert found.of("vote").weighed.rates.writes == 77.0
    assert found.of("vote").weighed.rates.writes_from == ("A-submit-vote",)
    assert found.of("log").weighed.rates.writes == brief.value("sessions_peak") * brief.value("events_per_session")


def everything(*, session: bool) -> Brief:
    """A Brief that asks for every use pattern of the catalog there is for projects with (or without) sessions."""
    mine = [p for p in use_patterns() if p.needs in ("any", "session" if session else "no-session")]
    lifetimes = {p.use: "temporary" if "temporary" in p.lifetimes else p.lifetimes[0] for p in mine}
    things = tuple(
        entity(p.entities[0].strip().capitalize(), lifetimes[p.use]) for p in mine if p.entities and p.when != "core"
    )
    said = [e.text for p in mine for e in examples("uses") if p.use in e.labels]
    asked = tuple(requirement(i, text) for i, text in enumerate(said, 1))
    patterns = tuple(access("submit", e.name) for e in things)
    first = (entity("Workshop"), entity("Participant")) if session else ()
    return replace(workshop(), entities=(*first, *things), requirements=asked, access_patterns=patterns)


@pytest.mark.parametrize("session", [True, False])
def test_a_project_that_asks_for_everything_is_lint_clean_whatever_its_numbers(session: bool) -> None:
    brief = everything(session=session)
    uses = {p.use for p in choose(brief, sensitivity=False).keyspace.patterns}
    assert len(uses) >= (25 if session else 18), sorted(uses)
    for sessions, members, rate, version in ((1, 2, 0.1, "6.2"), (200, 8, 1.0, "7.2"), (20_000, 100, 20.0, "8.4")):
        numbers = facts(
            sessions_peak=sessions, members_per_session=members, session_capacity=members, events_per_session=rate
        )
        found = choose(on(replace(brief, facts=numbers), version), sensitivity=False)
        errors = [(f.rule, f.pattern, f.message) for f in found.keyspace.findings if f.severity == "error"]
        assert not errors
        for choice in found.choices:
            assert choice.chosen.feasible or choice.chosen.obstacle.kind == "size", choice.pattern.name  # type: ignore[union-attr]
