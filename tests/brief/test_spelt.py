"""Numbers of scale and time as people say them in eight languages: in words, for each of what was counted, as what a room seats."""

from __future__ import annotations

import pytest

from redis_plan import brief
from redis_plan.brief.scanner import scan

from .conftest import MakeProject

STORY = {
    "en": "# Tide\n\n- A host opens a room, players join the room and see every move live.\n- %s\n",
    "pl": "# Fala\n\n- Gospodarz otwiera pokój, gracze dołączają do pokoju i widzą każdy ruch na żywo.\n- %s\n",
    "de": "# Welle\n\n- Ein Gastgeber eröffnet einen Raum, Spieler treten dem Raum bei und sehen jeden Zug in Echtzeit.\n- %s\n",
    "es": "# Marea\n\n- El anfitrión abre una sala, los jugadores se unen a la sala y ven cada jugada en tiempo real.\n- %s\n",
    "fr": "# Marée\n\n- L'hôte ouvre une salle, les joueurs rejoignent la salle et voient chaque coup en temps réel.\n- %s\n",
    "it": "# Marea\n\n- L'host apre una stanza, i giocatori entrano nella stanza e vedono ogni mossa in tempo reale.\n- %s\n",
    "pt": "# Maré\n\n- O anfitrião abre uma sala, os jogadores entram na sala e veem cada jogada em tempo real.\n- %s\n",
    "nl": "# Getij\n\n- De host opent een kamer, spelers doen mee aan de kamer en zien elke zet live.\n- %s\n",
}
SAID = [
    ("en", "session_capacity", 12, "Each of the rooms seats twelve players."),
    ("en", "session_capacity", 25, "No room takes in more than 25 players."),
    ("en", "session_capacity", 8, "A room is full with eight players."),
    ("pl", "session_capacity", 12, "Każdy pokój mieści dwunastu graczy."),
    ("pl", "session_capacity", 25, "W pokoju jest miejsce dla najwyżej 25 graczy."),
    ("de", "session_capacity", 12, "Jeder Raum fasst zwölf Spieler."),
    ("de", "session_capacity", 25, "In einen Raum passen nicht mehr als 25 Spieler."),
    ("es", "session_capacity", 12, "Cada sala admite doce jugadores."),
    ("es", "session_capacity", 25, "En una sala no caben más de 25 jugadores."),
    ("fr", "session_capacity", 12, "Chaque salle accueille douze joueurs."),
    ("fr", "session_capacity", 25, "Une salle ne dépasse pas 25 joueurs."),
    ("it", "session_capacity", 12, "Ogni stanza ospita dodici giocatori."),
    ("pt", "session_capacity", 12, "Cada sala comporta doze jogadores."),
    ("nl", "session_capacity", 12, "In elke kamer passen twaalf spelers."),
    ("en", "sessions_peak", 70, "On a Friday between 40 and 70 rooms run at the same time."),
    ("en", "sessions_peak", 60, "There are 30 clubs, each of them with two rooms at a time."),
    ("en", "sessions_peak", 200, "We expect two hundred rooms to be open in parallel."),
    ("pl", "sessions_peak", 70, "W piątek działa od 40 do 70 pokoi jednocześnie."),
    ("pl", "sessions_peak", 60, "Mamy 30 klubów, w każdym z nich po dwa pokoje naraz."),
    ("de", "sessions_peak", 70, "Freitags laufen zwischen 40 und 70 Räume gleichzeitig."),
    ("de", "sessions_peak", 60, "Es gibt 30 Vereine mit jeweils zwei Räumen gleichzeitig."),
    ("es", "sessions_peak", 70, "Los viernes hay entre 40 y 70 salas abiertas a la vez."),
    ("es", "sessions_peak", 60, "Hay 30 clubes, cada uno con dos salas a la vez."),
    ("fr", "sessions_peak", 70, "Le vendredi, il y a entre 40 et 70 salles ouvertes en même temps."),
    ("fr", "sessions_peak", 60, "Il y a 30 clubs, chacun avec deux salles en même temps."),
    ("it", "sessions_peak", 70, "Il venerdì ci sono da 40 a 70 stanze aperte contemporaneamente."),
    ("pt", "sessions_peak", 70, "Na sexta há entre 40 e 70 salas abertas ao mesmo tempo."),
    ("nl", "sessions_peak", 70, "Op vrijdag zijn er tussen 40 en 70 kamers tegelijk open."),
    ("en", "concurrent_users", 1500, "At the peak 1,500 players are connected."),
    ("en", "concurrent_users", 3000, "Three thousand players are online at once."),
    ("pl", "concurrent_users", 1500, "W szczycie połączonych jest 1500 graczy."),
    ("de", "concurrent_users", 1500, "In der Spitze sind 1.500 Spieler verbunden."),
    ("es", "concurrent_users", 1500, "En hora punta hay 1.500 jugadores conectados."),
    ("fr", "concurrent_users", 1500, "Aux heures de pointe, 1 500 joueurs sont connectés."),
    ("it", "concurrent_users", 1500, "Nelle ore di punta sono connessi 1.500 giocatori."),
    ("pt", "concurrent_users", 1500, "No pico há 1.500 jogadores conectados."),
    ("nl", "concurrent_users", 1500, "Op het drukste moment zijn 1.500 spelers verbonden."),
    ("en", "events_per_session", 4, "In one room there are four moves a second."),
    ("en", "events_per_session", 0.5, "A room makes 30 moves a minute."),
    ("pl", "events_per_session", 4, "W jednym pokoju są cztery ruchy na sekundę."),
    ("de", "events_per_session", 4, "In einem Raum gibt es vier Züge pro Sekunde."),
    ("es", "events_per_session", 4, "En una sala hay cuatro jugadas por segundo."),
    ("fr", "events_per_session", 4, "Dans une salle il y a quatre coups par seconde."),
    ("it", "events_per_session", 4, "In una stanza ci sono quattro mosse al secondo."),
    ("pt", "events_per_session", 4, "Em uma sala há quatro jogadas por segundo."),
    ("nl", "events_per_session", 4, "In een kamer zijn er vier zetten per seconde."),
    ("en", "total_rate_per_s", 2000, "The whole system takes 2,000 moves a second."),
    ("pl", "total_rate_per_s", 2000, "Cały system przyjmuje 2000 ruchów na sekundę."),
    ("de", "total_rate_per_s", 2000, "Das ganze System nimmt 2.000 Züge pro Sekunde an."),
    ("es", "total_rate_per_s", 2000, "Todo el sistema recibe 2.000 jugadas por segundo."),
    ("fr", "total_rate_per_s", 2000, "Le système entier reçoit 2 000 coups par seconde."),
    ("it", "total_rate_per_s", 2000, "L'intero sistema riceve 2.000 mosse al secondo."),
    ("pt", "total_rate_per_s", 2000, "O sistema todo recebe 2.000 jogadas por segundo."),
    ("nl", "total_rate_per_s", 2000, "Het hele systeem verwerkt 2.000 zetten per seconde."),
    ("en", "session_lifetime", 3600, "A room takes an hour."),
    ("en", "session_lifetime", 5400, "A room usually lasts an hour and a half."),
    ("pl", "session_lifetime", 7200, "Pokój trwa dwie godziny."),
    ("de", "session_lifetime", 7200, "Ein Raum dauert zwei Stunden."),
    ("de", "session_lifetime", 3600, "Ein Raum dauert eine Stunde."),
    ("es", "session_lifetime", 7200, "Una sala dura dos horas."),
    ("fr", "session_lifetime", 7200, "Une salle dure deux heures."),
    ("it", "session_lifetime", 7200, "Una stanza dura due ore."),
    ("pt", "session_lifetime", 7200, "Uma sala dura duas horas."),
    ("nl", "session_lifetime", 7200, "Een kamer duurt twee uur."),
    ("en", "sync_latency", 0.5, "A move is seen by the others within half a second."),
    ("en", "sync_latency", 1, "It takes less than a second until the others see a move."),
    ("de", "sync_latency", 0.5, "Die anderen sehen einen Zug innerhalb einer halben Sekunde."),
    ("es", "sync_latency", 0.5, "Los demás ven la jugada en menos de medio segundo."),
    ("it", "sync_latency", 1, "Gli altri vedono la mossa entro un secondo."),
    ("pt", "sync_latency", 1, "Os outros veem a jogada em menos de um segundo."),
    ("nl", "sync_latency", 1, "De anderen zien de zet binnen een seconde."),
    ("en", "idle_ttl", 1800, "A room that nobody uses is removed after half an hour."),
    ("pl", "idle_ttl", 1800, "Pokój, którego nikt nie używa, jest usuwany po pół godzinie."),
    ("de", "idle_ttl", 1800, "Ein Raum ohne Aktivität wird nach einer halben Stunde gelöscht."),
    ("es", "idle_ttl", 1800, "Una sala sin actividad se borra al cabo de media hora."),
    ("fr", "idle_ttl", 1800, "Une salle sans activité est supprimée après une demi-heure."),
    ("it", "idle_ttl", 1800, "Una stanza senza attività viene eliminata dopo mezz'ora."),
    ("pt", "idle_ttl", 1800, "Uma sala sem atividade é apagada depois de meia hora."),
    ("nl", "idle_ttl", 1800, "Een kamer zonder activiteit wordt na een half uur verwijderd."),
]


