"""Section 8 in words: the version to pin, configuration and users, and what happens when memory is full."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence, Set

import pandas as pd
from IPython.display import Markdown

from redis_plan import resources, units
from redis_plan.brief.model import Brief
from redis_plan.chapters.operations.findings import Operations, TookEffect
from redis_plan.delivery import configuration as conf
from redis_plan.delivery.acl import AclUser
from redis_plan.delivery.configuration import Target
from redis_plan.evidence.decision import Alternative, Decision, Guard
from redis_plan.keyspace import settings
from redis_plan.keyspace.cues import with_article
from redis_plan.keyspace.model import Keyspace
from redis_plan.keyspace.settings import Setting
from redis_plan.server import Fingerprint

_SHOWN = {
    "maxmemory": ("B", "from the capacity model [E-06c]"),
    "bytes_per_session": ("B", "measured [E-06a]"),
    "conn_rate": ("events/s", "sessions_peak x events_per_session: one subscriber connection may see them all"),
    "hard_limit": ("B", "conn_rate x (payload + frame) x 5 s stall x 2"),
    "write_bytes": ("B/s", "append-only file and replication at peak"),
    "connections": ("clients", "gateway_nodes x 12 + 8"),
}


def show_numbers(names: Mapping[str, float]) -> Markdown:
    """Return the derived quantities that the formulas use, as a table."""
    rows = [f"| {name} | {units.write(names[name], unit)} | {why} |" for name, (unit, why) in _SHOWN.items()]
    return Markdown("\n".join(["| Quantity | Value | From |", "|:--|--:|:--|", *rows]))


def policy_decision(keyspace: Keyspace, names: Mapping[str, float], in_force: TookEffect) -> Decision:
    """Return D-09a: what the server does when memory is full."""
    authoritative = [p.name for p in keyspace.keys if p.authoritative]
    chosen = {s.name: s.value for s in settings.settings(keyspace, names)}["maxmemory-policy"]
    took, all_of = in_force.took_effect, in_force.directives
    instead: tuple[Alternative, ...]
    naive = Alternative(
        "the server's defaults", "no maxmemory: the kernel ends the process when the host is full", naive=True
    )
    whole = keyspace.session_noun if keyspace.session_entity else "set of keys that belong together"
    if authoritative:
        because = (
            f"{len(authoritative)} of {len(keyspace.keys)} key patterns are authoritative "
            f"({', '.join(f'`{n}`' for n in authoritative)}). "
            f"An eviction would take a random part of a live {whole} without a word; a refused write is an error that the "
            "writer sees, and what is new is refused at 75 % of maxmemory, before that"
        )
        instead = (
            naive,
            Alternative("volatile-ttl", "evicts what is closest to its TTL: quiet, but live"),
            Alternative("allkeys-lru", f"half of {with_article(whole)} can go while the other half is in use"),
        )
    else:
        because = "every key can be rebuilt from the database or by its writers"
        instead = (naive, Alternative("noeviction", "a full cache refuses writes for no gain"))
    return Decision(
        id="D-09a",
        title=f"maxmemory-policy is {chosen}",
        question="What does the server do when memory is full?",
        decision=f"`maxmemory-policy {chosen}`, with the `maxmemory {names['maxmemory']:.0f}` of section 5.",
        because=f"{because}. {took.value:.0f} of {all_of.value:.0f} directives of this section are in force on the server that ran [{in_force.id}].",
        instead_of=instead,
        costs="Admission control is the application's duty: without it the first refused write hits what is live."
        if authoritative
        else "Hit rate falls silently when memory is short: watch keyspace_misses.",
        holds_while=(Guard("directives in force", took.value, ">=", all_of.value, "directives"),),
    )


def version(brief: Brief, ran: Fingerprint) -> str:
    """Return the advice on which version to pin, beside what the stack names and what this study ran on."""
    table = resources.catalog("versions.toml")
    named = [c for c in brief.stack if c.name.lower() in ("redis", "valkey") and c.status in ("chosen", "later")]
    stack = (
        "The stack names "
        + ", ".join(f"{c.name} {c.version or 'without a version'} ({c.file}:{c.line})" for c in named)
        if named
        else "The stack names no Redis version"
    )
    lines = [
        "### Version",
        "",
        f"{stack}. This study ran on {ran.describe()}. Pin one of these (documented):",
        "",
        *(f"- {table[p]['advice']}: {table[p]['because']}." for p in ("redis", "valkey")),
        "",
        "| Feature this design may use | Redis since | Valkey since |",
        "|:--|:--|:--|",
        *(f"| {f['name']} | {f['redis']} | {f['valkey']} |" for f in table["feature"]),
        "",
        "*Source: release notes and support table, documentation of 2026-08. Grade: documented.*",
    ]
    return "\n".join(lines)


def configuration(chosen: Sequence[Setting], in_force: TookEffect, samples: pd.DataFrame) -> str:
    """Return ``redis.conf`` as a block, and a table of value, default, reason and how each was verified."""
    seen = samples.fillna("").astype(str).set_index("name")
    lines = [
        "### redis.conf",
        "",
        f"{in_force.took_effect.value:.0f} of {in_force.directives.value:.0f} directives took effect on the server that "
        f"ran [{in_force.id}]. Values are modelled from the facts of section 6; defaults were read from the same build.",
        "",
        f"`redis/{conf.FILE}` has what differs from the default of that build and what the design depends on, each line with its reason, its formula and the "
        "sources of its numbers; what it leaves out is listed at its end:",
        "",
        "```conf",
        *(
            setting.line
            for setting in conf.choose(
                chosen, Target(in_force.record.server.product, in_force.record.server.version)
            ).kept
        ),
        "```",
        "",
        "| Directive | Value | Default here | In force | At run time | Because |",
        "|:--|:--|:--|:--|:--|:--|",
    ]
    for setting in chosen:
        row = seen.loc[setting.name]
        lines.append(
            f"| `{setting.name}` | {_readable(setting.value)} | {_readable(str(row['default']))} "
            f"| {_yes(str(row['took_effect']))} | {_yes(str(row['settable_at_run_time']), 'CONFIG SET', 'restart')} | {setting.because} |"
        )
    lines += ["", f"*Source: [{in_force.id}]; formulas in the catalog's settings.toml.*"]
    return "\n".join(lines)


def _granted(user: AclUser, mine: Sequence[str], every: Set[str]) -> str:
    """Say which keys and channels a user may touch: all of section 1's patterns, all but a few, or these."""
    if "~*" in mine:
        return ""
    if not mine:
        return ": no key; the commands"
    without = sorted(every - set(mine))
    if not without and len(mine) > 3:
        return ": every key and channel of *ACL patterns* in section 1, with the commands"
    if len(mine) > 3 and len(without) <= 4 and all(rule[0] != "%" for rule in (*mine, *without)):
        return f": every key and channel of *ACL patterns* in section 1 but {', '.join(f'`{r}`' for r in without)}, with the commands"
    return f": {', '.join(f'`{rule}`' for rule in mine)}, with the commands"


