"""Names: ids stay inside their segment whatever people type, and slots are those of the server."""

import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redis_plan.brief.slug import slug_of
from redis_plan.chapters.naming import appendix
from redis_plan.chapters.naming.findings import Naming
from redis_plan.delivery import acl
from redis_plan.keyspace import design, naming

from .briefs import workshop

ANY_TEXT = st.text(min_size=1, max_size=400)
TEMPLATES = st.sampled_from(
    ["app:v1:{<session_id>}:vote:<round_id>", "<env>:app:v1:{<session_id>}:events", "app:v1:code:<code>"]
)
HOSTILE = ["}", "{", "a:b", "{}", "\n", "\x00", "*", "%7D", "%", "~", "🎲" * 2500, "..", "<id>", "é"]


@given(ANY_TEXT)
def test_an_encoded_id_holds_nothing_that_ends_a_segment(text: str) -> None:
    encoded = naming.encode_id(text)
    assert not set(encoded) & set(":{}<>*? \n\r\t\x00")
    assert 1 <= len(encoded.encode()) <= naming.MAX_ID_BYTES


@given(ANY_TEXT, ANY_TEXT)
def test_different_ids_have_different_names(one: str, other: str) -> None:
    assert (one == other) == (naming.encode_id(one) == naming.encode_id(other))


@given(TEMPLATES, st.data())
def test_what_is_rendered_is_parsed_back(template: str, data: st.DataObject) -> None:
    ids = {name: data.draw(st.text(min_size=1, max_size=12)) for name in naming.placeholders(template)}
    encoded = {name: naming.encode_id(value) for name, value in ids.items()}
    # what was too long comes back as its digest
    expected = {name: encoded[name] if encoded[name].startswith("~") else value for name, value in ids.items()}
    assert naming.parse(template, naming.render(template, **ids)) == expected


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_id_leaves_the_hash_tag_and_the_grammar_whole(text: str) -> None:
    key = naming.render("app:v1:{<session_id>}:vote:<round_id>", session_id=text, round_id=text)
    assert naming.KEY.fullmatch(key)
    assert naming.slot(key) == naming.slot(f"{{{naming.encode_id(text)}}}")


def test_an_empty_id_is_refused_because_an_empty_tag_hashes_the_whole_name() -> None:
    with pytest.raises(ValueError, match="can't be empty"):
        naming.encode_id("")


def test_a_missing_id_is_named() -> None:
    with pytest.raises(KeyError, match="round_id"):
        naming.render("app:v1:{<session_id>}:vote:<round_id>", session_id=1)


def test_a_product_may_begin_with_a_digit_and_its_keys_are_names() -> None:
    found = naming.KEY.fullmatch("prod:7decks:v1:{k3}:roster")
    assert found
    assert (found["environment"], found["app"]) == ("prod", "7decks")
    assert not naming.KEY.fullmatch("2048:v1:{k3}:roster")


def test_a_key_of_another_pattern_is_not_parsed() -> None:
    assert naming.parse("app:v1:{<session_id>}:roster", "app:v1:{k3}:state") is None


@given(st.text(max_size=80))
def test_a_slug_is_short_ascii_and_no_number(text: str) -> None:
    slug = naming.slugify(text)
    assert naming.APP.fullmatch(slug)
    assert len(slug) <= naming.MAX_APP_BYTES


def test_a_long_name_of_a_product_is_kept_whole() -> None:
    slug = slug_of("Harbour Passage Registration & Berth Lottery", Path("x"))
    assert naming.slugify(slug) == slug


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("a:v1:{<s>}:vote:<r>", "a:v1:{<s>}:vote:<r>", True),
        ("a:v1:{<s>}:vote:<r>", "a:v1:{<s>}:vote:now", True),
        ("a:v1:{<s>}:vote:<r>", "a:v1:{<s>}:round:<r>", False),
        ("a:v1:{<s>}:vote", "a:v1:<x>:vote", False),
        ("a:v1:code:<c>", "a:v1:due:<b>", False),
        ("a:v1:{<s>}:vote", "a:v1:{<s>}:vote:<r>", False),
    ],
)
def test_two_templates_meet_only_where_a_key_could_belong_to_both(one: str, other: str, meet: bool) -> None:
    assert naming.overlap(one, other) is meet


def test_the_acl_patterns_of_section_1_are_those_of_the_users_in_section_8() -> None:
    keyspace = design(workshop())
    told = appendix.names(workshop(), keyspace, Naming.of({}))
    printed = set(told.partition("### ACL patterns")[2].split("```text")[1].split("```")[0].split())
    given = {rule.removeprefix("%R") for user in acl.users(keyspace)[:2] for rule in user.rules if rule[0] in "%~&"}
    assert given == printed


@given(st.text(min_size=65, max_size=300))
def test_nobody_can_write_an_id_that_equals_the_digest_of_another(text: str) -> None:
    digest = naming.encode_id(text)
    assert re.fullmatch(r"~[0-9a-f]{40}", digest)
    assert naming.encode_id(digest) != digest
    assert "~" not in naming.encode_id(digest)


def test_a_digest_is_of_the_whole_id_and_long_enough_that_no_two_meet() -> None:
    digests = {naming.encode_id("x" * 65 + str(number)) for number in range(20_000)}
    assert len(digests) == 20_000
    assert naming.encode_id("x" * 65) == "~" + hashlib.sha256(b"x" * 65).hexdigest()[:40]
