"""Numbers of scale as people write them: by the project's own words, in words, each place with so many."""

from __future__ import annotations

import pytest

from redis_plan import brief

from .conftest import MakeProject

SAID = [
    ("sessions_peak", 40, "# Pallet\n\n- 40 warehouses, each with one room at a time.\n- Everyone in a room sees changes live.\n"),
    ("sessions_peak", 36, "# Kai\n\n- Wir haben 18 Werke, in jedem laufen zwei Spiele gleichzeitig.\n- Alle im Spiel sehen es in Echtzeit, und wer dazu kommt, sieht den Stand der anderen sofort.\n"),
    ("sessions_peak", 50, "# Chór\n\n- Mamy 50 sal, w każdej jedna gra naraz.\n- Wszyscy w grze widzą zmiany na żywo.\n"),
    ("sessions_peak", 30, "# Beat\n\n- On a weekday thirty rooms run side by side.\n- Everyone in a room sees it live.\n"),
    ("session_capacity", 24, "# Rätsel\n\n- An einem Rennen nehmen höchstens 24 Teams teil.\n- Ein Rennen wird eröffnet, Teams treten dem Rennen bei und sehen in Echtzeit, wer vorne liegt.\n"),
    ("session_capacity", 25, "# Hall\n\n- A room must not hold more than 25 players.\n- Players join a room, and everyone in the room sees the game live.\n"),
    ("session_capacity", 25, "# Hall\n\n- No room takes in more than 25 players.\n- Players join a room, and everyone in the room sees the game live.\n"),
    ("idle_ttl", 86400, "# Quiz\n\n- Players join a session and see live who answers.\n- Everyone in the session sees the question in real time.\n- The session expires after 24 hours of inactivity.\n"),
    ("session_capacity", 16, "# Relay\n\n- At most 16 crews in a race.\n- A host starts the race, crews join the race and see live who leads.\n"),
    ("session_capacity", 14, "# Quay\n\n- As a foreman I want to open a room.\n- As a lasher I want to join the room and see live who is where.\n- Up to 14 lashers per room.\n"),
    ("session_capacity", 9, "# Küche\n\n- Als Köchin möchte ich dem Raum beitreten und in Echtzeit sehen, was wartet.\n- Bis zu 9 Köchinnen pro Raum.\n"),
    ("sessions_peak", 70, "# Vote\n\n- Players open a room, other players join the room and see live who voted.\n- The room can join the scores.\n- Support for 70 concurrent rooms.\n"),
    ("sync_latency", 1, "# Pass\n\n- An order appears on the screen of the kitchen within a second.\n- Cooks in a room see orders live.\n"),
    ("sync_latency", 1, "# Pass\n\n- Eine Bestellung erscheint nach spätestens 2 Minuten im Büro.\n- Sie erscheint in weniger als einer Sekunde auf dem Bildschirm der Küche.\n- Köche im Raum sehen alles in Echtzeit.\n"),
    ("sync_latency", 0.5, "# Nuty\n\n- Strona pojawia się u każdego w ciągu pół sekundy.\n- Wszyscy w pokoju widzą zmiany na żywo.\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "text"), SAID)
def test_a_number_is_read_as_people_write_it(project: MakeProject, name: str, value: float, text: str) -> None:
    fact = next(one for one in brief.read(project(prd=text)).facts if one.name == name)
    assert (fact.grade, fact.value) == ("documented", value)


UNSAID = [
    ("sessions_peak", "# Stores\n\n- 40 warehouses, each with one office.\n- Everyone in a room sees changes live.\n"),
    ("sync_latency", "# Stores\n\n- The page loads and the list appears within 2 seconds.\n- Everyone in a room sees it.\n"),
    ("session_capacity", "# Cup\n\n- Two of three teams are new.\n- Players join the game and see it live.\n"),
    ("session_capacity", "# Hall\n\n- A room that is not private holds more than 25 players.\n- Everyone in the room sees the game live.\n"),
    ("concurrent_users", "# Jeu\n\n- 1 000 utilisateurs actifs en même temps d'ici six mois.\n- Tous les joueurs d'une salle voient la partie en temps réel.\n"),
    ("concurrent_users", "# Gioco\n\n- 1000 utenti attivi contemporaneamente entro sei mesi.\n- Tutti nella stanza vedono la partita in tempo reale.\n"),
    ("session_capacity", "# Gioco\n\n- Il giocatore può aggiungere fino a 5 giocatori.\n- Tutti nella stanza vedono la partita in tempo reale.\n"),
    ("idle_ttl", "# Diary\n\n- As a user I write an entry and read it later.\n- The session expires after 24 hours of inactivity.\n"),
    ("session_lifetime", "# Dziennik\n\n- Użytkownik zapisuje trening.\n- Wybór czasu trwania (krok 5 minut).\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), UNSAID)
def test_what_only_looks_like_it_says_nothing(project: MakeProject, name: str, text: str) -> None:
    fact = next(one for one in brief.read(project(prd=text)).facts if one.name == name)
    assert fact.grade != "documented"
