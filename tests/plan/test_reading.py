"""The reader of built plans finds what it is for, so that a clean answer means something."""

from redis_plan.keyspace.cues import with_article
from tests.plan import reading


def test_links_to_files_headings_and_anchors_are_followed(tmp_path):
    plan = tmp_path / "plan.md"
    (tmp_path / "page.html").write_text('<p id="there">')
    plan.write_text(
        '<a id="e-01a"></a>\n\n## The way back\n\n[a](#e-01a) [b](#the-way-back) [c](page.html#there) [d](https://x.y/z)\n\n'
        "[e](#e-09z) [f](gone.html) [g](page.html#nowhere)\n\n```text\n[h](#code-is-no-link)\n```\n"
    )
    assert reading.dead_links(plan) == ["#e-09z", "gone.html", "page.html#nowhere"]


def test_a_cell_is_measured_without_its_links():
    assert reading.long_cells(f"| {'x' * 300} | [y](#{'z' * 300}) |") == ["x" * 300]
    assert not reading.long_cells(f"```\n| {'x' * 300} |\n```")


def test_a_sentence_that_stands_twice_is_found_outside_tables_and_code():
    said = "Who reads a key compares the deadline in it and never concludes anything from its being there at all."
    assert reading.repeated(f"{said}\n\nShort. {said}\n") == [said]
    assert not reading.repeated(f"| {said} |\n| {said} |\n\n```\n{said}\n{said}\n```\n")


def test_articles_are_judged_by_sound_and_code_is_left_alone():
    right = "an auction, a user, a one-off, an hour, a European, a unit, an update; plan A or B; `a item`"
    assert not reading.wrong_articles(right)
    assert len(reading.wrong_articles("a auction and an room")) == 2


def test_a_noun_of_the_documents_takes_its_article():
    nouns = ("room", "auction", "user", "hour", "item", "unit", "update", "European", "one-off", "Auction", "utility")
    told = [with_article(noun) for noun in nouns]
    assert told[:4] == ["a room", "an auction", "a user", "an hour"]
    assert not reading.wrong_articles(", ".join(told))


def test_what_two_sections_say_differently_is_found():
    plan = (
        "\n### Registry of keys and channels\n\n| Pattern | Type | Holds | Written by | TTL |\n|:--|:--|:--|:--|:--|\n"
        "| `app:v1:{<id>}:state` | hash | x | y | 1 h, sliding |\n"
        "\n### TTL of every key\n\n| Key | TTL |\n|:--|:--|\n| `state` | {ttl} |\n\n```conf\nmaxmemory 100\n```\n"
        "It has `maxmemory {size}` and `{name}`.\n"
    )
    right = plan.replace("{ttl}", "1 h").replace("{size}", "100").replace("{name}", "app:v1:{k3}:state")
    assert not reading.contradictions(right)
    wrong = plan.replace("{ttl}", "2 h").replace("{size}", "90").replace("{name}", "app:v1:{k3}:stat")
    assert len(reading.contradictions(wrong)) == 3
