"""Lexicons are data: every entry has an example, and its cues are found there."""

from __future__ import annotations

import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


#: Few words, some the beginning of others, so that cues of several words often begin and seldom end.
_WORD = st.sampled_from(["room", "rooms", "roomy", "code", "coded", "of", "play", "7"])
_CUE = st.lists(st.builds("".join, st.tuples(_WORD, st.sampled_from(["", "", "*"]))), min_size=1, max_size=4)


@given(st.lists(_CUE, min_size=1, max_size=8, unique_by=tuple), st.lists(_WORD, max_size=14))
def test_every_cue_is_found_wherever_its_words_stand_one_after_the_other(
    cues: list[list[str]], said: list[str]
) -> None:
    """Held to a plain search, which tries every cue at every word."""
    words = Lexicon(("en",), {})
    for cue in cues:
        words.add("any", " ".join(cue))
    words.finish()
    text = " ".join(said)
    starts = [sum(len(word) + 1 for word in said[:n]) for n in range(len(said))]
    expected = sorted(
        (starts[n], starts[n + len(cue) - 1] + len(said[n + len(cue) - 1]), " ".join(cue))
        for n in range(len(said))
        for cue in cues
        if n + len(cue) <= len(said)
        and all(w.startswith(c[:-1]) if c.endswith("*") else w == c for w, c in zip(said[n:], cue, strict=False))
    )
    assert sorted((hit.start, hit.end, hit.cue) for hit in words.hits(text)) == expected
    assert words.groups(text) == ({"any"} if expected else set())
