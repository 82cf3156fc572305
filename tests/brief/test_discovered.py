"""Nouns that no lexicon knows: found by what the sentences do with them."""

from __future__ import annotations

import pytest

from redis_plan import brief
from redis_plan.brief.discovered import singular
from redis_plan.brief.discovered_pl import stem

from .conftest import MakeProject


def named(found: brief.Brief) -> dict[str, set[str]]:
    return {e.name: {a.lower() for a in (e.name, *e.aliases)} for e in found.entities}


def test_what_is_placed_and_moved_again_and_again_is_kept(project: MakeProject):
    text = """# Field
## Functional requirements
- A gardener can plant a zorblet in the shared field.
- Everyone sees which zorblets were watered, live.
- The gardener may move a zorblet within the field.
- Zorblets that dry out are removed.
"""
    assert {"zorblet", "zorblets"} <= named(brief.read(project(prd=text)))["Zorblet"]


def test_a_verb_that_looks_like_a_plural_is_no_entity(project: MakeProject):
    text = """# Field
## Functional requirements
- Users can frobnicate the field.
- The system frobnicates each row, and users may frobnicate again.
- Users must frobnicate before they leave, and the system frobnicates at night.
"""
    assert not any("robnicate" in name for name in named(brief.read(project(prd=text))))


def test_an_auxiliary_before_a_noun_makes_no_compound(project: MakeProject):
    text = """# Field
## Requirements
- The service shall log each watering, and shall record who did it.
- The service shall log errors and shall record their time.
- The service exceeds no quota; whoever exceeds it waits, and what exceeds twice is refused.
"""
    assert not {"Shall log", "Shall record", "Exceed"} & named(brief.read(project(prd=text))).keys()


@pytest.mark.parametrize(
    "line",
    [
        "Gardener 1:N Plot 1:N Seedling",
        "Gardener 1:N Plot, Seedling",
        "Gardener (1) — (N) Plot\nPlot 0..1 - * Seedling",
    ],
)
def test_a_relation_with_its_numbers_declares_both_sides_in_any_language(line: str, project: MakeProject):
    found = brief.read(project(prd=f"# 庭\n\n## 関係\n\n```\n{line}\n```\n\n## 機能\n\n- 種を植える\n"))
    assert {"Gardener", "Plot", "Seedling"} <= {e.name for e in found.entities}


@pytest.mark.parametrize("line", ["NON-NEGOTIABLE rules", "Phase 1 - MVP", "Lead 1:1 conversations of a Gardener"])
def test_a_number_or_a_hyphen_between_words_is_no_relation(line: str, project: MakeProject):
    found = brief.read(project(prd=f"# Field\n\n## Features\n\n- {line}\n- Users water a plot\n"))
    assert not {"NO", "EGOTIABLE", "Phase", "VP", "Lead"} & {e.name for e in found.entities}


def test_what_is_said_to_be_retained_is_kept_with_one_mention(project: MakeProject):
    text = "# Bets\n## Functional requirements\n- A user places a bet.\n- Watering history must be retained for ever.\n"
    assert "Watering history" in named(brief.read(project(prd=text)))


def test_polish_forms_of_an_unknown_noun_are_one_entity(project: MakeProject):
    text = """# Dokument wymagań produktu
## 3. Wymagania funkcjonalne
- Użytkownik może dodać glimzę do ogrodu.
- Użytkownik może usunąć glimzę, gdy zwiędnie.
- Każda glimza ma właściciela, a glimzy są widoczne dla wszystkich.
- Przeglądanie glimz i sortowanie glimz według daty.
- Użytkownik może zacząć klomowę, a potem zakończyć klomowę.
- Lista klomów pokazuje, czy klomowa trwa.
"""
    found = named(brief.read(project(prd=text)))
    assert {"glimza", "glimzę", "glimzy"} <= next(names for names in found.values() if "glimza" in names)
    assert {"klomowę", "klomów"} <= next(names for names in found.values() if "klomowa" in names)


@pytest.mark.parametrize(
    "forms", [("wiadomość", "wiadomości"), ("prośba", "prośbę", "próśb"), ("fiszka", "fiszek", "fiszki")]
)
def test_the_cases_of_a_noun_share_a_stem(forms: tuple[str, ...]):
    assert len({stem(form) for form in forms}) == 1


def test_singulars():
    assert [singular(w) for w in ("matches", "stories", "boxes", "bets", "status", "class")] == ["match", "story", "box", "bet", "", ""]  # fmt: skip


def test_a_list_of_records_is_a_data_model_under_any_heading(project: MakeProject):
    text = """# Field
## Wie wir es uns denken
- **Glimmer** (id, fieldId, name, wateredAt)
- **Field** (id, ownerId, name)
- **Spade** (id, fieldId, price)
## Features
- Users see the field.
"""
    found = brief.read(project(prd=text))
    assert {"Glimmer", "Field", "Spade"} <= {e.name for e in found.entities}


def test_what_expires_is_kept(project: MakeProject):
    text = "# Map\n## Features\n- Users see couriers live.\n- Each courier's presence in a zone expires after 10 seconds.\n"
    assert "Presence" in named(brief.read(project(prd=text)))


@pytest.mark.parametrize(
    "heading",
    [
        "### MVP 2",
        "### 2nd MVP",
        "### 2차 MVP",
        "The following features will not be built:",
        "W zakresie MVP nie będą realizowane następujące funkcjonalności:",
    ],
)
def test_what_a_later_release_or_a_negated_line_lists_is_no_demand(heading: str, project: MakeProject):
    text = f"# App\n## Features\n- Users join a room.\n\n## Plan\n\n{heading}\n\n- Voice chat in rooms\n- Replays of rooms\n"
    demands = [r.text for r in brief.read(project(prd=text)).requirements if r.kind != "out-of-scope"]
    assert demands == ["Users join a room."]


@pytest.mark.parametrize(
    "heading", ["If the user is not logged in:", "## Non-functional requirements", "## Features without login"]
)
def test_a_condition_or_a_quality_excludes_nothing(heading: str, project: MakeProject):
    text = f"# App\n## Functional requirements\n- Users join a room.\n\n{heading}\n\n- The system must show a page with rooms\n"
    assert not [r for r in brief.read(project(prd=text)).requirements if r.kind == "out-of-scope"]
