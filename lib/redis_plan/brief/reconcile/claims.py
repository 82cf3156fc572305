"""Claims: what a number says of the scale of a project, typed by its subject and scope.

"1000+ participants/room" is a claim about the members of one room, "100K concurrent viewers" about everybody
connected, "10,000 connections per instance" about one instance. A claim says how sure it is and why; ``scale`` makes
one consistent set of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from redis_plan.brief.lexicon import fold, lexicons
from redis_plan.brief.reconcile.setting import Setting
from redis_plan.brief.reconcile.vocabulary import concepts, hits, lists, straight_before

#: What a claim is about: facts of the design, and per-instance figures, which become facts when multiplied.
Subject = Literal[
    "sessions_peak", "members_per_session", "session_capacity", "watchers_per_session", "concurrent_users", "total_rate_per_s",
    "events_per_session", "users_per_instance", "rate_per_instance",
]  # fmt: skip
#: More members than this are an audience; more than this in total nobody plans for.
MOST_MEMBERS, MOST_USERS, MOST_SESSIONS = 1e6, 1e9, 1e7
#: So many words from a denial to its number are of one phrase: "not hold more than 25".
NEAR = 3
#: A label and its bare value are short: "Room size: 12".
LABELLED = 60


@dataclass(frozen=True, slots=True)
class Claim:
    """One reading of one number; ``sure`` is between 0 and 1."""

    subject: Subject
    setting: Setting
    value: float
    sure: float
    why: str

    @property
    def at_least(self) -> bool:
        """Whether the number is a lower bound, which caps nothing."""
        return _from(self.setting)

    @property
    def is_full_range(self) -> bool:
        """Whether the number is a range that says how many there may be, and not how many there mostly are."""
        return self.setting.top is not None and not _typical(self.setting, concepts(self.setting.span))


def _from(setting: Setting) -> bool:
    """Whether the number is a lower bound; "no room takes in more than 25" is an upper one."""
    before = re.split(r"[.,;:]", setting.span[: setting.at])[-1]
    return setting.quantity.op in (">", ">=") and not (setting.quantity.op == ">" and _denied(before))


def _denied(before: str) -> bool:
    """Whether the clause up to a number is denied, and not only a part of it: "a room that is not private holds more than 25"."""
    found = hits(before, "denied", "relative")
    for hit in (hit for hit in found if hit.group == "denied"):
        words = len(before[hit.end :].split())
        within = any(one.group == "relative" and len(before[one.end : hit.start].split()) < NEAR for one in found if one.end <= hit.start)  # fmt: skip
        if words <= NEAR or not within:
            return True
    return False


def claims_of(setting: Setting) -> Iterator[Claim]:
    """Yield what a number claims about scale; nothing for most numbers."""
    if setting.dimension == "/s":
        yield from _rates(setting)
    elif setting.dimension == "" and setting.value >= 1:
        yield from _counts(setting)


# --- counts -------------------------------------------------------------------------------------------------------


def _counts(setting: Setting) -> Iterator[Claim]:
    span, noun = concepts(setting.span), concepts(setting.quantity.unit)
    if not setting.quantity.unit:
        noun = _labelled(setting)
    elif "typical" in noun:  # "(50–100 typical)" after "500 players per match"
        noun = concepts(setting.sentence)
    elif (
        not noun & _COUNTED
    ):  # a classifier, or an adverb that the noun was taken for: "100개의 방", "8 Spieler gleichzeitig"
        noun = concepts(setting.span[setting.at : setting.end + (6 if setting.quantity.unit in _CLASSIFIED else 0)])
    if "registered" in span and "at_one_time" not in concepts(setting.span):
        return
    seated = "places" in noun and setting.upper <= MOST_SEATED and _scope(setting) > 0
    if "groups" in noun and "shared" not in noun and "shared" in span:
        noun = noun - {"containers"} | {
            "people"
        }  # "24 teams in a race": what comes in, and nothing that people come into
    each = _each_holds(setting, noun)
    if each:
        yield Claim("sessions_peak", setting, setting.upper * each, 0.9, "each with so many at one time")
    elif noun & {"people", "devices"} or seated:
        yield from _people(setting, span, noun)
    elif "containers" in noun and "tier" not in span:
        yield from _sessions(setting, span)


_COUNTED = frozenset({"people", "devices", "containers", "instances", "places"})
#: A container of more places than this is a hall that sells them, and no group that meets.
MOST_SEATED = 60
#: "At least two players": so few are what it takes to begin, and no size.
A_FEW = 3
#: Between "within" and the months: "within the first six months".
_FEW_WORDS = re.compile(r"(?:\s[^\W_]+){0,3}\s")
#: How far behind the counted places it may stand how many each has, and how far behind that the number.
EACH_REACH, MANY_REACH = 48, 24
_NUMBER_AND_NOUN = re.compile(r"(?<!\w)(?P<many>[^\W\d_]+|\d{1,2})\s(?=(?P<noun>[^\W\d_]+))")


@cache
def _small_numbers() -> Mapping[str, int]:
    """Return the numbers in words of every language up to twenty, and its words for one."""
    found = {fold(word): 1 for data in lexicons().values() for word in data.get("ones", ())} | {"single": 1}
    for data in lexicons().values():
        found |= {fold(word): int(n) for word, n in data.get("numbers", {}).items() if n in range(2, 21)}
    return found


def _each_holds(setting: Setting, noun: frozenset[str]) -> int:
    """Return how many containers each of the counted places has at one time, 0 where none is said."""
    if (
        noun & {"people", "devices", "containers"}
        or setting.value < 2
        or "at_one_time" not in concepts(setting.sentence)
    ):
        return 0
    at = setting.sentence.find(setting.quantity.text.lower())
    behind = re.split(r"[.;:]", setting.sentence[max(0, at) :])[0]
    for each in hits(behind[:EACH_REACH], "distributive"):
        for match in _NUMBER_AND_NOUN.finditer(behind[each.end : each.end + EACH_REACH]):
            many = int(match["many"]) if match["many"].isdigit() else _small_numbers().get(fold(match["many"]), 0)
            if match.start() <= MANY_REACH and many and "containers" in concepts(match["noun"]):
                return many
    return 0


#: What classifiers of Korean, Japanese and Chinese stand for where the noun follows.
_CLASSIFIED = frozenset({"item", "unit", "sheet", "kind", "person"})


def _labelled(setting: Setting) -> frozenset[str]:
    """Return what a bare number counts: what its label names, or the heading where it has no label of its own."""
    if len(setting.span) > LABELLED:
        return frozenset()
    own = setting.span[: setting.at]
    found = concepts(own)
    if not re.sub(r"[\W\d_]+|\b(?:max(?:imum)?|min(?:imum)?|up to)\b", "", own) and len(setting.above) < LABELLED:
        found |= concepts(setting.above)
    return found & {"people", "devices"} or frozenset({"people"} if "size_label" in found else ())


def _people(setting: Setting, span: frozenset[str], noun: frozenset[str]) -> Iterator[Claim]:
    if _of_one_person(setting) or _over_time(setting.span):
        return
    value = setting.upper
    if "per" in span and _per(setting.span, "instances", strong=True):
        yield Claim("users_per_instance", setting, value, 0.9, "of one instance")
        return
    concurrent, scoped = "concurrent" in span, _scope(setting)
    if scoped and value <= MOST_MEMBERS and value >= 2 and "everywhere" not in span:
        minimum = "minimum" in span and setting.top is None and setting.quantity.op != ">=" and "capacity" not in span
        bounded_below = _from(setting) and setting.top is None
        if minimum or (bounded_below and (value <= A_FEW or _to_start(setting.span))):
            return
        if "watchers" in concepts(setting.quantity.unit) or "watchers" in concepts(setting.quantity.text):
            yield Claim("watchers_per_session", setting, value, scoped, "of one container, who may only watch")
            return
        capped = _around(setting) & {"capacity", "seating"} or "places" in noun or setting.quantity.op in ("<", "<=")
        capped = capped or (setting.quantity.op == ">" and not _from(setting))
        yield Claim("members_per_session", setting, value, scoped, "of one container")
        if capped and not _from(setting) and not _typical(setting, span):
            yield Claim("session_capacity", setting, value, scoped, "a cap of one container")
        return
    if concurrent and value <= MOST_USERS and "not_containers" not in _after_per(setting):
        yield Claim("concurrent_users", setting, value, 0.9, "connected at one time")
    elif _of_a_group(setting, span) and 2 <= value <= 5000:
        yield Claim("members_per_session", setting, value, 0.5, "of a group that no word names")
        if "capacity" in _around(setting) and not _from(setting):
            yield Claim("session_capacity", setting, value, 0.4, "a cap of a group that no word names")


def _sessions(setting: Setting, span: frozenset[str]) -> Iterator[Claim]:
    nested = _per(setting.span[setting.end :], "containers", strong=True) or _generic(setting)
    if (
        nested
        or _per(setting.span, "not_containers", strong=True)
        or _person_before(setting)
        or _of_one_person(setting)
    ):
        return
    if setting.value < 2 or setting.upper > MOST_SESSIONS or _tenant(setting):
        return
    if "at_one_time" in concepts(setting.span):
        yield Claim("sessions_peak", setting, setting.upper, 1.0, "open at one time")
    elif "concurrent" in concepts(setting.quantity.text) or ("concurrent" in span and "capacity" in span):
        yield Claim("sessions_peak", setting, setting.upper, 0.7, "live or active ones")
    elif hits(setting.span, "predefined"):
        yield Claim("sessions_peak", setting, setting.upper, 0.6, "there are no others")


def _scope(setting: Setting) -> float:
    """Return how sure it is that a count of people is of one container: by the words beside it, then by the heading."""
    if _per(setting.span, "containers", strong=True) or _per_unspaced(setting.span) or _generic(setting):
        return 1.0
    before, after = setting.span[: setting.at], setting.span[setting.end :]
    if _per(before, "containers", strong=False) or _holding(before) or _opens_container(after):
        return 0.95
    if "everywhere" in concepts(setting.span):
        return 0.0
    if _per(setting.sentence, "containers", strong=True) and "concurrent" not in concepts(setting.span):
        return 0.9
    if _sized(setting.above) or _sized(before):
        return 0.8
    return 0.0


def _per(text: str, what: str, *, strong: bool) -> bool:
    """Whether "per", "each" (or an article) stands before a noun of ``what``, a word between at most."""
    wanted = ("per",) if strong else ("per", "article")
    found = hits(text, what, *wanted)
    for noun in (hit for hit in found if hit.group == what):
        if text[max(0, noun.start - 2) : noun.start].strip().endswith("/"):
            return True
        for lead in (hit for hit in found if hit.group in wanted and hit.end <= noun.start):
            between = text[lead.end : noun.start].strip()
            if between.count(" ") == 0 and not re.search(r"[\d,;:|]", between):
                return True
    return False


@cache
def _unspaced() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what stands before and after a container that so many people are in: 1ルームあたり, 每个房间, 방당."""

    def one_of(concept: str) -> str:
        return "|".join(sorted(map(re.escape, lists()[concept]), key=len, reverse=True)) or r"(?!)"

    before = rf"(?:{one_of('per_before')})\s?(?:{one_of('classifier')})?$"
    return re.compile(before), re.compile(rf"\s?(?:{one_of('per_after')}|(?:{one_of('topic')})\s?(?=\d))")


