from __future__ import annotations

import pytest

from redis_plan.brief.quantities import Context, parse_number, scan
from redis_plan.brief.units import base

CASES = [
    ("Updates arrive within 1-2 seconds.", "en", [(1, 2, "second", "<=")]),
    ("latency below 300ms P95", "en", [(300, None, "ms", "<")]),
    ("100 orgs, 1k concurrent bidders", "en", [(100, None, "orgs", None), (1000, None, "bidders", None)]),
    ("small teams (2–10 members)", "en", [(2, 10, "members", None)]),
    ("sub-5-second latency", "en", [(5, None, "second", "<")]),
    ("about 3,000 requests per second", "en", [(3000, None, "requests/second", "~")]),
    ("10,000+ RPS", "en", [(10000, None, "request/second", ">=")]),
    ("a 4-core CPU", "en", [(4, None, "core", None)]),
    ("99.9% availability", "en", [(99.9, None, "percent", None)]),
    ("at least 2 wired to live state", "en", [(2, None, "", ">=")]),
    ("Max players: 8", "en", [(8, None, "", None)]),
    ("Spectators: limit 5 per room", "en", [(5, None, "", None)]),
    ("between 2 and 8 players", "en", [(2, 8, "players", None)]),
    ("$4.99/month", "en", [(4.99, None, "USD/month", None)]),
    ("1 500 kB of state", "en", [(1500, None, "kB", None)]),
    ("co najmniej 3 razy w miesiącu", "pl", [(3, None, "razy/month", ">=")]),
    ("maksymalnie 8 graczy", "pl", [(8, None, "graczy", "<=")]),
    ("po 2 godzinach bezczynności", "pl", [(2, None, "hour", None)]),
    ("0,5 sekundy", "pl", [(0.5, None, "second", None)]),
    ("최대 5회, 30분 유효", "ko", [(5, None, "time", "<="), (30, None, "minute", None)]),
    ("1시간 5회·하루 10회", "ko", [(5, None, "회/hour", None), (10, None, "회/day", None)]),
    ("1,000만원", "ko", [(10_000_000, None, "KRW", None)]),
    ("höchstens 8 Spieler", "de", [(8, None, "spieler", "<=")]),
    ("de 8 o más jugadores", "es", [(8, None, "jugadores", ">=")]),
    ("oltre 50 giocatori, 8 o meno giocatori", "it", [(50, None, "giocatori", ">"), (8, None, "giocatori", "<=")]),
    ("8 oder weniger Spieler", "de", [(8, None, "spieler", "<=")]),
    ("ab 3 Spielern, mehr als 50 Spieler", "de", [(3, None, "spielern", ">="), (50, None, "spieler", ">")]),
    ("8 lub mniej graczy", "pl", [(8, None, "graczy", "<=")]),
    ("a partir de 3 jogadores", "pt", [(3, None, "jogadores", ">=")]),
    ("vanaf 3 spelers", "nl", [(3, None, "spelers", ">=")]),
    ("8 joueurs ou moins", "fr", [(8, None, "joueurs", "<=")]),
    ("8 или больше игроков", "ru", [(8, None, "игроков", ">=")]),
    ("超过50人", "zh", [(50, None, "person", ">")]),
    ("不超过50人", "zh", [(50, None, "person", "<=")]),
    ("desde 2 hasta 8 jugadores", "es", [(2, 8, "jugadores", None)]),
    ("salas con 4 a 8 jugadores", "es", [(4, 8, "jugadores", None)]),
    ("stanze con 4 a 8 giocatori", "it", [(4, 8, "giocatori", None)]),
    ("salas com 4 até 8 jogadores", "pt", [(4, 8, "jogadores", None)]),
    ("A la vez hay entre 40 y 70.", "es", [(40, 70, "", None)]),
    (
        "Rondas de 10 segundos y 30 jugadores por sala.",
        "es",
        [(10, None, "second", None), (30, None, "jugadores", None)],
    ),
    ("Runden von 10 Sekunden und 30 Spieler.", "de", [(10, None, "second", None), (30, None, "spieler", None)]),
    ("on a scale from 1 to 5", "en", []),
]


@pytest.mark.parametrize(("line", "language", "wanted"), CASES)
def test_numbers_are_read_with_unit_range_and_bound(line, language, wanted):
    assert [(q.value, q.value_max, q.unit, q.op) for q in scan(line, language)] == wanted


