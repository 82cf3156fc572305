"""What people share live is found by what they do in it, in any language, and nothing where they share nothing."""

from __future__ import annotations

import pytest

from redis_plan import brief
from redis_plan.keyspace.cues import find_session
from redis_plan.keyspace.design import design
from redis_plan.keyspace.uses import choose

from .conftest import MakeProject

SHARED = {
    "room": "# Choir\n\n## Features\n\n- A conductor creates a room.\n- Singers join the room with a code; up to 20 participants per room.\n- Everyone in the room hears the beat in real time.\n- Participants leave the room when the song ends.\n",
    "auction": "# Fisch\n\n## Anforderungen\n\n- Händler erstellen eine Auktion.\n- Bieter treten der Auktion bei; alle Teilnehmer der Auktion sehen Gebote in Echtzeit.\n- Jede Auktion endet nach 5 Minuten.\n",
    "game": "# Oca\n\n## Requisitos\n\n- Un jugador crea una partida e invita a otros jugadores.\n- Los jugadores se unen a la partida con un código.\n- Todos los jugadores de la partida ven los dados en tiempo real.\n- Quien abandona la partida puede volver.\n",
    "meeting": "# 会议\n\n## 功能\n\n- 用户创建会议并邀请成员加入会议。\n- 会议的所有成员实时看到同一份白板。\n- 主持人结束会议后成员退出会议。\n",
    "presentation": "# 講堂\n\n## 機能要件\n\n- 講師はプレゼンテーションを作成し、開始する。\n- 参加者はコードでプレゼンテーションに参加する。\n- プレゼンテーションの参加者全員が回答をリアルタイムで見る。\n- 講師はプレゼンテーションを終了する。\n",
    "event": "# Wiec\n\n## Wymagania\n\n- Organizator tworzy wydarzenie.\n- Uczestnicy dołączają do wydarzenia kodem.\n- W każdym wydarzeniu pytania widać w czasie rzeczywistym.\n- Uczestnik opuszcza wydarzenie w dowolnej chwili.\n",
}
ALONE = [
    "# Larder\n\n## Features\n\n- Users save recipes and plan meals in real time.\n- A login session expires after 30 minutes.\n- Users start a training session and end the session.\n",
    "# Waage\n\n## Anforderungen\n\n- Geräte senden Messwerte; das Dashboard zeigt sie in Echtzeit.\n- Nutzer erstellen Berichte.\n",
    "# Rower\n\n## Features\n\n- Rowers start a session, pause the session and end the session.\n- Each session has its distance; sessions are listed by month.\n",
    "# Broker\n\n## Features\n\n- Customers place orders and see prices in real time.\n- An order is cancelled by its owner.\n",
]


@pytest.mark.parametrize("noun", SHARED)
def test_what_people_join_and_see_together_is_the_session(project: MakeProject, noun: str) -> None:
    read = brief.read(project(prd=SHARED[noun]))
    assert read.gathering is not None
    assert read.gathering.noun == noun
    assert any(noun in (e.name.lower(), *(a.lower() for a in e.aliases)) and e.realtime for e in read.entities)


def test_french_parties_are_games(project: MakeProject) -> None:
    text = "# Dés\n\n## Fonctionnalités\n\n- Un joueur crée une partie.\n- Rejoindre des parties existantes.\n- Tous les joueurs de la partie voient les dés en temps réel.\n"
    read = brief.read(project(prd=text))
    assert read.gathering is not None
    assert read.gathering.noun == "game"


def test_the_session_of_the_design_is_what_people_share(project: MakeProject) -> None:
    found = find_session(brief.read(project(prd=SHARED["room"])))
    assert found is not None
    assert found.word == "room"


@pytest.mark.parametrize(
    ("noun", "text"),
    [
        (
            "auction",
            "# Harbour Auctions\n\n## Features\n\n- A live auction shows its price to all in real time.\n- Sellers upload photos.\n- Buyers pay.\n",
        ),
        (
            "chat",
            "# Parley\n\n## Features\n\n- Users send chat messages to each other in real time.\n- Messages of a chat hold text and images.\n- New messages are notified.\n",
        ),
    ],
)
def test_terse_documents_tell_it_by_the_products_name_or_by_talk(project: MakeProject, noun: str, text: str) -> None:
    """They never say that anybody joins."""
    found = find_session(brief.read(project(prd=text)))
    assert found is not None
    assert found.word == noun


@pytest.mark.parametrize(
    "text",
    [
        "# Show of Hands\n\n## Features\n\n- The host creates a session and ends the session.\n- Participants join with a six-digit code.\n- A QR code to join is shown on the big screen.\n- Everybody's vote moves the bars in real time.\n",
        "# 손들기\n\n## 기능\n\n- 호스트가 세션 생성\n- 세션 종료 후 통계\n- 여섯 자리 코드로 참여\n- QR 코드 스캔 후 참여\n- 투표 결과 실시간 표시\n",
    ],
)
def test_a_code_that_people_come_in_with_tells_that_there_is_something_to_join(project: MakeProject, text: str) -> None:
    """No line says what they join."""
    found = find_session(brief.read(project(prd=text)))
    assert found is not None
    assert found.word == "session"