def _per_unspaced(text: str) -> bool:
    """The same where no blanks part the words."""
    before, after = _unspaced()
    for hit in hits(text, "containers"):
        if not hit.cue.isascii() and (
            before.search(text[max(0, hit.start - 6) : hit.start]) or after.match(text[hit.end : hit.end + 8])
        ):
            return True
    return False


_NOUN_AFTER_PER = re.compile(r"(?:\b(?:per|pro|por|par)\s+(?:each\s+|single\s+)?|/\s?)([^\W\d_]{3,})")


def _generic(setting: Setting) -> bool:
    """Whether any noun that is no time, person or machine follows a "per" after the number: "50 members per guild"."""
    match = _NOUN_AFTER_PER.search(setting.span, max(0, setting.at))
    return match is not None and not concepts(match.group(1)) & {"not_containers", "people"}


def _after_per(setting: Setting) -> frozenset[str]:
    match = _NOUN_AFTER_PER.search(setting.span, max(0, setting.at))
    return concepts(match.group(1)) if match else frozenset()


def _holding(before: str) -> bool:
    """``rooms hold``, ``teams of``, ``groups (``: a container just before the number of its members."""
    found = hits(before, "containers", "holding")
    for noun in (hit for hit in found if hit.group == "containers"):
        rest = before[noun.end :].strip()
        if rest in ("(", "", ":", "size", "size:") or rest.endswith("("):
            return len(rest) < 12 and rest != ""
        if any(h.group == "holding" and noun.end <= h.start <= noun.end + 12 for h in found):
            return not re.search(r"[\d,;|]", rest)
    return False