@pytest.mark.parametrize(
    ("line", "language", "text", "value"),
    [
        ("At most twelve minutes", "en", "twelve minutes", 12),
        ("Bis zu zwanzig Spieler pro Raum", "de", "zwanzig Spieler", 20),
        ("Hasta veinte jugadores por sala", "es", "veinte jugadores", 20),
        ("Jusqu'à quinze joueurs par salle", "fr", "quinze joueurs", 15),
        ("Fino a dieci giocatori per stanza", "it", "dieci giocatori", 10),
        ("Até doze jogadores por sala", "pt", "doze jogadores", 12),
        ("Maximaal dertig spelers per kamer", "nl", "dertig spelers", 30),
        ("До двадцати игроков в комнате", "ru", "двадцати игроков", 20),
        ("Maksymalnie ośmiu graczy w pokoju", "pl", "ośmiu graczy", 8),
    ],
)
def test_a_number_in_words_counts_after_a_bound_and_is_quoted_whole(line, language, text, value):
    assert [(q.text, q.value, q.op) for q in scan(line, language)] == [(text, value, "<=")]


@pytest.mark.parametrize(
    ("line", "language", "wanted"),
    [
        ("Entre cien y doscientos jugadores por sala", "es", [(100, 200, "jugadores")]),
        ("Between fifty and two hundred players", "en", [(50, 200, "players")]),
        ("Between ten and twenty players", "en", [(10, 20, "players")]),
        ("Entre dos y ocho jugadores por sala", "es", [(2, 8, "jugadores")]),
        ("Hasta treinta y cinco jugadores", "es", [(35, None, "jugadores")]),
        ("Up to two hundred and fifty players", "en", [(250, None, "players")]),
        ("A round takes a minute and a half, max players: 8", "en", [(1.5, None, "minute"), (8, None, "")]),
        ("Dura un minuto e mezzo, max 8", "it", [(1.5, None, "minute"), (8, None, "")]),
        ("After a second failed login the account is locked", "en", []),
        ("Tras un segundo intento fallido se bloquea", "es", []),
        ("After a second the light goes out", "en", [(1, None, "second")]),
    ],
)
def test_numbers_in_words_that_are_joined_are_the_ends_of_a_range_or_one_number(line, language, wanted):
    assert [(q.value, q.value_max, q.unit) for q in scan(line, language)] == wanted


@pytest.mark.parametrize(
    ("line", "language"),
    [
        ("The number of rooms grows by 20 % a month", "en"),
        ("Liczba pokoi rośnie o 20 % miesięcznie", "pl"),
        ("Die Zahl der Räume wächst um 20 % pro Minute", "de"),
        ("Las salas crecen un 20% al mes", "es"),
        ("用户每月增长20%", "zh"),
    ],
)
def test_a_share_by_which_something_grows_is_no_load(line, language):
    assert [(q.value, q.kind) for q in scan(line, language)] == [(20, "percent")]


@pytest.mark.parametrize(
    "line", ["One of the two players wins", "The first three rounds", "up to you", "two-factor login"]
)
def test_a_number_in_words_without_a_bound_states_nothing(line):
    assert not scan(line, "en")


@pytest.mark.parametrize(
    "line",
    [
        "React 18 with TypeScript 5",
        "Node.js 18+ LTS and version v1.3, 7.x, 1.21+",
        "US-001 and ADR-005, see RFC 6455",
        "2026-02-03, 09:00-15:30, Q3, open 24/7",
        "(1, 2, 3, 5, 8, 13, 21, ?, ∞)",
        "### 1.2 Session access",
        "1. First do this",
        "Phase 2 and Precision 7",
        "returns HTTP 409 Conflict",
        "AES-256, SHA-256, UTF-8 and OAuth 2.0",
        "[some things](https://example.org/10/20)",
        "`GET /rooms/5` and `balance >= 100`",
        "WCAG 2.1 AA, TLS 1.3 or higher",
    ],
)
def test_what_only_looks_like_a_quantity_is_none(line):
    assert scan(line, "en") == []


def test_m_is_a_minute_in_a_column_of_lifetimes_and_a_metre_elsewhere():
    assert [q.unit for q in scan("| `a:{b}` | 5m |", "en", Context(ttl=True))] == ["minute"]
    assert [q.unit for q in scan("within ~150m", "en")] == ["metre"]


def test_a_bare_number_in_a_column_of_values_counts_what_its_row_names():
    quantities = scan("| Rooms at the same time, peak | 500 | Thursday |", "en", Context(row=True))
    assert [(q.text, q.value, q.unit) for q in quantities] == [("500", 500, "rooms")]


def test_a_unit_on_the_next_line_belongs_to_the_number():
    assert [(q.value, q.unit) for q in scan("toggle between **6", "en", following="Months** and more")] == [
        (6, "month")
    ]


@pytest.mark.parametrize(
    ("text", "scale", "value"),
    [
        ("1,000", None, 1000),
        ("1 000", None, 1000),
        ("1.5", None, 1.5),
        ("0,5", None, 0.5),
        ("10", "k", 10_000),
        ("2", "mln", 2e6),
    ],
)
def test_written_numbers(text, scale, value):
    assert parse_number(text, scale) == value


def test_units_share_a_base():
    assert base(500, "ms") == base(0.5, "second")
    assert base(60, "request/minute") == ("/s", 1)
