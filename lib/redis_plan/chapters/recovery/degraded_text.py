"""What the service does, part by part, while it can't reach Redis."""

from __future__ import annotations

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.keyspace import functions
from redis_plan.keyspace.cues import with_article
from redis_plan.keyspace.model import Keyspace
from redis_plan.words.tables import cell


def degraded(brief: Brief, keyspace: Keyspace) -> str:
    """Return what each feature does while Redis is away."""
    latency, grace = units.write(brief.value("sync_latency"), "s"), units.write(brief.value("reconnect_grace"), "s")
    if functions.missing(keyspace):
        rows = _degraded_values(keyspace)
    else:
        noun = keyspace.session_noun
        rows = [
            ("what is on screen", "stays, read-only, with the banner; clients go on holding epoch and version"),
            (
                "a change",
                f"shown as pending; the gateway holds at most 1 a client, for at most {latency}, and refuses the others; then the "
                "client sends it again with its operation id, or takes it back",
            ),
            (
                "joining, creating",
                f"refused with 503 and `Retry-After`; nobody joins {with_article(noun)} that can't be read",
            ),
            ("leaving, a closed socket", "noted by the gateway; the lease ends it where the gateway forgets"),
            (
                "who is there",
                f"the last list, greyed; after {grace} away leases have run out, so the first heartbeats answer `lapsed` and clients join again",
            ),
        ]
        rows += (
            [("timers", "fire late: the worker finds what is due when it can read `due` again (section 3)")]
            if keyspace.use("due")
            else []
        )
        rows += [("signals (who types, cursors)", "dropped, not queued")] if keyspace.channels else []
    told = (
        f'Within {latency} (sync_latency) of the first error clients get `{{"t":"~degraded"}}` from their gateway and show a banner.'
        if keyspace.channels
        else f"A request waits for Redis {units.write(brief.value('sync_latency') / 2, 's')} at most (section 8) and then goes on without it."
    )
    return "\n".join(
        [
            "### Degraded modes",
            "",
            f"{told} Nothing queues without a bound. If Redis comes back without its data, section 2 says for each key what is "
            "lost and where it comes from again.",
            "",
            "| While Redis is away | What the service does |",
            "|:--|:--|",
            *(f"| {cell(what)} | {cell(does)} |" for what, does in rows),
        ]
    )


#: What a service does about a use pattern's key while it can't reach Redis; another one is left out for the time.
_WITHOUT = {
    "rate": "let the action through and count it in the process; refuse only what costs money or guesses secrets (login, codes)",
    "token": "refuse: a token that can't be checked is not valid; the person asks again",
    "auth-session": "refuse what needs a login; pages for everybody go on",
    "cache": "read the database, behind the breaker and with at most as many at once as it bears",
    "idempotency": "refuse the write: without the record a retry would count twice",
    "online": "show the last list, greyed; heartbeats write it again when Redis is back",
    "lock": "do not start: nobody works without the lock",
}


def _degraded_values(keyspace: Keyspace) -> list[tuple[str, str]]:
    """Return what happens to each key of a project without sessions."""
    ways: dict[str, list[str]] = {}
    for p in keyspace.keys:
        other = (
            "refuse what needs it; nothing is made up in its place"
            if p.authoritative
            else "show the last value with its age; writers drop what is older than the newest value and go on when Redis is back"
        )
        ways.setdefault(_WITHOUT.get(p.use, other), []).append(f"`{p.name}`")
    rows = [(", ".join(names), does) for does, names in ways.items()]
    if keyspace.channels:
        rows.append(("live updates", "stop; the view stays as it is, with the banner, and reads again afterwards"))
    return rows
