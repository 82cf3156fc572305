"""The rendered pages need no network, run no script and describe every image."""

import re

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

from redis_plan import resources
from redis_plan.evidence.decision import Decision, Guard
from redis_plan.evidence.store import describe
from redis_plan.measure.finding import Value
from redis_plan.plan import opening, review
from redis_plan.plan.exporter import Rendered
from tests.plan.notebooks import SVG, drew, said
from tests.plan.records import evidence

EVIL = "Hello <script>alert(1)</script> <img src=x onerror=alert(2)> [x](javascript:alert(3))"


def pages(tmp_path):
    node = new_notebook(
        cells=[new_markdown_cell(EVIL, id="evil"), new_raw_cell(EVIL, id="raw"), said(EVIL, 3), drew(3)]
    )
    plan = (
        "# Redis plan: Quiz\n\n"
        + EVIL
        + "\n\nEight players (prd.md:2), not prd.md:3.\n"
        + "\n\n![Line chart.](redis-plan-figures/x.svg)\n\n[E-04a](redis-plan/evidence.md#e-04a)\n"
    )
    records = (
        '| a |\n|:--|\n| <a id="e-04a"></a>E-04a |\n\n'
        "[04](../../data/runs/quick/html/04_expiry.html#cell-id=drew)\n\n[the plan](../redis-plan.md)\n"
    )
    review.write_pages(
        tmp_path,
        "Quiz",
        Rendered(plan, {"redis-plan/evidence.md": records}, {"redis-plan-figures/x.svg": SVG}),
        {"04_expiry": node},
        {"prd.md": ["# Quiz", "<b>Rooms</b> hold 8 players."]},
    )
    return {path.stem: path.read_text("utf-8") for path in tmp_path.glob("*.html")}


def test_no_page_runs_a_script_or_loads_anything(tmp_path):
    for text in pages(tmp_path).values():
        assert not re.search(r"<script|<[^>]+ onerror=|href=\"javascript:", text)
        assert not re.search(r"(src|href)=\"(https?:)?//", text)


def test_raw_html_of_a_document_is_shown_as_text(tmp_path):
    assert "&lt;script&gt;alert(1)" in pages(tmp_path)["04_expiry"]


def test_a_notebook_s_page_opens_with_what_its_run_decided_and_says_what_no_longer_holds():
    held, failed = (
        Decision("D-04a", "t", "Who removes it?", "A worker.", "B", (), "C", (Guard("lag", lag, "<=", 60, "s"),))
        for lag in (1, 90)
    )
    cells = [
        new_markdown_cell("# 04\n\n*When does it go?*", id="title"),
        said(held.render(), 3, "held"),
        said(failed.render(), 3, "failed"),
    ]
    made = review.notebook_page("04_expiry", new_notebook(cells=cells), ("04_expiry",))
    before = made.partition("Question.")[0]
    assert before.index("When does it go?") < before.index("What this run answers") < before.index("Who removes it?")
    assert before.count("A worker.") == 2
    assert before.count("No longer supported by this run.") == 1
    assert 'href="#cell-id=failed"' in before
    assert "What this run answers" not in review.notebook_page("01", new_notebook(cells=cells[:1]), ("01",))


def test_every_image_has_alternative_text(tmp_path):
    images = [image for text in pages(tmp_path).values() for image in re.findall(r"<img [^>]*>", text)]
    assert len(images) == 2
    assert all(re.search(r'alt="[^"]+"', image) for image in images)


def test_a_citation_leads_to_its_row_and_from_there_to_the_cell(tmp_path):
    made = pages(tmp_path)
    assert 'href="plan-evidence.html#e-04a"' in made["redis-plan"]
    assert '<a id="e-04a"></a>' in made["plan-evidence"]
    assert 'href="04_expiry.html#cell-id=drew"' in made["plan-evidence"]
    assert 'href="redis-plan.html"' in made["plan-evidence"]
    assert 'id="cell-id=drew"' in made["04_expiry"]


def test_section_headings_can_be_linked(tmp_path):
    assert '<h1 id="redis-plan-quiz">' in pages(tmp_path)["redis-plan"]


