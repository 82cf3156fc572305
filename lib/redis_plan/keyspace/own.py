"""Own: the team's own keys and settings against this design, each adopted, or contradicted with the reason.

A key is recognised by the words of its name (``data/catalog/own_design.toml``), the last first, and stands against the key
of the same use. A stated TTL of a key that ends by itself is taken as it stands; a session's keys end together, by the facts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from redis_plan import units
from redis_plan.brief.model import Brief, OwnKey, OwnSetting
from redis_plan.brief.own_design import knowledge
from redis_plan.keyspace import cues, functions, versions
from redis_plan.keyspace.catalog import KeySpec, UsePattern
from redis_plan.keyspace.chain import REMEMBERED
from redis_plan.keyspace.model import Candidate, KeyPattern, OwnVerdict, TtlRule

_LITERAL = re.compile(r"\$?\{[^}]*\}|<[^>]*>|\[[^\]]*\]|(?<=:):?[a-z]\w*Id\b|\*")


def use_of(key: OwnKey) -> str:
    """Return the use that the name of ``key`` means, or ""."""
    literal = [word for part in _LITERAL.sub("", key.pattern).split(":") for word in (part, *re.split(r"[_-]", part))]
    for word in reversed([cues.fold(word).replace(" ", "") for word in literal if word]):
        if use := _uses().get(word) or _uses().get(cues.canonical(word)):
            return use
    return ""


def named_uses(brief: Brief) -> dict[str, OwnKey]:
    """Return the uses that the team's own keys are made for: it has decided on them."""
    return {use: key for key in reversed(brief.own_keys) if (use := use_of(key)) and key.pattern not in _refused(brief)}


def adopted(pattern: UsePattern, spec: KeySpec, name: str, brief: Brief) -> Candidate | None:
    """Return the structure in which the team holds its own key for ``name``, where it adopted that key in redis-plan.toml.

    None, too, where the catalog knows no such structure, the stack's server lacks it, or a session's functions write another.
    """
    in_session = knowledge()["in_session"]
    for key in brief.own_keys:
        use = use_of(key)
        if key.pattern not in brief.settled.adopted_keys or pattern.use not in (use, in_session.get(use)):
            continue
        fitting = [c for c in spec.candidate if c.type == key.type and versions.offers(brief, c)]
        written = functions.TYPES.get(name, ()) if pattern.needs == "session" else ()
        if spec.name == pattern.key[0].name and fitting and (not written or key.type in written):
            return min(fitting, key=lambda c: (c.name not in spec.prefer, c.naive))
    return None


def with_stated_ttls(patterns: Sequence[KeyPattern], brief: Brief) -> list[KeyPattern]:
    """Give keys that end by themselves the TTL that the team states for its own."""
    in_session = knowledge()["in_session"]
    stated = {name: key for use, key in named_uses(brief).items() if key.ttl_s for name in (use, in_session.get(use))}
    return [_with_ttl(p, stated[p.use]) if p.use in stated and p.ttl.policy == "fixed" else p for p in patterns]


def _with_ttl(pattern: KeyPattern, key: OwnKey) -> KeyPattern:
    seconds = math.ceil((key.ttl_s or 0) / (REMEMBERED if pattern.use == "idem" else 1))
    rule = TtlRule("fixed", seconds, f"`{key.pattern}` is given so long in {key.file}:{key.line}", str(seconds))
    return replace(pattern, ttl=rule) if seconds else pattern


def judge(patterns: Sequence[KeyPattern], brief: Brief) -> tuple[OwnVerdict, ...]:
    """Return the verdict on each key and setting of the team's documents."""
    by_use: dict[str, KeyPattern] = {}
    for pattern in patterns:
        by_use.setdefault(pattern.use, pattern)
    keys = tuple(_verdict(key, by_use, brief) for key in brief.own_keys)
    return keys + tuple(v for one in brief.own_settings if (v := _on_setting(one, patterns, brief)))