def _opens_container(after: str) -> bool:
    """``8-player rooms``, ``2 to 6 players form a team``: a container straight after the counted people, or what they make."""
    if any(hit.start <= 1 for hit in hits(after[:24], "containers")):
        return True
    makes = next((hit.end for hit in hits(after[:24], "forming") if hit.start <= 1), None)
    return makes is not None and any(
        hit.start - makes <= 12 for hit in hits(after[:60], "containers") if hit.start >= makes
    )


def _sized(text: str) -> bool:
    """``Room size``, ``Max players``: a heading or label that asks for the size of a container."""
    if len(text) > 160:
        return False
    for part in text.split("·"):
        found = hits(part, "containers", "size_label")
        sizes = [h for h in found if h.group == "size_label"]
        if sizes and (
            any(h.group == "containers" for h in found) or any(" " in h.cue or h.cue.startswith("max") for h in sizes)
        ):
            return True
    return False


def _around(setting: Setting) -> frozenset[str]:
    """Concepts of the words just before and after the number, and of its label."""
    return concepts(setting.span[max(0, setting.at - 60) : setting.end + 24]) | (
        concepts(setting.above) if len(setting.above) < 80 else frozenset()
    )


def _to_start(text: str) -> bool:
    return bool(hits(text, "to_begin"))


