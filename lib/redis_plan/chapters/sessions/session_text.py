"""Section 7 in words: states, functions, lifecycle as commands, ids, re-join, cleanup, limits."""

from __future__ import annotations

import re

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.sessions import artefact_text
from redis_plan.chapters.sessions.findings import Sessions
from redis_plan.delivery import library, sockets, walkthrough
from redis_plan.keyspace import chain, functions, naming, periods, records, seating
from redis_plan.keyspace.cues import plural, with_article
from redis_plan.keyspace.model import Keyspace
from redis_plan.rig.session import rules
from redis_plan.words import command_block, socket_text

_MEMBER = {"member_id": "m7", "connection": "c1"}
_MARK = "presence.mark_away"
_BACK = "presence.back"


def states(brief: Brief, keyspace: Keyspace) -> str:
    """Return the state machine of a session: each transition, its function, what it checks and its answers."""
    noun, idle = keyspace.session_noun, units.write(brief.value("idle_ttl"), "s")
    element = (
        "\n| `open` | `open` | `session_record` (one element of a collection) | as `session_apply`; room for the element; not taken | `gone`; `duplicate`; `conflict`; `full`; `taken` |"
        if records.recorded(keyspace)
        else ""
    )
    return f"""### States of {with_article(noun)}

| From | To | By | Checked in the function | Answer if refused |
|:--|:--|:--|:--|:--|
| – | `open` | `session_create` | no state under this id | `exists`: draw another id, or join it |
| `open` | `open` | `session_join` | exists, not ended; seat taken or `HLEN` roster < capacity | `gone`; `ended`; `full` |
| `open` | `open` | `session_leave`, `session_sweep` | exists; member or lapsed lease there | `gone`; `ended`; `absent` |
| `open` | `open` or a stage of the project's own (field `status`) | `session_apply` | exists, not ended; operation id new; version = expected_version | `gone`; `duplicate`; `conflict` |{element}
| `open` | `ended` | `session_end` | exists; afterwards every change answers `ended`, and `session_catch_up` still answers: the result page stays readable | `again`; `gone` |
| `ended` | `handed_over` | worker: `session_hand_over`, after the commit of the result | has ended | `again`; `open`; `gone` |
| `handed_over` | – | worker: `session_remove` | was handed over; every key that the state notes is given | `open`; `ended`; `unnamed` with the missing ones |
| `open` or later | the same, with another epoch | `session_renew`, where clients and server no longer agree | exists; nothing else is lost, every client takes a snapshot | `same`; `gone` |
| `open`, idle for {idle} | `ended` | worker: `session_end` when `updated_at` is older; TTL as the net | `updated_at` of the state, server TIME | – |

A stage of the project's own is guarded by `expected_version`: who read version 41 and moves on writes only if it is still 41."""


def slots(keyspace: Keyspace) -> str:
    """Return the proof that each function's keys share a slot."""
    found = {slot for slots in functions.slots(keyspace, walkthrough.SESSION).values() for slot in slots}
    listed = ", ".join(map(str, sorted(found)))
    return (
        f"All keys of each call share the hash tag: for the id `{walkthrough.SESSION}` each of the {len(functions.slots(keyspace, walkthrough.SESSION))} functions "
        f"of {with_article(keyspace.session_noun)} has every key in slot {listed} (CRC16, computed; section 1 has the test on a cluster)."
    )


