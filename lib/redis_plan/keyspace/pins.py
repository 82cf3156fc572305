"""Pins: the structures that the team fixed in ``redis-plan.toml``, checked against the catalog and the stack."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from redis_plan.brief.model import Brief
from redis_plan.errors import OverrideError
from redis_plan.keyspace import functions, naming, versions
from redis_plan.keyspace.catalog import KeySpec, UsePattern, use_patterns
from redis_plan.keyspace.model import Candidate

FILE = "redis-plan.toml"


def check_prefix(brief: Brief) -> str:
    """Return the application's name for keys: the team's prefix or a slug; raises :class:`OverrideError`."""
    prefix = brief.name_prefix
    if prefix is None:
        return naming.slugify(brief.slug or brief.title)
    if not naming.APP.fullmatch(prefix) or len(prefix) > naming.MAX_APP_BYTES:
        raise OverrideError(
            f"{FILE}: name prefix {prefix!r} breaks the grammar of key names: lower-case letters, "
            f"digits and hyphens, no number first, at most {naming.MAX_APP_BYTES} bytes, such as {naming.slugify(prefix)!r}"
        )
    return prefix


def check_names(brief: Brief, names: Iterable[str]) -> None:
    """Raise :class:`OverrideError` for a pin of something that neither this design nor the catalog knows."""
    known = [*names, *(p.use for p in use_patterns())]
    for pinned in brief.pinned:
        if pinned not in known:
            near = difflib.get_close_matches(pinned, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"this design has {', '.join(dict.fromkeys(names))}"
            raise OverrideError(f"{line_of(brief, pinned)}: no key is called {pinned!r}; {hint}")


def pinned(pattern: UsePattern, spec: KeySpec, name: str, brief: Brief) -> Candidate | None:
    """Return the candidate that the team pinned for the key ``name``, by its own name or by its type.

    Raises :class:`OverrideError` where two pins contradict each other, where no such structure is known, where the
    stack's server lacks it, or where the session's functions write another type.
    """
    first = spec.name == pattern.key[0].name
    found = {key: brief.pinned[key] for key in (name, *((pattern.use,) if first else ())) if key in brief.pinned}
    if not found:
        return None
    key, wanted = next(iter(found.items()))
    where = line_of(brief, key)
    if len(set(found.values())) > 1:
        both = " and ".join(f"{k} = {v!r} ({line_of(brief, k)})" for k, v in found.items())
        raise OverrideError(f"{where}: contradictory pins of `{name}`: {both}; keep one")
    named = [c for c in spec.candidate if c.name == wanted]
    typed = [c for c in spec.candidate if c.type == wanted]
    typed.sort(key=lambda c: (c.name not in spec.prefer, c.naive))
    candidate = next(iter(named + typed), None)
    if candidate is None:
        names = ", ".join(dict.fromkeys(c.name if c.name == c.type else f"{c.name} ({c.type})" for c in spec.candidate))
        raise OverrideError(f"{where}: {key} is pinned to {wanted!r}; its structures are {names}")
    if versions.is_stated(brief) and not versions.offers(brief, candidate):
        product, version = versions.stack_server(brief)
        has = f"{product.capitalize()} {'.'.join(map(str, version))}"
        raise OverrideError(
            f"{where}: {key} is pinned to {candidate.name}, which needs {candidate.feature or 'a newer server'} "
            f"({versions.needed(candidate)}); the stack names {has}: raise it there, or pin {spec.prefer[-1]}"
        )
    types = functions.TYPES.get(name, ()) if pattern.needs == "session" else ()
    if types and candidate.type not in types:
        raise OverrideError(
            f"{where}: {key} is pinned to {candidate.name}, a {candidate.type}; the session's functions write a {' or a '.join(types)}"
        )
    return candidate


def line_of(brief: Brief, *keys: str) -> str:
    """Return the line on which the first of ``keys`` that is pinned stands."""
    line = next((brief.pinned_lines[key] for key in keys if key in brief.pinned_lines), None)
    return f"{FILE}:{line}" if line else FILE
