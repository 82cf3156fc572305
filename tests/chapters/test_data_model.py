"""The data model shows what the functions really write."""

import json

import pytest

from redis_plan.chapters.naming import data_model
from tests import projects


@pytest.fixture(scope="module")
def shown() -> dict[str, str]:
    """Each key of the sample by its part, with what the page says of it."""
    lines = data_model.block(projects.acting(projects.SAMPLE)).splitlines()
    return {line.split("  (")[0]: line for line in lines if not line.startswith("  ")}


def of(shown: dict[str, str], part: str) -> str:
    (line,) = (line for key, line in shown.items() if f":{part}" in key)
    return line.partition(" → ")[2]


def test_a_buzzer_holds_who_has_it_and_a_player_its_team_by_id(shown: dict[str, str]) -> None:
    """``buzz`` writes the player's id, ``choose_team`` the team's: no JSON stands in either."""
    assert of(shown, "buzzer") == "m-4f2a9c"
    assert of(shown, "team") == "t-4f2a9c"


def test_a_record_of_the_functions_has_its_five_parts(shown: dict[str, str]) -> None:
    assert len(of(shown, "name").split("|")) == 5


def test_json_stands_where_json_is_written(shown: dict[str, str]) -> None:
    assert set(json.loads(of(shown, "roster"))) == {"name"}
    assert set(json.loads(of(shown, "answer"))) == {"at", "d"}


def test_what_is_always_the_same_is_shown_so(shown: dict[str, str]) -> None:
    assert next(line for key, line in shown.items() if ":canary:" in key).endswith("(string)  1")
