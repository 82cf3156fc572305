"""Diagrams on a page: drawn without a script, with every state, action and message that their text has."""

import re
from xml.etree import ElementTree

import pytest

from redis_plan import resources
from redis_plan.actions import command, diagram, messages
from redis_plan.plan import diagrams, review


@pytest.fixture(scope="module")
def actions():
    return command.read(resources.sample_project()).actions


def words_of(svg: str) -> list[str]:
    """Return the texts of a drawing, which is well-formed XML."""
    return [found.text or "" for found in ElementTree.fromstring(svg).iter("text")]


def test_a_life_has_a_row_for_each_action_and_a_column_for_each_state(actions):
    text = diagram.life(actions)
    told = words_of(diagrams.drawn(text))
    named = {name for line in text.splitlines() if ": " in line for name in line.split(": ")[1].split(", ")}
    assert named <= set(told)
    assert len(told) == len(set(told))
    assert {"lobby", "open", "ended", "handed_over"} <= set(told)


def test_messages_stand_between_the_lifelines_in_their_order(actions):
    text = messages.loop(actions, "player", "room", lambda name: f"buzz_{name}")
    told = words_of(diagrams.drawn(text))
    assert {"gateway", "Redis", "worker", "player", "host"} <= set(told)
    sent = [line.split(": ", 1)[1] for line in text.splitlines() if re.search(r"->>|-\)", line)]
    written = iter(" ".join(told).split())
    assert all(word in written for message in sent for word in message.split())  # one after the other


def test_a_row_leads_from_its_state_to_the_one_that_it_brings_about():
    svg = diagrams.drawn(
        "stateDiagram-v2\n  [*] --> running: make\n  state running {\n    [*] --> a\n    a --> b: go\n  }"
    )
    root = ElementTree.fromstring(svg)
    place = {t.text: float(t.get("x", 0)) for t in root.iter("text")}
    row = next(float(t.get("y", 0)) for t in root.iter("text") if t.text == "go") - 4
    [arrow] = [line for line in root.iter("line") if line.get("class") is None and float(line.get("y1", 0)) == row]
    assert float(arrow.get("x1", 0)) == place["a"]
    assert abs(float(arrow.get("x2", 0)) - place["b"]) < 10
    assert [float(c.get("cx", 0)) for c in root.iter("circle") if float(c.get("cy", 0)) == row] == [place["a"]]


def test_what_nothing_here_writes_stays_text():
    assert diagrams.drawn("pie\n  a: 1") == ""
    assert "<svg" not in review.markdown_to_html("```mermaid\npie\n  a: 1\n```\n")


def test_a_page_shows_the_drawing_with_its_text_folded_below_and_no_word_of_it_as_a_tag():
    shown = review.markdown_to_html(
        "```mermaid\nsequenceDiagram\n  actor H as <b>host\n  participant S as gateway\n  H->>S: <i>go\n```\n"
    )
    assert "<svg" in shown
    assert "<details>" in shown
    assert "<b>" not in shown
    assert "<i>" not in shown
