"""Lexicons are data: every entry has an example, and its cues are found there."""

from __future__ import annotations

import re
import tomllib

import pytest

from redis_plan import resources
from redis_plan.brief.lexicon import Lexicon, detect_language, lexicons

ENTRIES = [(language, entry) for language, data in lexicons().items() for entry in data.get("cue", [])]


@pytest.mark.parametrize(("language", "entry"), ENTRIES, ids=[f"{lang}:{e['group']}" for lang, e in ENTRIES])
def test_every_entry_is_cued_by_its_own_example(language, entry):
    made = Lexicon((language,), {})
    for cue in entry["cues"]:
        made.add(entry["group"], cue)
    made.finish()
    assert entry["group"] in made.groups(entry["example"])


def test_every_kind_of_access_and_fact_cue_has_an_example():
    folder = resources.catalog_dir()
    access = tomllib.loads((folder / "access.toml").read_text(encoding="utf-8"))
    facts = tomllib.loads((folder / "facts.toml").read_text(encoding="utf-8"))
    assert all(entry["example"] for entry in access.values())
    assert all(cue["example"] for fact in facts.values() for cue in (fact.get("cue") or [fact]))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The players can see the score when it is their turn and the host will start", "en"),
        ("Użytkownik może się zalogować i nie widzi wyników, które są dla innych", "pl"),
        ("사용자는 방을 만들 수 있다", "ko"),
        ("プレイヤーはルームに参加できる", "ja"),
        ("玩家可以加入房间", "zh"),
        ("Der Spieler kann mit einem Code in die Runde und das Spiel wird gestartet", "de"),
        ("Le joueur peut rejoindre la salle avec un code et les autres sont dans la partie", "fr"),
        ("El jugador puede unirse a la sala con un código y los otros en la partida", "es"),
        ("- Real-time score\n- Join the room with a code\n- Export of results\n", "en"),
        ("Spēlētājs pievienojas istabai ar kodu", "unknown"),
        (
            "プレイヤーはルームに参加できる\n\n```ts\n"
            + "export const join = (room: Room) => room.join()\n" * 20
            + "```\n",
            "ja",
        ),
    ],
)
def test_the_language_is_the_one_whose_words_are_met(text, language):
    assert detect_language([text])[0] == language


def test_stems_match_inflected_words_and_whole_words_do_not():
    made = Lexicon((), {})
    made.add("a", "użytkownik*")
    made.add("b", "live")
    assert made.groups("UZYTKOWNIKAMI") == {"a"}
    assert made.groups("lives deliver") == frozenset()


def test_no_catalogue_names_a_corpus_project():
    slugs = [
        "whatispent",
        "wink-chat",
        "winkchat",
        "finplay",
        "boardmate",
        "tap-trading",
        "auction-portal",
        "driver-heatmap",
    ]
    for path in resources.catalog_dir().rglob("*.toml"):
        text = path.read_text(encoding="utf-8").lower()
        assert not [s for s in slugs if re.search(rf"\b{s}\b", text)], path.name
