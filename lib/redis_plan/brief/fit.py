"""Fit: does this project need Redis at all? Core, useful, no, or not known; with reasons that cite lines.

The verdict follows from what was found: live demands, lines that call for a live use of Redis, targets, and the stack.
Its numbers are in ``data/catalog/fit.toml``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from redis_plan import resources
from redis_plan.brief import encoder
from redis_plan.brief.evidence import TASK, Said
from redis_plan.brief.examples import examples
from redis_plan.brief.lexicon import Lexicon
from redis_plan.brief.model import Component, Fact, Fit, Quantity, Requirement, UseEvidence
from redis_plan.brief.reconcile.vocabulary import concepts
from redis_plan.brief.units import TIME_SECONDS

#: Fewer than so many a second are no load, over whatever time they are counted: "2 runs a day", "5 mails per hour".
SLOW_PER_S = 1.0
#: One alone shares nothing.
_PEOPLE_OF_A_SESSION = 2
#: Shorter lines are names, which are alike in all languages.
_SENTENCE = 25
#: So many sentences tell whether a language is understood, and whether a product is local.
_SAMPLE = 400


@dataclass(frozen=True, slots=True)
class Found:
    """What a verdict follows from."""

    requirements: Sequence[Requirement]
    quantities: Sequence[Quantity]
    stack: Sequence[Component]
    evidence: Sequence[UseEvidence] = ()
    lines: Sequence[Said] = ()
    language: str = "en"
    session: str = ""  # what people are in together, in the documents' word
    alone: bool = False  # by all that is asked, most likely nothing is shared live
    users: Fact | None = None  # who is connected at one time to the whole product
    sessions: Fact | None = None  # how many sessions are open at one time
    delay: Fact | None = None  # how soon the others see a change

    @property
    def demands(self) -> list[Requirement]:
        """The demands, without the criteria below them."""
        return [r for r in self.requirements if r.kind != "out-of-scope" and r.parent_line is None]

    @property
    def live(self) -> list[Requirement]:
        """The demands about state that others watch change."""
        return [r for r in self.demands if r.realtime]

    @property
    def said(self) -> list[UseEvidence]:
        """The evidence for uses of live state, strongest first."""
        return [e for e in self.evidence if e.use in _rules()["live"] and e.strength >= _rules()["nothing_below"]]

    @property
    def redis(self) -> Component | None:
        """Redis, where the documents choose it or keep it for later."""
        return next((c for c in self.stack if c.name in ("Redis", "Valkey") and c.status in ("chosen", "later")), None)

    @property
    def few(self) -> str:
        """How few people are connected at one time, where the documents say that, or "".

        "5+" is what a first version must bear: where live state is much of what is asked, it says nothing of how many will come.
        """
        users = self.users
        if users is None or users.grade != "documented":
            return ""
        at_least = users.low is not None and users.high is None
        if at_least and len(self.live) >= max(_rules()["many_live"], _rules()["share_of_many"] * len(self.demands)):
            return ""
        most, sessions = max(users.value, users.high or 0), self.sessions
        if sessions is not None and sessions.grade == "documented" and sessions.value > most:
            return ""  # there are no more rooms than people in them: the few are those of one
        return f"but only {most:g} connected at one time ({users.where})" if most <= _rules()["few_people"] else ""

    @property
    def pushes(self) -> Component | None:
        """The technology that pushes to clients, where one is chosen."""
        return next((c for c in self.stack if c.role == "realtime" and c.status in ("chosen", "later")), None)


@cache
def _rules() -> dict[str, Any]:
    return tomllib.loads((resources.catalog_dir() / "fit.toml").read_text(encoding="utf-8"))


def judge_fit(found: Found) -> tuple[Fit, str]:
    """Return the verdict and its reasons.

    Core: the documents choose Redis for what people watch, or shared live state has a latency or load target, or it is much of what they ask.
    Useful: some live demand besides, or so few people that one process serves them. No: nothing is shared live, or one process
    on one machine holds it all. Unknown: too little was understood for a verdict.
    """
    rules, redis = _rules(), found.redis
    if redis is None and found.pushes is None and not found.session and not _outright(found):
        found = _believed(found)
    live, demands = found.live, found.demands
    if redis is None and (unknown := _unknown(found)):
        return "unknown", unknown
    if redis and (chosen := _chosen(found, redis)):
        return chosen
    if nothing := _nothing_shared(found):
        return "no", nothing
    if found.few and (live or found.said):
        return "useful", f"{_what_is_live(found)}, {found.few}: one process could hold this state"
    if (target := _target(found)) and len(live) >= rules["share_with_target"] * len(demands):
        return "core", f"{_what_is_live(found)}, with a target: “{target.text}” ({_at(target)})"
    if len(live) >= rules["many_live"] and len(live) >= rules["share_of_many"] * len(demands):
        return "core", f"{_what_is_live(found)}, a third or more of all"
    together = [e for e in found.evidence if e.use in rules["together"] and e.strength >= rules["nothing_below"]]
    if found.session and len(live) >= max(rules["few_in_session"], rules["share_in_session"] * len(demands)):
        return "core", f"people share a session ({found.session}), and {_what_is_live(found)}"
    if found.session and len(together) >= rules["together_for_core"] and len(demands) <= rules["together_within"]:
        what = " and ".join(e.use for e in together[:2])
        return (
            "core",
            f"people share a session ({found.session}), and {_at(together[0])} and {_at(together[1])} call for its {what}",
        )
    many_pushed = len(live) >= max(rules["together_for_core"], rules["share_of_many"] * len(demands))
    if found.session and found.pushes and (many_pushed or sum(e.lines for e in found.said) >= rules["lines_for_core"]):
        return "core", f"{_what_is_live(found)}, and {found.pushes.name} ({_at(found.pushes)}) is to push it"
    if (found.said and (live or found.pushes)) or len(live) * rules["few_in"] > len(demands):
        return "useful", f"{_what_is_live(found)}, but no latency or load target: one process could hold this state; Redis pays when there are two"  # fmt: skip
    return "no", "no demand of the documents is about state that others watch change; one database does, and Redis would help at most as a cache or a rate limiter"  # fmt: skip


def _chosen(found: Found, redis: Component) -> tuple[Fit, str] | None:
    """Return the verdict where the documents name Redis, if it follows from that."""
    named = f"the documents name {redis.name} ({_at(redis)})"
    if found.few:
        return "useful", f"{named}, {found.few}: one process could hold this state"
    if _watched(found) and (found.live or found.said or redis.status == "chosen"):
        return "core", f"{named}{_and(_what_is_live(found))}"
    if not _watched(found) and redis.status == "chosen":
        return "useful", f"{named}, but hardly a demand is about state that others watch change: it serves beside a database"  # fmt: skip
    return None


def _nothing_shared(found: Found) -> str:
    """Return why nothing is shared, or ""."""
    if local := _local(found):
        return f"the product runs on one machine (“{local.text[:80]}”, {local.file}:{local.line}): one process holds its state"
    if found.pushes is not None:
        return ""
    if alone := _alone(found):
        return f"the documents leave out that several people are in it (“{alone.text[:80]}”, {alone.file}:{alone.line}): nothing is shared"
    if found.alone and found.redis is None and not _outright(found, "outright_where_alone"):
        return (
            "taken together, what the documents ask is like projects in which nothing is shared live; one database does"
        )
    return ""


def calls_clearly(evidence: Sequence[UseEvidence], use: str) -> bool:
    """Whether some line of the documents clearly calls for ``use``."""
    return any(one.use == use and one.strength >= _rules()["clearly"] for one in evidence)


def _alone(found: Found) -> Requirement | None:
    """Return what says that nobody shares anything: several players are out of scope, and no demand speaks of them."""
    outside = [r for r in found.requirements if r.kind == "out-of-scope" and "several" in wording().groups(r.text)]
    inside = (one.text for one in found.demands)
    return outside[0] if outside and not any("several" in wording().groups(text) for text in inside) else None


def _unknown(found: Found) -> str:
    """Return why nothing can be said, or ""."""
    rules = _rules()
    if found.language == "unknown" and not _understood(found.lines):
        return "the documents are in a language that is not understood here, so what they ask is not known"
    if len(found.demands) < rules["fewest_demands"] and not found.live and not found.said:
        count = "a single" if found.demands else "no"
        return f"{count} demand was recognised in the documents, too little to judge by"
    return ""


def _outright(found: Found, of: str = "outright_in") -> bool:
    """Whether lines say in so many words, or by a use that is live by its nature, that people see changes happen, or how soon.

    More than one line must say so where there are many demands: one for each so many as the rule ``of`` says.
    """
    rules = _rules()
    if found.delay is not None and found.delay.grade == "documented":
        return True
    clear = (e for e in found.evidence if e.strength >= rules["clearly"])
    said = sum(says_live(one.text) for one in found.lines)
    said += sum(e.lines for e in clear if e.use in rules["live_by_nature"])
    return said > len(found.demands) // int(rules[of])


def _watched(found: Found) -> bool:
    """Whether people see each other's changes: they share a session, something pushes, or lines say it of more than a detail."""
    told = len(found.live) * _rules()["few_in"] > len(found.demands) and _outright(found)
    return bool(found.session) or found.pushes is not None or told


