"""A reader of built plans: where links lead, how long cells are, which sentence stands twice, which article is wrong."""

import re
from collections import Counter
from pathlib import Path

#: A cell that is longer can't be read in a table.
LONGEST_CELL = 200
_ARTICLE = re.compile(
    r"(?<![\w<-])(?:a (?=(?!eu|one\b|one-|once\b|uni|us[aeiu]|ut[ei]|ur[aeio]|or\b|and\b|is\b|in\b|if\b|as\b|at\b|of\b|on\b|into\b)[aeiou]\w)"
    r"|an (?=[bcdfgjklmnpqrstvwyz][a-z]))",
    re.IGNORECASE,
)


def prose(text: str) -> list[str]:
    """Return the lines outside code blocks."""
    lines, inside = [], False
    for line in text.splitlines():
        fence = line.lstrip().startswith("```")
        if not fence and not inside:
            lines.append(line)
        inside ^= fence
    return lines


def files(folder: Path) -> list[Path]:
    """Return the plan in ``folder`` (a project's ``ai/``) and its appendices."""
    return [folder / "redis-plan.md", *sorted((folder / "redis-plan").glob("*.md"))]


def whole(folder: Path) -> str:
    """Return everything that the plan in ``folder`` and its appendices say."""
    return "\n".join(path.read_text("utf-8") for path in files(folder))


def anchors_of(text: str) -> set[str]:
    """Return what a link into a Markdown file may end with."""
    headings = re.findall(r"^#+ (.+)$", "\n".join(prose(text)), re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)"', text))


def dead_links(plan: Path) -> list[str]:
    """Return the links of a Markdown file whose file or anchor is not there."""
    text = plan.read_text("utf-8")
    anchors = anchors_of(text)
    dead = []
    for target in sorted(set(re.findall(r"\]\(([^)\s]+)\)", "\n".join(prose(text))))):
        file, _, fragment = target.partition("#")
        if re.match(r"https?://", target):
            continue
        led = plan.parent / file
        if file and led.exists() and fragment:
            there = led.read_text("utf-8")
            here = fragment in anchors_of(there) if led.suffix == ".md" else f'id="{fragment}"' in there
        else:
            here = led.exists() if file else fragment in anchors
        if not here:
            dead.append(target)
    return dead


def long_cells(text: str, most: int = LONGEST_CELL) -> list[str]:
    """Return the table cells, links aside, with more than ``most`` characters."""
    rows = [line for line in prose(text) if line.startswith("|")]
    cells = [re.sub(r"\]\([^)]*\)", "]", cell).strip() for row in rows for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
    return [cell for cell in cells if len(cell) > most]


def repeated(text: str, least: int = 90) -> list[str]:
    """Return the sentences of at least ``least`` characters that stand twice in running text."""
    lines = [line for line in prose(text) if not line.startswith(("|", "*", "!", "Accepted"))]
    found = Counter(s.strip() for line in lines for s in re.split(r"(?<=[.;:]) ", line) if len(s.strip()) >= least)
    return [sentence for sentence, times in found.items() if times > 1]


def sections(text: str) -> dict[str, str]:
    """Return the ten sections of a plan by their headings."""
    parts = re.split(r"^## (\d+ .+)$", text, flags=re.MULTILINE)
    return {
        head: re.split(r"^## ", body, flags=re.MULTILINE)[0]
        for head, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs and list items of running text: no table, figure, caption or heading, no link to what is elsewhere."""
    lines = [line for line in prose(text) if line and not line.startswith(("|", "!", "*", "#", "More: "))]
    return [re.sub(r"\]\([^)]*\)", "]", line) for line in lines] + [
        re.sub(r"\]\([^)]*\)", "]", line) for line in prose(text) if line.startswith("**")
    ]


def overcited(text: str) -> list[str]:
    """Return the paragraphs that cite more than one record."""
    return [part for part in paragraphs(text) if len(set(re.findall(r"\[E-\d\d[a-z]+", part))) > 1]


def generic_nouns(text: str) -> list[str]:
    """Return where a sentence says session or member, code and names aside."""
    told = re.sub(r"`[^`]*`|“[^”]*”|<\w+>", "", text)
    return [
        told[max(0, m.start() - 20) : m.end() + 20] for m in re.finditer(r"\b(?:sessions?|members?)\b(?![-_])", told)
    ]


def wrong_articles(text: str) -> list[str]:
    """Return where "a" stands before a vowel's sound, or "an" before a consonant's."""
    told = [re.sub(r"`[^`]*`|\[[^\]]*\]\([^)]*\)|“[^”]*”", "", line) for line in prose(text)]
    return [line[max(0, m.start() - 20) : m.end() + 20] for line in told for m in _ARTICLE.finditer(line)]


def rows_under(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without its head."""
    after = text.split(f"\n### {heading}\n", 1)[1]
    table = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)
    lines = table[0].splitlines()[2:] if table else []
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def contradictions(text: str) -> list[str]:
    """Return what two sections of a plan say differently: a directive's value, a key's TTL, a name nobody registered."""
    found = []
    block = re.search(r"```conf\n(.*?)```", text, re.DOTALL)
    settings = dict(line.split(" ", 1) for line in block[1].splitlines() if line) if block else {}
    for name, value in re.findall(
        r"`(maxmemory|maxmemory-policy|appendfsync|client-output-buffer-limit) ([^`=]+)`", text
    ):
        if name in settings and settings[name] != value:
            found.append(f"{name}: {settings[name]} in redis.conf, {value} elsewhere")
    registered = {row[0].strip("`"): row for row in rows_under(text, "Registry of keys and channels")}
    names = {template.rsplit("}:", 1)[-1].split(":v1:")[-1].split(":")[0]: row for template, row in registered.items()}
    for row in rows_under(text, "TTL of every key"):
        here = names.get(row[0].strip("`"))
        if here is not None and row[1] != here[4].split(",")[0]:
            found.append(f"TTL of {row[0]}: {here[4]} in section 1, {row[1]} in section 3")
    parts = [re.escape(t).replace(r"\{", "{").replace(r"\}", "}") for t in registered]
    known = re.compile("|".join(re.sub(r"<\w+>", r"[^`\\s]+", part) for part in parts) or "$")
    app = re.match(r"(?:<env>:)?([\w-]+):v1:", next(iter(registered), ""))
    if app:
        for name in sorted(set(re.findall(rf"`((?:prod:|<env>:)?{app[1]}:v1:[^`\s]+)`", text))):
            loose = name.replace("prod:", "<env>:", 1) if name.startswith("prod:") else name
            if (
                not name.endswith("…")
                and not known.fullmatch(loose.replace("*", "x"))
                and not known.fullmatch(name.replace("*", "x"))
            ):
                found.append(f"`{name}` is in no registry")
    return found
