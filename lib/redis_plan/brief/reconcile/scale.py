"""Scale: sessions, members, everybody connected and the rates as one set in which no number contradicts another.

What the documents state is kept with its line; what follows from it is computed (sessions = connected ÷ members); only
the rest is assumed. Each number lists its rivals: what else the documents say about it, and why that was not taken.

>>> assumed = {"sessions_peak": 200.0, "members_per_session": 8.0, "events_per_session": 1.0}
>>> settled = Scale().solve({"concurrent_users": 1000.0, "members_per_session": 50.0}, assumed)
>>> settled["sessions_peak"].value, settled["sessions_peak"].because
(20.0, 'concurrent_users ÷ members_per_session')
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from redis_plan.brief.reconcile.claims import Claim, Subject
from redis_plan.brief.reconcile.vocabulary import concepts

#: The facts that are solved together.
SCALE: tuple[str, ...] = (
    "sessions_peak", "members_per_session", "session_capacity", "watchers_per_session", "concurrent_users",
    "events_per_session", "total_rate_per_s",
)  # fmt: skip
#: Claims that differ by less in how sure they are count as equally sure.
AS_SURE = 0.1
#: More elements than this block the server while one key is read or deleted (as ``most_elements`` of choice.toml).
MOST_IN_ONE_KEY = 10_000
#: More people than this are no group that a line would name without saying so.
A_GROUP = 1000.0
#: Sessions of more members than ``LARGE`` are not assumed two hundred times, but so often that they hold ``A_CROWD``.
LARGE, A_CROWD = 100.0, 20_000.0
WHY_NOT = {
    "metric": "a success metric, no demand", "result": "a result of a measurement", "scenario": "a test scenario",
    "template": "a template's blank", "example": "an example", "superseded": "replaced by the number after it", "options": "a property of a technology that is compared", "excluded": "out of scope", "question": "an open question",
    "code": "in a code block",
}  # fmt: skip


class Solved(NamedTuple):
    """A number that follows from others: how, and whether every number that it follows from is stated."""

    value: float
    because: str
    stated: bool
    sources: tuple[str, ...]


@dataclass(slots=True)
class Scale:
    """The claims of a project's documents, sorted by subject."""

    claims: Sequence[Claim] = ()
    taken: dict[str, Claim] = field(default_factory=dict)
    passed_over: dict[str, list[tuple[Claim, str]]] = field(default_factory=dict)

    def choose(self, unsaid: frozenset[str] = frozenset()) -> None:
        """Take the best claim of each subject but ``unsaid``; the others become its rivals, with the reason."""
        self.claims = _with_members(self.claims)
        scoped = {c.value for c in self._demanded("members_per_session", "session_capacity") if c.sure >= 0.8}
        for subject in sorted({c.subject for c in self.claims}):
            mine = [c for c in self.claims if c.subject == subject]
            demanded = [c for c in mine if c.setting.standing == "demand"]
            if subject == "concurrent_users":
                demanded = [c for c in demanded if not self._of_one_session(c, scoped)]
            best = self._best(subject, demanded)
            if best is not None and subject not in unsaid:
                self.taken[subject] = best
        self._keep_cap_above_usual()
        for claim in self.claims:
            if claim is not self.taken.get(claim.subject):
                self.passed_over.setdefault(claim.subject, []).append((claim, self._why_not(claim, scoped)))

    def yield_to(self, team: Mapping[str, float]) -> None:
        """Drop what contradicts the numbers that the team set: more members than it admits, or than are connected."""
        most = min(team.get("session_capacity", math.inf), team.get("concurrent_users", math.inf))
        for subject in ("members_per_session", "session_capacity"):
            if subject in self.taken and self.taken[subject].value > most:
                self.passed_over.setdefault(subject, []).insert(0, (self.taken.pop(subject), "more than the team says"))

    @staticmethod
    def _of_one_session(claim: Claim, scoped: set[float]) -> bool:
        """Whether a count of people repeats the members of one session, or is less than one session has."""
        if not scoped:
            return False
        return claim.value < max(scoped) or (claim.value in scoped and claim.value <= A_GROUP)

    def _demanded(self, *subjects: Subject) -> list[Claim]:
        return [c for c in self.claims if c.subject in subjects and c.setting.standing == "demand"]

    def _best(self, subject: str, demanded: Sequence[Claim]) -> Claim | None:
        if not demanded:
            return None
        top = max(c.sure for c in demanded)
        level = [c for c in demanded if c.sure >= top - AS_SURE]
        tiers = [c for c in level if is_tier(c)]
        if tiers:  # with what stands in one list or table with them
            beside = {(c.setting.quantity.file, c.setting.above) for c in tiers}
            return max(
                (c for c in level if (c.setting.quantity.file, c.setting.above) in beside), key=lambda c: c.value
            )
        if subject == "members_per_session":  # the usual number, where the documents tell it from the cap
            level = [c for c in level if "typical" in concepts(c.setting.span) or c.setting.top is not None] or level
        return min(level, key=lambda c: (-c.sure, c.setting.order))

    def _keep_cap_above_usual(self) -> None:
        usual, cap = self.taken.get("members_per_session"), self.taken.get("session_capacity")
        if usual and cap and cap.value < usual.value:
            higher = [c for c in self._demanded("session_capacity") if c.value >= usual.value]
            if higher:
                self.taken["session_capacity"] = min(higher, key=lambda c: (-c.sure, c.setting.order))
            else:
                del self.taken["session_capacity"]

    def _why_not(self, claim: Claim, scoped: set[float]) -> str:
        taken = self.taken.get(claim.subject)
        if claim.setting.standing != "demand":
            return WHY_NOT[claim.setting.standing]
        if claim.subject == "concurrent_users" and self._of_one_session(claim, scoped):
            return "the members of one session"
        if taken and is_tier(claim) and is_tier(taken):
            return "a smaller tier"
        return "said less clearly" if taken and claim.sure < taken.sure - AS_SURE else "said later"

    def solve(
        self, known: Mapping[str, float], defaults: Mapping[str, float], *, ranged: bool = False
    ) -> dict[str, Solved]:
        """Return what follows for each scale fact that ``known`` (stated or set by the team) leaves open.

        ``ranged`` says that the members of a session are stated as a range, which ends where a session is full.
        """
        found: dict[str, Solved] = {}
        number = {**defaults, **known}

        def put(name: str, value: float, because: str, *sources: str) -> None:
            stated = all(s in known or (s in found and found[s].stated) for s in sources) and bool(sources)
            found[name] = Solved(value, because, stated, sources)
            number[name] = value

        users, sessions = known.get("concurrent_users"), known.get("sessions_peak")
        if "members_per_session" not in known:
            cap = known.get("session_capacity")
            if cap is not None:
                put("members_per_session", cap, "as many as one session admits", "session_capacity")
            elif users is not None and sessions is not None:
                put("members_per_session", max(1.0, float(math.ceil(users / sessions))), "concurrent_users ÷ sessions_peak", "concurrent_users", "sessions_peak")  # fmt: skip
            elif users is not None and users < number["members_per_session"]:
                put("members_per_session", users, "no more than are connected in all", "concurrent_users")
        members = number["members_per_session"]
        present = members + known.get("watchers_per_session", 0.0)
        watching = ("watchers_per_session",) if "watchers_per_session" in known else ()
        if sessions is None and users is not None:
            how = "concurrent_users ÷ " + " + ".join(("members_per_session", *watching))
            uses = ("concurrent_users", "members_per_session", *watching)
            put("sessions_peak", max(1.0, float(math.ceil(users / present))), how, *uses)
        if sessions is None and users is None and present > LARGE:
            because = f"{number['sessions_peak']:g} of that size would be an assumption without measure: as many as hold {A_CROWD:,g} people"
            put("sessions_peak", max(1.0, float(math.ceil(A_CROWD / present))), because)
        if users is None:
            how = "sessions_peak × " + " + ".join(("members_per_session", *watching))
            put("concurrent_users", number["sessions_peak"] * present, how, "sessions_peak", "members_per_session", *watching)  # fmt: skip
        rate, events = known.get("total_rate_per_s"), known.get("events_per_session")
        if events is None and rate is not None:
            put("events_per_session", rate / number["sessions_peak"], "total_rate_per_s ÷ sessions_peak", "total_rate_per_s", "sessions_peak")  # fmt: skip
        if rate is None:
            put("total_rate_per_s", number["sessions_peak"] * number["events_per_session"], "sessions_peak × events_per_session", "sessions_peak", "events_per_session")  # fmt: skip
        if "session_capacity" not in known and ranged:
            put("session_capacity", members, "the upper end of what is said of its members", "members_per_session")
        return found


