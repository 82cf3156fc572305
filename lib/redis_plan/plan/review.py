"""The HTML review: the executed notebooks and the plan as pages that need no network and run no script.

Text that came from a team's documents stays text: raw HTML in Markdown is shown, never interpreted.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.strings import clean_html
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode, from_dict

from redis_plan.plan import diagrams, opening, sources
from redis_plan.plan.accessible import POLICY, accessible
from redis_plan.plan.exporter import Rendered
from redis_plan.words.sections import APPENDICES

_ANCHOR = re.compile(r'&lt;a id=(?:&quot;|")([ed]-\d\d[a-z]+)(?:&quot;|")&gt;&lt;/a&gt;')
_FOLD = re.compile(
    r"<p>&lt;details&gt;&lt;summary&gt;(All \d+ values)&lt;/summary&gt;</p>(.*?)<p>&lt;/details&gt;</p>", re.S
)
#: A paragraph that is all emphasis: the source note of a table or the caption of a figure.
_NOTE = re.compile(r"<p>(<em>(?:(?!</?em>|</p>).)*</em>)</p>", re.S)
_IMAGE = re.compile(r'<img src="(?:\.\./)?(redis-plan-figures/[\w.-]+)"')
#: A space between a number and its unit, where no line ends.
_UNIT = re.compile(r"(?<=\d) (?=(?:[nµm]?s|[KMG]i?B|kB|B|h|min|%)(?!\w))")
#: A link from the plan or an appendix to another of them, as it stands in Markdown.
_BESIDE = re.compile(r'href="(?:\.\./|redis-plan/)?([\w-]+)\.md(?=["#])')


@cache
def _markdown() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("heading_open", _heading_with_id)
    parser.add_render_rule("table_open", lambda *_: '<div class="tablewrap"><table>')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    parser.add_render_rule("code_inline", _code_that_breaks)
    parser.add_render_rule("fence", _fence)
    parser.add_render_rule(
        "text", lambda _, tokens, index, *__: _UNIT.sub("\N{NO-BREAK SPACE}", html.escape(tokens[index].content))
    )
    return parser


def _code_that_breaks(self: RendererHTML, tokens: Any, index: int, options: Any, env: Any) -> str:
    """Let the long name of a key break after a colon, so that a column of names is no wider than it must be."""
    return f"<code>{html.escape(tokens[index].content).replace(':', ':<wbr>')}</code>"


def _fence(self: RendererHTML, tokens: Any, index: int, options: Any, env: Any) -> str:
    """Draw a diagram, its text folded below; any other block of code is shown as it is."""
    code: str = self.fence(tokens, index, options, env)
    drawn = diagrams.drawn(tokens[index].content) if tokens[index].info == "mermaid" else ""
    folded = f"<details><summary>As text</summary>{code}</details>"
    return f'<figure><div class="tablewrap">{drawn}</div>{folded}</figure>\n' if drawn else code


def _heading_with_id(self: RendererHTML, tokens: Any, index: int, options: Any, env: Any) -> str:
    """Give a heading the id that code hosts give it, so that the same links work in Markdown and in HTML."""
    slug = re.sub(r"[^\w\- ]", "", tokens[index + 1].content.lower()).strip().replace(" ", "-")
    tokens[index].attrSet("id", slug)
    return self.renderToken(tokens, index, options, env)


def markdown_to_html(text: str) -> str:
    """Render CommonMark with tables; raw HTML becomes visible text, our own anchors and folded tables stay what they are."""
    rendered = _NOTE.sub(r'<p class="note">\1</p>', _markdown().render(text))
    rendered = _ANCHOR.sub(r'<a id="\1"></a>', rendered)
    return _FOLD.sub(r"<details><summary>\1</summary>\2</details>", rendered)


class FigureWithText(Preprocessor):
    """Turn an SVG output into an image with its alternative text and caption."""

    def preprocess_cell(self, cell: NotebookNode, resources: Any, index: int) -> tuple[NotebookNode, Any]:
        """Replace the SVG data of each figure output by an HTML figure."""
        for output in cell.get("outputs", ()):
            svg = output.get("data", {}).get("image/svg+xml")
            if svg:
                about = output.metadata.get("redis_plan", {})
                output.data = from_dict({"text/html": figure_html(svg, about.get("alt", ""), about.get("caption", ""))})
        return cell, resources


def figure_html(svg: str, alt: str, caption: str = "") -> str:
    """Return an HTML figure that carries the SVG inside itself."""
    source = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return f'<figure><img src="{source}" alt="{html.escape(alt)}">{below}</figure>'


class _Escaped(str):
    """Highlighted code, which Pygments has escaped: to sanitise it once more takes longer than the rest of a page."""


@cache
def _exporter() -> Any:  # Any: nbconvert's exporters are untyped
    exporter: Any = HTMLExporter(template_name="basic", preprocessors=[FigureWithText])
    exporter.register_filter("markdown2html", markdown_to_html)
    highlight: Any = Highlight2HTML(pygments_lexer="ipython3", parent=exporter)
    exporter.register_filter("highlight_code", lambda source, **more: _Escaped(highlight(source, **more)))
    exporter.register_filter("clean_html", lambda text: text if isinstance(text, _Escaped) else clean_html(text))
    exporter.exclude_input_prompt = exporter.exclude_output_prompt = True
    return exporter


def _body(node: NotebookNode) -> str:
    # not HTMLExporter's own: that parses each page again for alternative texts, which ours have, and takes as long
    body, _ = TemplateExporter.from_notebook_node(_exporter(), node)
    return str(body)


def page(title: str, body: str, names: tuple[str, ...], current: str) -> str:
    """Return a whole page: navigation over the plan and the notebooks, then ``body``, which may load and run nothing."""
    style = files("redis_plan.plan").joinpath("pages/page.css").read_text("utf-8")
    links = "".join(
        f'<a href="{name}.html"{" aria-current=page" if name == current else ""}>{label}</a>'
        for name, label in (
            ("redis-plan", "Plan"),
            *((n, n.replace("_", " ")) for n in names),
            (sources.NAME, "Documents"),
        )
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>\n{style}</style></head>\n'
        f'<body><header class="site"><nav aria-label="Pages">{links}</nav></header>\n<main>\n{accessible(body)}\n'
        "</main></body>\n</html>\n"
    )


def notebook_page(name: str, node: NotebookNode, names: tuple[str, ...]) -> str:
    """Return one executed notebook as a page that opens with its question and what this run answered."""
    return page(name.replace("_", " "), _linked(_body(opening.answered(node))), names, name)


#: A figure's place in the text of a section, as the exporter fills it; here the figure stands in a cell of its own.
_PLACE = re.compile(r"<p>\[figure ([\w-]+)\]</p>")
#: Records that a text cites: "[E-04a]", "[E-03a, E-03b]".
_CITED = re.compile(r"\[([ED]-\d\d[a-z]+(?:, [ED]-\d\d[a-z]+)*)\]")
#: What is code, or stands inside a tag, holds no citation.
_TEXT = re.compile(r"(<pre.*?</pre>|<code.*?</code>|<[^>]*>)", re.DOTALL)


def _linked(body: str) -> str:
    """Return a notebook's page with what its text cites as links to the records, and without the places of figures."""
    parts = _TEXT.split(_PLACE.sub("", body))
    return "".join(part if part.startswith("<") else _CITED.sub(_records, part) for part in parts)