@pytest.mark.parametrize(("language", "name", "value", "sentence"), SAID)
def test_a_number_is_read_as_it_is_said(
    project: MakeProject, language: str, name: str, value: float, sentence: str
) -> None:
    fact = next(one for one in brief.read(project(prd=STORY[language] % sentence)).facts if one.name == name)
    assert (fact.grade, fact.value) == ("documented", value)


@pytest.mark.parametrize(
    ("sentence", "text", "value"),
    [
        ("Two hundred and fifty rooms run side by side.", "Two hundred and fifty rooms", 250),
        ("Three thousand players are online at once.", "Three thousand players", 3000),
        ("Twenty-five players meet.", "Twenty-five players", 25),
        ("A round takes half an hour.", "half an hour", 0.5),
        ("A round takes an hour and a half.", "an hour", 1.5),
    ],
)
def test_a_number_in_several_words_is_one_number(sentence: str, text: str, value: float) -> None:
    assert [(q.text, q.value) for q in scan(sentence, "en")] == [(text, value)]


@pytest.mark.parametrize(
    "sentence",
    ["It happens once in a while.", "One of two teams wins.", "A second vote is refused.", "Two three-step forms."],
)
def test_words_that_only_look_like_a_size_are_none(sentence: str) -> None:
    assert scan(sentence, "en") == []
