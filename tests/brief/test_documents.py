from __future__ import annotations

from pathlib import Path

import pytest

from redis_plan import brief
from redis_plan.errors import DocumentError

PRD = "# Quizzle\n\n## Functional requirements\n\n- Players can join a room with a code.\n"


def error_of(folder: Path) -> str:
    with pytest.raises(DocumentError) as caught:
        brief.read(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_absent_project_is_one_line(tmp_path):
    assert "no such folder" in error_of(tmp_path / "nowhere")


def test_a_file_in_place_of_the_project_is_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    assert "is a file" in error_of(tmp_path / "file")


def test_a_project_without_ai_is_told_where_documents_belong(tmp_path):
    assert "neither ai/ nor .ai/" in error_of(tmp_path)


def test_an_absent_prd_is_an_error(project):
    assert "prd.md: no such file" in error_of(project(stack="- Redis 7"))


@pytest.mark.parametrize("text", ["", "   \n\t\n"])
def test_an_empty_prd_is_an_error(project, text):
    assert "is empty" in error_of(project(prd=text))


def test_a_folder_in_place_of_a_document_is_an_error(project):
    folder = project(prd=PRD)
    (folder / "ai" / "tech-stack.md").mkdir()
    assert "tech-stack.md: is a folder" in error_of(folder)


def test_a_file_that_is_not_utf8_is_named_with_its_line(project):
    message = error_of(project(prd=b"# Caf\xe9\n"))
    assert "prd.md" in message
    assert ":1: is not UTF-8: byte 0xe9;" in message


def test_a_hidden_folder_works_too(project):
    assert brief.read(project(folder=".ai", prd=PRD)).title == "Quizzle"


def test_missing_companions_are_remarks_and_assumptions(project):
    read = brief.read(project(prd=PRD))
    assert [r.kind for r in read.remarks if r.kind == "missing"] == ["missing", "missing"]
    assert len(read.assumptions) == len(read.facts)
    assert all(f"[facts] {f.name} =" in f.where for f in read.assumptions)


def test_an_empty_companion_is_said_to_be_empty(project):
    read = brief.read(project(prd=PRD, stack=" \n"))
    assert any("tech-stack.md is empty" in r.text for r in read.remarks)


@pytest.mark.parametrize(
    "raw", [PRD.encode("utf-8-sig"), PRD.replace("\n", "\r\n").encode(), PRD.replace("\n", "\r").encode()]
)
def test_a_byte_order_mark_and_foreign_newlines_change_nothing(project, raw):
    read = brief.read(project(prd=raw))
    assert read.title == "Quizzle"
    assert [(r.line, r.text) for r in read.requirements] == [(5, "Players can join a room with a code.")]


def test_markup_in_a_document_is_inert(project):
    prd = (
        PRD
        + "- <b>Hosts</b> can kick players. <script>alert('9 rooms per second')</script>\n<script>\n- must leak 5 GB\n</script>\n"
    )
    read = brief.read(project(prd=prd))
    assert [r.text for r in read.requirements][1:] == ["Hosts can kick players."]
    assert not [q for q in read.quantities if "rooms" in q.text or "GB" in q.text]


def test_a_prd_without_headings_is_read_and_the_reader_says_so(project):
    read = brief.read(project(prd="- Players must see the score in real time.\n- A room holds up to 8 players.\n"))
    assert [r.line for r in read.requirements] == [1, 2]
    assert any(r.kind == "unread" and "no headings" in r.text for r in read.remarks)


def test_an_unread_language_is_said_to_be_unread(project):
    prd = "# Spēle\n\n## Prasības\n\n- Spēlētājs pievienojas istabai 200 ms laikā.\n"
    read = brief.read(project(prd=prd, stack="- Redis 7.4\n"))
    assert any(r.kind == "unread" and "unknown language" in r.text for r in read.remarks)
    assert [(q.value, q.unit) for q in read.quantities] == [(200, "ms")]


def test_a_language_that_is_read_in_part_is_named(project):
    read = brief.read(project(prd="# 게임\n\n## 기능 요구사항\n\n- 방은 최대 8명까지 들어갈 수 있다.\n"))
    assert any("is in Korean" in r.text for r in read.remarks)
    assert [(q.value, q.unit, q.op) for q in read.quantities] == [(8, "person", "<=")]


def test_technologies_are_read_in_any_language(project):
    read = brief.read(project(prd="# Spēle\n\nTeksts.\n", stack="- Redis 7.4\n"))
    assert [(c.name, c.version) for c in read.stack] == [("Redis", "7.4")]


def test_of_a_document_that_holds_data_the_first_numbers_are_read_and_the_rest_is_said(project, monkeypatch):
    monkeypatch.setattr("redis_plan.brief.quantities.MOST", 40)
    monkeypatch.setattr("redis_plan.brief.reader.MOST_QUANTITIES", 40)
    read = brief.read(project(prd=PRD + "- A room holds up to 8 players.\n" + "| 5 seconds | 7 seconds |\n" * 60))
    assert read.value("members_per_session") == 8
    (remark,) = [r for r in read.remarks if "holds data" in r.text]
    assert (remark.kind, remark.line) == ("unread", max(q.line for q in read.quantities))
    assert 40 <= len(read.quantities) < 60
