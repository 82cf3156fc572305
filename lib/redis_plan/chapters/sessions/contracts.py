"""Contracts: every function of the project's library with its keys, arguments and answers, and one of them in full."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from redis_plan.brief.model import Brief
from redis_plan.delivery import clients
from redis_plan.delivery import library as library_of
from redis_plan.delivery.artefact import Artefact
from redis_plan.delivery.library import Step
from redis_plan.delivery.operations import operations
from redis_plan.keyspace import records
from redis_plan.keyspace.calls import Call
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import words
from redis_plan.words.tables import listed, table

#: Where a sentence of a contract ends.
_SENTENCE = re.compile(r"(?<=\.)\s+(?=[A-Z])")
#: Functions worth an excerpt, the first that the project has: short, and with every rule of the others in it.
_EXCERPTS = ("session_heartbeat", "rate_hit")
#: What every action of a session may answer.
_ALWAYS = ("ok", "duplicate", "ended", "gone")


def library(brief: Brief, keyspace: Keyspace) -> str:
    """Return the contract of every function, one of them in full, and where the library is; "" where there is none."""
    steps = library_of.steps(keyspace)
    if not steps:
        return ""
    made = Artefact(library_of.FILE, library_of.compose(brief, keyspace), "")
    excerpt = next((s for name in _EXCERPTS for s in steps if s.function.name == name), steps[0])
    acting = [step.function.call for step in steps if step.action and step.of_session]
    shared = _shared(acting)
    return words.render(
        "chapters/sessions/functions", brief, keyspace, name=keyspace.library,
        file=made.path, made=f"`redis/{made.path}` (SHA-256 `{made.sha256}`)", scripts=library_of.SCRIPTS,
        python=clients.PYTHON, typescript=clients.TYPESCRIPT, node_library=clients.library_for(brief),
        methods=len(operations(brief, keyspace)), of_sessions=any(s.of_session for s in steps),
        by_round=listed(p for p in records.rounds(keyspace) if p.ttl.policy == "sliding"),
        contracts=table(["Function", "KEYS", "ARGV", "Does"], [_row(step) for step in steps]), arguments=_arguments(steps),
        answers=_answers([step for step in steps if step.function.call not in acting]),
        always=_told({name: acting[0].results[name] for name in _ALWAYS}) if acting else "",
        shared=_told(shared), refusals=_refusals(acting, shared), shown=excerpt.function.name, lua=_code(excerpt),
    )  # fmt: skip


def _row(step: Step) -> list[str]:
    f = step.function
    flags = f" `{' '.join(f.flags)}`" if f.flags else ""
    if step.of_session:
        keys = " ".join(f.keys) + (" …" if f.more_keys else "")
        if step.patterns:
            keys = keys.replace("target", " / ".join(p.name for p in step.patterns))
    else:
        keys = ", ".join(f"`{p.template}`" for p in step.patterns)
    return [f"`{f.name}`{flags}", keys, f"`{f.args}`", _ticked(_SENTENCE.split(f.returns, maxsplit=1)[0])]


def _arguments(steps: Sequence[Step]) -> str:
    """Return what each argument is; where it is something else in a few functions, that stands behind."""
    meant: dict[str, Counter[str]] = {}
    for argument in (a for step in steps for a in step.function.call.arguments):
        meant.setdefault(argument.name, Counter())[" ".join(argument.says.split())] += 1
    rows = [
        [f"`{name}`", _ticked(_in_a_cell([each for each, _ in said.most_common()]))]
        for name, said in sorted(meant.items())
    ]
    return table(["Argument", "Is"], rows) if rows else ""


#: Characters of a cell that is still read.
_CELL = 180


def _in_a_cell(meanings: Sequence[str]) -> str:
    """Return as many of the meanings as a cell holds, the usual one first."""
    told = meanings[0]
    for other in meanings[1:]:
        told = longer if len(longer := f"{told} / {other}") <= _CELL else told
    return told


def _answers(steps: Sequence[Step]) -> str:
    """Return what the contracts say beyond what is done, one item a function."""
    rest = [(s.function.name, _SENTENCE.split(" ".join(s.function.returns.split()), maxsplit=1)[1:]) for s in steps]
    return "\n".join(f"- `{name}`: {_ticked(more[0])}" for name, more in rest if more)


def _shared(acting: Sequence[Call]) -> dict[str, str]:
    """Return what a refusal means in most of the actions that have it, where several do."""
    meant: dict[str, Counter[str]] = {}
    for call in acting:
        for name, about in call.results.items():
            meant.setdefault(name, Counter())[about] += 1
    usual = {name: counts.most_common(1)[0] for name, counts in meant.items() if name not in _ALWAYS}
    return {name: about for name, (about, times) in usual.items() if times > 1}


def _refusals(acting: Sequence[Call], shared: Mapping[str, str]) -> str:
    """Return what each action says of itself and what it refuses as, one item an action, told where it means something else."""
    lines = []
    for call in acting:
        own = {name: about for name, about in call.results.items() if name not in _ALWAYS}
        told = _told({name: "" if shared.get(name) == about else about for name, about in own.items()})
        more = _SENTENCE.split(f"{call.says}.", maxsplit=1)[1:]
        if said := " ".join((*more, *([f"{told}."] if told else []))):
            lines.append(f"- `{call.name}`: {_ticked(said)}")
    return "\n".join(lines)


def _told(results: Mapping[str, str]) -> str:
    return "; ".join(f"`{name}`{': ' if about else ''}{about}" for name, about in results.items())


def _ticked(text: str) -> str:
    """Turn quotes into code: a name in angle brackets would vanish as HTML."""
    return re.sub(r'"([^"]*)"', lambda m: f"`{m[1]}`" if m[1] else '`""`', text)


def _code(step: Step) -> str:
    lines = step.function.source.splitlines()
    return "\n".join(line for line in lines if not line.startswith(("-- Reply", "-- FOR")))
