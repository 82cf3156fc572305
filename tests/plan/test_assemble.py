"""From executed cells to ten sections."""

import pytest
from nbformat.v4 import new_markdown_cell, new_notebook, new_output

from redis_plan.errors import PlanError
from redis_plan.evidence.decision import Alternative, Decision, Guard
from redis_plan.measure.finding import Value
from redis_plan.plan import assemble
from redis_plan.plan.assemble import Executed
from redis_plan.words.decision_table import decision_table
from redis_plan.words.sections import SECTIONS
from tests.plan.notebooks import drew, full, measured, said, wrote
from tests.plan.records import evidence


def study(*cells, records=("E-04a",)):
    known = {id: evidence(id, Value("p50", 26.2, "s", 300, 25.1, 27.4)) for id in records}
    return Executed({"04_expiry": full(*cells)}, known, ())


def test_a_markdown_cell_is_copied_and_a_code_cell_gives_its_output_never_its_code():
    body = assemble.sections(study(wrote("By hand.", 3), said("By code.", 3)))[3]
    assert "By hand." in body
    assert "By code." in body
    assert "study.say" not in body


def test_cells_are_ordered_by_section_then_notebook_then_position():
    nodes = {"05_b": full(wrote("second", 4)), "03_a": full(wrote("first", 4), wrote("still first", 4, "again"))}
    body = assemble.sections(Executed(nodes, {}, ()))[4]
    assert body.index("first") < body.index("still first") < body.index("second")


def test_text_outside_tagged_cells_never_reaches_the_plan():
    body = "".join(assemble.sections(study(new_markdown_cell("Private remark."))).values())
    assert "Private remark" not in body


@pytest.mark.parametrize("number", SECTIONS)
def test_a_section_without_text_fails_and_names_itself(number):
    node = full()
    node.cells = [cell for cell in node.cells if cell.id != f"s{number}"]
    with pytest.raises(PlanError, match=rf"section {number} \({SECTIONS[number]}\) is empty: no cell is tagged"):
        assemble.sections(Executed({"01_x": node}, {}, ()))


def test_a_section_of_headings_only_counts_as_empty_and_names_its_cells():
    node = full()
    node.cells[6].source = "### Only a heading"
    with pytest.raises(PlanError, match=r"section 7 .* its cells 01_x/s7 say nothing"):
        assemble.sections(Executed({"01_x": node}, {}, ()))


def test_a_figure_without_evidence_fails_with_section_and_cell():
    with pytest.raises(PlanError, match=r"section 3 \(TTL.*notebook 04_expiry, cell drew: 04-lag cites no evidence"):
        assemble.sections(study(drew(3, draws=())))


def test_a_figure_without_alternative_text_fails():
    with pytest.raises(PlanError, match="04-lag has no alternative text"):
        assemble.sections(study(drew(3, alt="")))


def test_a_figure_of_unrecorded_evidence_fails():
    with pytest.raises(PlanError, match="cites E-04z, which this run did not record"):
        assemble.sections(study(drew(3, draws=("E-04z",))))


def test_two_figures_of_one_name_fail():
    with pytest.raises(PlanError, match="a second figure is called 04-lag"):
        Executed({"04_a": full(drew(3)), "05_b": full(drew(3, svg="<svg/>"))}, {}, ()).figures()


def test_a_citation_becomes_a_link_and_an_unknown_one_fails():
    assert "[E-04a](redis-plan/evidence.md#e-04a)" in assemble.sections(study(said("Gone after 26 s [E-04a].", 3)))[3]
    with pytest.raises(PlanError, match="cell said cites E-09q"):
        assemble.sections(study(said("See [E-09q].", 3)))


def test_evidence_that_nothing_cites_is_found():
    assert assemble.unused_evidence(study(said("[E-04a]", 3), records=("E-04a", "E-04b"))) == ("E-04b",)


def test_the_cell_that_shows_a_record_is_known():
    assert study(measured("E-04a", "expiry-lag")).evidence_cells == {"E-04a": ("04_expiry", "expiry-lag")}


def test_limits_are_gathered_from_their_heading_only():
    cell = new_markdown_cell(
        "## What this does not show\n\n- Clusters,\n  large ones.\n- TLS.\n\n## Plan text\n\n- not this"
    )
    assert study(cell).limits == ("Clusters, large ones.", "TLS.")


def test_an_appendix_takes_its_cells_under_their_section_and_the_plan_links_to_them():
    made = study(said("Short.", 3), said("### All of it\n\nLong, measured [E-04a].", 3, "long", appendix="keys"))
    body = assemble.sections(made)[3]
    assert "Long" not in body
    assert "More: [Keys, fields and lifetimes](redis-plan/keys.md#3-ttl-and-expiration-policies)." in body
    assert assemble.appendix(made, "keys") == (
        "## 3 TTL and Expiration Policies\n\n### All of it\n\nLong, measured [E-04a](evidence.md#e-04a)."
    )


