"""The plan's own text of section 4: what its template needs beside the design and the findings."""

from __future__ import annotations

from redis_plan.actions.matrix import Stories
from redis_plan.brief.model import Brief
from redis_plan.chapters.synchronization.findings import Synchronization
from redis_plan.chapters.synchronization.stated import stated
from redis_plan.chapters.synchronization.sync_load_text import network_s
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import words
from redis_plan.words.tables import listed

#: One event as it is published and appended.
ENVELOPE = (
    '{"e":"5f0c1b2a9d3e4f60","v":42,"ts":1795411145171,"t":"change","op":"01JD8Q6Z7K3W9M2N4P5R6S7T8V",'
    '"d":{"set":{"status":"open"}}}'
)


def synchronization(brief: Brief, keyspace: Keyspace, found: Synchronization, stories: Stories) -> str:
    """Return the running text of section 4."""
    copies = listed(p for p in keyspace.keys if not p.authoritative)
    verdicts = [one.met(2 * network_s(brief)) for one in stated(brief, stories, found)]
    return words.render(
        "chapters/synchronization/synchronization", brief, keyspace, found=found, envelope=ENVELOPE, copies=copies,
        stated=len(verdicts), met=verdicts.count(True), unmeasured=verdicts.count(None),
    )  # fmt: skip
