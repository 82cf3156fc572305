"""Text of section 1: the grammar of names, the registry of every key and channel, and how names change."""

from __future__ import annotations

from collections.abc import Sequence

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.naming.findings import Drift
from redis_plan.delivery import registry as registry_file
from redis_plan.keyspace import bounds, naming
from redis_plan.keyspace.cues import plural, with_article
from redis_plan.keyspace.model import Keyspace
from redis_plan.words.tables import counted, lifetime, table


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


def grammar(keyspace: Keyspace) -> str:
    """Return the grammar of names with one example, and how user text is kept inside its segment."""
    first = keyspace.keys[0].template if keyspace.keys else f"{keyspace.app}:v1:x"
    tagged = any(naming.hash_tag(p.template) for p in keyspace.keys)
    tag = (
        f"The hash tag is the {keyspace.session_noun}'s id and nothing else: all keys of one {keyspace.session_noun} "
        f"lie in one slot, those of two {plural(keyspace.session_noun)} need not."
        if keyspace.session_entity
        else "Nothing in these documents is joined and left. A name has a hash tag only where several keys change in one "
        f"step{'; it is the id of what they belong to' if tagged else ', and here none do'}."
    )
    return "\n".join(
        [
            "### Grammar",
            "",
            "```ebnf",
            naming.EBNF,
            "```",
            "",
            f"As a regular expression, for a check at the edge of the service, it is `grammar.key` in `redis/{registry_file.FILE}`.",
            "",
            f"- {tag} Only the first `{{…}}` of a name counts, so an id holds no brace, and an empty id is refused: `{{}}` "
            "would hash the whole name (Redis cluster specification; documented).",
            f"- `<id>` stands for a value encoded as percent-encoded UTF-8 of everything outside `[A-Za-z0-9_.-]`; what "
            f"is longer than {naming.MAX_ID_BYTES} B becomes `~` and the first 40 hex digits of its SHA-256. A colon, a brace, a blank, a "
            f"newline or a NUL in a user's text can't end a segment. `a:b}}` becomes `{naming.encode_id('a:b}')}`.",
            f"- Ids that the service mints ({plural(keyspace.session_noun) if keyspace.session_entity else 'records'}, operations) are 12 characters of Crockford's base 32 "
            "from a CSPRNG (60 bits; two of 10^6 collide with probability 4e-7) and ULIDs.",
            "- Names are built on the server from the id in the verified token, never from a name that a client sends.",
            "- No e-mail address, telephone number, network address, token or password stands in a name: names show in "
            "SLOWLOG, MONITOR, notifications and dumps. Where one is looked up, its HMAC or SHA-256 stands there.",
            f"- Example: `{naming.example(first)}`.",
        ]
    )


def registry(keyspace: Keyspace, brief: Brief) -> str:
    """Return the one table of every key and channel."""
    if not keyspace.patterns:
        return "\n".join(
            ["### Registry of keys and channels", "", *_hardly(brief), "No key and no channel is proposed."]
        )
    rows = []
    for p in keyspace.patterns:
        often = (
            f"{p.per_session:,.0f} in all"
            if p.scope == "global"
            else f"{p.per_session:,.0f} {with_article(keyspace.session_noun)}"
        )
        rows.append(
            [
                f"`{p.template}`",
                p.type,
                p.holds,
                "; ".join(p.writers),
                lifetime(p),
                p.deleted_by,
                f"{p.max_elements:,.0f} × {often}",
                p.at_bound,
                f"`{naming.example(p.template)}`, {bounds.name_bytes(p)} B at most",
            ]
        )
    header = ["Pattern", "Type", "Holds", "Written by", "TTL", "Deleted by", "Elements × keys", "At the bound", "Example, bytes of a name"]  # fmt: skip
    shared = (
        ("session_capacity", "events_per_session", "idle_ttl", "reconnect_grace") if keyspace.session_entity else ()
    )
    sources = _sources(brief, ("sessions_peak", "members_per_session", *shared))
    return "\n".join(
        [
            "### Registry of keys and channels",
            "",
            *_hardly(brief),
            f"Everything that the application stores or publishes, {counted(len(keyspace.keys), 'key')} and "
            f"{counted(len(keyspace.channels), 'channel') if keyspace.channels else 'no channel'}. What is not in this table does not exist; section 2 has the fields and whom each key serves, section 3 where its TTL comes from, section 5 its bytes.",
            "",
            table(header, rows),
            "",
            f"*Bounds and TTLs are modelled from {sources}. Bytes of a name are modelled: the longest one with minted ids.*",
        ]
    )


