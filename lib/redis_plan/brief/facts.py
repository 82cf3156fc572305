"""Facts: the numbers a design is computed from, each stated by the documents, following from what they state, or assumed.

``data/catalog/facts.toml`` lists them. Periods, latencies and sizes are found by cues (``reconcile.cues``), the facts
of scale are read as claims and solved together (``reconcile.scale``). A stated fact carries file and line, and its
rivals with the reason why they were not taken; an assumed one the TOML line that replaces it, and the team's own open
question that it answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from redis_plan.brief.model import Fact, Note, Quantity, Remark, Rival
from redis_plan.brief.reconcile import scale
from redis_plan.brief.reconcile.catalogue import Entry, catalogue
from redis_plan.brief.reconcile.claims import Claim
from redis_plan.brief.reconcile.cues import Match, matches
from redis_plan.brief.reconcile.questions import answered
from redis_plan.brief.reconcile.setting import Place, Setting, settings
from redis_plan.brief.reconcile.together import read_claims
from redis_plan.brief.reconcile.vocabulary import hits

#: So many rivals of a fact are kept.
MOST_RIVALS = 6
Lines = Mapping[str, Sequence[str]]


class Given(NamedTuple):
    """What the team says of a fact: its value in base units, or None where it says that no document states one."""

    value: float | None
    low: float | None
    high: float | None
    because: str
    file: str
    line: int


#: Facts that a product's sign-in has as well as what people meet in.
_ALSO_OF_SIGN_IN = ("idle_ttl", "session_lifetime")


def _of_sign_in(setting: Setting) -> bool:
    """Whether a number is said of a session and of nothing else that people could meet in."""
    said = hits(setting.sentence, "session_words", "containers")
    sessions = {(hit.start, hit.end) for hit in said if hit.group == "session_words"}
    return bool(sessions) and all((hit.start, hit.end) in sessions for hit in said)


def toml_line(name: str, value: float) -> str:
    """Return the line of ``[facts]`` in redis-plan.toml that sets ``name``."""
    return f"[facts] {name} = {int(value) if float(value).is_integer() else value}"


def read_facts(
    quantities: Sequence[Quantity],
    lines: Lines,
    given: Mapping[str, Given],
    around: Mapping[tuple[str, int], Place] | None = None,
    notes: Sequence[Note] = (),
    meets: bool = True,
) -> tuple[Fact, ...]:
    """Return every fact of the catalogue.

    ``given`` is what the team says of some, ``around`` what each line stands in, ``notes`` hold the open questions;
    ``meets`` says whether people meet in anything: where they don't, a session is a sign-in.
    """
    return _Reading(settings(quantities, lines, around or {}), lines, given, notes, meets).facts()


def contradictions(facts: Sequence[Fact]) -> tuple[Remark, ...]:
    """Return what a person must see: stated facts that can't all be true, and sessions too large for one key."""
    table = {f.name: f for f in facts}
    found = []
    text = scale.contradiction({f.name: f.value for f in facts if f.grade == "documented"})
    if text:
        users = table["concurrent_users"]
        found.append(
            Remark("conflict", f"{text}: correct one under [facts] in ai/redis-plan.toml", users.file, users.line)
        )
    members = table["members_per_session"]
    if members.value > scale.MOST_IN_ONE_KEY:
        text = (
            f"members_per_session is {members.value:,g}: no one key should hold an element for each; let those who only "
            "watch subscribe without a place (set members_per_session to those who take one), or split a session into "
            f"parts of at most {scale.MOST_IN_ONE_KEY:,g}"
        )
        found.append(Remark("warning", text, members.file, members.line))
    return tuple(found)


