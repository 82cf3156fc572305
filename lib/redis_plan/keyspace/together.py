"""What changes together: the sets of keys that one atomic step touches, which must share a slot."""

from __future__ import annotations

from redis_plan.keyspace import functions, naming
from redis_plan.keyspace.model import Keyspace

RECORD = "session_record"


def together(keyspace: Keyspace) -> dict[str, tuple[str, ...]]:
    """Return the key templates that one atomic step changes: each function's, and each hash tag's as a whole."""
    steps: dict[str, tuple[str, ...]] = {}
    if not functions.missing(keyspace):
        for name, function in functions.functions().items():
            more = [p.template for p in keyspace.keys if name in p.functions and p.name not in function.keys]
            steps[name] = (
                *(keyspace.pattern(k).template for k in function.keys),
                *(more if function.more_keys else ()),
            )
        core = tuple(keyspace.pattern(name).template for name in ("state", "log", "idem"))
        for pattern in keyspace.keys:
            if RECORD in pattern.functions:
                steps[f"{RECORD} on {pattern.name}"] = (*core, pattern.template)
    tags = dict.fromkeys(naming.hash_tag(p.template) for p in keyspace.keys)
    for tag in filter(None, tags):
        same = tuple(p.template for p in keyspace.keys if naming.hash_tag(p.template) == tag)
        if len(same) > 1:
            steps[f"MULTI over {{{tag}}}"] = same
    return {step: templates for step, templates in steps.items() if len(templates) > 1}
