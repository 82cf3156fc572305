"""A decision: a question answered with evidence, the alternatives it beat, and the guard under which it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from redis_plan import units


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition that is evaluated at every build: ``actual`` compared with ``limit`` in base units of ``unit``."""

    says: str
    actual: float
    op: Literal["<=", ">="]
    limit: float
    unit: str = ""

    @property
    def holds(self) -> bool:
        """Whether the condition holds in this run."""
        return self.actual <= self.limit if self.op == "<=" else self.actual >= self.limit

    def __str__(self) -> str:
        sign = {"<=": "≤", ">=": "≥"}[self.op]
        verdict = "" if self.holds else " **No longer supported by this run.**"
        now = units.write(self.actual, self.unit)
        return f"{self.says} {sign} {units.write(self.limit, self.unit)} (now {now}){verdict}"


def _sentence(text: str) -> str:
    """Return ``text`` as a sentence: a capital in front, unless code stands there, and a full stop behind."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", ":")) else ".")


def _demand(id: str, places: Mapping[str, str]) -> str:
    """Return a demand as a reader knows it: the id of the documents' own with its place, or the place alone."""
    if id not in places:
        return id
    return places[id] if id.startswith("R-") else f"{id} ({places[id]})"


#: The status of a decision of which a guard fails.
UNSUPPORTED = "No longer supported by this run"


@dataclass(frozen=True, slots=True)
class Alternative:
    """A design that was not taken, with its best number. ``naive`` marks the baseline that every decision has."""

    name: str
    best: str
    naive: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision record. ``because`` and ``costs`` are Markdown and may cite evidence as ``[E-03a]``."""

    id: str
    title: str
    question: str
    decision: str
    because: str
    instead_of: tuple[Alternative, ...]
    costs: str
    holds_while: tuple[Guard, ...]
    requirements: tuple[str, ...] = ()

    @property
    def supported(self) -> bool:
        """Whether every guard holds in this run."""
        return all(guard.holds for guard in self.holds_while)

    def render(self, places: Mapping[str, str] | None = None) -> str:
        """Return the record as Markdown, to stand under a section's heading.

        ``places`` says where each requirement stands: id → ``prd.md:85``.
        """
        known = places or {}
        cited = [_demand(name, known) for name in self.requirements]
        status = "Accepted" if self.supported else UNSUPPORTED
        serves = f" · serves {', '.join(cited)}" if cited else ""
        instead = "; ".join(f"{'the naive design, ' if a.naive else ''}{a.name} ({a.best})" for a in self.instead_of)
        return "\n".join(
            [
                f"### {self.id}  {self.title}",
                "",
                f"{status}{serves}",
                "",
                f"**Question.** {self.question}  ",
                f"**Decision.** {_sentence(self.decision)}  ",
                f"**Because.** {_sentence(self.because)}  ",
                f"**Instead of.** {instead}.  ",
                f"**Costs.** {_sentence(self.costs)}  ",
                f"**Holds while** {'; '.join(str(guard) for guard in self.holds_while)}.",
            ]
        )