@pytest.mark.parametrize(
    "text",
    [
        "# Product requirements\n\nKraken Cup is a real-time multiplayer dice game. It has two game modes.\n\n## Features\n\n- Real-time chat with a typing indicator\n- Turn timer\n- Sound effects\n- Profile page\n",
        "# Documento\n\n## Requisitos funcionais\n\n- O sistema deve permitir o cadastro de usuários.\n- O sistema deve permitir partidas multijogador em tempo real.\n- O sistema deve mostrar as letras da partida.\n- O sistema deve ter um ranking.\n",
        "# Dokument\n\n## Wymagania\n\n- Gra wieloosobowa w przeglądarce, wyniki w czasie rzeczywistym.\n- Ruchy w grze widać od razu.\n- Czat między graczami na żywo.\n",
    ],
)
def test_what_is_for_several_players_is_shared_though_nobody_is_said_to_join_it(
    project: MakeProject, text: str
) -> None:
    read = brief.read(project(prd=text))
    assert read.gathering is not None
    assert read.gathering.noun == "game"


HELD_IN_IT = [
    (
        "event",
        "# Live polls\n\n## Features\n\n- A host creates polls with several answers and opens a poll to the audience.\n- Attendees see each poll in real time and vote on the poll at once.\n- The results of the poll are live on every screen.\n- A poll is closed by the host; attendees can't vote on a closed poll.\n- A host creates an event and shares its code.\n- Attendees join an event by its code, up to 300 attendees in each event.\n- The host ends the event for all attendees.\n",
    ),
    (
        "workshop",
        "# Umfragen live\n\n## Anforderungen\n\n- Die Leitung erstellt Umfragen und startet eine Umfrage.\n- Die Ergebnisse der Umfrage erscheinen live bei allen Teilnehmern.\n- Teilnehmer sehen jede Umfrage in Echtzeit.\n- Die nächste Umfrage startet die Leitung für alle.\n- Die Leitung erstellt einen Workshop.\n- Teilnehmer treten dem Workshop mit einem Code bei, pro Workshop höchstens 40 Teilnehmer.\n- Die Leitung beendet den Workshop.\n- Im Workshop sehen alle die Fragen sofort.\n",
    ),
]


UNKNOWN = {
    "shift": "# Quay\n\n## Features\n\n- A foreman opens a shift in the morning; up to 25 drivers join it with a code of five letters.\n- Opening a shift closes the last one: a foreman opens a shift and gets a code with which drivers can join.\n- Who took a box is shown on every tablet within 700 ms, in real time.\n- At most 30 drivers in a shift, and about 4 changes a second in a shift.\n",
    "wache": "# Strand\n\n## Anforderungen\n\n- Die Leitung eröffnet eine Wache und bekommt einen Code.\n- Helfer treten mit dem Code bei, bis zu 30 Personen pro Wache.\n- Die Nachtleitung eröffnet eine neue Wache; Helfer treten mit einem neuen Code bei.\n- Alle sehen in Echtzeit, wer wo steht.\n",
    "guardia": "# Faro\n\n## Requisitos\n\n- La jefa abre una guardia y recibe un código.\n- Con el código entran los vigilantes, hasta 30 personas por guardia.\n- Cada noche abre una nueva guardia; los vigilantes entran con otro código.\n- Todos ven en tiempo real quién está dónde.\n",
}


@pytest.mark.parametrize("noun", UNKNOWN)
def test_a_word_that_nobody_listed_is_what_people_share_where_it_is_opened_and_entered_by_a_code(
    project: MakeProject, noun: str
) -> None:
    read = brief.read(project(prd=UNKNOWN[noun]))
    assert read.gathering is not None
    assert read.gathering.noun == noun
    assert find_session(read) is not None
    members = next(fact for fact in read.facts if fact.name == "session_capacity")
    assert members.value == 30, "its own word counts for what people are counted in"


def test_what_is_opened_without_a_code_to_come_in_with_is_nothing_that_people_share(project: MakeProject) -> None:
    text = "# Desk\n\n## Features\n\n- An agent opens a ticket and closes the ticket.\n- A customer opens a ticket by a code from an SMS.\n- New tickets appear in real time.\n"
    read = brief.read(project(prd=text))
    assert read.gathering is None or not read.gathering.noun


@pytest.mark.parametrize(("noun", "text"), HELD_IN_IT)
def test_of_what_is_as_likely_people_share_what_they_come_into(project: MakeProject, noun: str, text: str) -> None:
    """More is said of the polls that are held in it."""
    read = brief.read(project(prd=text))
    assert read.gathering is not None
    assert read.gathering.noun == noun