def _hardly(brief: Brief) -> list[str]:
    """Return a first paragraph for a project that hardly needs Redis."""
    if brief.fit != "no":
        return []
    return [
        "**This project can do without Redis**: *In one minute* has the reason. What follows is only what would still help.",
        "",
    ]


def _sources(brief: Brief, names: Sequence[str]) -> str:
    facts = [brief.fact(name) for name in names]
    return "; ".join(f"`{f.name}` {units.write(f.value, f.unit)} ({f.where})" for f in facts)


def cross_session(keyspace: Keyspace) -> str:
    """Return the keys that belong to no single session, with the rule that keeps them consistent."""
    apart = [p for p in keyspace.keys if p.scope == "global"]
    if not apart:
        return f"### Keys across {plural(keyspace.session_noun)}\n\nNone: every key belongs to one {keyspace.session_noun}."
    rows = []
    for p in apart:
        ids = ", ".join(f"`<{name}>`" for name in naming.placeholders(p.template) if name != "env") or "one key"
        split = "16 buckets, CRC16(id) mod 16" if "<bucket>" in p.template else f"by {ids}"
        rows.append([f"`{p.name}`", p.holds, split])
    rule = (
        f"They lie in other slots than the {keyspace.session_noun}'s keys, so no function changes both. The rule: the "
        f"{keyspace.session_noun}'s own state decides, an entry here is a hint that may be late or stale. It is written "
        f"*after* the {keyspace.session_noun}'s function has answered, its reader checks `state` first, and a hint to "
        f"something that is gone is removed by whoever finds it."
        if keyspace.session_entity
        else "What must change together shares a hash tag; every other key is complete in itself."
    )
    return "\n".join(
        [
            f"### Keys across {plural(keyspace.session_noun)}"
            if keyspace.session_entity
            else "### How the keys are spread",
            "",
            rule,
            "",
            table(["Key", "Holds", "Spread"], rows),
        ]
    )


def channels(keyspace: Keyspace) -> str:
    """Return what holds for channel names."""
    if not keyspace.channels:
        return "### Channels\n\nNone: nothing in these documents asks for a push to connected clients through Redis."
    names = ", ".join(f"`{p.template}`" for p in keyspace.channels)
    return "\n".join(
        [
            "### Channels",
            "",
            f"{names}. `<env>` is `prod`, `staging` or `ci`: Pub/Sub ignores database numbers, so the name alone keeps "
            "environments apart (Redis documentation, Pub/Sub). A channel with a hash tag may become a sharded one (`SSUBSCRIBE`, 7.0) "
            "without a new name. Pattern subscriptions are not used: each one held by anyone is matched at every PUBLISH.",
        ]
    )


def access_patterns(keyspace: Keyspace) -> str:
    """Return the patterns as ACL rules take them; section 8 uses the same strings."""
    keys = " ".join(dict.fromkeys(f"~{naming.acl_pattern(p.template)}" for p in keyspace.keys))
    found = " ".join(dict.fromkeys(f"&{naming.acl_pattern(p.template)}" for p in keyspace.channels))
    return "\n".join(
        [
            "### ACL patterns",
            "",
            "Each template with `*` for its placeholders; the environment stays a literal, since users are made for each one "
            f"(`{naming.ENVIRONMENT}` here). Section 8 gives each user those that its work needs, as they stand here; with `%R` in front where it only reads.",
            "",
            "```text",
            *filter(None, [keys, found]),
            "```",
        ]
    )


