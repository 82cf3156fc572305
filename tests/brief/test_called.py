"""Headings that are called after a noun, glossaries that define one, and data models without a language: each names what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from redis_plan.brief.called import defined, subjects
from redis_plan.brief.lexicon import lexicon
from redis_plan.brief.reader import read

PLAIN = """
# Harbour desk

## 1. Boats
- The harbour master sees every boat on the map within 2 seconds.
- Skippers announce their boats.

"""


def names(folder: Path, text: str, notes: str = "") -> set[str]:
    (folder / "ai").mkdir()
    (folder / "ai" / "prd.md").write_text(PLAIN + text, encoding="utf-8")
    if notes:
        (folder / "ai" / "redis_planning_summary.md").write_text(notes, encoding="utf-8")
    return {name.lower() for entity in read(folder).entities for name in (entity.name, *entity.aliases)}


@pytest.mark.parametrize(
    ("language", "title", "about"),
    [
        ("en", "4.2 Coupon system & refunds (beta)", ["Coupon", "refunds"]),
        ("en", "Real-time order tracking", ["order"]),
        ("en", "Alerts, notifications and the audit log", ["Alerts", "notifications", "audit log"]),
        ("pl", "3. Zarządzanie rezerwacjami", ["rezerwacjami"]),
        ("es", "Gestión de pedidos", ["pedidos"]),
        ("de", "Verwaltung der Buchungen", ["Buchungen"]),
        ("fr", "Gestion des commandes", ["commandes"]),
        ("en", "System overview", []),
    ],
)
def test_a_heading_is_about_its_nouns_and_not_about_the_words_for_any_part_of_a_product(
    language: str, title: str, about: list[str]
) -> None:
    assert list(subjects(title, lexicon(language))) == about


def test_a_section_called_after_a_noun_says_that_its_state_is_kept(tmp_path: Path) -> None:
    text = "## 2. Coupon system\n- Staff hand out coupons.\n- Printed on paper, ten to a sheet.\n"
    assert "coupon" in names(tmp_path, text)


def test_a_heading_that_says_what_kind_of_section_it_is_names_nothing(tmp_path: Path) -> None:
    text = "## Product requirements document\n- The document is read by the harbour's board.\n"
    assert "document" not in names(tmp_path, text)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("- **Headway**: The current number of minutes between two ferries", "headway"),
        ("- **Berth_Log**: A record of who moored where", "berth log"),
        ("- Pilot (P): A person who steers boats in", "pilot"),
    ],
)
def test_a_term_that_the_glossary_defines_as_a_kind_of_state_is_kept(tmp_path: Path, line: str, kept: str) -> None:
    assert kept in names(tmp_path, f"## Glossary\n{line}\n")


@pytest.mark.parametrize(
    "line",
    [
        "- **Mooring**: The process of tying up a boat",
        "- **Lookout**: Broadcasting positions to every screen",
        "- **Gateway**: The server that boats connect to",
    ],
)
def test_a_term_for_a_process_or_a_machine_is_not(tmp_path: Path, line: str) -> None:
    assert not {"mooring", "lookout", "gateway"} & names(tmp_path, f"## Glossary\n{line}\n")


@pytest.mark.parametrize(
    ("language", "line", "kind"),
    [
        ("de", "Liegeplatzliste: die Liste der freien Plätze", "die Liste"),
        ("es", "Turno: el número que espera", "el número"),
        ("en", "no definition here", None),
    ],
)
def test_a_definition_says_its_kind_first(language: str, line: str, kind: str | None) -> None:
    found = defined(line, lexicon(language))
    assert (found and found[1]) == kind


def test_records_in_a_block_of_no_language_are_a_data_model(tmp_path: Path) -> None:
    text = (
        "## Data model\n```\nQuay(id, name, depth)\nMooring(id, quayId, boatId, since)\n"
        "Toll(id, mooringId, amount)  // later\nsum(a, b)\n```\n"
    )
    assert {"quay", "mooring", "toll"} <= names(tmp_path, text)


def test_what_a_table_of_lifetimes_has_a_row_for_is_kept_however_seldom_it_is_said(tmp_path: Path) -> None:
    notes = "# Notes\n\n| Key | Type | TTL |\n|---|---|---|\n| `session:{boat}` | String | 12h |\n| `draft:{id}` | Hash | 1h |\n"
    assert {"session", "draft"} <= names(tmp_path, "", notes)


def test_another_word_for_what_people_share_is_no_thing_of_its_own(tmp_path: Path) -> None:
    text = (
        "## 2. Matches\n- A host opens a match and shares its code.\n- Players join a match with its code and leave it.\n"
        "- A match has at most 8 players; everybody in the match sees each move at once.\n"
        "- The match ends when the host ends the match.\n- Players wait in the lobby.\n- The lobby shows who is there.\n"
    )
    folder = tmp_path / "p"
    folder.mkdir()
    found = names(folder, text)
    assert "match" in found
    assert "lobby" not in {entity.name.lower() for entity in read(folder).entities}


def test_a_data_model_does_not_close_what_is_live_only(tmp_path: Path) -> None:
    text = (
        "## Data model\n```\nQuay(id, name)\nMooring(id, quayId, since)\nToll(id, mooringId)\nSkipper(id, name)\n```\n\n"
        "## 2. Regatta\n- Guests send reactions that fly over the map.\n- Everybody can see reactions at once.\n"
    )
    assert "reactions" in names(tmp_path, text)
