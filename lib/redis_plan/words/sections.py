"""The ten sections of a plan, always these and in this order, and the appendices that hold what is looked up, not read."""

from __future__ import annotations

from dataclasses import dataclass

SECTIONS: dict[int, str] = {
    1: "Key Naming Conventions",
    2: "Data Structure Specifications",
    3: "TTL and Expiration Policies",
    4: "Real-Time Synchronization Patterns",
    5: "Memory Optimization Strategy",
    6: "Performance Benchmarks",
    7: "Session Management Design",
    8: "Configuration Recommendations",
    9: "Error Handling Patterns",
    10: "Monitoring and Metrics",
}

#: Where the appendices stand, relative to the plan.
FOLDER = "redis-plan"


@dataclass(frozen=True, slots=True)
class Appendix:
    """A file beside the plan: its name, its title, and what a reader finds in it."""

    name: str
    title: str
    holds: str

    @property
    def file(self) -> str:
        """Where it stands, relative to the plan."""
        return f"{FOLDER}/{self.name}.md"


APPENDICES: dict[str, Appendix] = {
    a.name: a
    for a in (
        Appendix("keys", "Keys, fields and lifetimes", "the registry in full, every field, encoding and TTL"),
        Appendix("protocol", "Events and functions", "envelope, functions, commands of a life, limits"),
        Appendix("memory", "Memory model", "bytes of each key, growth, the budget's terms, what saves memory"),
        Appendix("operations", "Operations", "every directive with its reason, users, failover, changes, all alerts"),
        Appendix("errors", "Errors and recovery", "every error, degraded modes, the way back"),
        Appendix("benchmarks", "Benchmarks", "the workload, load, candidates, formats, what was tried on purpose"),
        Appendix(
            "decisions",
            "Decisions in full",
            "question, reason, guard and alternatives of each decision (naive: built without measuring)",
        ),
        Appendix("stories", "Stories", "each demand, and what carries it out"),
        Appendix("untested", "What was not tested", "the limits of this study"),
        Appendix("evidence", "Evidence", "every record of this run, with the cell that measured it"),
    )
}


def heading(number: int) -> str:
    """Return the heading of a section: ``## 3 TTL and Expiration Policies``."""
    return f"## {number} {SECTIONS[number]}"


def anchor(title: str) -> str:
    """Return the anchor that a heading gets on code hosts.

    >>> anchor("3 TTL and Expiration Policies")
    '3-ttl-and-expiration-policies'
    """
    kept = "".join(c for c in title.lower() if c.isalnum() or c in "_- ")
    return kept.strip().replace(" ", "-")