def test_the_role_of_a_quiz_master_is_no_quiz(project: MakeProject) -> None:
    text = "# Bell\n\n## Features\n\n- A quiz master hosts a session and sees all teams in real time.\n- The quiz master opens the bell.\n- The quiz master starts a session with one click.\n- Teams join with a code.\n- A QR code to join stands on the wall.\n- The ranking is live for all players.\n"
    read = brief.read(project(prd=text))
    assert read.gathering is not None
    assert read.gathering.noun == "session"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("# 講堂\n\n## 機能要件\n\n- 参加者は6桁のコードで講義に参加する。\n- 聴衆はコードを使って参加し、匿名で回答する。\n- 回答はリアルタイムで表示される。\n", True),
        ("# Halle\n\n## Anforderungen\n\n- Hörer treten mit einem Code bei.\n- Wer den PIN hat, kann beitreten, auch ohne Konto.\n- Antworten erscheinen in Echtzeit.\n", True),
        ("# Sala\n\n## Requisitos\n\n- Los oyentes pueden unirse con un código de seis letras.\n- El código permite participar sin cuenta.\n- Las respuestas se ven en tiempo real.\n", True),
        ("# Hall\n\n## Features\n\n- A listener enters the code from an SMS to sign in.\n- Enter the verification code again after a week.\n- Answers appear in real time.\n", False),
        ("# Hala\n\n## Wymagania\n\n- Kod rabatowy: klient może dołączyć kod do zamówienia.\n- Uczestnicy biorą udział w promocji kodem z gazety.\n- Oceny widać w czasie rzeczywistym.\n", False),
    ],
)  # fmt: skip
def test_lines_that_say_that_people_come_in_with_a_code_call_for_one(
    project: MakeProject, text: str, asked: bool
) -> None:
    strength = {one.use: one.strength for one in brief.read(project(prd=text)).evidence}
    assert (strength["join-code"] >= 0.9) is asked


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("# Hafen-Auktionen\n\n## Umfang\n\n- Verwaltung der Boote mit Fotos.\n- Auktion in Echtzeit, automatisches Ende.\n- Berichte.\n", "bids"),
        ("# Subasta Marina\n\n## Alcance\n\n- Registro de barcos con fotos.\n- Subasta en vivo con cierre automático.\n- Informes.\n", "bids"),
        ("# Harbour Quiz\n\n## Scope\n\n- A quiz that all guests see in real time.\n- Guests upload photos.\n- Reports.\n", "votes"),
    ],
)  # fmt: skip
def test_what_people_do_there_by_its_nature_needs_no_saying(project: MakeProject, text: str, use: str) -> None:
    read = brief.read(project(prd=text))
    assert use in {one.pattern.use for one in choose(read, find_session(read))}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# Jogo de Regata\n\n## Requisitos funcionais\n\n- O jogador cria salas e convida jogadores para as salas.\n- Jogadores entram na partida com um código.\n- Todos os jogadores da partida veem o jogo em tempo real.\n- Partidas terminam quando todos os jogadores saem do jogo.\n", {"partida", "partidas", "sala", "salas"}),
        ("# Juego de Regata\n\n## Requisitos funcionales\n\n- El jugador crea salas e invita a jugadores a las salas.\n- Los jugadores se unen a la partida con un código.\n- Todos los jugadores de la partida ven el juego en tiempo real.\n- Las partidas terminan cuando todos los jugadores abandonan el juego.\n", {"partida", "partidas", "sala", "salas"}),
    ],
    ids=["pt", "es"],
)  # fmt: skip
def test_other_words_for_what_people_share_get_no_key_of_their_own(
    project: MakeProject, text: str, words: set[str]
) -> None:
    names = {pattern.name for pattern in design(brief.read(project(prd=text))).patterns}
    assert "state" in names
    assert names.isdisjoint(words | {"jogadore", "jugadore"})


@pytest.mark.parametrize("text", ALONE)
def test_where_nobody_shares_anything_there_is_no_session(project: MakeProject, text: str) -> None:
    read = brief.read(project(prd=text))
    assert read.gathering is not None
    assert read.gathering.noun == ""
    assert find_session(read) is None


def test_what_a_glossary_calls_a_thing_that_is_kept_stays_beside_what_people_share(project):
    """Both nouns may mean what people share; one is the other's container here, and the team says so."""
    prd = (
        "# Ladder\n\n## Glossary\n\n- **Tournament**: A record of matches and their winners.\n- **Match**: A game of two.\n"
        "- **Board**: A list of cards.\n\n## Requirements\n\n- Players join a match and see live who leads the match.\n"
        "- A player leaves the match at any time.\n- Everyone in a match sees each move in real time.\n- A tournament has many matches.\n"
    )
    names = {entity.name.lower() for entity in brief.read(project(prd=prd)).entities}
    assert {"match", "tournament"} <= names
