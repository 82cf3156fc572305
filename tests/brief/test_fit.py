"""Fit: it follows from what was found, and is not known where hardly anything was."""

import pytest

from redis_plan import brief
from redis_plan.brief.model import Brief

SHARED = "- Players join a room and see each other's moves at once.\n- Everyone sees the same board in real time.\n- Changes reach all players within 500 ms.\n"
OWN = "- A user writes notes.\n- A user exports the notes as PDF.\n- A user deletes the account.\n"


@pytest.mark.parametrize(
    ("prd", "stack", "fit", "says"),
    [
        (f"# A\n\n## Features\n\n{SHARED}", "", "core", "500 ms"),
        (f"# B\n\n## Features\n\n{OWN}", "", "no", "one database"),
        (f"# C\n\n## Features\n\n{OWN}", "- Redis 7.2\n", "useful", "name Redis"),
        (f"# C\n\n## Features\n\n{OWN}", "- Redis 7.2\n- Socket.IO\n", "core", "name Redis"),
        (f"# D\n\n## Features\n\n{OWN}- The other person sees new messages without reload.\n- Users write chat messages to each other.\n", "",
         "useful", "no latency"),
        (f"# E\n\nThe desktop app hosts its own server in the local network.\nIt runs on one computer and works without internet.\n"
         f"It is a fully offline system on a single device.\n\n## Features\n\n{SHARED}", "", "no", "one machine"),
        ("# F\n\nThe wind is old and the sea is older.\n", "", "unknown", "too little"),
        ("# G\n\n## Ominaisuudet\n\n- Käyttäjä liittyy huoneeseen koodilla ja näkee muut osallistujat.\n"
         "- Isäntä aloittaa seuraavan kierroksen kaikille samaan aikaan.\n- Raportin voi tallentaa omalle koneelle.\n", "",
         "unknown", "language"),
    ],
)  # fmt: skip
def test_the_verdict_follows_from_what_was_found(project, prd, stack, fit, says):
    documents = {"prd": prd} | ({"stack": f"# Stack\n\n{stack}"} if stack else {})
    read = brief.read(project(**documents))
    assert read.fit == fit, read.fit_because
    assert says in read.fit_because


LIVE = {
    "en": ("Cooks see each new ticket of the pass in real time", "The pass shows within 1 second what every cook is working on",
           "Waiters and cooks see the state of every ticket live", "The system serves {n} concurrent users"),
    "de": ("Disponenten sehen jede neue Fahrt in Echtzeit", "Alle sehen innerhalb 1 Sekunde, wer welche Fahrt übernimmt",
           "Der Stand jeder Fahrt ist auf allen Bildschirmen live", "Das System bedient {n} gleichzeitige Nutzer"),
    "fr": ("Les infirmiers voient chaque lit en temps réel", "Tous voient en moins de 1 seconde qui prend quel lit",
           "L'état de chaque lit est en direct sur tous les écrans", "Le système sert {n} utilisateurs simultanés"),
}  # fmt: skip


@pytest.mark.parametrize("stack", ["", "- Redis 7.2\n- Socket.IO\n"])
@pytest.mark.parametrize("language", LIVE)
def test_a_handful_of_people_never_makes_it_the_core(project, language, stack):
    """One process serves them all, however fast it must be and whatever the team has chosen."""
    documents = {"stack": f"# Stack\n\n{stack}"} if stack else {}
    text = "".join(f"- {line}.\n" for line in LIVE[language])
    few = brief.read(project(prd=f"# A\n\n## Features\n\n{text.format(n=15)}", **documents))
    assert few.fit == "useful", few.fit_because
    assert "15 connected" in few.fit_because
    assert brief.read(project(prd=f"# A\n\n## Features\n\n{text.format(n=4000)}", **documents)).fit == "core"


@pytest.mark.parametrize(
    ("language", "people", "rooms"),
    [
        ("en", "Up to 10 players play at the same time", "{n} rooms are open at the peak"),
        ("en", "10 concurrent users", "At peak there are {n} concurrent sessions"),
        ("de", "Bis zu 10 gleichzeitige Nutzer", "In der Spitze sind {n} Räume gleichzeitig offen"),
        ("fr", "Jusqu'à 10 utilisateurs simultanés", "{n} salles sont ouvertes en même temps"),
    ],
)
def test_few_people_of_one_room_are_not_all_where_more_rooms_are_open(project, language, people, rooms):
    live = "".join(f"- {line}.\n" for line in LIVE[language][:3])

    def fit(rooms_open: str) -> str:
        said = rooms.format(n=rooms_open)
        return brief.read(project(prd=f"# A\n\n## Features\n\n{live}- {people}.\n- {said}.\n")).fit

    assert fit("5000") == "core"
    assert fit("4") == "useful"


