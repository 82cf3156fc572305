"""Build this: the first page of a plan, with what a developer makes; every line of it comes from what is delivered."""

from __future__ import annotations

from collections.abc import Sequence

from redis_plan import units
from redis_plan.actions import diagram
from redis_plan.actions.catalog import FIRST_PHASE
from redis_plan.actions.compose import SESSION_ARGS
from redis_plan.brief.model import Brief
from redis_plan.delivery import configuration as conf
from redis_plan.delivery import library, syncing
from redis_plan.keyspace import naming, settings
from redis_plan.keyspace.calls import SHAPES, Call
from redis_plan.keyspace.model import KeyPattern, Keyspace
from redis_plan.keyspace.settings import Alert
from redis_plan.plan import delivery
from redis_plan.run import Run
from redis_plan.words import capacity, snapshot_block, words
from redis_plan.words.sync_common import applies, is_scripted
from redis_plan.words.tables import clause, lifetime, table


def build_this(brief: Brief, keyspace: Keyspace, run: Run) -> str:
    """Return the page. Raises :class:`MissingStepError` while notebook 06 has not run, whose results it needs."""
    names, actions = capacity.quantities(brief, keyspace, run.evidence.all()), run.load_stories().actions
    chosen = conf.choose(settings.settings(keyspace, names), delivery.target(run)).kept
    return words.render(
        "plan/build", brief, keyspace,
        keys=key_table(keyspace), prefix=_prefix(keyspace),
        environment=naming.ENVIRONMENT, statuses=diagram.statuses(actions), phases=diagram.phases(actions), first_phase=FIRST_PHASE,
        functions=function_table(keyspace), shared=_shared(keyspace), kernel=kernel(keyspace), actions=actions,
        snapshot=snapshot_block.block(keyspace) if applies(keyspace) else "",
        rule=syncing.TYPESCRIPT if is_scripted(brief) else syncing.PYTHON,
        conf="\n".join(setting.line for setting in chosen),
        alerts=_alert_table(settings.alerts(keyspace, names), "page"),
    )  # fmt: skip


def _prefix(keyspace: Keyspace) -> str:
    """Return what the names of one session's keys begin with; "" where there are none."""
    state = keyspace.use("state")
    return state.template.removesuffix(state.name) if state else ""


def key_table(keyspace: Keyspace) -> str:
    """Return every key and channel, those of one session first: name, type, what it holds, bound, TTL."""
    prefix = _prefix(keyspace)
    rows = [
        [f"`{_short_name(p, prefix)}`", p.type, clause(p.holds), _most(p), lifetime(p)]
        for p in sorted(keyspace.patterns, key=lambda p: p.scope == "global")
    ]
    return table(["Name", "Type", "Holds", "At most", "TTL"], rows, right=(3,)) if rows else ""


def _most(pattern: KeyPattern) -> str:
    return "–" if pattern.type == "channel" else f"{pattern.max_elements:,.0f}"


def _short_name(pattern: KeyPattern, prefix: str) -> str:
    return pattern.template.replace(prefix, "…", 1) if prefix else pattern.template


def function_table(keyspace: Keyspace) -> str:
    """Return the functions to call, those of the product's own actions where there are some; "" where there is none."""
    steps = library.steps(keyspace)
    shown = [step for step in steps if step.action] or steps
    rows = [
        [
            _called(step.function.call),
            ", ".join(f"`{user}`" for user in step.function.call.users),
            _does(step.function.call.says),
            _answers(step.function.call, step.action is not None),
        ]
        for step in shown
    ]
    return table(["Function", "Sent by", "Does", "Answers"], rows) if rows else ""


def _shared(keyspace: Keyspace) -> str:
    """Return the arguments in front of those that the table has; "" where no action of a session stands there."""
    return " ".join(SESSION_ARGS) if any(s.action and s.of_session for s in library.steps(keyspace)) else ""


def _called(call: Call) -> str:
    """Return the name of a call with its own arguments."""
    own = call.argv.removeprefix(" ".join(SESSION_ARGS)).strip()
    return f"`{call.name}` `{own}`" if own and call.arguments else f"`{call.name}`"


def kernel(keyspace: Keyspace) -> str:
    """Return the functions behind the product's own, by who sends them; "" where the table has them all."""
    steps = library.steps(keyspace)
    if not any(step.action for step in steps):
        return ""
    sent: dict[str, list[str]] = {}
    for step in steps:
        if not step.action:
            users = " and ".join(f"`{user}`" for user in step.function.call.users)
            sent.setdefault(users, []).append(f"`{step.function.name}`")
    return "; ".join(f"{users}: {', '.join(names)}" for users, names in sent.items())


#: What every action of a product may answer.
_ALWAYS = ("ok", "duplicate", "ended", "gone")


def _answers(call: Call, action: bool) -> str:
    """Return the named results of a call, without those that every action has, or what its reply is."""
    named = [name for name in call.results if not (action and name in _ALWAYS)]
    return ", ".join(f"`{name}`" for name in named) or SHAPES.get(call.shape, "–")


def _does(says: str) -> str:
    """Return what a call does in a few words: its first clause."""
    first = clause(says).split(". ", maxsplit=1)[0].split(": ", maxsplit=1)[0]
    short = first.split(" (", maxsplit=1)[0]
    return short if len(short.split()) > 2 else first


def _alert_table(alerts: Sequence[Alert], severity: str) -> str:
    """Return the alerts of one severity as a table: what, when, and the first step."""
    rows = [
        [
            a.name,
            f"`{a.expression}` {a.op} {a.threshold}" + (f" for {units.write(a.for_s, 's')}" if a.for_s else ""),
            a.first,
        ]
        for a in alerts
        if a.severity == severity
    ]
    return table(["Alert", "When", "First step"], rows)