def _verdict(key: OwnKey, by_use: dict[str, KeyPattern], brief: Brief) -> OwnVerdict:
    said = OwnVerdict(key.pattern, key.type, key.ttl_s, key.file, key.line, "open", "", "")
    if reason := _refused(brief).get(key.pattern):
        return replace(said, verdict="contradicted", reason=f"refused by the team in redis-plan.toml: {reason}")
    use = use_of(key)
    ours = by_use.get(use) or by_use.get(knowledge()["in_session"].get(use, ""))
    if not use:
        return replace(
            said, reason="its name tells no use that the catalog knows: `[uses] take` with an entity declares it"
        )
    if ours is None:
        return replace(
            said, reason=f"reads as `{use}`, which no demand of this project calls for; `[uses] take` adds it"
        )
    said = replace(said, ours=ours.template)
    if key.pattern in brief.settled.adopted_keys:
        other = f"; here a {ours.type}: nothing that is delivered writes a {key.type}"
        other = other if key.type and key.type != ours.type else ""
        return replace(said, verdict="adopted", reason=f"adopted by the team in redis-plan.toml{other}")
    if against := _against(key, ours, brief):
        return replace(said, verdict="contradicted", reason=against)
    return replace(
        said, verdict="adopted", reason="same structure and life; the name gets prefix, version and hash tag"
    )


def _against(key: OwnKey, ours: KeyPattern, brief: Brief) -> str:
    """Return what speaks against ``key`` where ours differs, or ""."""
    reasons = []
    if key.type and key.type != ours.type:
        named = next((c for c in ours.candidates if c.type == key.type), None)
        why = named.lacks if named and named.lacks else ours.because
        reasons.append(f"{ours.type} instead of {key.type}: {why}")
    if key.ttl_s == 0 and ours.ttl.seconds:
        reasons.append(f"without a TTL it stays when nobody deletes it; {units.write(ours.ttl.seconds, 's')} here")
    elif key.ttl_s and ours.ttl.seconds and not _lives_so_long(key.ttl_s, ours, brief):
        end = units.write(ours.ttl.seconds, "s")
        reasons.append(f"TTL {end} instead of {units.write(key.ttl_s, 's')}: {ours.ttl.because}")
    elif key.ttl_s and ours.ttl.policy == "none":
        reasons.append(f"no TTL instead of {units.write(key.ttl_s, 's')}: {ours.ttl.because}")
    return "; ".join(reasons)


def _lives_so_long(stated_s: float, ours: KeyPattern, brief: Brief) -> bool:
    """Whether ours ends when the team wants it: a session's keys end with it, whatever the net below them is."""
    ends = (float(ours.ttl.seconds or 0), *((brief.value("idle_ttl"),) if ours.ttl.policy == "sliding" else ()))
    return any(abs(end - stated_s) <= _SAME * stated_s for end in ends)


#: Two lifetimes that differ by less are the same.
_SAME = 0.01


def _on_setting(setting: OwnSetting, patterns: Sequence[KeyPattern], brief: Brief) -> OwnVerdict | None:
    rule = _rules()[setting.rule]
    live = any(p.authoritative and p.type != "channel" and p.use != "cache" for p in patterns)
    if rule["when"] == "live" and not live:
        return None
    if rule["when"] == "below":
        product, version = versions.stack_server(brief)
        if not versions.is_stated(brief) or version >= versions.parse_version(
            rule["valkey" if product == "valkey" else "version"]
        ):
            return None
    reason = f"{rule['says']}; {rule['fix']} ({rule['source']})"
    return OwnVerdict(setting.text, "", None, setting.file, setting.line, "contradicted", "", reason)


def _refused(brief: Brief) -> dict[str, str]:
    return brief.settled.refused_keys


@cache
def _uses() -> dict[str, str]:
    return {word: use for use, words in knowledge()["words"].items() for word in words}


@cache
def _rules() -> dict[str, dict[str, Any]]:  # Any: TOML
    return {rule["id"]: rule for rule in knowledge()["rule"]}