def lifecycle(brief: Brief, keyspace: Keyspace) -> str:
    """Return create, join, change, leave and end as commands, with the keys that exist after each."""
    rule, w = rules(brief, keyspace), walkthrough.Writer(brief, keyspace)
    data = '{"set":{"owner":"m8"}}'
    steps = [
        ("create", w.call("create", fields=f"owner m7 capacity {rule.capacity}"), "created", ["state"]),
        ("join", w.call("join", **_MEMBER), "[1, joined]", ["state", "roster", "presence", "log"]),
        ("change", w.call("apply", op_id=walkthrough.OP, expected_version=1, data=data, fields="owner m8"), "[2, ok]", ["state", "roster", "presence", "log", "idem"]),
        ("heartbeat", w.call("heartbeat", **_MEMBER), "renewed", ["state", "roster", "presence", "log", "idem"]),
        ("sweep", w.call("sweep"), "[] or the lapsed connections", ["state", "roster", "presence", "log", "idem"]),
        ("leave", w.call("leave", **_MEMBER | {"connection": ""}), "[3, left]", ["state", "log", "idem"]),
        ("end", w.call("end"), "[4, ended]", ["state", "log", "idem"]),
        ("hand over", w.call("hand_over"), "[5, handed_over]", ["state", "log", "idem"]),
        ("remove", w.call("remove"), "removed", ["idem"]),
    ]  # fmt: skip
    text = command_block.block(
        command_block.line(keyspace, command, f"{name} → {answer}; keys after it: {', '.join(after)}")
        for name, command, answer, after in steps
    )
    return (
        f"### Lifecycle as commands\n\nNumbers of this project: capacity {rule.capacity:,} ({brief.fact('session_capacity').where}), "
        f"TTL {units.write(rule.ttl_s, 's')}, lease {units.write(rule.lease_ms / 1000, 's')} (reconnect_grace, "
        f"{brief.fact('reconnect_grace').where}, and at least three heartbeats). The `idem` key ends by its TTL of {units.write(rule.idem_ttl_s, 's')}. In front of each command stands the user that sends it.\n\n{text}"
    )


def identities(brief: Brief, keyspace: Keyspace) -> str:
    """Return ids, join codes, seat and connection, re-join and takeover, authorisation."""
    noun, member = keyspace.session_noun, keyspace.member_noun
    code = next((p for p in keyspace.patterns if p.use in ("join-code", "code")), None)
    live = brief.value("sessions_peak")
    length = int(brief.value("code_length"))
    guess = live / 32**length
    join = (
        f"- **Join code** `{code.template}`: {length} characters of `23456789ABCDEFGHJKLMNPQRSTUVWXYZ` without look-alikes (32^{length} = {32**length / 1e9:.2f}e9; "
        f"with {live:g} live {plural(noun)} one guess hits with {guess:.1e}, modelled). Claimed with `SET <key> <session_id> NX EX <ttl>`: nil means taken, draw again, five times at most. Guessing is bounded by the rate limit below."
        if code
        else f"- **No join code** is asked for; {with_article(noun)} is entered by its link, which holds the whole id."
    )
    return f"""### Ids, seats and connections

- **Session id**: 12 characters of Crockford's base 32 from a CSPRNG (section 1), minted by the gateway, never by the client; it is the hash tag of every key of the {noun}.
{join}
- **Three names, kept apart**: user id (who, from the token), {member} id (the seat; field of the roster), connection id (one socket; random, 8 characters). A lease is `<member_id>#<connection>`; both parts pass through the id encoder of section 1, so `#`, `:`, `{{` and `}}` never come from a user.
- **Re-join** takes no second seat: `session_join` with {with_article(member)} id that is in the roster renews the lease and answers the version; the client then catches up.
- **Takeover**: a connection of one {member} beyond {seating.connections(keyspace.actions)} removes the lease that would end first and says so in the event (`d.taken`); the gateway that holds it closes that socket ({sockets.sign(brief, "taken")}). A socket whose lease is gone gets `lapsed` on its heartbeat and must join again, so a zombie cannot act: every command of a socket is preceded by the gateway's own check of its lease state.
- **Authorisation**: the token binds user, {noun} and role; the gateway builds every key and channel name from it and never from a field of a message. Negative tests: another {noun}'s id, a member's id of another {noun}, `*`, `{{}}`, an empty id, a name with a line end."""