@dataclass
class _Reading:
    """The facts of one project in the making."""

    found: Sequence[Setting]
    lines: Lines
    given: Mapping[str, Given]
    notes: Sequence[Note]
    meets: bool

    def facts(self) -> tuple[Fact, ...]:
        nodes = self._cued("gateway_nodes", catalogue()["gateway_nodes"], {})
        made = {nodes.name: nodes} | self._scale(nodes)
        for name, entry in catalogue().items():
            if name not in made:
                made[name] = self._cued(name, entry, {n: f.value for n, f in made.items()})
        ordered = (made[name] for name in catalogue())
        return tuple(self._with_question(fact) for fact in ordered)

    # --- periods, latencies, sizes --------------------------------------------------------------------------------

    def _cued(self, name: str, entry: Entry, known: Mapping[str, float]) -> Fact:
        found = self.found
        if name in _ALSO_OF_SIGN_IN and not self.meets:
            found = [setting for setting in found if not _of_sign_in(setting)]
        given, every = self.given.get(name), matches(entry, found)
        taken = None if given else next((m for m in every if m.states), None)
        rivals = tuple(_rival(m, taken) for m in every if m is not taken and not _same(m, taken))[:MOST_RIVALS]
        if given and given.value is not None:
            return replace(self._set(name, given, given.value), rivals=rivals)
        if taken is None:
            value = entry.assumed(known)
            return Fact(
                name,
                value,
                entry.unit,
                "assumed",
                self._because(name, entry.because),
                toml_line(name, value),
                rivals=rivals,
            )
        return self._stated(name, entry, taken.setting, taken.value, taken.low, taken.high, rivals)

    def _set(self, name: str, given: Given, value: float) -> Fact:
        unit, where = catalogue()[name].unit, (given.file, given.line)
        return Fact(
            name, value, unit, "documented", given.because, toml_line(name, value), *where, given.low, given.high
        )

    def _because(self, name: str, because: str) -> str:
        """Why a value is assumed, with the team's word that no document states one."""
        return f"{self.given[name].because}; {because}" if name in self.given else because

    def _stated(
        self, name: str, entry: Entry, setting: Setting, value: float, low: float | None, high: float | None, rivals: tuple[Rival, ...], why: str = ""
    ) -> Fact:  # fmt: skip
        q = setting.quantity
        because = f"“{q.text}”: {excerpt(self.lines[q.file][q.line - 1])}" + (f" ({why})" if why else "")
        return Fact(
            name, value, entry.unit, "documented", because, toml_line(name, value), q.file, q.line, low, high, rivals
        )

    # --- scale ----------------------------------------------------------------------------------------------------

    def _scale(self, nodes: Fact) -> dict[str, Fact]:
        claims = read_claims(self.found)
        read = scale.Scale(claims)
        read.choose(unsaid=frozenset(self.given))
        made = {n: self._set(n, g, g.value) for n, g in self.given.items() if n in scale.SCALE and g.value is not None}
        read.yield_to({name: fact.value for name, fact in made.items()})
        for name in scale.SCALE:
            if name in read.taken and name not in made:
                made[name] = self._claimed(name, read.taken[name], read)
        for name, (claim, value) in scale.multiplied(claims, nodes.value).items():
            if name not in made and name not in self.given:
                made[name] = self._per_instance(name, claim, value, nodes)
        known = {name: fact.value for name, fact in made.items()}
        firm = {name for name, fact in made.items() if fact.grade != "assumed"}
        usual = read.taken.get("members_per_session")
        ranged = usual is not None and usual.is_full_range
        for name, solved in read.solve(known, {n: e.default for n, e in catalogue().items()}, ranged=ranged).items():
            made[name] = self._solved(name, solved, made, firm, read)
        for name in scale.SCALE:
            if name not in made:
                entry, values = catalogue()[name], {n: fact.value for n, fact in made.items()}
                value = entry.assumed(values)
                made[name] = Fact(name, value, entry.unit, "assumed", self._because(name, entry.because), toml_line(name, value), rivals=_passed(name, read))  # fmt: skip
        return made

    def _claimed(self, name: str, claim: Claim, read: scale.Scale) -> Fact:
        setting = claim.setting
        low = setting.value if setting.top is not None or claim.at_least else None
        high = setting.top
        why = "a lower bound" if claim.at_least else "the largest tier" if scale.is_tier(claim) else ""
        rivals = _passed(name, read)
        return self._stated(name, catalogue()[name], setting, claim.value, low, high, rivals, why)

    def _per_instance(self, name: str, claim: Claim, value: float, nodes: Fact) -> Fact:
        q = claim.setting.quantity
        because = f"“{q.text}” ({q.file}:{q.line}) × gateway_nodes {nodes.value:g} ({nodes.where})"
        grade = "modelled" if nodes.grade == "documented" else "assumed"
        return Fact(name, value, catalogue()[name].unit, grade, because, toml_line(name, value), q.file, q.line)  # type: ignore[arg-type]

    def _solved(
        self, name: str, solved: scale.Solved, made: Mapping[str, Fact], firm: Iterable[str], read: scale.Scale
    ) -> Fact:
        entry, sources = catalogue()[name], [made[s] for s in solved.sources if s in made]
        values = [
            f"{s} {made[s].value:g} ({made[s].where})" if s in made else f"{s} {catalogue()[s].default:g} (assumed)"
            for s in solved.sources
        ]
        because = self._because(name, solved.because + (f" = {', '.join(values)}" if values else ""))
        fact = Fact(name, solved.value, entry.unit, "assumed", because, toml_line(name, solved.value), rivals=_passed(name, read))  # fmt: skip
        if solved.stated and sources and all(s in firm or made[s].grade == "modelled" for s in solved.sources):
            return replace(fact, grade="modelled", file=sources[0].file, line=sources[0].line)
        return fact

    # --- open questions ---------------------------------------------------------------------------------------------

    def _with_question(self, fact: Fact) -> Fact:
        note = answered(fact, self.notes) if fact.grade == "assumed" else None
        if note is None:
            return fact
        asked = f"answers for now the open question “{excerpt(note.text)}” ({note.file}:{note.line})"
        return replace(fact, because=f"{fact.because}; {asked}")


def _passed(name: str, read: scale.Scale) -> tuple[Rival, ...]:
    taken = read.taken.get(name)
    found: dict[tuple[str, int, float], Rival] = {}
    for claim, why in read.passed_over.get(name, ()):
        q = claim.setting.quantity
        if not (taken and claim.value == taken.value and claim.setting.standing == "demand"):
            found.setdefault((q.file, q.line, claim.value), Rival(claim.value, q.text, q.file, q.line, why))
    return tuple(found.values())[:MOST_RIVALS]


def _rival(match: Match, taken: Match | None) -> Rival:
    q, standing = match.setting.quantity, match.setting.standing
    less = "said less clearly" if taken and match.score < taken.score - 0.01 else "said later"
    return Rival(match.value, q.text, q.file, q.line, less if match.states else scale.WHY_NOT[standing])


def _same(match: Match, taken: Match | None) -> bool:
    return taken is not None and match.value == taken.value


def excerpt(line: str) -> str:
    """Return the beginning of a line without its marks, for a person to recognise it."""
    line = line[:400]
    text = " ".join(line.strip(" -*|#>").replace("**", "").replace("`", "").split())
    return text if len(text) <= 110 else text[:109].rsplit(" ", 1)[0] + "…"


__all__ = ["Given", "catalogue", "contradictions", "excerpt", "read_facts", "toml_line"]