def migration(keyspace: Keyspace) -> str:
    """Return how a name or a format changes while two versions of the application run."""
    app, now = keyspace.app, keyspace.schema_version
    second = (
        f"New {plural(keyspace.session_noun)} are created under `{app}:v{now + 1}:…`; running ones end under the version they began with. "
        "The version travels in the token, so that both applications build the same name."
        if keyspace.session_entity
        else f"Writers write `{app}:v{now + 1}:…`, readers take it first and `v{now}` where it is missing; caches are filled anew."
    )
    return "\n".join(
        [
            "### Change of names and formats",
            "",
            f"`v{now}` in the name is the version of the schema. Adding a field or an event type keeps it: readers ignore what "
            "they don't know. A changed type, meaning or name makes a new version:",
            "",
            f"1. Deploy readers that know both; writers still write `{app}:v{now}:…`.",
            f"2. {second}",
            "3. After the longest TTL of section 3 nothing of the old version is left; remove its code and its ACL patterns.",
            "",
            "Nothing is renamed in place: RENAME can't cross slots and carries the TTL of the source. Both versions' patterns "
            "are in the ACL during step 2.",
        ]
    )


def listing(keyspace: Keyspace) -> str:
    """Return which key answers each need to list, so that nobody reaches for KEYS or SCAN."""
    indexes = [p for p in keyspace.keys if p.scope == "global" and p.type in ("zset", "set", "list", "stream", "hash")]
    rows = [
        [p.holds, f"`{p.name}`", f"`{p.candidate.read[0].replace('<key>', p.name)}`" if p.candidate else "–"]
        for p in indexes
    ]
    return "\n".join(
        [
            "### No KEYS, no SCAN",
            "",
            "`KEYS` blocks the server and `SCAN` reads every name to find a few; section 8 gives the user `app` neither. "
            + (
                "What must be listed has an index of its own:"
                if rows
                else "Nothing has to be listed: every key is reached by an id."
            ),
            *(["", table(["To list", "Index", "Command"], rows)] if rows else []),
        ]
    )


def drift_check(drift: Drift | None = None) -> str:
    """Return a script that finds keys which the registry does not know; for CI and staging, never for production's path."""
    seen = (
        f" The same comparison after sessions played by the functions: {drift.faults.linked} of {drift.keys.linked} deviate, "
        f"and it finds {drift.planted_found.linked} of {drift.planted.linked} that were planted."
        if drift
        else ""
    )
    return "\n".join(
        [
            "### Drift check",
            "",
            f"After the test run in CI or staging, `python drift.py redis://… redis/{registry_file.FILE}`; it ends with status 1 if a key matches no pattern, has another type, or has no "
            "TTL and no right to that." + seen,
            "",
            "```python",
            "import json, re, sys",
            "import redis",
            "",
            f'ID = r"{naming.ID.pattern}"',
            "REGISTRY = [  # name, type, may live without a TTL",
            '    (re.sub(r"<\\w+>", lambda _: ID, re.escape(k["template"])), k["type"], k["ttl"]["policy"] == "none")',
            '    for k in json.load(open(sys.argv[2], encoding="utf-8"))["keys"]',
            "]",
            "client, faults = redis.Redis.from_url(sys.argv[1], decode_responses=True), []",
            'for key in client.scan_iter(match="*", count=1000):',
            "    entry = next((e for e in REGISTRY if re.fullmatch(e[0], key)), None)",
            "    if entry is None:",
            '        faults.append(f"{key}: not in the registry")',
            "    elif client.type(key) != entry[1]:",
            '        faults.append(f"{key}: {client.type(key)} instead of {entry[1]}")',
            "    elif client.ttl(key) == -1 and not entry[2]:",
            '        faults.append(f"{key}: no TTL")',
            'print("\\n".join(faults) or "0 faults")',
            "sys.exit(bool(faults))",
            "```",
        ]
    )


def what_lint_says(keyspace: Keyspace) -> str:
    """Return the linter's findings, or that there are none."""
    if not keyspace.findings:
        return "The linter has no finding."
    rows = [[f.rule, f.severity, f"`{f.pattern}`", f.message, f.fix] for f in keyspace.findings]
    return "\n".join(["### What the linter says", "", table(["Rule", "Severity", "Key", "Finding", "Fix"], rows)])