def cleanup(brief: Brief, keyspace: Keyspace, found: Sessions) -> str:
    """Return the three layers and the ghost time."""
    period, lease = periods.seconds(brief, "sweep"), chain.lease(brief)
    rule = rules(brief, keyspace)
    text = f"""### Cleanup in three layers

| Layer | Does | When | Alone it ends {with_article(keyspace.session_noun)} after |
|:--|:--|:--|:--|
| 1 `session_end` | publishes `end` and closes it for changes; after `session_hand_over`, `session_remove` `UNLINK`s every key; all run when memory is full (`allow-oom`), and again to no effect | owner ends it, last member left, or the worker finds it idle | at once |
| 2 worker | every {units.write(period, "s")}: `session_sweep` of each {keyspace.session_noun}, whose `lease` entry in the due index comes round (batches of 100 until none is due), `session_end` where `updated_at` is older than {units.write(brief.value("idle_ttl"), "s")} | from the index of section 3, never `KEYS` or `SCAN` | {units.write(brief.value("idle_ttl"), "s")} + {units.write(period, "s")} |
| 3 TTL | {units.write(rule.ttl_s, "s")} on every key, set again by any function when less than half is left | nobody does anything | up to {units.write(rule.ttl_s, "s")} and the lag of active expiry (section 3) |

A cleanup that is interrupted leaves either everything or nothing, since each layer's step is one function; a state that vanished alone makes the next `session_sweep` or `session_create` unlink what is left.

**Ghosts.** A member of a killed gateway is gone after lease + sweep period = {units.write(lease, "s")} + {units.write(period, "s")} at most, and not before lease − heartbeat = {units.write(max(0.0, lease - brief.value("heartbeat")), "s")} (modelled)."""
    if (ghosts := found.ghosts) is None:
        return f"{text} Not measured: {found.why_not('ghosts')}"
    text += "\n\n[figure 07-ghosts]\n\n"
    return (
        f"{text}With short leases the formula gave {ghosts.bound.linked}, a killed process took {ghosts.ghost.full}, and "
        f"{ghosts.leave_events.linked} were published for {ghosts.leave_events.n} members."
    )


def presence(brief: Brief, keyspace: Keyspace) -> str:
    """Return when a silent member is shown as gone and when the seat is free: two deadlines where the documents give two."""
    of = periods.periods(brief)
    shown, seat, sweep = of["presence"], of["lease"], of["sweep"]
    key = functions.session_keys(keyspace, walkthrough.SESSION, environment="prod")["presence"]
    member = keyspace.member_noun
    margin = seat.ms - shown.ms
    if margin <= 0:
        return (
            f"**Silence.** {with_article(member).capitalize()} without a heartbeat for {units.write(seat.seconds, 's')} is gone and gives the seat back "
            f"in one step ({shown.because})."
        )
    named = {s.action.kind: s.function.name for s in library.steps(keyspace) if s.action}
    mark, back = named.get(_MARK, ""), named.get(_BACK, "")
    told = (
        f"For each that it finds the worker calls `{mark}`, which looks once more by the server's clock and tells everybody by an event with a version."
        if mark
        else f'For the second the worker publishes `{{"t":"~away","d":{{"m":"<{member}>"}}}}` on the session\'s channel, a signal: whoever missed it counts '
        f"again. No file beside this plan sends it: until your worker runs these two commands every {units.write(sweep.seconds, 's')}, nobody is told before the seat is free."
    )
    before, silent = f"<now+{margin - sweep.ms}>", f"<now+{margin - 1}>"
    lines = [
        command_block.Line("app", ("ZCOUNT", key, f"<now+{margin}>", "+inf"), "connections that are there"),
        command_block.Line(
            "worker",
            ("ZRANGEBYSCORE", key, before, silent),
            f"fell silent since the last look, {units.write(sweep.seconds, 's')} ago",
        ),
    ]
    return f"""**Silence has two deadlines.** A score in `{key}` is the last heartbeat + {units.write(seat.seconds, "s")}, when the seat is free ({seat.because}). Already after {units.write(shown.seconds, "s")} {with_article(member)} is shown as gone ({shown.because}), and the seat stays. Both are read from the one score, `now` in milliseconds of server TIME:

{command_block.block(lines)}

{told} {_return(member, seat.seconds, back)}"""


def _return(member: str, seat_s: float, back: str) -> str:
    within = f"A heartbeat within the rest of the {units.write(seat_s, 's')} keeps the seat without a join"
    if back:
        return f"{within}; the gateway then calls `{back}` for {with_article(member)} that the state has marked (`away:<{member}>`), and everybody sees it."
    return f"{within}."


#: Commands of one connection a second, and at once: what a hurried hand does, far below what a loop sends (chosen).
_COMMANDS_A_SECOND, _COMMANDS_AT_ONCE = 10, 20
_JOIN, _TRY = "seats.join", "codes.try_code"


def _wrong_codes(keyspace: Keyspace) -> str:
    """Return the row that bounds guessing: wrong codes of one device, as who shares an address joins with others; or ""."""
    tries = next((action for action in keyspace.actions if action.kind == _TRY), None)
    counter = keyspace.use("rate")
    if tries is None or counter is None:
        return ""
    most = dict(tries.values).get("limit", 10)
    asked = f"; {', '.join(tries.requirements[:2])}" if tries.requirements else ""
    return (
        f"| wrong codes a device | {most}/min{asked} | `rate_hit` on `{counter.template}` before the code is looked up, by the id of the "
        f"device and not by its address; a right code's try is given back | refused: the code is not looked up |\n"
    )