def _typical(setting: Setting, span: frozenset[str]) -> bool:
    return "typical" in span and setting.quantity.op not in ("<", "<=")


def _of_a_group(setting: Setting, span: frozenset[str]) -> bool:
    """``Supports 2-8 players``, ``for 3-10 players``: members of what the product is about, though no word names it."""
    if span & {"everywhere", "registered", "minimum", "tier"} - ({"minimum"} if setting.top else set()):
        return False
    if setting.quantity.unit and "taking_part" not in concepts(setting.quantity.unit):
        return False
    made_for = setting.top is not None and straight_before(setting.span[: setting.at], "made_for") is not None
    return (made_for or "for_so_many" in span) and "own_people" not in span


def _over_time(span: str) -> bool:
    """A number of users to be reached by some time is a wish, and no load: "1,000 active users within six months"."""
    found = hits(span, "over_time", "by_when", "long_time")
    if any(hit.group == "over_time" for hit in found):
        return True
    times = [hit.start for hit in found if hit.group == "long_time"]
    return any(
        _FEW_WORDS.fullmatch(span[hit.end : start])
        for hit in found
        if hit.group == "by_when"
        for start in times
        if start > hit.end
    )


def _of_one_person(setting: Setting) -> bool:
    """What one person does with others: "follow up to 5 players", "track 3+ matches at once"."""
    before = setting.span[: setting.at]
    bound = straight_before(before, "bound_between")
    return straight_before(before[: bound.start] if bound else before, "chosen_by_one") is not None


def _person_before(setting: Setting) -> bool:
    """``a user may join 3 rooms``: a count of what one person has."""
    return _per(setting.span[: setting.at], "people", strong=False)


def _tenant(setting: Setting) -> bool:
    """Organisations and the like own sessions; tables and documents may be of a database."""
    unit = setting.quantity.unit
    owns = any((hit.start, hit.end) == (0, len(unit)) for hit in hits(unit, "tenants"))
    return owns and "concurrent" not in concepts(setting.span)


# --- rates --------------------------------------------------------------------------------------------------------


def _rates(setting: Setting) -> Iterator[Claim]:
    per = setting.quantity.unit.rpartition("/")[2]
    span = concepts(setting.span) | concepts(setting.quantity.unit)
    if per not in ("second", "minute") or setting.value <= 0:
        return
    if "throttle" in span or "throttle" in concepts(setting.above):
        return
    value = setting.upper
    if _per(setting.span, "instances", strong=True):
        yield Claim("rate_per_instance", setting, value, 0.9, "of one instance")
    elif _per(setting.span, "containers", strong=True) or _per_unspaced(setting.span):
        if "everywhere" not in span:
            yield Claim("events_per_session", setting, value, 1.0, "of one container")
    elif _per(setting.span, "containers", strong=False) and "everywhere" not in span:
        yield Claim("events_per_session", setting, value, 0.8, "of one container")
    elif span & {"throughput", "everywhere", "concurrent"} and not _of_something_else(setting):
        yield Claim("total_rate_per_s", setting, value, 0.9, "of the whole system")


def _of_something_else(setting: Setting) -> bool:
    """A rate of one person, or of pictures and samples."""
    return bool(_after_per(setting) & {"people", "devices"} or hits(setting.span, "samples"))
