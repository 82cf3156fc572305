"""The ``redis-plan`` command.

Exit codes: 0 done, 1 the build failed or lint found an error, 2 the input was wrong (one line says what, where and
what to do), 130 stopped.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from redis_plan import __version__
from redis_plan.build import options
from redis_plan.errors import InputError, RedisPlanError

TRACEBACK = "REDIS_PLAN_TRACEBACK"  # the environment variable that asks for a whole traceback

app = typer.Typer(
    name="redis-plan",
    help="Turn a team's documents into a measured Redis architecture plan.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
out = Console()
err = Console(stderr=True)

ProjectArgument = Annotated[
    Path, typer.Argument(help="Folder that holds ai/ or .ai/ with prd.md.", show_default="here")
]


class ProfileName(StrEnum):
    """How much is measured."""

    quick = "quick"
    standard = "standard"
    full = "full"


ProfileOption = Annotated[
    ProfileName, typer.Option(help="How much is measured: quick for a first look, full for a plan to sign.")
]
OutOption = Annotated[
    Path | None,
    typer.Option("--out", help="Write plan and run folder here in place of the project.", show_default=False),
]


def _version(wanted: bool) -> None:
    if wanted:
        out.print(f"redis-plan {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def build(
    project: ProjectArgument = Path(),
    profile: ProfileOption = ProfileName.standard,
    url: Annotated[
        str,
        typer.Option(
            envvar="REDIS_PLAN_URL",
            help="Measure this server (redis://, rediss://, unix://); its data stays untouched.",
        ),
    ] = "",
    only: Annotated[
        list[str] | None, typer.Option(help="Run only this notebook, such as 05; can be repeated.", show_default=False)
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Set a notebook parameter; can be repeated.", show_default=False),
    ] = None,
    out_dir: OutOption = None,
    reuse: Annotated[bool, typer.Option("--reuse", help="Keep measurements whose inputs have not changed.")] = False,
    compare: Annotated[
        str,
        typer.Option(
            metavar="URL|PATH",
            help="Measure this server, too, and compare: a URL, the path of a redis-server or valkey-server, or embedded.",
        ),
    ] = "",
) -> None:
    """Measure, decide and write `ai/redis-plan.md` for a project."""
    from redis_plan.build import progress, study  # noqa: PLC0415  # --help should not wait for it

    order = study.Order(
        project=project,
        profile=profile.value,
        server_url=url,
        only=tuple(options.notebook(name) for part in only or () for name in part.split(",")),
        given=dict(options.assignment(text) for text in param or ()),
        out=out_dir,
        reuse=reuse,
        compare=compare.strip(),
    )
    with progress.shown(err) as watch:
        built = study.build(order, watch)
    _report(built)
    if built.compared:
        _report_comparison(built.compared)


@app.command()
def assemble(
    project: ProjectArgument = Path(), profile: ProfileOption = ProfileName.standard, out_dir: OutOption = None
) -> None:
    """Write the plan again from the last build's notebooks and evidence, measuring nothing."""
    from redis_plan.build import study  # noqa: PLC0415

    _report(study.assemble(study.Order(project=project, profile=profile.value, out=out_dir)))


@app.command()
def read(
    project: ProjectArgument = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print the Brief as JSON.")] = False,
    propose: Annotated[
        bool, typer.Option("--propose", help="Write ai/redis-plan.toml.proposed: what was read, to be corrected.")
    ] = False,
    agent: Annotated[
        bool, typer.Option("--agent", help="Print the correction as a task for a coding assistant.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Verify ai/redis-plan.toml: exit code 1 where something is wrong.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="With --propose: replace a proposal that was edited.")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON Schema of redis-plan.toml.")] = False,
) -> None:
    """Print what the documents ask, each statement with the line where it stands, and what corrects it."""
    wanted = {"--json": as_json, "--propose": propose, "--agent": agent, "--check": check, "--schema": schema}
    given = [name for name, on in wanted.items() if on]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} exclude each other: give one")
    if given and given != ["--json"]:
        from redis_plan.interview import command  # noqa: PLC0415

        text, code = command.run(given[0], project, force)
        sys.stdout.write(text)
        raise typer.Exit(code)
    from redis_plan import brief  # noqa: PLC0415
    from redis_plan.brief import report  # noqa: PLC0415

    if as_json:
        sys.stdout.write(json.dumps(report.as_json(brief.read(project)), ensure_ascii=False, indent=1) + "\n")
    else:
        from redis_plan.interview import summary  # noqa: PLC0415

        summary.print_reading(project, out)


