"""What people share, by the sentences around a noun that no list holds."""

from __future__ import annotations

import pytest

from redis_plan import brief
from redis_plan.brief import signs
from redis_plan.keyspace.cues import find_session

from .conftest import MakeProject

SPOKEN_OF = [
    (
        "viewing",
        "# Keys\n\n## Features\n\n- An agent starts a viewing and sends the link around; buyers may join late.\n- Everyone sees in real time which room the agent shows, within 300 ms.\n- A viewing lasts half an hour.\n- Never more than 12 buyers in a viewing.\n",
    ),
    (
        "sichtung",
        "# Blatt\n\n## Anforderungen\n\n- Die Leiterin legt eine Sichtung an.\n- An einer Sichtung nehmen höchstens 20 Gutachter teil.\n- Eine Sichtung dauert 45 Minuten.\n- Alle sehen in Echtzeit, welches Blatt gerade liegt.\n",
    ),
    (
        "zbiórka",
        "# Las\n\n## Wymagania\n\n- Leśniczy zakłada zbiórkę.\n- W zbiórce uczestniczy najwyżej 15 osób.\n- Zbiórka trwa zwykle 3 godziny.\n- Wszyscy widzą na żywo, kto gdzie stoi.\n",
    ),
    (
        "faena",
        "# Puerto\n\n## Requisitos\n\n- El capataz abre una faena y los estibadores entran en la faena desde el móvil.\n- Una faena dura unas cuatro horas.\n- Hay 30 estibadores en una faena como mucho.\n- Todos ven en tiempo real qué contenedor está libre.\n",
    ),
]
NOT_SHARED = [
    "# Diary\n\n## Features\n\n- A walker opens a route and reads it.\n- A route takes 3 hours.\n- The forecast is shown in real time.\n",
    "# Kasse\n\n## Anforderungen\n\n- Die Buchhaltung legt eine Rechnung an.\n- Eine Rechnung hat bis zu 40 Zeilen.\n- Der Kurs wird in Echtzeit angezeigt.\n",
]


@pytest.mark.parametrize(("noun", "text"), SPOKEN_OF)
def test_a_noun_is_what_people_share_where_it_is_spoken_of_as_such_a_thing(
    project: MakeProject, noun: str, text: str
) -> None:
    read = brief.read(project(prd=text))
    assert read.gathering is not None
    assert read.gathering.noun == noun
    assert find_session(read) is not None


@pytest.mark.parametrize("text", NOT_SHARED)
def test_what_is_opened_and_takes_time_is_not_shared_by_that(project: MakeProject, text: str) -> None:
    read = brief.read(project(prd=text))
    assert read.gathering is None or not read.gathering.noun


def test_kinds_of_signs_count_and_not_how_often_one_is_said() -> None:
    often = ["A clerk opens a drawer.", "The guard opens the drawer.", "Nobody opens a drawer at night."]
    assert not signs.found(often, frozenset())


def test_where_blanks_part_no_words_the_noun_is_one_of_the_list() -> None:
    texts = ["二人だけの会話が始まる。", "15分たつと会話は終わる。", "一つの会話は必ず2人。"]
    assert [one.noun for one in signs.found(texts, frozenset({"会話"}), "ja")] == ["会話"]
    assert not signs.found(texts, frozenset(), "ja")