def limits(brief: Brief, keyspace: Keyspace) -> str:
    """Return limits, rolling deploys and ticks."""
    noun = keyspace.session_noun
    joins = next((action.name for action in keyspace.actions if action.kind == _JOIN), "session_join")
    return f"""### Limits, deploys, owners

| Limit | Value | Where | Answer |
|:--|:--|:--|:--|
| members {with_article(noun)} | {brief.value("session_capacity"):,g} (`session_capacity`, {brief.fact("session_capacity").where}) | in `{joins}` | `full` |
| connections a member | {seating.connections(keyspace.actions)} | in `{joins}` | takeover: {sockets.sign(brief, "taken")} |
| commands a connection | {_COMMANDS_A_SECOND}/s, {_COMMANDS_AT_ONCE} at once (chosen) | token bucket in the gateway | `slow_down`, then {sockets.sign(brief, "limit")} |
| live {plural(noun)} a user | 5 (chosen) | the service's own record of open {plural(noun)}, before `session_create` | `too_many` |
{_wrong_codes(keyspace)}| log, idem, events | section 3 and 4 | in the functions | trimmed, TTL |

- **Rolling deploy.** The gateway stops accepting, closes sockets ({sockets.sign(brief, "deploy")}) over {units.write(periods.seconds(brief, "drain"), "s")} at random, and exits; leases outlive it ({units.write(chain.lease(brief), "s")}), so nobody loses the seat. Old and new gateways run side by side: functions are only added or extended at the end of ARGV; a changed meaning gets a new name (`session_apply_2`).
- **A tick or a timer** of {with_article(noun)} belongs to the worker that claims it: the due index gives the {noun}, and `session_apply` with `expected_version` is the fencing token: a worker that slept through a pause writes with an old version and gets `conflict`.
- **Operation ids** are ULIDs of the client; a repeated one gets the first version back for {units.write(rules(brief, keyspace).idem_ttl_s, "s")}, longer than any client retries."""


def _by_worker(deleted_by: str) -> str:
    """Return what the worker does, without its name and what comes after it."""
    return re.sub(r"^workers?\b:? ?\(?|\)$", "", deleted_by.split(";", maxsplit=1)[0]).strip()


def registry_note(brief: Brief, keyspace: Keyspace) -> str:
    """Return what section 7 says for a project whose Redis holds no sessions."""
    reason = functions.missing(keyspace)
    worked = [
        f"`{p.name}` ({_by_worker(p.deleted_by)})" for p in keyspace.keys if re.search(r"worker|sweep", p.deleted_by)
    ]
    before = f" A worker removes some of it before the TTL does: {', '.join(worked)}." if worked else ""
    login = (
        ""
        if keyspace.use("auth-session")
        else " A person's login is the session store of the application, not of this plan."
    )
    return "\n".join(
        [
            "### No sessions to manage",
            "",
            f"{reason[0].upper()}{reason[1:]}: no roster, no seats, no catch-up. Each key of section 1 lives by "
            f"itself: its first write makes it, with its TTL in the same step, and *Deleted by* says how it ends.{before}",
            "",
            "**Authorisation.** The service builds key and channel names from the ids in the verified token, through the encoder of section 1 "
            f"(`{naming.encode_id('a:{b}')}` for `a:{{b}}`), never from a field of a message. Negative tests: another person's id, `*`, `{{}}`, an empty "
            f"id, a name with a line end.{login}",
            "",
            "**Cleanup.** The TTL of section 3 ends what nobody removed; section 10 alerts on a key without one.",
        ]
    )


def section(brief: Brief, keyspace: Keyspace, found: Sessions) -> list[str]:
    """Return section 7 as blocks of Markdown, for a project with sessions or without; what was tested is storm_text's."""
    if functions.missing(keyspace):
        return [registry_note(brief, keyspace), *filter(None, [artefact_text.library(brief, keyspace)])]
    return [
        states(brief, keyspace),
        lifecycle(brief, keyspace),
        artefact_text.library(brief, keyspace),
        slots(keyspace),
        identities(brief, keyspace),
        presence(brief, keyspace),
        cleanup(brief, keyspace, found),
        limits(brief, keyspace),
        socket_text.closing(brief),
    ]