@app.command()
def design(
    project: ProjectArgument = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print the keyspace as JSON.")] = False,
    agent: Annotated[
        bool, typer.Option("--agent", help="Print the design of keys and actions as a task for a coding assistant.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Verify declared keys, actions and own Lua: exit code 2 where one is wrong.")
    ] = False,
) -> None:
    """Print the keys that a project needs, how each is held, and what would change that; measures nothing."""
    if sum((as_json, agent, check)) > 1:
        raise InputError("--json, --agent and --check exclude each other: give one")
    if agent or check:
        from redis_plan.interview import command  # noqa: PLC0415

        text, code = command.run("design --agent" if agent else "design --check", project)
        sys.stdout.write(text)
        raise typer.Exit(code)
    from redis_plan import brief, choice, codec  # noqa: PLC0415
    from redis_plan.actions import designing  # noqa: PLC0415
    from redis_plan.chapters.naming import design_report  # noqa: PLC0415

    asked = brief.read(project)
    found = choice.choose(asked)
    if as_json:
        kept = [
            {"use": use, "kept_in": "state", "fields": fields}
            for use, fields in designing.kept_in_state(asked, found.keyspace)
        ]
        told = json.loads(codec.to_json(found.keyspace))
        told["patterns"] += kept  # a use without a key of its own
        sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=1) + "\n")
    else:
        design_report.print_design(found, asked, out)


@app.command()
def init(
    project: ProjectArgument = Path(),
    agent: Annotated[
        bool, typer.Option("--agent", help="Write both tasks for a coding assistant as a prompt file.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a prompt file that was edited.")] = False,
) -> None:
    """Prepare a project for redis-plan: with --agent, a prompt file that editors with coding assistants pick up."""
    if not agent:
        raise InputError("init has nothing to write without --agent: redis-plan init --agent PROJECT")
    from redis_plan.interview import command  # noqa: PLC0415

    text, _ = command.run("init --agent", project, force)
    sys.stdout.write(text)


