"""The Brief for a person (tables with file and line) and as the JSON contract that other programs read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from redis_plan import units
from redis_plan.brief.model import Brief, Component


def as_json(brief: Brief) -> dict[str, Any]:
    """Return the Brief as plain data.

    ``requirements`` holds demands only; what the documents exclude is in ``excluded``, so that no reader takes it for
    a demand.
    """
    plain = asdict(brief)
    every = plain["requirements"]
    plain["requirements"] = [r for r in every if r["kind"] != "out-of-scope"]
    plain["excluded"] = [r for r in every if r["kind"] == "out-of-scope"]
    shown = ("chosen", "later")
    plain["stack"] = [_component(c) for c in brief.stack if c.status in shown]
    plain["considered"] = [_component(c) for c in brief.stack if c.status not in shown]
    return plain


def _component(component: Component) -> dict[str, Any]:
    """The component under the name that the documents use, with the catalogue's name beside it."""
    return {**asdict(component), "name": component.spelling or component.name, "canonical": component.name}


def print_brief(brief: Brief, console: Console | None = None) -> None:
    """Print the Brief as tables: one a kind, each row with the file and line where it stands."""
    out = console or Console()
    if not out.is_terminal:
        out.width = max(out.width, PIPED_WIDTH)
    out.print(f"[bold]{brief.title}[/bold]  ({', '.join(brief.documents)}; language {brief.language})", highlight=False)
    out.print(f"Redis: [bold]{brief.fit}[/bold]: {brief.fit_because}", highlight=False, markup=True)
    for table in _tables(brief):
        if table.row_count:
            out.print(table)
    for remark in brief.remarks:
        where = f" ({remark.file}:{remark.line})" if remark.file else ""
        out.print(f"{remark.kind}: {remark.text}{where}", highlight=False, markup=False)


def _tables(brief: Brief) -> list[Table]:
    facts = _table("Facts the design is computed from", "fact", "value", "range", "grade", "from")
    for f in brief.facts:
        span = (
            f"{units.write(f.low, f.unit)} – {units.write(f.high, f.unit)}"
            if f.low is not None and f.high is not None
            else ""
        )
        facts.add_row(f.name, units.write(f.value, f.unit), span, f.grade, escape(f.where))
    requirements = _table("Requirements", "id", "kind", "live", "where", "text")
    for r in brief.requirements:
        requirements.add_row(r.id, r.kind, "live" if r.realtime else "", f"{r.file}:{r.line}", _short(r.text))
    quantities = _table("Quantities", "text", "kind", "unit", "design", "where")
    for q in brief.quantities:
        quantities.add_row(q.text, q.kind, q.unit, "yes" if q.design_relevant else "", f"{q.file}:{q.line}")
    entities = _table("Entities", "name", "lifetime", "live", "also called", "where")
    for e in brief.entities:
        entities.add_row(
            e.name, e.lifetime, "live" if e.realtime else "", _short(", ".join(e.aliases), 40), f"{e.file}:{e.line}"
        )
    relations = _table("Relations", "one", "has", "of", "where")
    for relation in brief.relations:
        many = f"at most {relation.at_most:g}" if relation.at_most else "many" if relation.many else "one"
        relations.add_row(relation.source, many, relation.target, f"{relation.file}:{relation.line}")
    access = _table("Access patterns at peak", "who", "does", "what", "mode", "rate", "grade")
    for a in brief.access_patterns:
        access.add_row(a.actor, a.verb, a.entity, a.mode, units.write(a.rate_per_s, "/s"), a.grade)
    stack = _table("Stack", "name", "role", "version", "status", "where")
    for c in brief.stack:
        stack.add_row(c.name, c.role, c.version or "", c.status, f"{c.file}:{c.line}")
    notes = _table("Planning notes", "id", "kind", "where", "text")
    for n in brief.notes:
        notes.add_row(n.id, n.kind, f"{n.file}:{n.line}", _short(n.text))
    own = _table("The team's own keys", "key", "type", "TTL", "where")
    for key in brief.own_keys:
        life = "" if key.ttl_s is None else units.write(key.ttl_s, "s") if key.ttl_s else "none"
        own.add_row(escape(key.pattern), key.type, life, f"{key.file}:{key.line}")
    if brief.name_prefix_where:
        own.add_row(brief.name_prefix or "", "prefix", "", brief.name_prefix_where)
    for setting in brief.own_settings:
        own.add_row(_short(setting.text), "setting", "", f"{setting.file}:{setting.line}")
    restricted = _table("What Redis may not hold, or not for everyone", "kind", "of", "where", "text")
    for limit in brief.restrictions:
        restricted.add_row(
            limit.kind, escape(", ".join(limit.entities)), f"{limit.file}:{limit.line}", _short(limit.text)
        )
    return [restricted, own, facts, requirements, quantities, entities, relations, access, stack, notes]


#: Columns that are never broken: a name or a place that wraps letter by letter can't be read or copied.
_WHOLE = ("id", "where", "kind", "live", "value", "rate", "fact", "range", "grade")
#: The width of a table that goes to a file or another program.
PIPED_WIDTH = 140


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", show_lines=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
    return table


def _short(text: str, limit: int = 90) -> str:
    text = text if len(text) <= limit else text[: limit - 1].rsplit(" ", 1)[0] + "…"
    return escape(text)