def _records(cited: re.Match[str]) -> str:
    def link(id: str) -> str:
        page = "plan-evidence" if id.startswith("E") else "plan-decisions"
        return f'<a href="{page}.html#{id.lower()}">{id}</a>'

    return ", ".join(map(link, cited[1].split(", ")))


def plan_page(
    title: str, text: str, figures: Mapping[str, str], names: tuple[str, ...], current: str = "redis-plan"
) -> str:
    """Return the plan, or the appendix ``current``, as a page with its figures inside."""

    def inline(match: re.Match[str]) -> str:
        svg = figures[match[1]]
        return f'<img src="data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"'

    body = _IMAGE.sub(inline, markdown_to_html(text))
    body = re.sub(r'href="[^"]*/(\d\d_\w+\.html)', r'href="\1', body)
    body = _BESIDE.sub(lambda m: f'href="{_page_of(m[1])}.html', body)
    return page(title, body.replace("</h1>", f"</h1>\n{_contents(body)}", 1), names, current)


def _page_of(name: str) -> str:
    """Return the name of the page of the plan or of an appendix."""
    return f"plan-{name}" if name in APPENDICES else name


def _contents(body: str) -> str:
    """Return links to the sections of the plan, in the order they stand."""
    found = re.findall(r'<h2 id="([^"]+)">(.*?)</h2>', body)
    links = "".join(f'<li><a href="#{slug}">{text}</a></li>' for slug, text in found)
    return f'<nav class="contents" aria-label="Sections"><ul>{links}</ul></nav>' if found else ""


def write_pages(
    folder: Path,
    title: str,
    plan: Rendered,
    notebooks: Mapping[str, NotebookNode],
    documents: Mapping[str, Sequence[str]],
) -> Path:
    """Write every page into ``folder``; return the plan's page. ``documents`` maps a document's name to its lines."""
    folder.mkdir(parents=True, exist_ok=True)
    names = tuple(notebooks)
    pages = {name: notebook_page(name, node, names) for name, node in notebooks.items()}
    pages["redis-plan"] = plan_page(title, plan.text, plan.figures, names)
    for file, text in plan.appendices.items():
        name = _page_of(Path(file).stem)
        pages[name] = plan_page(f"{title}: {APPENDICES[Path(file).stem].title}", text, plan.figures, names, name)
    for name, made in pages.items():
        (folder / f"{name}.html").write_text(sources.link(made, documents), encoding="utf-8")
    read = page("Documents", sources.body(documents), names, sources.NAME)
    (folder / f"{sources.NAME}.html").write_text(read, encoding="utf-8")
    return folder / "redis-plan.html"
