"""The plan speaks of a project in its own nouns, and leaves alone what is a name."""

from dataclasses import replace

import pytest

from redis_plan.keyspace.model import Keyspace
from redis_plan.words.nouns import own_nouns


@pytest.fixture
def auctions() -> Keyspace:
    plain = dict.fromkeys(Keyspace.__dataclass_fields__, "")
    return replace(Keyspace(**plain), session_entity="Auction", session_noun="auction", member_noun="bidder")


def test_sessions_and_members_take_the_project_s_nouns_with_their_articles(auctions):
    told = own_nouns("A session ends. Each member of a session sees its sessions' members.", auctions)
    assert told == "An auction ends. Each bidder of an auction sees its auctions' bidders."


def test_code_links_headings_and_quotations_stay_as_they_are(auctions):
    kept = "## 7 Session Management Design\n\n`session_end` [x](a.md#the-session) “a session” <member_id>\n\n```\na session\n```"
    assert own_nouns(kept, auctions) == kept


def test_a_project_without_sessions_keeps_its_words(auctions):
    assert own_nouns("a session store", replace(auctions, session_entity="")) == "a session store"