@app.command()
def stories(
    project: ProjectArgument = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """Print for each demand which actions carry it out, on which keys, or why none does; measures nothing."""
    from redis_plan.actions import command  # noqa: PLC0415
    from redis_plan.plan import played  # noqa: PLC0415

    run, found = played.of_project(command.read(project), project)
    if as_json:
        sys.stdout.write(command.as_json(found))
    else:
        command.print_stories(found, out, run)


@app.command()
def lint(
    path: Annotated[
        Path,
        typer.Argument(metavar="[PROJECT|KEYSPACE.JSON]", help="A project, or a keyspace.json.", show_default="here"),
    ] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check a published keyspace.json that was edited: exit code 1 where an error is found."""
    from redis_plan.delivery import linting  # noqa: PLC0415

    found = linting.lint_file(path)
    sys.stdout.write((found.as_json() if as_json else found.text()) + "\n")
    if found.unchecked:
        err.print(found.unchecked, highlight=False, markup=False, soft_wrap=True)
    if found.errors:
        raise typer.Exit(1)


@app.command()
def memory(
    type: Annotated[str, typer.Option(help="string, hash, list, set, zset or stream.")] = "hash",
    fields: Annotated[int, typer.Option(min=1, help="Elements a key: fields, members, list elements, entries.")] = 1,
    field_size: Annotated[str, typer.Option(help="Bytes of a field's name or a member; uni:8:40 for a range.")] = "8",
    value_size: Annotated[str, typer.Option(help="Bytes of a value; uni:8:40 for a range, int32 for integers.")] = "20",
    key_length: Annotated[int, typer.Option(min=1, help="Bytes of the key's name.")] = 32,
    count: Annotated[int, typer.Option(min=1, help="Number of keys.")] = 1,
    ttl: Annotated[bool, typer.Option("--ttl", help="Every key has a TTL.")] = False,
    field_ttl: Annotated[bool, typer.Option("--field-ttl", help="Every hash field has a TTL.")] = False,
    entry_fields: Annotated[int, typer.Option(min=1, help="Fields of a stream entry.")] = 1,
    score: Annotated[str, typer.Option(help="Scores of a sorted set: idx, ts, half, big or rand17.")] = "idx",
    step_ms: Annotated[int, typer.Option(min=0, help="Milliseconds between the ids of two stream entries.")] = 1,
    groups: Annotated[int, typer.Option(min=0, help="Consumer groups of a stream.")] = 0,
    pending: Annotated[int, typer.Option(min=0, help="Pending entries in each group.")] = 0,
    batch: Annotated[int, typer.Option(min=0, help="Elements a command; 0: all in one, 1: one by one.")] = 0,
    server: Annotated[
        str, typer.Option(help="Server build, such as redis-7.2-jemalloc; --servers lists some.")
    ] = "7.0.15",
    servers: Annotated[bool, typer.Option("--servers", help="List the server builds.")] = False,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="The server is a node of a cluster, with all slots.")
    ] = False,
    url: Annotated[
        str,
        typer.Option(
            help="Calibrate on this server (redis://, rediss://, unix://): our own keys only, under 3 s, removed again.",
            show_default=False,
        ),
    ] = "",
    table: Annotated[Path | None, typer.Option(help="Predict every row of this CSV.", show_default=False)] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a table as CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Predict the memory of keys before any data exists."""
    from redis_plan.memory import command  # noqa: PLC0415

    if as_csv and (as_json or table is None):
        raise InputError(
            f"--csv {'and --json exclude each other: give one' if as_json else 'prints a table: give --table, too'}"
        )
    build: Any = server
    calibrated: dict[str, Any] = {}
    if url:
        from redis_plan.chapters.memory import calibrating  # noqa: PLC0415

        found = calibrating.at(url)
        build, calibrated = found.build, {"calibration": found.as_json()}
        (err if as_json or as_csv else out).print(found.text() + "\n", highlight=False, markup=False, soft_wrap=True)
    if cluster:
        build = command.clustered(build)
    if servers:
        for build in command.servers():
            out.print(f"{build['id']:<30} {build['family']:<12} {build['allocator']}", highlight=False)
    elif table:
        rows = command.predict_table(table, build)
        if as_json:
            sys.stdout.write(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
        else:
            sys.stdout.write(command.render_csv(rows) if as_csv else command.render_table(rows) + "\n")
    else:
        shape = command.shape_of(
            type=type, key_length=key_length, count=count, fields=fields, field_size=field_size,
            value_size=value_size, ttl=ttl, field_ttl=field_ttl, entry_fields=entry_fields, score=score,
            step_ms=step_ms, groups=groups, pending=pending, batch=batch,
        )  # fmt: skip
        predicted = command.predict(shape, build) | calibrated
        sys.stdout.write((command.render_json(predicted) if as_json else command.render(predicted)) + "\n")


def _report(built: Any) -> None:  # Any: study.Built, which is imported late
    """Print where everything is, and on which server it was measured."""
    rows = []
    if built.published:
        rows += [
            ("plan", built.published.plan),
            ("as data", built.published.record),
            ("artefacts", built.published.artefacts),
            ("pages", built.page),
        ]
    rows += [("run folder", built.run.folder)]
    if built.compared:
        rows += [("comparison", built.compared.path), ("as a page", built.compared.page)]
    for label, path in rows:
        out.print(f"{label:<11} {_short(path)}", highlight=False, soft_wrap=True)
    if built.server:
        out.print(f"{'measured on':<11} {built.server}", highlight=False, soft_wrap=True)
    if built.published is None:
        err.print(
            "no plan assembled: other notebooks have not run yet; redis-plan build runs them all",
            highlight=False,
            soft_wrap=True,
        )
    else:
        from redis_plan.plan import publish  # noqa: PLC0415

        for line in publish.told_of_edits(built.published, _short):
            err.print(line, highlight=False, soft_wrap=True, markup=False)


def _report_comparison(compared: Any) -> None:  # Any: compare.Compared
    """Print what two servers differ in."""
    from redis_plan.plan import comparison  # noqa: PLC0415

    for line in comparison.summary(compared.found):
        out.print(f"  {line}", highlight=False, soft_wrap=True, markup=False)


def _short(path: Path) -> str:
    """Return the path relative to here where it lies below, else in full."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def main() -> None:
    """Run the command; every error of ours is one line on standard error."""
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except RedisPlanError as error:
        err.print(f"redis-plan: {error}", highlight=False, markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except OSError as error:
        err.print(
            f"redis-plan: {error.filename or ''}: {error.strerror}", highlight=False, markup=False, soft_wrap=True
        )
        sys.exit(InputError.exit_code)
    except Exception as error:
        if hasattr(error, "format_message"):  # of the command line's parser: an option or a command that is not there
            _mistyped(error)
            sys.exit(InputError.exit_code)
        if os.environ.get(TRACEBACK):  # a fault of ours: one line, and the way to all of it
            raise
        err.print(f"redis-plan: {_fault(error)}", highlight=False, markup=False, soft_wrap=True)
        sys.exit(RedisPlanError.exit_code)


def _mistyped(error: Any) -> None:  # Any: the parser's exceptions are private to it
    """Say what is wrong with a command line; where there was none, its help is printed already."""
    said = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")
    if said:
        command = error.ctx.command_path if error.ctx else "redis-plan"
        err.print(f"redis-plan: {said}; see {command} --help", highlight=False, markup=False, soft_wrap=True)


def _fault(error: Exception) -> str:
    """Return what to say of an error that nobody foresaw: its kind, its text and where it came up."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    what = " ".join(f"{type(error).__name__}: {error}".split())
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    return f"a fault of redis-plan itself: {what} ({where}); {TRACEBACK}=1 in the environment shows all of it"