def test_a_citation_of_a_document_leads_to_its_line(tmp_path):
    made = pages(tmp_path)
    assert '(<a class="cite" href="sources.html#prd.md-2">prd.md:2</a>)' in made["redis-plan"]
    assert 'id="prd.md-2" value="2"><span>&lt;b&gt;Rooms&lt;/b&gt; hold 8 players.' in made["sources"]


def test_a_line_that_does_not_exist_is_not_linked(tmp_path):
    assert "not prd.md:3." in pages(tmp_path)["redis-plan"]


def test_a_long_record_folds_its_table_and_a_short_one_shows_it():
    values = [Value(f"p{n}", n, "s", 1) for n in range(20)]
    long, short = (review.markdown_to_html(describe(evidence("E-04a", *some))) for some in (values, values[:3]))
    assert re.search(
        r"<details><summary>All 20 values</summary>\s*<div.*>p19<.*</table></div>\s*</details>", long, re.S
    )
    assert "details" not in short
    assert ">p2<" in short


def test_a_source_note_and_the_long_name_of_a_key_are_set_apart():
    shown = review.markdown_to_html("| a |\n|:--|\n| `app:v1:{<id>}:state` |\n\n*Source: `x`.*\n\nSome *weight* here.")
    assert '<p class="note"><em>Source: <code>x</code>.</em></p>' in shown
    assert "app:<wbr>v1:<wbr>{&lt;id&gt;}:<wbr>state" in shown
    assert "<p>Some <em>weight</em> here.</p>" in shown


def test_the_plan_s_page_opens_with_links_to_its_sections():
    shown = review.plan_page("Plan", "# Redis plan: x\n\n## 1 Key Naming Conventions\n\n### Part\n\n## 2 Data", {}, ())
    assert (
        '<li><a href="#1-key-naming-conventions">1 Key Naming Conventions</a></li><li><a href="#2-data">2 Data</a></li>'
        in shown
    )


def test_a_notebooks_text_links_its_records_and_holds_no_place_for_a_figure_that_stands_elsewhere():
    text = "It took 4 s (measured, [E-04a, E-04c]), so [D-04a] holds.\n\n[figure 03-expiry-lag]\n\n`[E-04a]` is code."
    made = review.notebook_page("04_expiry", new_notebook(cells=[new_markdown_cell(text, id="said")]), ("04_expiry",))
    for id in ("E-04a", "E-04c"):
        assert f'<a href="plan-evidence.html#{id.lower()}">{id}</a>' in made
    assert '<a href="plan-decisions.html#d-04a">D-04a</a>' in made
    assert "[figure" not in made
    assert "<code>[E-04a]</code>" in made


def test_a_notebook_that_decides_nothing_opens_with_its_answer_in_words():
    cells = [new_markdown_cell("# 01\n\n*What is asked?*", id="title"), said("**Answer.** Two demands.", 3)]
    made = review.notebook_page("01_requirements", new_notebook(cells=cells), ("01_requirements",))
    assert "<strong>What this run answers</strong></p>\n<ul>\n<li>Two demands.</li>" in made


def test_what_a_run_answers_has_an_id_that_no_cell_of_a_notebook_has() -> None:
    told = new_output("display_data", {"text/markdown": "**Answer.** Seven live sessions."})
    for path in sorted(resources.notebooks_dir().glob("*.ipynb")):
        node = nbformat.read(path, as_version=4)
        node.cells[-1] = new_code_cell("", id=node.cells[-1].id, outputs=[told])
        ids = [cell.id for cell in opening.answered(node).cells]
        assert len(ids) == len(node.cells) + 1 == len(set(ids))


def test_no_line_ends_between_a_number_and_its_unit_and_code_is_left_alone():
    shown = review.markdown_to_html("It took 7.06 ms, 5 % of 3 KiB, on 2 servers; `SET k 5 s`.")
    for text in ("7.06\N{NO-BREAK SPACE}ms", "5\N{NO-BREAK SPACE}%", "3\N{NO-BREAK SPACE}KiB", "2 servers", "5 s"):
        assert text in shown
