"""What numbers in a document become of the design: each case a sentence or two as teams write them, in many domains."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from redis_plan import brief
from redis_plan.brief.model import Brief
from redis_plan.brief.reconcile.catalogue import defaults
from redis_plan.choice import choose
from redis_plan.errors import OverrideError
from redis_plan.keyspace import chain
from redis_plan.keyspace.catalog import use_patterns
from redis_plan.keyspace.expression import compute

from .conftest import MakeProject

Wanted = Mapping[str, float | None]


def facts_of(project: MakeProject, body: str, heading: str = "Requirements") -> Brief:
    return brief.read(project(prd=f"# Harbour\n\n## {heading}\n\n{body}\n"))


def check(read: Brief, wanted: Wanted) -> None:
    """Each fact is stated with that value; None: no document states it."""
    said = {f.name: f.value if f.grade == "documented" else None for f in read.facts}
    assert {name: said[name] for name in wanted} == wanted


SCALE: list[tuple[str, Wanted]] = [
    # a total of the system is no number of sessions, and no session's members (R1)
    ("| Aspect | Target |\n| --- | --- |\n| Scale | 100K+ concurrent viewers |", {"concurrent_users": 100_000, "sessions_peak": None}),
    ("- The service must carry 25,000 simultaneous listeners.", {"concurrent_users": 25_000, "members_per_session": None}),
    ("- Up to 3,000 couriers online at peak.", {"concurrent_users": 3000}),
    ("| Measure | Value |\n| --- | --- |\n| Rooms at the same time, peak | 700 |", {"sessions_peak": 700}),
    # a heading names what its numbers count (R2)
    ("### Room size\n\n5–30 guests", {"members_per_session": 30}),
    ("### Table size\n\n- 2 to 6 players", {"members_per_session": 6}),
    ("| Setting | Value |\n| --- | --- |\n| Max players per lobby | 12 |", {"members_per_session": 12, "session_capacity": 12}),
    # "per room" scopes what "concurrent" counts; a lower bound caps nothing (R3, R4)
    ("- Must hold 1000+ concurrent participants/room.", {"members_per_session": 1000, "session_capacity": None, "sessions_peak": None}),
    ("- 50+ members per workspace are supported.", {"members_per_session": 50, "session_capacity": None}),
    ("- At least 40 singers per choir rehearsal.", {"session_capacity": None, "sessions_peak": None}),
    ("- At most 24 dancers in one class.", {"members_per_session": 24, "session_capacity": 24}),
    ("- 4-player tables, up to 900 concurrent tables.", {"members_per_session": 4, "sessions_peak": 900}),
    ("- A match needs at least 2 players to start.", {"members_per_session": None, "session_capacity": None}),
    ("- Grę można zacząć, gdy w pokoju jest przynajmniej dwóch graczy.", {"members_per_session": None}),
    ("- maxPlayers: 10", {"members_per_session": 10, "session_capacity": 10}),
    # a range says how many it is made for, one number whom something is for
    ("- A quick evening for 3–10 players.", {"members_per_session": 10}),
    ("- Szybka rozrywka dla 3–6 graczy.", {"members_per_session": 6}),
    ("- Ein Echtzeit-Erlebnis für 2-4 Spieler.", {"members_per_session": 4}),
    ("- Una velada rápida para 2-8 jugadores.", {"members_per_session": 8}),
    ("- A badge for 40 members.", {"members_per_session": None}),
    ("- The host may set the max players (2-8).", {"members_per_session": 8, "session_capacity": 8}),
    ("Concurrent users:\n40,000+\nPage load:\n<2 seconds", {"concurrent_users": 40_000, "sync_latency": None}),
    # the people who have an account are not connected
    ("- 200,000 registered users and 15,000 daily active users in the first year.", {"concurrent_users": None, "members_per_session": None}),
    # rates: in all, per session, and limits on one caller
    ("- The system sustains 4,000 bids per second at peak.", {"total_rate_per_s": 4000, "events_per_session": None}),
    ("- About 12 moves per second per match.", {"events_per_session": 12, "total_rate_per_s": None}),
    ("- Rate limit: 100 requests per minute per user.", {"events_per_session": None, "total_rate_per_s": None}),
    ("- The API allows 30 requests/minute per IP.", {"total_rate_per_s": None}),
    # tiers: the largest that is sold (R29)
    ("| Plan | Guests per room |\n| --- | --- |\n| Free | 5 guests |\n| Pro | 50 guests |\n| Event | 500 guests |", {"members_per_session": 500}),
    # who comes together in what, said the other way round, and by the places there are
    ("- 2 to 6 rowers form a team.", {"members_per_session": 6}),
    ("- Each table has 12 seats.", {"members_per_session": 12}),
    ("- A concert has 900 seats to sell.", {"members_per_session": None}),
    ("- 60,000 punters at the same time.", {"concurrent_users": 60_000}),
    # numbers in words, after a bound
    ("- Up to twelve players per room; two of them may pause it.", {"members_per_session": 12, "session_capacity": 12}),
    # usual, at most, and who looks on, told apart
    ("- Auctions have 50 to 400 bidders in each, never more than 600, and up to 2,000 viewers.", {"members_per_session": 400, "session_capacity": 600, "watchers_per_session": 2000}),
    ("- Each auction draws 50–400 bidders, 600 at most; 2,000 people may watch.", {"members_per_session": 400, "session_capacity": 600, "watchers_per_session": 2000}),
    ("- A room has 4 to 15 players, at most 40.", {"members_per_session": 15, "session_capacity": 40}),
    ("- Rooms usually hold 5 to 12 people.", {"members_per_session": 12, "session_capacity": None}),
    ("- Up to 50 people watch a stream in one room.", {"members_per_session": 50, "watchers_per_session": None}),
    ("- W aukcji bierze udział od 50 do 400 licytujących, nigdy więcej niż 600, a przygląda się do 2000 widzów.", {"members_per_session": 400, "session_capacity": 600, "watchers_per_session": 2000}),
    ("- An einer Auktion nehmen 50 bis 400 Bieter teil, nie mehr als 600, und bis zu 2.000 Zuschauer sehen zu.", {"members_per_session": 400, "session_capacity": 600, "watchers_per_session": 2000}),
    ("- En una sala hay de 4 a 15 jugadores, como máximo 40.", {"members_per_session": 15, "session_capacity": 40}),
    ("- オークションには50〜400人の入札者が参加し、600人を超えることはなく、視聴者は2000人まで。", {"members_per_session": 400, "session_capacity": 600, "watchers_per_session": 2000}),
    ("- 방 하나에 플레이어 4~15명, 최대 40명.", {"members_per_session": 15, "session_capacity": 40}),
    ("- 每场拍卖有50到400名竞拍者，绝不超过600名，观众最多2000人。", {"members_per_session": 400, "session_capacity": 600, "watchers_per_session": 2000}),
    ("- 1ゲームは3人から12人まで。", {"members_per_session": 12, "session_capacity": 12}),
    ("- Drużyny liczą do 6 osób.", {"members_per_session": 6, "session_capacity": 6}),
    # languages
    ("- Bis zu 40 Teilnehmer pro Raum, 2.000 Nutzer gleichzeitig.", {"members_per_session": 40, "session_capacity": 40, "concurrent_users": 2000}),
    ("- Hasta 10 mil usuarios concurrentes; máximo 6 jugadores por partida.", {"concurrent_users": 10_000, "members_per_session": 6}),
    ("- El sitio soporta 1.000.000 de visitas concurrentes.", {"concurrent_users": 1_000_000}),
    ("- Au plus 12 joueurs par salle et 500 utilisateurs simultanés.", {"members_per_session": 12, "concurrent_users": 500}),
    ("- Fino a 8 giocatori per stanza.", {"members_per_session": 8, "session_capacity": 8}),
    ("- No máximo 15 alunos por turma, 3.000 usuários simultâneos.", {"members_per_session": 15, "concurrent_users": 3000}),
    ("- Maximaal 10 spelers per kamer.", {"members_per_session": 10, "session_capacity": 10}),
    ("- До 16 игроков в комнате, одновременно до 20 тыс. пользователей.", {"members_per_session": 16, "concurrent_users": 20_000}),
    ("- Do 30 uczestników w pokoju, 5 tys. użytkowników jednocześnie.", {"members_per_session": 30, "concurrent_users": 5000}),
    ("- 1ルームあたり最大8人が参加できる。\n- 同時接続ユーザー10万人に対応する。", {"members_per_session": 8, "concurrent_users": 100_000}),
    ("- 每个房间最多容纳8人。\n- 支持5万在线用户。", {"members_per_session": 8, "concurrent_users": 50_000}),
    ("- 방당 최대 6명이 참여할 수 있다.\n- 동시 접속자 2만 명을 지원한다.", {"members_per_session": 6, "concurrent_users": 20_000}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "wanted"), SCALE, ids=[body.strip("-| #")[:40] for body, _ in SCALE])
def test_scale_is_read_by_what_is_counted_and_of_what(project: MakeProject, body: str, wanted: Wanted) -> None:
    check(facts_of(project, body), wanted)


PERIODS: list[tuple[str, Wanted]] = [
    # how often a client says that it is there, and after how long a silence it is gone (R8, R32)
    ("- Heartbeat every 15 s; who is silent for 60 s is offline.", {"heartbeat": 15, "presence_lease": 60}),
    ("- A boat that was not heard from for 90 s counts as gone.", {"presence_lease": 90}),
    ("- A tablet that is gone is shown as gone within 45 seconds.", {"presence_lease": 45}),
    ("- Ein Gerät ohne Verbindung wird nach 45 Sekunden als offline angezeigt.", {"presence_lease": 45}),
    # a latency is the live path's, whatever stands before it (R6, R7)
    ("- Route lookup < 3 s; position end to end < 2 s.", {"sync_latency": 2}),
    ("- Joining a hall takes < 2 s.\n- A new question is on every phone within 500 ms.", {"sync_latency": 0.5}),
    ("- Search answers within 800 ms, the page loads in under 3 s.", {"sync_latency": None}),
    ("- The payment provider answers within 4 s.", {"sync_latency": None}),
    ("- Clients poll the status every 4 seconds.", {"sync_latency": None}),
    ("- Everyone sees a placed pin live, within 300 ms.", {"sync_latency": 0.3}),
    # a heartbeat, and how long after the last one somebody is gone (R8)
    ("- A heartbeat every 30 s.\n- A member is offline after 60 s without heartbeat.", {"heartbeat": 30, "presence_lease": 60, "idle_ttl": None}),
    ("- Devices send a ping every 5 seconds and are considered offline after 20 seconds.", {"heartbeat": 5, "presence_lease": 20}),
    ("- ping interval: 5s\n- disconnect threshold: 15s without pong", {"heartbeat": 5, "presence_lease": 15}),
    ("- Reconnect with exponential backoff (1 s, 2 s, 4 s) up to 30 s.", {"reconnect_grace": None}),
    ("- The seat of a disconnected rower is kept for 45 seconds.", {"reconnect_grace": 45}),
    ("## Session recovery\n\n- After 75 seconds the rower is removed from the race.", {"reconnect_grace": 75}),
    # a stated TTL beats the catalogue's (R12, R13, R34)
    ("- A repeated request id is recognised for 24 h.", {"idempotency_ttl": 86_400}),
    ("- Duplicate requests within 10 minutes are answered from the first result; idempotency keys live 10 minutes.", {"idempotency_ttl": 600}),
    ("- We hold the place for 5 minutes while the guest pays.", {"hold_ttl": 300, "reconnect_grace": None}),
    ("- Berths are put on a temporary hold (5-minute expiration).", {"hold_ttl": 300}),
    ("- A seat is reserved for 10 minutes during checkout.", {"hold_ttl": 600}),
    ("- Chat is kept for 24 hours.", {"chat_ttl": 86_400, "idle_ttl": None}),
    ("- Chat is kept for 24 hours.\n- Rooms are deleted after 30 minutes of inactivity.", {"chat_ttl": 86_400, "idle_ttl": 1800}),
    ("- The reset link is valid for 2 hours.", {"token_ttl": 7200, "idle_ttl": None}),
    ("- A player is kicked after 3 minutes without activity.", {"idle_ttl": None}),
    ("- Nonce TTL: 24 h → 90 s; nonces protect against replay.", {"idempotency_ttl": 90}),
    ("- 5 次失败后锁定账户 30 分钟。", {"hold_ttl": None}),
    ("- 断线后玩家可在60秒内重连。", {"reconnect_grace": 60}),
    ("- チャットは30日間保存する。", {"chat_ttl": 2_592_000}),
    ("- Users are logged out after 15 minutes of inactivity.", {"idle_ttl": None}),
    ("- A game lasts 20 to 40 minutes.", {"session_lifetime": 1800}),
    # how late a bid is late, and what it brings: two periods of one sentence
    ("- A bid in the last 10 seconds extends the lot by 20 seconds.", {"late_window": 10, "late_extension": 20}),
    ("- The end moves back by 30 s when a bid comes in the final 15 s.", {"late_window": 15, "late_extension": 30}),
    ("- Ein Gebot in den letzten 10 Sekunden verlängert die Auktion um 20 Sekunden.", {"late_window": 10, "late_extension": 20}),
    ("- Oferta w ostatnich 10 sekundach przedłuża aukcję o 20 sekund.", {"late_window": 10, "late_extension": 20}),
    ("- 最後の10秒に入札があると20秒延長される。", {"late_window": 10, "late_extension": 20}),
    ("- 最后10秒内有人出价，拍卖延长20秒。", {"late_window": 10, "late_extension": 20}),
    ("- The last 10 seconds of a song fade out.", {"late_window": None, "late_extension": None}),
    # how long one takes, of what it has pieces, by a table
    ("| What | Value |\n| --- | --- |\n| A workshop takes | 90 minutes |\n| Size of an object | about 400 bytes |", {"session_lifetime": 5400, "payload_bytes": 400}),
    ("- Joining a room takes 10 minutes at worst.", {"session_lifetime": None}),
    # how much of the past is kept for who reconnects: the team's number, else what happens meanwhile
    ("- The last 500 events of a board are kept in a stream for clients that reconnect.", {"log_entries": 500}),
    ("- Log of the last 500 changes of a board.", {"log_entries": 500}),
    ("- Dziennik ostatnich 300 zmian tablicy.", {"log_entries": 300}),
    ("- Die letzten 150 Ereignisse stehen im Log des Raums.", {"log_entries": 150}),
    ("- The chat shows the last 50 messages.\n- 40 events a day take place in the hall.", {"log_entries": None, "chat_length": 50}),
    # what one person chooses, what is hoped for, what locks one thing, what a program weighs: none is a fact of the scale
    ("- The free plan: follow up to 5 players.", {"members_per_session": None, "session_capacity": None}),
    ("- Fans track 3+ simultaneous matches.", {"sessions_peak": None}),
    ("- Reach 2,000+ active users within 6 months of launch.", {"concurrent_users": None}),
    ("- A lock on a shape is released after 5 seconds of inactivity.", {"idle_ttl": None}),
    ("- Location updates (5-10 s cadence).\n- Every new position reaches all watchers within 2 s.", {"sync_latency": 2}),
    ("- 1つのプレゼンテーションにつき最大300人が同時に接続する。", {"members_per_session": 300, "concurrent_users": None}),
    # languages
    ("- Änderungen erscheinen bei allen Teilnehmern innerhalb von 500 ms.", {"sync_latency": 0.5}),
    ("- Räume werden nach 30 Minuten Inaktivität gelöscht.", {"idle_ttl": 1800}),
    ("- Los cambios llegan a todos los jugadores en menos de 2 segundos.", {"sync_latency": 2}),
    ("- La sala se elimina tras 30 minutos de inactividad.", {"idle_ttl": 1800}),
    ("- Les mises à jour sont diffusées en moins de 300 ms.", {"sync_latency": 0.3}),
    ("- Gli aggiornamenti arrivano a tutti i giocatori entro 1 secondo.", {"sync_latency": 1}),
    ("- O assento fica reservado por 10 minutos.", {"hold_ttl": 600}),
    ("- Een heartbeat elke 20 seconden.", {"heartbeat": 20}),
    ("- Изменения видны всем участникам в течение 500 мс.", {"sync_latency": 0.5}),
    ("- ハートビートは30秒ごとに送信する。\n- 変更は1秒以内に全員に反映される。", {"heartbeat": 30, "sync_latency": 1}),
    ("- 心跳间隔为15秒，60秒无心跳视为离线。", {"heartbeat": 15, "presence_lease": 60}),
    ("- 변경 사항은 500ms 이내에 모든 참가자에게 동기화된다.\n- 30분 동안 활동이 없으면 방을 삭제한다.", {"sync_latency": 0.5, "idle_ttl": 1800}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "wanted"), PERIODS, ids=[body.strip("- ")[:40] for body, _ in PERIODS])
def test_periods_and_latencies_are_told_by_their_path(project: MakeProject, body: str, wanted: Wanted) -> None:
    check(facts_of(project, body), wanted)


#: Where a number stands that states nothing of the product (R5, R9, R10, R11, R19).
NOTHING = [
    ("Operations", "```sh\n# delete dumps, keep 30 days of inactivity\nfind . -mtime +30 -delete\n```", "idle_ttl"),
    (
        "Test scenarios",
        "- Cut the network for 10 s, then the seat is kept and the player reconnects.",
        "reconnect_grace",
    ),
    ("Manual tests", "- Simulate 5,000 concurrent users with a script.", "concurrent_users"),
    ("Success metrics", "- Sessions last longer than 15 minutes on average.", "session_lifetime"),
    ("Erfolgskriterien", "- Sitzungen dauern im Schnitt 25 Minuten.", "session_lifetime"),
    ("Requirements", "- Updates broadcast to all clients: p95 measured last week: 6 ms.", "sync_latency"),
    ("Requirements", "- Rooms expire after [number] minutes, e.g. 30 minutes of inactivity.", "idle_ttl"),
    ("Out of scope", "- Tournaments with 500 concurrent players per match.", "members_per_session"),
    ("Open questions", "- Do we allow 500 guests per room?", "members_per_session"),
    (
        "Technology",
        "| | WebSocket | SSE | Polling |\n| --- | --- | --- | --- |\n| Latency | < 50 ms | < 100 ms | 5 s |",
        "sync_latency",
    ),
    ("Requirements", "- The old system had 12,000 concurrent users, the results show.", "concurrent_users"),
]


@pytest.mark.parametrize(("heading", "body", "name"), NOTHING, ids=[f"{n}: {h}" for h, _, n in NOTHING])
def test_a_number_that_states_nothing_makes_no_fact(project: MakeProject, heading: str, body: str, name: str) -> None:
    check(facts_of(project, body, heading), {name: None})


SOLVED = [
    ("- A game is for between 3 and 12 players.", {"session_capacity": 12.0}),
    ("- 1,000 concurrent users.\n- A room holds up to 50 guests.", {"sessions_peak": 20.0}),
    ("- 300 concurrent games, 1,200 players connected at peak.", {"members_per_session": 4.0}),
    ("- 40 concurrent auctions with up to 25 bidders per auction.", {"concurrent_users": 1000.0}),
    ("- 600 messages per second across all rooms.\n- 30 concurrent rooms.", {"events_per_session": 20.0}),
    ("- Each instance carries 10,000 connections per instance.\n- 3 gateway instances behind a load balancer.", {"concurrent_users": 30_000.0}),
    ("- Maximum 5 concurrent users.", {"members_per_session": 5.0, "sessions_peak": 1.0}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "wanted"), SOLVED, ids=[b[2:40] for b, _ in SOLVED])
def test_what_follows_from_stated_numbers_is_computed_and_says_from_what(
    project: MakeProject, body: str, wanted: Mapping[str, float]
) -> None:
    read = facts_of(project, body)
    for name, value in wanted.items():
        fact = read.fact(name)
        assert (fact.value, fact.grade in ("modelled", "assumed")) == (value, True)
        assert "prd.md:" in fact.because


@pytest.mark.parametrize(
    "body",
    ["- Bidders join an auction live.", "- A room usually has 300 guests per room.", "- 700+ students per class."],
    ids=["silent", "usual", "lower bound"],
)
def test_who_is_expected_is_never_turned_away_by_an_assumption(project: MakeProject, body: str) -> None:
    read = facts_of(project, body)
    cap = read.fact("session_capacity")
    assert cap.grade == "assumed"
    assert cap.value >= max(1000, 2 * read.value("members_per_session"))


def test_no_assumption_contradicts_a_stated_total(project: MakeProject) -> None:
    read = facts_of(project, "- 80,000 concurrent viewers follow the matches.")
    assert read.value("sessions_peak") * read.value("members_per_session") >= 80_000


def test_totals_that_do_not_add_up_are_said_with_their_line(project: MakeProject) -> None:
    read = facts_of(project, "- 10 concurrent rooms.\n- 20 guests per room at most.\n- 5,000 concurrent users.")
    conflict = next(r for r in read.remarks if "said to be connected" in r.text)
    assert (conflict.kind, conflict.file, conflict.line) == ("conflict", "prd.md", 7)


def test_a_fact_lists_its_rivals_with_the_reason(project: MakeProject) -> None:
    read = facts_of(project, "- Rooms hold up to 30 guests per room.\n- Later: 12 guests per room.\n\n## Success metrics\n\n- 80 guests per room.")  # fmt: skip
    rivals = {(r.value, r.because) for r in read.fact("members_per_session").rivals}
    assert (80.0, "a success metric, no demand") in rivals
    assert any(value == 12 for value, _ in rivals)


QUESTIONS = [
    ("How long do we keep the seat of a lost guest?", "reconnect_grace"),
    ("How many players fit into a room?", "members_per_session"),
    ("After how long without activity do we close a room?", "idle_ttl"),
]


@pytest.mark.parametrize(("question", "name"), QUESTIONS, ids=[name for _, name in QUESTIONS])
def test_an_assumption_names_the_open_question_that_it_answers(project: MakeProject, question: str, name: str) -> None:
    notes = f"<unresolved_issues>\n- {question}\n</unresolved_issues>\n"
    fact = brief.read(project(prd="# Harbour\n\n- Guests share a room live.\n", notes=notes)).fact(name)
    assert fact.grade == "assumed"
    assert question in fact.because
    assert "redis_planning_summary.md:2" in fact.because


def test_who_only_watches_takes_no_place(project: MakeProject) -> None:
    read = facts_of(project, "- A match has 10 players per match.\n- 20,000 read-only viewers per match.")
    assert (read.value("members_per_session"), read.value("watchers_per_session")) == (10, 20_000)


def test_a_team_that_says_that_nothing_is_said_gets_the_assumption(project: MakeProject) -> None:
    read = brief.read(
        project(prd="# Harbour\n\n- 40 concurrent rooms.\n", toml='[facts]\nsessions_peak = "not said"\n')
    )
    assert (read.fact("sessions_peak").grade, read.fact("sessions_peak").because.partition(" (")[0]) == (
        "assumed",
        "the team says that no document states it",
    )


def test_what_the_team_sets_outranks_a_stated_number_that_contradicts_it(project: MakeProject) -> None:
    read = brief.read(
        project(prd="# Harbour\n\n- Up to 300 guests per room.\n", toml="[facts]\nsession_capacity = 20\n")
    )
    members = read.fact("members_per_session")
    assert members.value == 20
    assert (300.0, "more than the team says") in {(r.value, r.because) for r in members.rivals}


def test_an_impossible_size_names_its_line(project: MakeProject) -> None:
    with pytest.raises(OverrideError, match=r"redis-plan.toml:2: .*payload_bytes.*is more than 512 MiB"):
        brief.read(project(prd="# Harbour\n", toml="[facts]\npayload_bytes = 700000000\n"))


def test_a_session_of_a_hundred_thousand_is_designed_and_its_line_named(project: MakeProject) -> None:
    read = facts_of(project, "- Up to 100,000 buyers join a sale, 100,000 buyers per sale, and see each other and the stock live.\n- Each buyer has up to 6 kB of state per buyer in the sale.")  # fmt: skip
    warning = next(r for r in read.remarks if r.text.startswith("members_per_session is 100,000"))
    assert (warning.file, warning.line) == ("prd.md", 5)
    chosen = choose(read)
    assert chosen.choices


STATED = [
    ("hold", "hold_ttl", 420.0), ("token", "token_ttl", 5400.0), ("idempotency", "idempotency_ttl", 86_400.0),
]  # fmt: skip


@pytest.mark.parametrize(("use", "fact", "seconds"), STATED, ids=[use for use, _, _ in STATED])
def test_a_stated_period_is_the_ttl_of_its_key(use: str, fact: str, seconds: float) -> None:
    known = defaults({fact: seconds})
    spec = next(key for pattern in use_patterns() if pattern.use == use for key in pattern.key)
    assert compute(spec.ttl.seconds, known) == seconds


def test_an_answer_is_remembered_in_a_session_for_the_stated_period_at_least() -> None:
    spec = next(key for pattern in use_patterns() if pattern.use == "idem" for key in pattern.key)
    assert chain.REMEMBERED * float(compute(spec.ttl.seconds, defaults({"idempotency_ttl": 86_400.0}))) == 86_400