def says_live(text: str) -> bool:
    """Whether a line says in so many words that people see changes happen; "at once" says it of several people only."""
    said = wording().groups(text)
    return "outright" in said or {"quickly", "others"} <= said or bool(_adverb().search(text))


@cache
def _adverb() -> re.Pattern[str]:
    return re.compile(_rules()["outright_adverb"], re.IGNORECASE)


@cache
def wording() -> Lexicon:
    """Return the wordings by which lines say that people see changes, quickly, together, or that they speak of pages."""
    made = Lexicon((), {})
    for group in ("outright", "quickly", "others", "several", "of_pages"):
        for words in _rules()[group]:
            made.add(group, words)
    made.finish()
    return made


def _believed(found: Found) -> Found:
    """Return ``found`` with what only a model takes for live left out, unless it is much of what the documents ask."""
    rules, live = _rules(), len(found.live)
    if live >= rules["many_live"] and live >= rules["share_believed"] * len(found.demands):
        return found
    return replace(found, requirements=[replace(r, realtime=False) for r in found.requirements], evidence=())


def _understood(lines: Sequence[Said]) -> bool:
    """Whether the sentences mean something to the encoder: in a language it never saw they are like nothing."""
    sentences = [one.text for one in lines if len(one.text) >= _SENTENCE][:_SAMPLE]
    if not sentences:
        return True
    alike = encoder.encode(sentences) @ encoder.encode([example.text for example in examples(TASK)]).T
    return bool(np.median(alike.max(axis=1)) >= _rules()["understood_from"])


