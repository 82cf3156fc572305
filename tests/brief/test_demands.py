"""Which lines demand something, of which kind, and what people share live, in documents of many shapes and languages."""

from __future__ import annotations

import pytest

from redis_plan import brief
from redis_plan.brief import demands, encoder
from redis_plan.brief.documents import Document
from redis_plan.brief.lexicon import lexicon
from redis_plan.brief.lines import candidates
from redis_plan.brief.outline import parse
from redis_plan.brief.sections import Roles


def lines_of(read, *kinds):
    return [r.line for r in read.requirements if r.kind != "out-of-scope" and (not kinds or r.kind in kinds)]


SHAPES = {
    "criteria of the form WHEN … SHALL": (
        "# Requirements\n\n### Requirement 1\n\n#### Acceptance Criteria\n\n"
        "1. WHEN a guest submits twice THE SYSTEM SHALL keep the first\n"
        "2. IF the door is locked THEN THE SYSTEM SHALL refuse the guest\n"
        "3. WHILE the tour runs THE SYSTEM SHALL show the next stop\n",
        [7, 8, 9],
    ),
    "one-word bullets under a heading for features": (
        "# Card Club\n\n## Core features\n\n- Matchmaking\n- Rooms\n- Battle\n- Reconnect\n",
        [5, 6, 7, 8],
    ),
    "check boxes of an MVP": (
        "# Pit Wall\n\n## MVP (24-hour gate)\n\n- [ ] The engineer sees all cars on one map\n- [x] Drivers join with a code\n",
        [5, 6],
    ),
    "rules under engineering boundaries": (
        "# Pit Wall\n\n## Features\n\n- The engineer sees all cars\n\n## Engineering boundaries\n\n"
        "- The server alone decides the order of the cars\n- Clients never write the lap counter\n",
        [5, 9, 10],
    ),
    "features under a title that calls itself a check list": (
        "# Pit Wall: feature checklist\n\n## Must have\n\n- [ ] The engineer sees all cars on one map\n- [ ] Drivers join with a code\n"
        "\n## Review checklist\n\n- [ ] No open question is left in this document\n",
        [5, 6],
    ),
    "a table of features": (
        "# Bakery\n\n## Features\n\n| Id | Feature |\n| --- | --- |\n| F1 | Customers order bread for the next day |\n| F2 | The baker closes the order list |\n",
        [7, 8],
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_shape_of_a_document_tells_its_demands(project, shape):
    text, expected = SHAPES[shape]
    assert lines_of(brief.read(project(prd=text))) == expected


def test_an_export_without_any_mark_is_read_line_by_line(project):
    prd = """Choir Planner
Version 0.2

Conductor
Creates a rehearsal and invites the singers
Starts the metronome for everyone
Prints the attendance list

Singer
Says whether they come
Hears the metronome in step with the others
Downloads the score as PDF
"""
    found = lines_of(brief.read(project(prd=prd)))
    assert set(found) >= {5, 6, 7, 10, 11, 12}
    assert not {1, 4, 9} & set(found)


NOT_DEMANDS = {
    "a template of decisions": "## ADR template\n\n- Status: {Proposed | Accepted}\n- Context: {what forces us}\n",
    "a status ladder": "## Status\n\n- T1 schema merged via #31\n- T2 gateway in review (#40)\n",
    "questions under edge cases": "## Edge cases\n\n- What happens when two people press at once?\n- What if the phone sleeps?\n",
    "results": "## Results of the pilot\n\n- p95 measured last week: 6 ms\n- 310 people came back\n",
    "competitors": "## Competitors\n\n- Product A refreshes every minute\n- Product B costs 9 dollars a seat\n",
    "a glossary": "## Glossary\n\n- **Lap**: once around the track\n- **Stint**: laps between two stops\n",
    "what a document says of itself": "## Live\n\nVersion 0.7, owner: Ann. Status: agreed for the live pilot.\n\nWersja 2, autor: Ola, data: 3 maja\n",
    "milestones in German": "## Zeitplan\n\n- Woche 1: Entwürfe\n- Woche 2: Abnahme durch den Vorstand\n",
    "success metrics in Portuguese": "## Métricas de sucesso\n\n- Metade dos pilotos volta em 30 dias\n- Nota média acima de 4\n",
}


@pytest.mark.parametrize("what", NOT_DEMANDS)
def test_what_demands_nothing_is_no_demand(project, what):
    prd = f"# Race Log\n\n## Features\n\n- Drivers record their laps\n- Drivers compare two laps\n\n{NOT_DEMANDS[what]}"
    assert lines_of(brief.read(project(prd=prd))) == [5, 6]


EXCLUDING = [
    "Fuera del alcance",
    "Hors périmètre",
    "Nicht im Umfang",
    "Niet in deze versie",
    "Fora do escopo",
    "Poza zakresem",
    "Не входит в объём работ",
    "対象外",
    "제외 범위",
    "不在范围内",
]


@pytest.mark.parametrize("heading", EXCLUDING)
def test_a_section_that_excludes_is_known_in_many_languages(project, heading):
    prd = f"# App\n\n## Features\n\n- Members vote on a date\n\n## {heading}\n\n- Video calls\n- Payments\n"
    read = brief.read(project(prd=prd))
    assert lines_of(read) == [5]
    assert [r.line for r in read.requirements if r.kind == "out-of-scope"] == [9, 10]


def test_a_sentence_under_a_heading_puts_off_all_that_stands_below(project):
    prd = "# App\n\n## Requirements\n\n- **A-01**: Members vote\n\n## v2 requirements\n\nDeferred to a future release.\n\n### Extras\n\n- **A-02**: Members pay\n"
    assert lines_of(brief.read(project(prd=prd))) == [5]


@pytest.mark.parametrize(
    "opening",
    ["Payments are out of scope.", "Native apps are deferred to a later release.", "Out of scope: payments"],
)
def test_a_sentence_under_the_documents_title_puts_nothing_else_off(project, opening):
    prd = f"# Ferry Desk — Requirements\n\n{opening}\n\n## Features\n\n- Members vote on a date\n"
    assert 7 in lines_of(brief.read(project(prd=prd)))


@pytest.mark.parametrize(
    "label",
    [
        "Progress so far (May 2026)",
        "End of a round",
        "When the room closes",
        "Raum verlassen",
        "Estado final de la partida",
    ],
)
def test_a_label_that_only_sounds_like_leaving_out_puts_nothing_off(project, label):
    prd = f"# App\n\n## Requirements\n\n**{label}**\n\n- Members vote on a date\n- Members see all votes\n"
    assert {7, 8} <= set(lines_of(brief.read(project(prd=prd))))


@pytest.mark.parametrize("heading", ["3. MVP", "2) MVP features", "3. MVP 边界", "4. MVP 범위"])
def test_the_number_of_a_chapter_is_no_later_release(project, heading):
    prd = f"# App\n\n## 1. Goal\n\nVotes.\n\n## {heading}\n\n- Members vote on a date\n"
    assert lines_of(brief.read(project(prd=prd))) == [9]


def test_a_bracket_puts_one_line_off(project):
    prd = "# App\n\n## Features\n\n- Members vote on a date\n- Members vote by voice (future)\n"
    read = brief.read(project(prd=prd))
    assert lines_of(read) == [5]
    assert [r.line for r in read.requirements if r.kind == "out-of-scope"] == [6]


def test_what_is_demanded_and_excluded_is_asked_about(project):
    prd = (
        "# App\n\n## Features\n\n- Spectators follow every match as it is played\n\n"
        "## Out of scope\n\n- Spectators follow every match\n"
    )
    asked = [r for r in brief.read(project(prd=prd)).remarks if r.kind == "conflict"]
    assert [(r.file, r.line) for r in asked] == [("prd.md", 5)]


LIVE = {
    "en": (
        "Auction room",
        "Features",
        [
            ("Every bid appears on the screens of all bidders at once", True),
            ("Bidders see who is in the room", True),
            ("The auctioneer closes the lot for everyone", True),
            ("Sellers upload photos of their lots", False),
            ("Bidders download their invoice", False),
            ("A bidder resets a forgotten password", False),
        ],
    ),
    "de": (
        "Auktionsraum",
        "Funktionen",
        [
            ("Jedes Gebot erscheint sofort auf den Bildschirmen aller Bieter", True),
            ("Bieter sehen, wer im Raum ist", True),
            ("Der Auktionator schließt das Los für alle", True),
            ("Verkäufer laden Fotos ihrer Lose hoch", False),
            ("Bieter laden ihre Rechnung herunter", False),
            ("Ein Bieter setzt ein vergessenes Passwort zurück", False),
        ],
    ),
    "es": (
        "Sala de subastas",
        "Funcionalidades",
        [
            ("Cada puja aparece al instante en las pantallas de todos los postores", True),
            ("Los postores ven quién está en la sala", True),
            ("El subastador cierra el lote para todos", True),
            ("Los vendedores suben fotos de sus lotes", False),
            ("Los postores descargan su factura", False),
            ("Un postor restablece una contraseña olvidada", False),
        ],
    ),
    "ja": (
        "オークションルーム",
        "機能",
        [
            ("入札はすべての入札者の画面にすぐ表示される", True),
            ("入札者は誰が部屋にいるか見える", True),
            ("競売人が全員に対して出品を締め切る", True),
            ("出品者は商品の写真をアップロードする", False),
            ("入札者は請求書をダウンロードする", False),
            ("入札者は忘れたパスワードを再設定する", False),
        ],
    ),
}


def f1(read, expected):
    said = {r.line: r.realtime for r in read.requirements}
    hits = sum(said.get(n, False) and live for n, (_, live) in enumerate(expected, 5))
    all_said, all_live = sum(said.values()), sum(live for _, live in expected)
    return 2 * hits / (all_said + all_live)


@pytest.mark.parametrize("language", [name for name in LIVE if name != "en"])
def test_what_is_live_is_the_same_in_another_language(project, language):
    def read(name):
        title, heading, lines = LIVE[name]
        text = f"# {title}\n\n## {heading}\n\n" + "".join(f"- {line}\n" for line, _ in lines)
        return f1(brief.read(project(prd=text)), lines)

    english = read("en")
    assert english >= 0.8
    assert read(language) >= english - 0.1


def test_kinds_are_told_apart_without_a_heading_that_says_them(project):
    prd = """# Harbour Pilot

## Requirements

- The pilot requests a tug
- The page opens in two seconds
- All traffic is encrypted
- A ship has at most two pilots
- The captain signs the bill on the screen
"""
    kinds = [r.kind for r in brief.read(project(prd=prd)).requirements]
    assert kinds == ["functional", "non-functional", "non-functional", "constraint", "functional"]


def test_of_a_long_document_a_bounded_number_of_lines_is_encoded(monkeypatch):
    asked: list[str] = []
    known = encoder.encode
    monkeypatch.setattr(encoder, "encode", lambda texts, most=None: (asked.extend(texts), known([""] * len(texts)))[1])
    text = "# App\n\n## Features\n\n" + "".join(f"- Members choose colour number {n}\n" for n in range(9000))
    document = Document("prd", "prd.md", None, text)  # type: ignore[arg-type]
    blocks, _ = parse(document)
    found = demands.judge(candidates(blocks, Roles(lexicon("en"), "prd"), document.lines))
    assert found is not None
    assert len(found.kind) == 9000
    assert len({line for line in asked if line.startswith("Members")}) == demands.MOST_ENCODED


def test_a_document_without_a_demand_that_is_surely_live_has_none(project):
    ledger = "# Ledger\n\n## Features\n\n- Show the total spent today\n- Show the status of an import\n- Notify the owner when a bill is due\n"
    assert not any(r.realtime for r in brief.read(project(prd=ledger)).requirements)


def test_a_demand_that_is_live_beside_many_that_are_not_keeps_its_mark(project):
    others = "".join(f"- Export the {what} as a file\n" for what in ("songs", "singers", "bills", "rooms", "dates"))
    prd = f"# Choir\n\n## Features\n\n- Everybody in the room sees the conductor's beat at the same moment\n{others}"
    live = [r.line for r in brief.read(project(prd=prd)).requirements if r.realtime]
    assert live == [5]


FLOW = """# Debate night

## Features

- Everyone sees the standing change live

## How an evening runs

1. The chair opens the vote for everybody.
2. When all have voted, the hall moves on to the next motion.
3. Everyone sees a countdown before the next motion.

## Numbers

| What | Value |
| --- | --- |
| Votes in the hall | 40 a second |
"""


def test_a_live_step_of_a_flow_is_a_demand_and_a_figure_is_none(project):
    read = brief.read(project(prd=FLOW))
    assert lines_of(read) == [5, 9, 10, 11]
    assert all(r.realtime for r in read.requirements)


def test_what_planning_notes_decide_about_live_state_is_no_demand(project):
    notes = "<decisions>\n1. The vote of the hall lives in one hash that all gateways read\n</decisions>\n"
    read = brief.read(project(prd=FLOW, notes=notes))
    assert {r.file for r in read.requirements} == {"prd.md"}


def test_one_line_that_sounds_live_among_many_that_are_not_shares_nothing(project):
    verbs = ("Add", "Sort", "Export", "Rate", "Annotate", "Search", "Print", "Tag", "Archive", "Import", "Delete", "Rename")  # fmt: skip
    others = "".join(f"- {verb} {what}\n" for verb in verbs for what in ("a book", "a shelf"))
    prd = f"# Reading log\n\n## Features\n\n{others}- Progress is saved instantly and appears on the reader's other devices\n"
    read = brief.read(project(prd=prd))
    assert len(read.requirements) > 20
    assert not any(r.realtime for r in read.requirements)