DRAWN = (
    "Every stroke appears on the maps of all other rangers in real time",
    "Everyone sees the pointers of the others move",
    "A marker that one ranger drags moves live for everybody",
    "Rangers see who else has the map open",
    "Two rangers who edit one marker at the same time see each other's change",
    "A ranger who reloads gets the current map back",
    "Messages beside the map reach all rangers at once",
    "A pinned note shows on every screen within a second",
    "The leader locks the map and all others can only watch",
)


@pytest.mark.parametrize(
    "says", ["- A first version carries {n}+ concurrent users.", "- At least {n} concurrent users."]
)
def test_what_a_first_version_must_bear_at_least_is_no_handful_where_most_is_live(project, says):
    """ "5+" says nothing of how many will come; where little is live, one process does for so few."""
    live = "".join(f"- {line}.\n" for line in DRAWN)
    read = brief.read(project(prd=f"# Trail map\n\n## Features\n\n{live}{says.format(n=5)}\n"))
    assert read.fit == "core", read.fit_because
    own = "".join(f"- A ranger writes the report of day {n}.\n" for n in range(30))
    little = f"# Trail map\n\n## Features\n\n{own}- {DRAWN[0]}.\n- {DRAWN[2]}.\n{says.format(n=5)}\n"
    assert brief.read(project(prd=little)).fit == "useful"


@pytest.mark.parametrize("title", ["Testing Scenarios", "Demo scenarios", "Evaluation Scenarios"])
def test_the_people_of_a_test_scenario_are_no_load(project, title):
    live = "".join(f"- {line}.\n" for line in DRAWN)
    scenario = f"## {title}\n\n1. Simultaneous editing - 2 users editing simultaneously in different browsers\n"
    read = brief.read(project(prd=f"# Trail map\n\n## Features\n\n{live}\n{scenario}"))
    assert read.fact("concurrent_users").grade != "documented"
    assert read.fit == "core", read.fit_because


def test_a_third_of_all_that_is_live_in_a_session_makes_it_the_core(project):
    live = "".join(
        f"- {line.replace('ranger', 'player').replace('map', 'room')}.\n" for line in DRAWN if "second" not in line
    )
    joins = "- A player creates a room and others join the room with a code.\n- A player leaves the room.\n"

    def read(others: int) -> Brief:
        own = "".join(f"- A player sets the colour of hat {n} in the profile.\n" for n in range(others))
        return brief.read(project(prd=f"# Hat race\n\n## Features\n\n{joins}{live}{own}"))

    share = sum(r.realtime for r in read(0).requirements)
    third = read(3 * share - len(read(0).requirements))
    assert third.gathering.noun == "room"
    assert third.fit == "core", third.fit_because
    assert read(9 * share).fit == "useful"


@pytest.mark.parametrize(("guests", "fit"), [(90, "useful"), (3000, "core")])
def test_a_count_of_people_is_a_load_only_where_a_process_feels_it(project, guests, fit):
    own = "".join(f"- The keeper writes down the weight of calf {n}.\n" for n in range(12))
    prd = f"# Byre\n\n## Features\n\n{own}- The temperature of each stall is shown in real time, {guests} concurrent users.\n"
    read = brief.read(project(prd=prd))
    assert read.fit == fit, read.fit_because


@pytest.mark.parametrize(
    ("count", "fit"),
    [
        ("80 concurrent rooms", "core"),
        ("120 concurrent users", "core"),
        ("At peak 80 tables are open", "core"),
        ("80 games run at the peak", "core"),
        ("80 concurrent users", "useful"),
        ("5 concurrent rooms", "useful"),
        ("At peak 40 tables are open", "useful"),
    ],
)
def test_rooms_that_are_open_count_for_the_people_in_them(project, count, fit):
    own = "".join(f"- A clerk writes down lot {n} of the sale.\n" for n in range(12))
    prd = f"# Sale\n\n## Features\n\n{own}- Bidders see in real time which lot is called.\n- {count}.\n"
    read = brief.read(project(prd=prd))
    assert read.fit == fit, (read.fit_because, read.quantities)