def several() -> tuple[str, ...]:
    """Return the words that say that several people are in one thing: "multiplayer"."""
    return tuple(_rules()["several"])


def local_sentences() -> tuple[str, ...]:
    """Return what a product says of itself that needs no server."""
    return tuple(_rules()["local"])


def _local(found: Found) -> Said | None:
    """Return the line that says most clearly that the product needs no server, where several do."""
    sentences = found.lines[:_SAMPLE]
    if len(sentences) < _LOCAL_LINES:
        return None
    alike = (encoder.encode([one.text for one in sentences]) @ encoder.encode(local_sentences()).T).max(axis=1)
    order = np.argsort(-alike, kind="stable")[:_LOCAL_LINES]
    return sentences[int(order[0])] if float(alike[order].mean()) >= _rules()["local_from"] else None


#: One line may speak of a part of the product: so many together speak of the whole.
_LOCAL_LINES = 3


def _target(found: Found) -> Quantity | None:
    """Return a stated latency or load of what is live: what is to be fast before what lasts or is many."""
    lines, spelt = {(r.file, r.line) for r in found.live}, tuple(_rules()["spelt"])
    among: list[Quantity] = []
    of_pages = {(one.file, one.line) for one in found.lines if "of_pages" in wording().groups(one.text)}
    for q in found.quantities:
        fast = q.kind == "latency" or (q.kind == "rate" and _per_second(q) >= SLOW_PER_S)
        counted = q.kind in ("duration", "count", "limit") and (q.at_peak or (q.file, q.line) in lines)
        counted = counted and not q.unit.startswith(spelt)  # "a 6-digit code" is no load
        counted = counted and (q.kind == "duration" or _at_least(q) > _rules()["many_people"])
        if (q.file, q.line) in of_pages:
            continue
        if q.design_relevant and (fast or counted) and found.live:
            if fast:
                return q
            among.append(q)
    return among[0] if among else None


def _at_least(count: Quantity) -> float:
    """Return how many a count stands for: of rooms that are open, at least so many people as make each one shared."""
    of_sessions = count.at_peak and "containers" in concepts(count.unit)
    return (count.value_max or count.value) * (_PEOPLE_OF_A_SESSION if of_sessions else 1)


def _per_second(rate: Quantity) -> float:
    """Return the upper end of ``rate`` in so many a second: a second is meant where its unit names no time."""
    return (rate.value_max or rate.value) / TIME_SECONDS.get(rate.unit.rpartition("/")[2], 1.0)


def _what_is_live(found: Found) -> str:
    """Return what is live, with lines; "" where nothing is."""
    if live := found.live:
        cited = ", ".join(_at(r) for r in live[:3])
        every = len(found.demands)
        share = f"{len(live)} of {every} demands" if every > 1 else "the only demand"
        return f"{share} {'is' if len(live) == 1 else 'are'} about shared live state ({cited}{', …' if len(live) > 3 else ''})"
    if found.said:
        return f"{found.said[0].file}:{found.said[0].line} calls for shared live state (“{found.said[0].text[:80]}”)"
    return ""


def _and(clause: str) -> str:
    return f", and {clause}" if clause else ""


def _at(item: Requirement | Component | Quantity | UseEvidence) -> str:
    return f"{item.file}:{item.line}"
