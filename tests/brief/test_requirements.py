from __future__ import annotations

import pytest

from redis_plan import brief

STORIES = """# Quizzle

## 5. User stories

### US-001: Join a room
- **Description**: As a player, I want to join with a code.
- **Acceptance criteria**:
  - A wrong code shows an error.
  - Joining takes at most 2 seconds.

- ID: US-002
- Title: Reveal
- Description: As a host, I want to reveal the answers to everyone in real time.
- Acceptance criteria:

  - Answers are hidden before.

## Out of scope

- Voice chat in real time.
- More than 10,000 players.
"""


def demands(read):
    return [r for r in read.requirements if r.kind != "out-of-scope"]


def test_a_story_keeps_its_id_and_owns_its_criteria(project):
    read = brief.read(project(prd=STORIES))
    stories = [r for r in demands(read) if r.parent_line is None]
    assert [(r.id, r.line) for r in stories] == [("US-001", 5), ("US-002", 11)]
    assert {r.parent_line for r in demands(read) if r.parent_line} == {5, 11}
    assert "join with a code" in stories[0].text


def test_a_story_is_live_when_its_description_is(project):
    live = [r.id for r in brief.read(project(prd=STORIES)).requirements if r.realtime and r.parent_line is None]
    assert live == ["US-002"]


def test_what_is_excluded_is_no_demand_and_its_numbers_weigh_nothing(project):
    read = brief.read(project(prd=STORIES))
    assert [r.line for r in read.requirements if r.kind == "out-of-scope"] == [20, 21]
    assert not [r for r in read.requirements if r.kind == "out-of-scope" and r.realtime]
    assert [q.design_relevant for q in read.quantities if q.line == 21] == [False]


@pytest.mark.parametrize(
    ("heading", "line"),
    [
        ("Out of scope", "Users can pay in the app."),
        ("Non-goals", "Users can pay in the app."),
        ("Future considerations", "Users can pay in the app."),
        ("Not in this version", "Users can pay in the app."),
        ("Poza zakresem", "Użytkownik może się zalogować i nie jest to płatne."),
        ("Granice produktu", "Użytkownik może się zalogować i nie jest to płatne."),
    ],
)
def test_headings_that_exclude(project, heading, line):
    prd = f"# App\n\n## Features\n\n- {line}\n\n## {heading}\n\n- {line}\n"
    assert [r.line for r in demands(brief.read(project(prd=prd)))] == [5]


def test_headings_without_a_blank_are_headings_and_a_german_specification_says_what_it_leaves_out(project):
    prd = (
        "# Pflichtenheft\n##Zielbestimmungen\n###Musskriterien\n* Die Lotsin muss sich anmelden können.\n"
        "* Die Lotsin muss eine Fahrt anlegen können.\n\n###Abgrenzungskriterien\n* Es werden keine Rechnungen erstellt.\n"
        "* Eine App für Telefone wird nicht angeboten.\n"
    )
    read = brief.read(project(prd=prd))
    assert [r.line for r in demands(read)] == [4, 5]
    assert [r.line for r in read.requirements if r.kind == "out-of-scope"] == [8, 9]


def test_a_sentence_can_exclude_the_list_that_follows(project):
    prd = "# App\n\n## Features\n\n- Users can vote.\n\nThe following will not be part of the product, not in scope:\n\n- Users can pay.\n"
    assert [r.line for r in demands(brief.read(project(prd=prd)))] == [5]


def test_kinds_follow_sections_and_words(project):
    prd = """# App

## Functional requirements

- Users can place bids.

## Business rules

- A user may place at most one bid per lot.

## Non-functional requirements

- **Latency**: updates within 2 seconds.

## Constraints

- One region only.
"""
    kinds = [r.kind for r in brief.read(project(prd=prd)).requirements]
    assert kinds == ["functional", "constraint", "non-functional", "constraint"]


def test_plain_labels_and_bold_lines_are_headings(project):
    prd = "# App\n\n## Requirements\n\nAvailability:\n\n* 99.5% uptime in the evening.\n\n**Security**\n\n* Codes must be unguessable.\n"
    read = brief.read(project(prd=prd))
    assert [(r.line, r.kind) for r in read.requirements] == [(7, "non-functional"), (11, "non-functional")]


def test_made_ids_survive_an_insertion_above(project):
    before = brief.read(project(prd="# App\n\n## Features\n\n- Users can place bids on lots.\n")).requirements[0]
    after = brief.read(
        project(prd="# App\n\nText.\n\n## Features\n\n- New thing here.\n- Users can place bids on lots.\n")
    ).requirements[1]
    assert before.id == after.id
    assert before.line != after.line


