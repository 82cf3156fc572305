"""What kind of project the documents describe, whatever they call what people share."""

from __future__ import annotations

import pytest

from redis_plan import brief
from redis_plan.keyspace.cues import find_session

from .conftest import MakeProject

#: Terse, and without a sentence that says who joins what.
SHARED = {
    "de": "# Nachtwache\n\n## Funktionen\n\n- Wer etwas meldet, dessen Meldung sehen alle anderen sofort\n- Alle sehen, wer gerade auf dem Posten ist\n- Die Leitung beendet die Übung für alle\n- Wer das Netz verliert, kehrt an seinen Platz zurück\n- Der Bericht wird als PDF gespeichert\n",
    "es": "# Ensayo a distancia\n\n## Funciones\n\n- La directora pasa de compás y todos lo ven en el mismo momento\n- Los músicos ven quién sigue conectado\n- Quien pierde la red vuelve al compás actual\n- La directora silencia a todos los demás a la vez\n- La partitura se descarga en PDF\n",
    "ja": "# 早口ことば大会\n\n## 機能\n\n- 出題は全員の画面に同時に表示される\n- 一人一回だけ回答でき、結果は全員に同時に公開される\n- 切断した人は同じ得点で戻れる\n- 参加者の一覧に接続状態が出る\n- 過去の成績を保存する\n",
    "en": "# Night shift drill\n\n## Features\n\n- Instructor starts and stops the drill for all trainees\n- Every trainee sees what the others have switched, at the same moment\n- Who drops out comes back to the same console\n- The roll shows who is there\n- A report is written afterwards\n",
}
ALONE = {
    "de": "# Imkerbuch\n\n## Funktionen\n\n- Der Imker legt ein Volk an\n- Jede Durchsicht wird mit Datum gespeichert\n- Die Honigmenge wird als Diagramm gezeigt\n- Ein Bericht wird als PDF gespeichert\n- Der Filter wirkt sofort\n",
    "es": "# Inventario del taller\n\n## Funciones\n\n- Registrar herramientas con foto\n- Registrar préstamos y devoluciones\n- Consultar el historial por fecha\n- El total se calcula al guardar\n",
    "en": "# Seed box\n\n## Features\n\n- A gardener records seeds with name and year\n- Sowing dates are reminded by e-mail\n- The list is sorted by month\n- The form is checked while typing\n",
}


@pytest.mark.parametrize("language", SHARED)
def test_people_share_a_session_by_what_is_asked_though_no_sentence_says_what_they_join(
    project: MakeProject, language: str
) -> None:
    read = brief.read(project(prd=SHARED[language]))
    assert read.fit in ("core", "useful"), read.fit_because
    assert find_session(read) is not None


@pytest.mark.parametrize("language", ALONE)
def test_nothing_is_shared_where_each_keeps_books_alone(project: MakeProject, language: str) -> None:
    read = brief.read(project(prd=ALONE[language]))
    assert find_session(read) is None
    assert read.fit == "no", read.fit_because


def test_what_people_do_names_what_they_are_in_where_no_noun_does(project: MakeProject) -> None:
    text = "# Martelo\n\n## Funcionalidades\n\n- Cada lance aparece na hora para todos\n- O lance deve superar o maior lance atual pelo incremento mínimo\n- Todos veem quem deu o maior lance\n- Um lance no último minuto prolonga o tempo para todos\n"
    read = brief.read(project(prd=text))
    assert read.gathering is not None
    assert read.gathering.noun == "auction"


#: What any portal asks for, in long documents; each line with another thing.
_PORTAL = "- An officer adds, edits and deletes a {0}\n- The form of a {0} checks its fields and shows a message\n- A {0} is found by name and year\n- A list of every {0} is exported as a spreadsheet\n- The history of a {0} is kept for five years\n"
_THINGS = [
    "permit",
    "pasture",
    "tree",
    "bridge",
    "bench",
    "archive",
    "lease",
    "survey",
    "deed",
    "plot",
    "culvert",
    "footpath",
]


def test_a_line_that_sounds_live_says_little_among_many_that_do_not(project: MakeProject) -> None:
    told = "".join(f"\n## Part {n}\n\n{_PORTAL.format(thing)}" for n, thing in enumerate(_THINGS))
    calendar = "- The calendar is refreshed immediately after an event was deleted\n- A booked plot is free again at once after it was given back\n- Whoever deletes a booking sees the plot free in real time\n"
    text = f"# Rural registry\n{told}\n## Calendar\n\n{calendar}"
    read = brief.read(project(prd=text))
    assert read.fit == "no", read.fit_because


def test_one_line_that_says_it_outright_is_believed_where_little_is_asked(project: MakeProject) -> None:
    text = f"# Pasture book\n\n## Features\n\n{_PORTAL.format('pasture')}- Everybody sees the position of each herd in real time on a map\n"
    assert brief.read(project(prd=text)).fit != "no"
