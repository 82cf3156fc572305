"""A decision's words are a template: each part in its place, every alternative with its number, and nothing missing."""

import pytest

from redis_plan.evidence.decision import Alternative, Guard
from redis_plan.words import deciding, words

WORDS = """### D-09z  A title with `code`

**Question.** What?
**Decision.** This: a thing.
**Because.** It took {{ took }} [E-09z]; more **bold**
**Instead of.**
- naive: nothing at all :: lost
- another: with a colon :: 3 s
**Costs.** Some.
"""


@pytest.fixture
def template(tmp_path, monkeypatch):
    """Templates of a folder of their own."""
    monkeypatch.setattr(words, "TEMPLATES", tmp_path)
    words._environment.cache_clear()
    yield tmp_path / "d09z.md.j2"
    words._environment.cache_clear()


def test_every_part_is_taken_from_its_place(template):
    template.write_text(WORDS, "utf-8")
    guard = Guard("lost", 0, "<=", 0, "changes")
    made = deciding.decided("d09z", (guard,), ("US-1",), took="4 s")
    assert (made.id, made.title, made.question) == ("D-09z", "A title with `code`", "What?")
    assert (made.decision, made.because, made.costs) == (
        "This: a thing.",
        "It took 4 s [E-09z]; more **bold**",
        "Some.",
    )
    assert made.instead_of == (Alternative("nothing at all", "lost", True), Alternative("another: with a colon", "3 s"))
    assert (made.holds_while, made.requirements) == ((guard,), ("US-1",))


@pytest.mark.parametrize("left_out", ["### D-09z", "**Question.**", "**Costs.**", " :: "])
def test_a_template_that_lacks_a_part_says_which(template, left_out):
    template.write_text(WORDS.replace(left_out, ""), "utf-8")
    with pytest.raises(ValueError, match=r"d09z\.md\.j2: no "):
        deciding.decided("d09z", (), took="4 s")
