"""The function library of a project: every atomic step that its keyspace needs, and no other, with the EVAL form of each."""

from __future__ import annotations

from dataclasses import dataclass

from redis_plan.brief.model import Brief
from redis_plan.delivery import acting, snapshots
from redis_plan.delivery.artefact import Artefact, plain, serves
from redis_plan.keyspace import functions, naming, records
from redis_plan.keyspace.functions import Function
from redis_plan.keyspace.model import Bound, KeyPattern, Keyspace
from redis_plan.remembered import remembered

FILE, SCRIPTS = "functions.lua", "functions-eval"


@dataclass(frozen=True, slots=True)
class Step:
    """A function of the project's library, and the key patterns that it serves beside the session's own."""

    function: Function
    patterns: tuple[KeyPattern, ...] = ()
    action: Bound | None = None  # the action of the project that it carries out

    @property
    def of_session(self) -> bool:
        """Whether it is a change of a session, with version, log and events."""
        return self.function.call.of_session


def common() -> tuple[Function, ...]:
    """Return the catalog's functions outside sessions, whatever a project needs."""
    return tuple(functions.in_file("common.lua").values())


@remembered
def steps(keyspace: Keyspace) -> tuple[Step, ...]:
    """Return the functions that ``keyspace`` needs, in the order of their files."""
    found: list[Step] = []
    if not functions.missing(keyspace):
        instead = acting.replaced(keyspace)
        found += [Step(f) for f in functions.functions().values()]
        rounds = records.rounds(keyspace)
        recorded = tuple(p for p in records.recorded(keyspace) if p.name not in instead)
        found += [Step(records.function(), recorded)] if recorded else []
        found += [Step(records.functions_of()["session_drop"], rounds)] if rounds else []
    for function in common():
        served = tuple(
            p for p in keyspace.keys if (p.use, p.type) in function.call.serves and _fits(function, p, keyspace)
        )
        served = served or tuple(dict.fromkeys(p for _, name, p in acting.called(keyspace) if name == function.name))
        found += [Step(function, served)] if served else []
    found += [Step(function, action=action) for action, function in acting.composed(keyspace)]
    seen = snapshots.function(keyspace)
    return (*found, *([Step(seen, tuple(p.pattern for p in snapshots.parts(keyspace)))] if seen else []))


def _fits(function: Function, pattern: KeyPattern, keyspace: Keyspace) -> bool:
    """Whether the pattern is written by this function: not by a session's, and with the further keys it needs."""
    if records.NAME in pattern.functions:
        return False
    named, there = _named(function), {p.name for p in keyspace.keys}
    if not all(k in there for k in named):
        return False
    if "target" in function.keys:  # what one of them takes by its name is a lock's fence, say, and no lock
        return all(pattern.name not in _named(other) for other in common())
    return not named or pattern.name == named[0]


def _named(function: Function) -> list[str]:
    return [k for k in function.keys if k not in ("target", "from", "to")]


def compose(brief: Brief, keyspace: Keyspace) -> str:
    """Return the library as ``FUNCTION LOAD`` takes it, or "" where the keyspace needs no function."""
    needed = steps(keyspace)
    if not needed:
        return ""
    about = [
        f"#!lua name={keyspace.library}",
        f"-- {plain(brief.title)}: the atomic steps of its keyspace, {len(needed)} functions. Written by redis-plan: the next",
        "-- build writes it again and keeps an edited one aside.",
        "--",
        "-- Load on every primary at each deploy, before the application starts:",
        f"--   redis-cli --user admin -x FUNCTION LOAD REPLACE < {FILE}",
        f"-- Where Functions are missing, each file of {SCRIPTS}/ is the same step for EVAL and EVALSHA.",
    ]
    if any(s.of_session for s in needed):
        about += ["--", "-- Rules the session's functions share", functions.rules()]
    texts = [_with_requirements(step, brief, keyspace) for step in needed]
    made = [step.function for step in needed]
    register = "\n".join(functions.registration(f, keyspace.fcall_name(f.name)) for f in made)
    parts = ["\n".join(about), functions.shared("\n".join(texts)), *texts, f"{_NAMES}\n{register}"]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


_NAMES = "-- Names of functions are the server's, not a library's: with the library's in front two projects share one server."


def _with_requirements(step: Step, brief: Brief, keyspace: Keyspace) -> str:
    """Return the function's text; after its name which keys and requirements it serves."""
    head, _, rest = step.function.source.partition("\n")
    patterns = step.patterns or tuple(p for p in keyspace.keys if step.function.name in p.functions)
    asked = serves(brief, step.action.requirements if step.action else acting.asked_of(step.function.name, keyspace))
    lines = [f"-- {head.removeprefix('-- ').strip()}"]
    if step.action and not asked:
        patterns = tuple(keyspace.pattern(name) for name in step.function.keys)
    if patterns and (step.patterns or not asked):
        lines.append(f"-- For {', '.join(naming.PLACEHOLDER.sub(lambda m: m[0], p.template) for p in patterns)}")
    if asked:
        lines.append(f"-- Serves {asked}")
    return "\n".join([*lines, rest])


def eval_scripts(brief: Brief, keyspace: Keyspace) -> tuple[Artefact, ...]:
    """Return the EVAL form of each function: what it needs of the shared Lua, the function, and a call of it."""
    made = []
    for step in steps(keyspace):
        text = _with_requirements(step, brief, keyspace)
        script = functions.script(step.function, text)
        made.append(Artefact(f"{SCRIPTS}/{step.function.name}.lua", script, f"{step.function.name} for EVAL"))
    return tuple(made)


def commands(keyspace: Keyspace) -> dict[str, tuple[str, ...]]:
    """Return the Redis commands that each function of the library may run here, in capitals.

    Of the log's and the events' forms the chosen ones, of ``session_record`` those that the project's collections need.
    """
    log = keyspace.use("log")
    events = keyspace.use("events")
    sharded = any(p.sharded for p in keyspace.channels)
    published = {"SPUBLISH" if events.sharded else "PUBLISH"} if events else set()
    found = {}
    for step in steps(keyspace):
        called = set(step.function.runs(log.type if log and step.of_session else "list"))
        if {"PUBLISH", "SPUBLISH"} <= called:
            called -= {"PUBLISH", "SPUBLISH"}
            called |= published if step.of_session else {"PUBLISH", *(["SPUBLISH"] if sharded else [])}
        if step.function.name == records.NAME:
            for change in (c for p in step.patterns for c in records.changes(p)):
                called |= {change, *functions.beside()[change]}
        found[step.function.name] = tuple(sorted(called))
    return found
