"""The ten sections of a plan, always these and in this order."""

from __future__ import annotations

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


def heading(number: int) -> str:
    """Return the heading of a section: ``## 3 TTL and Expiration Policies``."""
    return f"## {number} {SECTIONS[number]}"


def anchor(number: int) -> str:
    """Return the anchor that a heading gets on code hosts: ``3-ttl-and-expiration-policies``."""
    return f"{number} {SECTIONS[number]}".lower().replace(" ", "-")