def _with_members(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    """Return the claims; where nobody but those who watch is counted, they are the members: a stream's viewers."""
    members = [c for c in claims if c.subject == "members_per_session" and c.sure >= 0.8]
    apart = any("only_watch" in concepts(c.setting.span) for c in claims)
    if members or apart:
        return tuple(claims)
    return tuple(
        replace(c, subject="members_per_session") if c.subject == "watchers_per_session" else c for c in claims
    )


def contradiction(known: Mapping[str, float]) -> str:
    """Return what is wrong when sessions × members fall short of the people who are said to be connected, or ""."""
    names = ("concurrent_users", "sessions_peak", "members_per_session")
    if known.get("watchers_per_session") or any(name not in known for name in names):
        return ""
    users, sessions, members = (known[name] for name in names)
    if users <= sessions * members * 1.01:
        return ""
    return f"{sessions:,g} sessions × {members:,g} members are {sessions * members:,g} people, and {users:,g} are said to be connected"


def is_tier(claim: Claim) -> bool:
    """Whether a claim is about one of the plans that the product sells."""
    return "tier" in concepts(claim.setting.span) or "tier" in concepts(claim.setting.sentence)


def multiplied(claims: Iterable[Claim], instances: float) -> dict[str, tuple[Claim, float]]:
    """Return what per-instance figures make of ``instances``: fact → (claim, value)."""
    becomes = {"users_per_instance": "concurrent_users", "rate_per_instance": "total_rate_per_s"}
    found: dict[str, tuple[Claim, float]] = {}
    for claim in claims:
        if claim.subject in becomes and claim.setting.standing == "demand":
            found.setdefault(becomes[claim.subject], (claim, claim.value * instances))
    return found