def _wrapped(words: str) -> str:
    """Break a long line of words where a reader would."""
    return textwrap.fill(words, 100, break_long_words=False, break_on_hyphens=False)


def _readable(value: str) -> str:
    """Write large byte numbers with a prefix beside the plain form; an empty value as such."""
    if not value:
        return '`""`'
    if value.isdigit() and int(value) >= 65_536:
        return f"`{value}` ({units.write(float(value), 'B')})"
    return f"`{value}`"


def _yes(flag: str, yes: str = "yes", no: str = "**no**") -> str:
    return yes if flag in ("True", "true") else no


def access(users: Sequence[AclUser], found: Operations) -> str:
    """Return what each user may, with the result of the checks; the rules themselves are in ``users.acl``."""
    checked = found.access
    verdict = (
        f"{checked.as_wanted.value:.0f} of {checked.checks.value:.0f} allowed and forbidden commands were answered as "
        f"wanted by `ACL DRYRUN`, {checked.refused.value:.0f} of them refusals [{checked.id}]. {checked.record.conclusion}"
        if checked
        else f"Not verified on this server: {found.not_run('access')}"
    )
    lines = [
        "### Users",
        "",
        "The default user is off, and keeps its rights, since a server reads its append-only file as that user and drops what it has "
        "no right to (redis/redis issue 14541); each role has its own, with the keys and commands that its work needs: those inside the functions "
        "it calls (by `FCALL`, or as a script by `EVALSHA` and `EVAL`; either runs with its caller's rights), those that it sends "
        f"itself, and what client libraries send on connecting. {verdict}",
        "",
        "`redis/users.acl` has the rules and loads as it is; its password digests are 64 zeros, which no password has, so nobody can "
        "log in until the operator sets them (`redis/README.md` says how). No password stands in this plan or beside it.",
        "",
    ]
    every = {rule for user in users for rule in user.rules if rule[0] in "~%&"} - {"~*", "&*"}
    for user in users:
        mine = [rule for rule in user.rules if rule[0] in "~%&"]
        lines += [f"- **`{user.name}`** ({user.purpose}){_granted(user, mine, every)}", ""]
        if "+@all" not in user.rules:
            commands = " ".join(rule.removeprefix("+") for rule in user.rules if rule[0] == "+")
            lines += [textwrap.indent(f"```text\n{_wrapped(commands)}\n```", "  "), ""]
    lines += [
        "`~` is read and write, `%R~` read only, `&` a channel, `client|id` a subcommand; in front of each command stands `+`. `PSUBSCRIBE` needs a literal "
        "match with an allowed channel pattern, and nobody here has one. Functions are loaded by `admin` at deployment. "
        "Redis speaks TLS to every client outside the host (`tls-port`, `port 0`).",
    ]
    return "\n".join(lines)