@pytest.mark.parametrize(
    ("heading", "about", "demand"),
    [
        ("Requisitos", "Este documento descreve os requisitos de uma regata em tempo real para vários barcos.", "Todos os barcos veem a regata em tempo real."),
        ("Requisitos", "A tabela a seguir resume o que a regata em tempo real deve oferecer.", "Todos os barcos veem a regata em tempo real."),
        ("Requisitos", "El presente documento recoge lo que debe hacer la regata en tiempo real.", "Todos los barcos ven la regata en tiempo real."),
        ("Anforderungen", "Dieses Dokument beschreibt, was die Regatta in Echtzeit können muss.", "Alle Boote sehen die Regatta in Echtzeit."),
        ("Features", "The table below lists what the live regatta must show to all boats.", "All crews see the race in real time."),
    ],
)  # fmt: skip
def test_a_paragraph_about_the_document_demands_nothing(project, heading, about, demand):
    prd = f"# Regata\n\n## {heading}\n\n{about}\n\n- {demand}\n"
    assert [r.text for r in demands(brief.read(project(prd=prd)))] == [demand]


@pytest.mark.parametrize(
    ("heading", "other", "live"),
    [
        ("Alcance", "Registro de barcos con fotos.", "Sistema de ofertas en tiempo real y cierre automático."),
        ("Fonctionnalités", "Liste des bateaux avec photos.", "Enchères en direct avec fermeture automatique."),
        (
            "Funcionalidades",
            "Cadastro de barcos com fotos.",
            "Sistema de lances em tempo real e fechamento automático.",
        ),
        ("Functionaliteiten", "Lijst van boten met foto's.", "Biedingen in real-time, met automatische sluiting."),
    ],
)
def test_a_demand_that_says_real_time_in_any_language_is_live_though_it_is_the_only_one(project, heading, other, live):
    prd = f"# Regata\n\n## {heading}\n\n" + "".join(f"- {one}\n" for one in (other, live))
    found = [r.text for r in brief.read(project(prd=prd)).requirements if r.realtime]
    assert found == [live]


def test_a_denied_live_demand_is_not_live(project):
    prd = "# App\n\n## Features\n\n- The chart needs no real-time updates.\n- The board shows bids live.\n"
    assert [r.realtime for r in brief.read(project(prd=prd)).requirements] == [False, True]


@pytest.mark.parametrize(
    "text",
    [
        "# Skat\n\n## Tables\n\n- **MVP**: players open a table and invite three others\n- **Future**: spectators, replays of a table, tables with bots\n",
        "# Kasse\n\n## Anforderungen\n\n- Kunden bezahlen mit Karte.\n- Nicht im Umfang: Zahlung auf Rechnung, Gutscheine\n",
        "# 麻雀\n\n## 功能\n\n- MVP：玩家创建房间并邀请好友\n- 后续版本：观战、回放、机器人\n",
    ],
)
def test_what_an_item_s_label_puts_off_is_no_demand(project, text):
    kinds = {r.line: r.kind for r in brief.read(project(prd=text)).requirements}
    assert kinds[6] == "out-of-scope"


def test_a_label_that_names_something_to_come_puts_nothing_off(project):
    text = "# Cup\n\n## Features\n\n- Future matches: players see the time and the opponent of each match\n- Players join a match with a code\n"
    kinds = {r.line: r.kind for r in brief.read(project(prd=text)).requirements}
    assert kinds[5] != "out-of-scope"


PORTRAITS = (
    "- **Age**: 30 to 45\n- **Goals**: must assign berths quickly and see live positions of every ferry\n"
    "- **Frustrations**: the radio has to be answered by hand\n",
    "- **Responsibilities**: assign berths, notify captains, track every ferry in real time\n"
    "- **Pain points**: no shared view of the berths\n",
    "- Pain points: every captain is called by phone\n- Responsibilities:\n"
    "  - Must notify all captains when a berth changes\n  - Must track every ferry in real time\n",
    "- **Obowiązki**: przydziela miejsca i powiadamia kapitanów na żywo\n- **Bolączki**: musi dzwonić do każdego\n",
)


@pytest.mark.parametrize("portrait", PORTRAITS)
def test_what_is_said_of_a_person_demands_nothing(project, portrait):
    text = f"# Harbour\n\n## Users\n\n### Ann, the harbour master\n\n{portrait}\n## Features\n\n- Users can book a berth.\n"
    last = len(text.splitlines())
    assert [r.line for r in brief.read(project(prd=text)).requirements] == [last]


def test_goals_without_a_person_are_demands_still(project):
    text = "# Harbour\n\n## Functional requirements\n\n- **Goals**: users must be able to book a berth\n- **Berths**: users can see all berths\n"
    assert [r.line for r in demands(brief.read(project(prd=text)))] == [5, 6]
