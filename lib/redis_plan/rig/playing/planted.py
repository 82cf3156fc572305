"""Planted: faults put into the text of a delivered library, so that a check shows that it can fail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

#: What the controls plant in the text of the library: name, pattern, what stands there instead, what must notice it.
PLANTED: Mapping[str, tuple[str, str, str]] = {
    "no TTL": (r"  refresh\(keys, .*\n", "", "TTL"),
    "operation not remembered": (r"  remember\(t\.idem.*\n", "", "again"),
    "no event": (r"  advance\(keys, t\.log, .*?, t\.set(?:, settle, t)?\)\n", "  redis.call('HSET', t.state, 'version', session.version + 1)\n", "log"),
    "seat not asked": (r"  if not GUARD\.seat\(t\) .*\n", "", "guard"),
    "role not asked": (r"  if not GUARD\.role\(t, .*\n", "", "guard"),
    "phase not asked": (r"  if not GUARD\.phase\(t, .*\n", "", "guard"),
    "written before it is refused": (
        r"(  if refused then return refused end\n)", r"\1  redis.call('HSET', t.state, 'touched', '1')\n", "refusal"),
    "the state and not its copies": (r"(?<=\.\. )changes\(t\)", "'\"set\":{}'", "copy"),
}  # fmt: skip


def faulty(text: str) -> Iterator[tuple[str, str]]:
    """Yield each fault with the library that has it; left out is what no function of ``text`` has to lose."""
    for name, (pattern, instead, _) in PLANTED.items():
        changed, places = re.subn(pattern, instead, text)
        if places:
            yield name, changed