def test_what_is_merely_up_to_date_is_not_live(project):
    """A club's booking, a rating, a list of friends: nobody says that others see it while it happens."""
    prd = (
        "# Court booking\n\n## Features\n\n- A member books a court for an hour and sees a confirmation.\n"
        "- A member sees all bookings of the day.\n- The coach sees who has booked the course.\n"
        "- A booking that was cancelled becomes free again.\n- Members rate a course and see the average.\n"
    )
    assert brief.read(project(prd=prd)).fit == "no"
    said = prd + "- Everyone sees in real time which courts are free.\n"
    assert brief.read(project(prd=said)).fit != "no"


def test_a_short_game_that_is_pushed_is_core(project):
    """Few demands, no target and no word for what Redis would do: people join a game whose moves are pushed to them."""
    prd = (
        "# Dés\n\n## Fonctionnalités\n\n- Un joueur crée une partie.\n- Rejoindre des parties existantes.\n"
        "- Mise à jour en temps réel des actions des joueurs de la partie.\n- Notifications en temps réel des actions des autres joueurs.\n"
    )
    assert brief.read(project(prd=prd, stack="# Stack\n\n- Socket.IO\n")).fit == "core"


def test_quick_is_live_only_for_several_people(project):
    """One person's own screen may change at once, and two views of it stand side by side."""
    prd = (
        "# Reading list\n\n## Features\n\n- A new theme is applied instantly.\n- The list and the map are shown simultaneously.\n"
        "- A reader sees the current page and the progress of a book.\n- A note is saved immediately.\n- A reader rates a book.\n"
    )
    assert brief.read(project(prd=prd)).fit == "no"
    said = prd + "- A page that one turns is turned instantly for everyone in the circle.\n"
    assert brief.read(project(prd=said)).fit != "no"


def test_a_remark_in_a_long_document_makes_nothing_live(project):
    own = "".join(f"- A gardener writes a note on bed {n} and exports it.\n" for n in range(70))
    own += "".join(f"- The start page shows the current state of bed {n}.\n" for n in range(12))
    remark = "- If the weather service lacks realtime data, the last forecast is shown.\n"
    assert brief.read(project(prd=f"# Garden\n\n## Features\n\n{own}{remark}")).fit == "no"


def test_what_is_held_for_one_is_seen_by_all_others(project):
    own = "- A visitor books a seat of an evening.\n- A visitor pays by card.\n- A visitor lists past evenings.\n"
    assert brief.read(project(prd=f"# Stalls\n\n## Features\n\n{own}")).fit == "no"
    held = (
        "- A chosen seat is reserved for the buyer for 5 minutes and blocked for everyone else.\n"
        "- Without payment within 5 minutes the seat is released to other buyers.\n- Seats are held while the buyer pays.\n"
    )
    assert brief.read(project(prd=f"# Stalls\n\n## Features\n\n{own}{held}")).fit != "no"


def test_how_often_a_step_is_taken_is_no_target(project):
    steps = "".join(f"- A trainee answers question {n} of the drill alone.\n" for n in range(9))
    loop = "- The drill asks 5-10 times and shows the trainee's own score in real time.\n"
    assert "times" not in brief.read(project(prd=f"# Drill\n\n## Features\n\n{steps}{loop}")).fit_because


def test_what_is_to_be_fast_is_named_as_target_before_what_lasts(project):
    shift = "- A shift that all its drivers see lasts 8 hours.\n"
    assert "with a target: “500 ms”" in brief.read(project(prd=f"# S\n\n## Features\n\n{shift}{SHARED}")).fit_because


@pytest.mark.parametrize("limit", ["at most 5 requests per hour", "höchstens 5 Anfragen pro Stunde"])
def test_what_may_be_done_in_an_hour_is_no_load(project, limit):
    own = "".join(f"- A steward writes down duty {n} of the fair.\n" for n in range(12))
    prd = f"# Fair\n\n## Features\n\n{own}- Stewards see in real time who is at which gate.\n- Password mails are limited to {limit}.\n"
    read = brief.read(project(prd=prd))
    assert read.fit == "useful", read.fit_because


