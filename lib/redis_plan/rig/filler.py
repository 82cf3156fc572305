"""One key of a pattern, filled as the project would fill it, and the packed commands of one candidate's operations."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from redis_plan.keyspace import naming
from redis_plan.keyspace.model import Candidate, KeyPattern
from redis_plan.measure.interleave import Commands
from redis_plan.measure.respwire import pack

#: Elements of a key in an experiment: beyond this a naive candidate would take the whole budget.
MOST_ELEMENTS = 1_000


@dataclass(frozen=True, slots=True)
class Shape:
    """One key of a pattern as it is built for the experiment: elements, bytes of one value, bound of the collection."""

    elements: int
    value_bytes: int
    bound: int
    name_bytes: int = 8  # of an element's own name, such as an operation's id in the hash of remembered answers

    @classmethod
    def of(cls, pattern: KeyPattern, payload_bytes: float) -> Shape:
        """Return the shape of ``pattern`` at its typical size: fields of several sizes take together what they take on their own."""
        size = sum(f.max_bytes for f in pattern.fields) or int(payload_bytes)
        if pattern.type not in ("list", "stream"):  # there all fields are one element
            size = round(size / max(1, len(pattern.fields)))
        elements = max(1, min(MOST_ELEMENTS, round(pattern.typical_elements)))
        own = pattern.type == "hash" and pattern.fields and "<" in pattern.fields[0].name
        name = len(naming.example(pattern.fields[0].name)) if own else 8
        bound = max(elements, min(MOST_ELEMENTS, round(pattern.max_elements)))
        return cls(elements, max(8, min(4096, size)), bound, max(8, name))


def is_document(candidate: Candidate) -> bool:
    """Whether the candidate keeps all elements in one string that is read, changed and written back."""
    return candidate.type == "string" and not any("<member>" in command for command in candidate.write)


@dataclass
class Filler:
    """Turns command templates into packed commands for one candidate's key."""

    key: str
    candidate: Candidate
    shape: Shape
    rng: random.Random

    def __post_init__(self) -> None:
        """Prepare what does not change from call to call."""
        self._counter = itertools.count(1)
        size = self.shape.value_bytes * (self.shape.elements if is_document(self.candidate) else 1)
        self._padding = "x" * max(0, size - 8)
        alone = not any("<value>" in command for command in self.candidate.write)  # the element is its own name
        self._rest = self._padding if alone else ""

    def commands(self, templates: Sequence[str], member: int) -> Commands:
        """Return one operation on the element ``member``."""
        number = next(self._counter)
        words = {
            "<key>": self.key,
            "<member>": f"m{member:07d}".ljust(self.shape.name_bytes, "x") + self._rest,
            "<value>": f"{number % 10**8:08d}{self._padding}",
            "<score>": str(1_000_000 + number),
            "<count>": str(self.shape.bound),
        }
        return tuple(pack(*(_filled(word, words) for word in template.split())) for template in templates)

    def endless(self, templates: Sequence[str]) -> Callable[[], Iterator[Commands]]:
        """Return a maker of operations on random elements; packed beforehand, so that packing is not measured."""
        ready = [self.commands(templates, self.rng.randrange(self.shape.elements)) for _ in range(64)]
        return lambda: itertools.cycle(ready)


def _filled(word: str, words: dict[str, str]) -> str:
    for placeholder, text in words.items():
        if placeholder in word:
            word = word.replace(placeholder, text)
    return word
