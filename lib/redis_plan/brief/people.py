"""The people of a project by the roles of its own stories and by who comes in: "As a driver I want", "drivers may join".

>>> sorted(own_people(["As a shift leader I want a code.", "Als Koch möchte ich ein Gericht übernehmen."]))
['koch', 'leader', 'shift leader']
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from redis_plan.brief.lexicon import fold

#: A role is a word or two between what opens a story and what the role wants, in the languages of the encoder with blanks.
_ROLE = re.compile(
    r"\b(?:as an?|as the|als|jako|como|en tant que|in qualita di|come|in veste di|как)\s+(?P<role>[^\W\d_]+(?:[ -][^\W\d_]+)?),?\s+"
    r"(?:i\s+(?:want|need|can|would|must|may|wish)|i'd|mochte\s+ich|mochten\s+wir|will\s+ich|kann\s+ich|brauche\s+ich|chc\w+|moge|potrzebuj\w+|quiero|necesito|puedo|"
    r"je\s+(?:veux|souhaite|peux)|voglio|posso|quero|preciso|wil\s+ik|kan\s+ik|я\s+хочу|хочу)\b"
)
#: Who comes in is a member: "the deckhands join it", "vigilantes entran en".
_JOINING = re.compile(
    r"\b(?P<role>[^\W\d_]{4,})\s+(?:(?:can|may|could|will|must)\s+)?(?:join|treten\s+(?:mit|dem|der)|dolaczaja|entran\s+(?:en|a|con)|rejoignent|entrano|participam)\b"
)
_NOBODY = frozenset(
    [
        "they",
        "them",
        "those",
        "others",
        "everyone",
        "anyone",
        "nobody",
        "somebody",
        "which",
        "that",
        "when",
        "also",
        "then",
        "ones",
        "team",
        "teams",
        "group",
        "groups",
        "client",
        "clients",
        "alle",
        "andere",
        "sie",
        "wszyscy",
        "inni",
        "ktorzy",
        "todos",
        "otros",
        "tous",
        "autres",
        "tutti",
        "altri",
        "todos",
        "outros",
    ]
)


def own_people(texts: Iterable[str]) -> list[str]:
    """Return what the project calls its people, each once, folded, from ``texts``; of two words the last by itself as well."""
    found: dict[str, None] = {}
    for text in map(fold, texts):
        for match in (*_ROLE.finditer(text), *_JOINING.finditer(text)):
            role = match["role"]
            if role not in _NOBODY:
                found[role] = None
                found[re.split(r"[ -]", role)[-1]] = None
    return list(found)


__all__ = ["own_people"]
