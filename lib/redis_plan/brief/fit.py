"""Fit: does this project need Redis at all? Core, useful or no, with reasons that cite lines."""

from __future__ import annotations

from collections.abc import Sequence

from redis_plan.brief.model import Component, Fit, Quantity, Requirement

#: From this many live demands on, shared live state is what the product is about even if no target is written down.
MANY_LIVE = 8
#: One live demand in so many, or fewer, is a detail of a screen and no reason for another server.
FEW_IN = 20
#: A rate over such a time is no load: "2 runs a day".
_SLOW = ("/day", "/week", "/month", "/year")


def judge_fit(
    requirements: Sequence[Requirement], quantities: Sequence[Quantity], stack: Sequence[Component]
) -> tuple[Fit, str]:
    """Return the verdict and its reasons.

    Core: the documents choose Redis (or keep it for later) beside live demands, or they ask for shared live state with
    a latency or load target, or that is most of what they ask. Useful: some live demand without a target. No: nothing
    is shared live, so one database and its cache do.
    """
    demands = [r for r in requirements if r.kind != "out-of-scope" and r.parent_line is None]
    live = [r for r in demands if r.realtime]
    redis = next((c for c in stack if c.name in ("Redis", "Valkey") and c.status in ("chosen", "later")), None)
    live_lines = {(r.file, r.line) for r in live}
    targets = [
        q for q in quantities
        if q.design_relevant and (q.kind == "latency" or (q.kind == "rate" and not q.unit.endswith(_SLOW)) or (q.kind in ("duration", "count", "limit") and q.scope == "at peak")
                                  or ((q.file, q.line) in live_lines and q.kind in ("duration", "limit", "count")))
    ]  # fmt: skip
    if redis and (live or redis.status == "chosen"):
        return "core", f"the documents name {redis.name} ({_at(redis)}) and {_count(live)}"
    if live and targets:
        return "core", f"{_count(live)}, with a target: “{targets[0].text}” ({_at(targets[0])})"
    if len(live) >= MANY_LIVE and len(live) * 4 >= len(demands):
        return "core", f"{_count(live)}, a quarter or more of all"
    if live:
        return (
            "useful",
            f"{_count(live)}, but no latency or load target: one process could hold this state; Redis pays when there are two",
        )
    shared = "no demand of the documents is about state that others watch change"
    return "no", f"{shared}; one database does, and Redis would help at most as a cache or a rate limiter"


def _count(live: Sequence[Requirement]) -> str:
    if not live:
        return "no demand is live"
    cited = ", ".join(_at(r) for r in live[:3])
    plural = "demand is" if len(live) == 1 else "demands are"
    return f"{len(live)} {plural} about shared live state ({cited}{', …' if len(live) > 3 else ''})"


def _at(item: Requirement | Component | Quantity) -> str:
    return f"{item.file}:{item.line}"
