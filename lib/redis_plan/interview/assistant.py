"""A task for a coding assistant: everything that it needs to write a correct ``redis-plan.toml``, in one text.

The documents stand in it with line numbers, so that each entry can cite the line that says so; ``redis-plan read
--check`` holds those citations against the documents.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache

from redis_plan import resources
from redis_plan.brief.overrides import NAME
from redis_plan.brief.overrides.published import reference
from redis_plan.brief.overrides.vocabulary import use_words
from redis_plan.interview.proposal import render
from redis_plan.interview.reading import Reading, open_points
from redis_plan.interview.writing import comment
from redis_plan.keyspace.catalog import use_patterns

#: Weak readings that are put as questions, of them lines that may be no demands, and example demands a use.
QUESTIONS, DOUBTFUL, EXAMPLES = 12, 5, 3


def task(reading: Reading) -> str:
    """Return the task as Markdown."""
    brief = reading.brief
    parts = [
        f"# Correct how redis-plan read “{brief.title}”",
        (resources.catalog_dir() / "assistant.md").read_text("utf-8").replace("$file", f"ai/{NAME}").strip(),
        "## The documents\n\n" + MARKS + "\n\n" + "\n\n".join(documents(reading)),
        "## What was read: the proposal\n\nThis text is the file as it would be without you (`redis-plan read --propose` "
        "writes the same). Start from it.\n\n" + fenced(render(reading), "toml"),
        "## Open points\n\n" + "\n".join(_questions(reading)),
        "## What the file may say\n\n" + reference(),
        "## The uses of Redis\n\n" + "\n".join(_vocabulary()),
    ]
    return "\n\n".join(parts) + "\n"


#: What the marks in front of the documents' lines mean.
MARKS = (
    "Each line stands with its number and with what it was read as: `L` a live demand, `D` another demand, "
    "`x` out of scope, no mark: no demand."
)


def documents(reading: Reading) -> Iterator[str]:
    """Yield each document with the number of every line and what it was read as."""
    marks = {
        (r.file, r.line): "x" if r.kind == "out-of-scope" else "L" if r.realtime else "D"
        for r in reading.brief.requirements
    }
    for name, lines in reading.lines.items():
        numbered = "\n".join(f"{n:>5} {marks.get((name, n), ' ')} {line}".rstrip() for n, line in enumerate(lines, 1))
        yield f"### {name}\n\n" + fenced(numbered, "text")


def fenced(text: str, language: str) -> str:
    """Return ``text`` in a fence that it doesn't close itself."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _questions(reading: Reading) -> Iterator[str]:
    """Yield what is least sure, and what no document was seen to say."""
    demands = [point for point in open_points(reading) if point.path[0] == "demands"]
    others = [point for point in open_points(reading) if point.path[0] != "demands"]
    for point in (*others[:QUESTIONS], *demands[:DOUBTFUL]):
        says = f" = {point.says}" if point.says else ""
        text = comment(reading.text(point.file, point.line))
        place = point.where or "said nowhere"
        yield f"- `{point.key}`{says} ({point.confidence:.2f}, {place}): right?" + f" “{text}”" * bool(text)
    unsaid = ", ".join(f"`{fact.name}`" for fact in reading.brief.assumptions)
    if unsaid:
        yield f"- No line was seen that says these facts, and a usual value is assumed: {unsaid}. Does one say it?"
    for remark in reading.brief.remarks:
        where = f" ({remark.file}:{remark.line})" if remark.file else ""
        yield f"- {remark.kind}: {comment(remark.text, 300)}{where}"


def _vocabulary() -> Iterator[str]:
    """Yield every use with its meaning, where it lives, and demands that call for it or only sound like it."""
    machinery = {pattern.use for pattern in use_patterns() if pattern.machinery}
    for word in use_words().values():
        if word.use in machinery:
            continue
        lives = {"session": "in a session", "no-session": "usually without sessions"}.get(word.needs, "anywhere")
        calls, sounds = _examples().get(word.use, ((), ()))
        yield f"- `{word.use}` ({lives}): {word.title}. {word.purpose}"
        if calls:
            yield "  - calls for it: " + "; ".join(f"“{text}”" for text in calls[:EXAMPLES])
        if sounds:
            yield "  - only sounds like it: " + "; ".join(f"“{text}”" for text in sounds[:EXAMPLES])


@cache
def _examples() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return for each use the example demands of the catalog that call for it, and those that only sound like it."""
    path = resources.catalog_dir() / "examples" / "uses.toml"
    if not path.exists():
        return {}
    found: dict[str, tuple[list[str], list[str]]] = {}
    for entry in tomllib.loads(path.read_text("utf-8")).get("example", ()):
        calls, sounds = found.setdefault(entry.get("label") or entry.get("like", ""), ([], []))
        (calls if "label" in entry else sounds).extend(entry["texts"])
    return {use: (tuple(calls), tuple(sounds)) for use, (calls, sounds) in found.items()}