@pytest.mark.parametrize(
    ("rate", "fit"),
    [
        ("100 bids per second", "core"),
        ("6,000 bids per minute", "core"),
        ("360,000 bids per hour", "core"),
        ("8 640 000 enchères par jour", "core"),
        ("360 000 ofert na godzinę", "core"),
        ("360 bids per hour", "useful"),
        ("6 bids per minute", "useful"),
        ("20 000 enchères par jour", "useful"),
        ("360 ofert na godzinę", "useful"),
    ],
)
def test_a_load_is_the_same_whatever_time_it_is_counted_over(project, rate, fit):
    own = "".join(f"- A clerk writes down lot {n} of the sale.\n" for n in range(12))
    prd = f"# Sale\n\n## Features\n\n{own}- Bidders see in real time which lot is called.\n- {rate}.\n"
    read = brief.read(project(prd=prd))
    assert read.fit == fit, (read.fit_because, read.quantities)


def test_the_length_of_a_code_is_no_target(project):
    plain = "".join(f"- A parent writes down chore {n}.\n" for n in range(12))
    prd = f"# Chores\n\n## Features\n\n{plain}- Members of a household see each other's chores in real time after they enter its 6-digit code.\n"
    read = brief.read(project(prd=prd))
    assert "digit" not in read.fit_because


def test_a_core_verdict_never_says_that_nothing_is_live(project):
    read = brief.read(project(prd=f"# C\n\n## Features\n\n{OWN}", stack="# Stack\n\n- Redis 7.2\n- Socket.IO\n"))
    assert read.fit == "core"
    assert "no demand is live" not in read.fit_because


SAME = {
    "en": ("Players join with a room code", "Each player secretly submits one answer, hidden until the reveal",
           "The ranking of all players is updated live", "The host starts the next round"),
    "de": ("Spieler treten mit einem Raumcode bei", "Jeder Spieler gibt geheim eine Antwort ab, verborgen bis zur Auflösung",
           "Die Rangliste aller Spieler wird live aktualisiert", "Der Gastgeber startet die nächste Runde"),
    "es": ("Los jugadores se unen con un código de sala", "Cada jugador envía en secreto una respuesta, oculta hasta la revelación",
           "La clasificación de todos los jugadores se actualiza en vivo", "El anfitrión inicia la siguiente ronda"),
    "pl": ("Gracze dołączają kodem pokoju", "Każdy gracz oddaje tajną odpowiedź, ukrytą do ujawnienia",
           "Ranking wszystkich graczy jest aktualizowany na żywo", "Prowadzący rozpoczyna następną rundę"),
    "ja": ("プレイヤーはルームコードで参加する", "各プレイヤーは回答を一つ秘密に送信し、公開まで隠される",
           "全プレイヤーのランキングがリアルタイムに更新される", "ホストが次のラウンドを開始する"),
    "ru": ("Игроки входят по коду комнаты", "Каждый игрок тайно отправляет один ответ, скрытый до раскрытия",
           "Рейтинг всех игроков обновляется в реальном времени", "Ведущий начинает следующий раунд"),
}  # fmt: skip


@pytest.mark.parametrize("language", SAME)
def test_the_same_demands_call_for_the_same_uses_in_every_language(project, language):
    text = "\n".join(f"- {line}" for line in SAME[language])
    evidence = brief.read(project(prd=f"# Quiz\n\n## Features\n\n{text}\n")).evidence
    assert {"join-code", "votes", "leaderboard", "round"} <= {one.use for one in evidence[:7]}
    assert all(one.example and one.file == "prd.md" for one in evidence[:4])


def test_what_several_people_play_is_not_shared_where_the_documents_leave_them_out(project):
    """A race of one person against the machine reads like one of two, but for what is out of scope."""
    demands = (
        "# Regatta\n\n## User stories\n\n- As a player, I want to see both boats race side by side in real time.\n"
        "- As a player, I want to see at once who is ahead in the duel.\n- As a player, I want the other boat to slow down.\n"
    )
    left_out = demands + "\n## Out of scope\n\n- Multiplayer or online features\n- Sound\n"
    read = brief.read(project(prd=left_out))
    assert read.fit == "no"
    assert "Multiplayer" in read.fit_because
    asked = left_out.replace("I want the other boat", "I want a multiplayer race in which the other boat")
    assert brief.read(project(prd=asked)).fit != "no"


