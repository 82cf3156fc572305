"""Real documents: every project designs lint-clean, with its own nouns, and no key without a need."""

from pathlib import Path

import pytest

from redis_plan.actions.designing import kept_in_state
from redis_plan.brief.model import Brief
from redis_plan.choice import Choices
from redis_plan.delivery import linting, registry
from redis_plan.keyspace import cues, design, naming
from redis_plan.keyspace.catalog import use_patterns
from redis_plan.keyspace.uses import passed_over
from tests import projects

#: Key patterns and channels that a project which hardly needs Redis gets at most.
SMALL = 4


@pytest.fixture(scope="module")
def designed() -> dict[str, tuple[Brief, Choices]]:
    """The sample project and every project of the corpus, designed with every choice made."""
    return {name: (projects.read(name), projects.chosen(name)) for name in projects.NAMES}


def test_every_project_is_lint_clean_before_and_after_the_choice(designed: dict[str, tuple[Brief, Choices]]) -> None:
    for name, (asked, chosen) in designed.items():
        for keyspace in (design(asked), chosen.keyspace):
            errors = [f for f in keyspace.findings if f.severity == "error"]
            assert not errors, f"{name}: {errors}"
            assert keyspace.patterns or asked.fit == "no"
            assert all(naming.KEY.fullmatch(naming.example(p.template)) for p in keyspace.patterns)


def test_every_published_file_is_as_clean_as_its_design(
    designed: dict[str, tuple[Brief, Choices]], tmp_path: Path
) -> None:
    for name, (asked, chosen) in designed.items():
        file = tmp_path / f"{name}.json"
        file.write_text(registry.keyspace_json(asked, chosen.keyspace), "utf-8")
        expected = {(f.rule, f.pattern) for f in chosen.keyspace.findings}
        assert {(f.rule, f.pattern) for _, f in linting.lint_file(file).found} <= expected, name


def test_every_access_pattern_is_served_or_stays_outside_with_a_reason(
    designed: dict[str, tuple[Brief, Choices]],
) -> None:
    for name, (asked, chosen) in designed.items():
        keyspace = chosen.keyspace
        unserved = {text.split()[0]: text for text in keyspace.unserved}
        served = {a for pattern in keyspace.patterns for a in pattern.access_patterns}
        assert {a.id for a in asked.access_patterns} == set(unserved) | served, name
        assert not set(unserved) & served, name
        durable = {e.name for e in asked.entities if e.lifetime == "durable"}
        live = {e.name for e in asked.entities if e.realtime and cues.asked_live(e, asked)} - durable
        for access in asked.access_patterns:
            if access.entity in live and asked.fit != "no":
                assert access.id in served, f"{name}: {access.id} is about live data"
        assert all("database" in text for text in unserved.values()), name


def test_no_key_is_there_that_nothing_asks_for(designed: dict[str, tuple[Brief, Choices]]) -> None:
    for name, (asked, chosen) in designed.items():
        needs = {r.id for r in asked.requirements} | {a.id for a in asked.access_patterns}
        for pattern in chosen.keyspace.patterns:
            assert {*pattern.requirements, *pattern.access_patterns} <= needs, f"{name}: {pattern.name}"
            assert {*pattern.requirements, *pattern.access_patterns}, f"{name}: {pattern.name}"
            rates = chosen.of(pattern.name).weighed.rates
            assert rates.writes > 0, f"{name}: nobody writes {pattern.name}"


def test_every_key_of_every_project_has_a_choice_that_can_serve(designed: dict[str, tuple[Brief, Choices]]) -> None:
    for name, (_, chosen) in designed.items():
        for choice in chosen.choices:
            obstacle = choice.chosen.obstacle
            # 100,000 people at one event are more than one key should hold, and no candidate splits it yet: that is said
            assert obstacle is None or obstacle.kind == "size", f"{name}: {choice.pattern.name}: {obstacle}"
            assert choice.runner_up, f"{name}: {choice.pattern.name}"


def test_a_project_that_hardly_needs_redis_gets_few_keys_and_no_session(
    designed: dict[str, tuple[Brief, Choices]],
) -> None:
    for name, (asked, chosen) in designed.items():
        patterns = chosen.keyspace.patterns
        if asked.fit == "no":
            assert len(patterns) <= SMALL, name
            assert not chosen.keyspace.session_entity, name
        if asked.fit != "core":
            assert len({p.use for p in patterns}) < len(use_patterns()) / 2, name


def test_what_a_project_does_not_get_is_named_with_a_reason(designed: dict[str, tuple[Brief, Choices]]) -> None:
    for name, (asked, chosen) in designed.items():
        taken = {p.use for p in chosen.keyspace.patterns} | {use for use, _ in kept_in_state(asked, chosen.keyspace)}
        found = {p.use: p.reason for p in passed_over(asked, taken)}
        assert taken | set(found) == {p.use for p in use_patterns()}, name
        assert not taken & set(found), name
        assert all(found.values()), name


def test_the_sample_project_has_no_finding_at_all(designed: dict[str, tuple[Brief, Choices]]) -> None:
    keyspace = designed["sample"][1].keyspace
    assert keyspace.findings == ()
    assert keyspace.session_entity
