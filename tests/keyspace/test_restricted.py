"""Whose state it is, who may never see it, who takes no place: read from sentences of any wording, and obeyed by the keys."""

from pathlib import Path

import pytest

from redis_plan import brief
from redis_plan.brief.model import Brief
from redis_plan.keyspace import design
from redis_plan.keyspace.uses import passed_over

FEATURES = """
- Players join a table with a code and see who sits there.
- Each player holds cards; a played card is seen by everyone at once.
- The host starts the next round, and all screens change at the same moment.
- Players write chat messages at the table.
"""


def reading(folder: Path, more: str) -> Brief:
    (folder / "ai").mkdir()
    text = f"# Card Night\n\n## Entities\n\n- Table\n- Player\n- Card\n- Spectator\n\n## Features\n{FEATURES}{more}\n"
    (folder / "ai" / "prd.md").write_text(text, encoding="utf-8")
    return brief.read(folder)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("- A client must never get the cards that another player holds.", "hidden"),
        ("- Nobody but the player may receive the cards in the player's hand.", "hidden"),
        ("- Die Karten der anderen dürfen nie an den Client gesendet werden.", "hidden"),
        ("- Spectators do not take a place at the table.", "no-place"),
        ("- Zuschauer belegen keinen Platz am Tisch.", "no-place"),
        ("- The table's state is owned by the game service; this app only displays it.", "elsewhere"),
        ("- El estado de la mesa pertenece al servicio de juego; aquí solo se muestra.", "elsewhere"),
    ],
)
def test_a_restriction_is_recognised_with_its_line(tmp_path: Path, line: str, kind: str) -> None:
    found = reading(tmp_path, line).restrictions
    assert [one.kind for one in found] == [kind]
    assert found[0].text == line.removeprefix("- ")
    assert found[0].example


@pytest.mark.parametrize(
    "line",
    [
        "- Passwords are stored as hashes.",
        "- Payments are handled by a provider.",
        "- The server is the source of truth for the table; clients only render.",
        "- A table holds at most eight players.",
        "- The card that was played last is visible to everyone.",
    ],
)
def test_what_only_sounds_like_one_restricts_nothing(tmp_path: Path, line: str) -> None:
    assert not reading(tmp_path, line).restrictions


def test_what_is_hidden_is_marked_on_its_key_and_stays_out_of_snapshot_and_events(tmp_path: Path) -> None:
    keyspace = design(reading(tmp_path, "- A client must never get the cards that another player holds."))
    cards = [p for p in keyspace.keys if "Card" in p.entities]
    assert cards
    assert all("prd.md:" in p.hidden and "in no snapshot and no event" in p.holds for p in cards)
    state = keyspace.pattern("state")
    assert not any("card" in field.name for field in state.fields if not field.name.startswith("current_"))


def test_state_that_another_system_owns_gets_no_key_of_authority(tmp_path: Path) -> None:
    read = reading(tmp_path, "- The table's state is owned by the game service; this app only displays it.")
    keyspace = design(read)
    assert not {"state", "roster", "presence", "log"} & {p.use for p in keyspace.patterns}
    assert not keyspace.session_entity
    assert {"state", "roster"} <= {one.use for one in passed_over(read)}


def test_who_only_watches_has_no_entry_and_takes_no_place(tmp_path: Path) -> None:
    keyspace = design(reading(tmp_path, "- Spectators do not take a place at the table."))
    assert not any("Spectator" in p.entities for p in keyspace.patterns)
    assert "takes no place (prd.md:" in keyspace.pattern("roster").holds
