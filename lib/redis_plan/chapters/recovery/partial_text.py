"""Words for section 9: one key of a session is gone and the others are there."""

from __future__ import annotations

from redis_plan.chapters.recovery.findings import PartialLoss
from redis_plan.keyspace.cues import with_article
from redis_plan.keyspace.model import Keyspace

#: What follows from the loss of one key: for the client, and what brings it right again (see functions.lua).
_AFTER = {
    "state": "the service creates it again with a new epoch; `session_create` unlinks what is left of the old life, "
    "members join again",
    "roster": "no event is missed; {member} has no seat until its next join, which takes it without a second one",
    "presence": "its next heartbeat answers -1, and the gateway joins the connection again",
    "log": "clients that are behind read the state once; from the next change on there are deltas again",
}


def partial_loss(keyspace: Keyspace, found: PartialLoss | None) -> str:
    """Return what each single loss means, with what was measured; nothing where the experiment did not run."""
    if found is None:
        return ""
    rows = [
        f"| `{key}` | {found.record.condition(f'first answer without {key}')} | {after.format(member=with_article(keyspace.member_noun))} |"
        for key, after in _AFTER.items()
    ]
    return "\n".join(
        [
            "### When one key is gone alone",
            "",
            f"Different TTLs, an eviction policy that somebody changed or a hand that slipped take one key of "
            f"{with_article(keyspace.session_noun)} and leave the others. Each was taken away on its own, {found.trials.full} in all: "
            f"{found.wrong.linked} served a client a hole, an event of another life or a snapshot of the old one, and "
            f"{found.untimed.linked} were left without a TTL; a counter and a list without an epoch went wrong in "
            f"{found.control_wrong.linked}.",
            "",
            "| Gone | `session_catch_up` of a client that is behind | What brings it right |",
            "| :-- | :-- | :-- |",
            *rows,
        ]
    )
