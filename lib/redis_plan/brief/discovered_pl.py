"""Discovered entities in Polish: inflected forms are one noun, and grammar says what is acted on.

A noun counts as acted on after an infinitive ("może wysłać prośbę", "chcę edytować swoje oceny") and after a noun of
action ("usuwanie recenzji", "wysyłania wiadomości"), with adjectives, pronouns and "listę" between them skipped.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from redis_plan.brief.discovered import Found
from redis_plan.brief.lexicon import Lexicon, fold, tokens
from redis_plan.brief.outline import Block

#: Endings of nouns, longest first, on folded text: what is left is the same for all cases of most nouns.
_ENDINGS = ("iami", "ami", "iom", "iach", "ach", "iem", "iow", "owi", "ow", "om", "em", "ie", "ia", "iu", "io", "ej",
            "y", "i", "a", "u", "o", "e")  # fmt: skip
_INFINITIVE = re.compile(r"^[a-z]{2,}(?:ac|ec|ic|yc|oc|uc)$")
_ACTION = re.compile(r"^[a-z]{3,}(?:anie|anie|enie|ania|enia|aniu|eniu|aniem|eniem|cie)$")
#: Endings that only adjectives have; a stem that is seen with one is an adjective in all its forms.
_ADJECTIVE = re.compile(r"^[a-z]{2,}(?:ego|emu|ych|ymi|nym|ogo|ich|imi|ej)$")
#: What only verbs and the plurals of adjectives end in, diacritics kept: "generuje", "manualne", "pierwsze".
_NO_NOUN = re.compile(r"(?:uj|uje|ują|ne|sze|we|łe|kie|ąc|ący|ące)$")
#: A noun of action names a thing only where its plural is spoken of: "zgłoszeń", "pytaniami".
_OF_THINGS = re.compile(r"^[a-z]{2,}(?:an|en|niami|niach|niom)$")
_BETWEEN = re.compile(r"^[ \"'„”()/-]*$")
#: The noun after an action may follow so many adjectives and pronouns.
REACH = 4
SHORTEST = 3


def stem(word: str) -> str:
    """Return what the cases of one noun have in common: ``rozmowa``, ``rozmowę`` and ``rozmów`` are all ``rozmow``.

    >>> stem("wiadomości") == stem("wiadomość")
    True
    """
    word = fold(word)
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST:
            word = word[: -len(ending)]
            break
    if word.endswith("ek") and len(word) > 4:  # fiszek, fiszka
        word = word[:-2] + "k"
    return word.removesuffix("i") if len(word) > SHORTEST else word


class Polish:
    """Nouns of Polish statements."""

    def __init__(self, words: Lexicon) -> None:
        names = ("not_entities", "stopwords", "uncounted")
        listed: frozenset[str] = frozenset().union(*(words.words(name) for name in names))
        self.strangers = frozenset(stem(word) for word in listed)
        self.skipped = words.words("skipped_before_noun")
        self.function = words.words("stopwords") | words.words("uncounted")
        self.total: Counter[str] = Counter()
        self.forms: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.first: dict[str, tuple[str, int]] = {}
        self.joined: dict[str, str] = {}
        self.acts: list[tuple[str, ...]] = []  # the words after each verb, of which the first noun is acted on

    def read(self, block: Block, keeping: Sequence[int] = ()) -> frozenset[int]:
        """Count the words of one demand; what is said to be stored is not looked for in Polish."""
        folded, found = tokens(block.text)
        place = (block.file, block.line)
        for word, start, end in found:
            if len(word) < SHORTEST or word in self.function or not word.isalpha():
                continue
            root = stem(word)
            self.total[root] += 1
            self.forms[root][block.text[start:end].lower()] += 1
            self.first.setdefault(root, place)
        for n, (word, _, _) in enumerate(found):
            if not (_INFINITIVE.match(word) or _ACTION.match(word)) or word in self.function:
                continue
            group = []
            for m in range(n + 1, min(n + 1 + REACH, len(found))):
                if not _BETWEEN.match(folded[found[m - 1][2] : found[m][1]]) or found[m][0] in self.function:
                    break
                if found[m][0] not in self.skipped and len(found[m][0]) >= SHORTEST:
                    group.append(found[m][0])
            if group:
                self.acts.append(tuple(group))
        return frozenset()

    def results(self, known: Lexicon, few: bool = False) -> Iterator[Found]:
        """Yield the nouns worth keeping that the lexicon ``known`` doesn't have; where demands are ``few``, sooner."""
        self._join_genitives()
        adjectives = {root for root, forms in self.forms.items() if any(_ADJECTIVE.match(fold(f)) for f in forms)}
        roots = ([self.joined.get(root := stem(word), root) for word in group] for group in self.acts)
        acted = Counter(next((root for root in group if root not in adjectives), "") for group in roots)
        for root, total in self.total.items():
            forms = self.forms[root]
            if root in self.strangers or root in adjectives or total < 3 or len(forms) < 2 or not acted[root]:
                continue
            often = total >= (4 if few else 6) and len(forms) >= 3
            if not often and (acted[root] < 2 or (len(forms) < 3 and acted[root] < 3 and total < 5)):
                continue
            plain = [fold(f) for f in forms]
            if (
                any(_NO_NOUN.search(f) for f in forms)
                or any(_INFINITIVE.match(f) for f in plain)
                or any(known.hits(f) for f in forms)
            ):
                continue
            if any(_ACTION.match(f) for f in plain) and not any(_OF_THINGS.match(f) for f in plain):
                continue
            ordered = tuple(f for f, _ in forms.most_common(12))
            name = min(ordered, key=lambda f: (_not_nominative(f), -forms[f]))
            yield Found(name, ordered, total, acted[root], False, self.first[root])

    def _join_genitives(self) -> None:
        """Let "rozmów" be a form of "rozmowa": its -ów is no ending where the other forms have it too."""
        for root in [root for root in self.total if f"{root}ow" in self.total]:
            whole = f"{root}ow"
            if all(fold(form) == whole for form in self.forms[root]):
                self.total[whole] += self.total.pop(root)
                self.forms[whole] += self.forms.pop(root)
                self.first[whole] = min(self.first[whole], self.first.pop(root))
                self.joined[root] = whole


def _not_nominative(form: str) -> int:
    """Order the forms of a noun: the likeliest to be its dictionary form first."""
    plain = fold(form)
    oblique = plain.endswith(("ow", "om", "ami", "ach", "em", "owi", "ej")) or form.endswith(("ę", "ą", "ów"))
    return 2 if oblique else 1 if plain.endswith(("i", "y", "u")) else 0