def test_a_section_that_stands_in_an_appendix_alone_is_empty():
    node = full(said("Long.", 3, appendix="keys"))
    node.cells = [cell for cell in node.cells if cell.id != "s3"]
    with pytest.raises(PlanError, match=r"section 3 .* is empty"):
        assemble.sections(Executed({"01_x": node}, {}, ()))


def test_a_figure_stands_where_each_text_asks_for_it_by_the_way_to_its_file():
    figure, long = drew(3), said("### Detail\n\n[figure 04-lag]", 3, "long", appendix="benchmarks")
    figure.metadata.tags.append("appendix-benchmarks")
    made = study(said("[figure 04-lag]\n\nShort.", 3), figure, long)
    assert "](redis-plan-figures/04-lag.svg)" in assemble.sections(made)[3]
    assert assemble.appendix(made, "benchmarks").count("](../redis-plan-figures/04-lag.svg)") == 1


def test_a_section_lists_its_decisions_and_their_records_stand_in_full_in_the_appendix():
    guard = Guard("late by", 2, "<=", 1, "s")
    taken = Decision(
        "D-04a", "Worker first", "q", "d", "It took 3 s (n = 9; measured, [E-04a]), the other 9 s [E-04a]; more of it",
        (Alternative("TTL alone", "9 s", naive=True),), "c", (guard,),
    )  # fmt: skip
    cells = full(said(taken.render(), 3, appendix="decisions"))
    made = Executed({"04_expiry": cells}, {"E-04a": evidence("E-04a")}, (taken,))
    row = "| [Worker first](redis-plan/decisions.md#d-04a) | It took 3 s, the other 9 s | TTL alone | **no longer**: late by ≤ 1 s, now 2 s |"
    assert row in assemble.sections(made)[3]
    assert '<a id="d-04a"></a>' in assemble.appendix(made, "decisions")


def test_of_many_decisions_a_section_tells_five_and_names_the_others():
    decisions = [Decision(f"D-03{letter}", f"Choice {letter}", "q", "d", "b", (), "c", ()) for letter in "abcdefg"]
    table = decision_table(decisions)
    assert [line.split("]")[0] for line in table.splitlines()[2:7]] == [f"| [Choice {letter}" for letter in "abcde"]
    assert table.endswith(
        "Decided likewise: [Choice f](redis-plan/decisions.md#d-03f), [Choice g](redis-plan/decisions.md#d-03g)."
    )


def test_an_unknown_appendix_is_refused_with_those_there_are():
    with pytest.raises(PlanError, match="appendix-cellar: appendices are keys, protocol"):
        assemble.sections(Executed({"01_x": full(said("x", 3, appendix="cellar"))}, {}, ()))


def test_a_failed_cell_is_named():
    node = full(said("x", 2))
    node.cells[-1].outputs[0] = new_output("error", ename="ValueError", evalue="no", traceback=[])
    with pytest.raises(PlanError, match="cell said failed: ValueError: no"):
        assemble.sections(Executed({"02_x": node}, {}, ()))


def test_an_unknown_section_tag_is_refused():
    with pytest.raises(PlanError, match="plan-11: sections are 01 to 10"):
        assemble.sections(Executed({"01_x": new_notebook(cells=[wrote("x", 11)])}, {}, ()))


def test_a_guard_that_fails_is_printed_beside_its_decision():
    def decision(now):
        guard = Guard("members per session", now, "<=", 512, "members")
        return Decision("D-03a", "t", "q", "d", "b", (Alternative("strings", "3 x", naive=True),), "c", (guard,))

    assert "No longer supported" not in decision(8).render()
    assert "≤ 512 members (now 600 members) **No longer supported by this run.**" in decision(600).render()
    assert "the naive design, strings (3 x)" in decision(8).render()


def test_the_document_has_the_ten_headings_in_order_and_one_final_newline():
    text = assemble.document("Quiz", "Front.", dict.fromkeys(SECTIONS, "Body."), "## Evidence")
    places = [text.index(f"## {n} {name}") for n, name in SECTIONS.items()]
    assert places == sorted(places)
    assert text.endswith("## Evidence\n")
    assert "\n\n\n" not in text


def test_a_citation_is_left_out_where_the_next_in_its_sentence_is_the_same():
    text = "It took 3 ms [E-04a] to 5 ms [E-04a], then 2 ms [E-04b] of 3 ms (measured, [E-04b]). Then 7 ms [E-04b]."
    assert assemble.thin_citations(text) == (
        "It took 3 ms to 5 ms [E-04a], then 2 ms of 3 ms (measured, [E-04b]). Then 7 ms [E-04b]."
    )
    kept = "| 3 ms [E-04a] | 5 ms [E-04a] |\n```\n1 [E-04a] 2 [E-04a]\n```\nFrom 1 [E-04a] over 2 [E-04b] to 3 [E-04a]."
    assert assemble.thin_citations(kept) == kept
