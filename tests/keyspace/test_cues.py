"""Cues: two names of one thing are equal in the plural, too, and an English word is cut as English."""

import pytest

from redis_plan.keyspace.cues import same, singular


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("color", "colores"),
        ("valor", "valores"),
        ("flor", "flores"),
        ("Señor", "Señores"),
        ("señor", "señores"),
        ("jugador", "jugadores"),
        ("sesión", "sesiones"),
        ("leilão", "leilões"),
        ("store", "stores"),
        ("score", "scores"),
        ("lore", "lores"),
        ("snore", "snores"),
        ("folklore", "folklores"),
        ("floor", "floors"),
    ],
)
def test_a_name_is_the_same_in_the_plural(one: str, many: str) -> None:
    assert same(one, many)
    assert singular(many) == one.lower().replace("sesión", "sesion")