@pytest.mark.parametrize(
    ("stack", "uses"),
    [
        ("- Store: Redis 7 (rate limits, job queue)", {"rate", "queue"}),
        ("- **Redis** for caching and a leaderboard of the regatta", {"cache", "leaderboard"}),
        ("- Redis: kolejki zadań, ranking", {"queue", "leaderboard"}),
        ("- Datenspeicher: Redis (Rangliste und Sitzungsdaten)", {"leaderboard", "token"}),
        ("- Redis para límite de peticiones y clasificación", {"rate", "leaderboard"}),
        ("- 数据库：MySQL、Redis（限流、排行榜）", {"rate", "leaderboard"}),
        ("- Redis用于限流和排行榜", {"rate", "leaderboard"}),
        ("- 使用Redis做消息队列", {"queue"}),
        ("- 데이터: Redis로 캐시, 랭킹", {"cache", "leaderboard"}),
        ("- キャッシュにRedis（キャッシュ、レート制限）", {"cache", "rate"}),
        ("- Redis formats its jobs as JSON", set()),
        ("- MyRedis2 (cache, job queue)", set()),
        ("- Redis (7.2, three nodes)", set()),
    ],
)
def test_what_the_documents_name_redis_for_calls_for_the_use(project, stack, uses):
    read = brief.read(project(prd=f"# Regatta\n\n## Features\n\n{OWN}", stack=f"# Stack\n\n{stack}\n"))
    assert {one.use for one in read.evidence if one.strength >= 0.9} == uses
    assert all(one.file.endswith("tech-stack.md") for one in read.evidence if one.use in uses)


def test_few_live_demands_are_the_core_of_a_short_document_with_a_session(project):
    prd = (
        "# Sketch\n\n- A host creates a room and shares its link.\n- Guests join the room.\n"
        "- Everyone in the room sees the drawing in real time.\n- All participants see each other's cursors in real time.\n"
        "- Every change of the board reaches all participants of the room at once.\n"
        "- The drawing is exported as an image.\n- A name is chosen.\n"
    )
    read = brief.read(project(prd=prd))
    assert read.fit == "core", read.fit_because


def test_how_fast_a_page_is_there_is_no_target_of_what_is_shared(project):
    prd = f"# Board\n\n## Features\n\n{SHARED}".replace("500 ms", "a moment") + "- First Contentful Paint < 1.5s\n"
    assert "1.5" not in brief.read(project(prd=prd)).fit_because


ABLE = {
    "en": "Gateway for mail: limits how many requests each API key may send in a minute",
    "de": "Mail-Dienst: begrenzt, wie viele Anfragen jeder API-Schlüssel pro Minute senden darf",
    "es": "Servicio de correo: limita cuántas peticiones por minuto puede enviar cada clave de API",
    "ja": "メールサービス: 各APIキーが1分間に送れるリクエスト数を制限できる",
}


@pytest.mark.parametrize("language", ABLE)
def test_what_a_tool_can_do_is_not_asked_of_the_product(project, language):
    """The tech stack tells it of a service that is bought; where Redis is to do it, the team has chosen so."""
    prd = "# Herbarium\n\n## Features\n\n- A botanist writes down a plant.\n- A botanist prints a label.\n"

    def strength(said: str) -> float:
        read = brief.read(project(prd=prd, stack=f"# Stack\n\n- {said}\n"))
        return next(one.strength for one in read.evidence if one.use == "rate")

    assert strength(ABLE[language]) < 0.5 * strength(f"{ABLE[language]} (Redis)")


@pytest.mark.parametrize(
    "text",
    [
        "# Pass\n\n## Requirements\n\n- A waiter sends an order to the kitchen; it appears on the right screen in less than a second.\n- A cook takes a dish so that nobody else cooks it.\n- The kitchen sees which tables wait.\n- A manager prints the bill.\n",
        "# Theke\n\n## Anforderungen\n\n- Eine Bestellung erscheint in weniger als einer Sekunde auf dem Bildschirm der Küche.\n- Ein Koch übernimmt ein Gericht, damit es kein anderer kocht.\n- Alle in der Küche sehen, welche Tische warten.\n- Der Wirt druckt die Rechnung.\n",
    ],
)
def test_who_says_how_soon_another_sees_it_asks_for_something_live(project, text):
    read = brief.read(project(prd=text))
    assert read.fit in ("core", "useful"), read.fit_because
