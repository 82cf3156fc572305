"""What notebook 02 says of the design before it is measured: the keyspace in a paragraph, and the linter's findings."""

from __future__ import annotations

from redis_plan.brief.model import Brief
from redis_plan.keyspace.cues import plural
from redis_plan.keyspace.model import Keyspace
from redis_plan.words.tables import counted, table


def summary(keyspace: Keyspace, brief: Brief) -> str:
    """Return the design in a paragraph: what the session is, how many patterns, what stays outside."""
    subject = (
        f"A **{keyspace.session_noun}** ({keyspace.session_entity}) is what people share; they are its {plural(keyspace.member_noun)}."
        if keyspace.session_entity
        else f"These documents have no session that people share (fit: {brief.fit}; {brief.fit_because}), so there is no roster and no session state."
    )
    lines = [
        f"{subject} The design has {counted(len(keyspace.keys), 'key pattern')} and {counted(len(keyspace.channels), 'channel')}."
    ]
    if keyspace.unserved:
        lines += ["", "Outside Redis stay:", "", *(f"- {text}" for text in keyspace.unserved)]
    return "\n".join(lines)


def what_lint_says(keyspace: Keyspace) -> str:
    """Return the linter's findings, or that there are none."""
    if not keyspace.findings:
        return "The linter has no finding."
    rows = [[f.rule, f.severity, f"`{f.pattern}`", f.message, f.fix] for f in keyspace.findings]
    return "\n".join(["### What the linter says", "", table(["Rule", "Severity", "Key", "Finding", "Fix"], rows)])
