"""The plan is written at once, and a person's edits are never lost."""

import json
from pathlib import Path

import pytest

from redis_plan.errors import OutputError
from redis_plan.plan import publish
from redis_plan.plan.exporter import Rendered

FIGURES = {"redis-plan-figures/04-lag.svg": "<svg/>"}


def put(folder: Path, text: str, appendices: dict[str, str] | None = None) -> publish.Published:
    beside = appendices or {}
    record = {
        "plan_sha256": publish.digest(text),
        "appendices": [{"path": file, "sha256": publish.digest(said)} for file, said in beside.items()],
    }
    return publish.publish(folder, Rendered(text, beside, FIGURES), json.dumps(record))


def test_plan_record_and_figures_are_written(tmp_path):
    done = put(tmp_path / "ai", "# Plan\n")
    assert done.plan.read_text() == "# Plan\n"
    assert (tmp_path / "ai/redis-plan-figures/04-lag.svg").read_text() == "<svg/>"
    assert done.aside is None
    assert sorted(p.name for p in (tmp_path / "ai").iterdir()) == [
        "redis-plan-figures",
        "redis-plan.json",
        "redis-plan.md",
    ]


def test_our_own_plan_is_replaced_silently(tmp_path):
    put(tmp_path, "one\n")
    assert put(tmp_path, "two\n").aside is None
    assert (tmp_path / "redis-plan.md").read_text() == "two\n"


def test_a_checkout_with_other_line_ends_is_not_an_edit(tmp_path):
    done = put(tmp_path, "one\ntwo\n")
    done.plan.write_bytes(b"one\r\ntwo\r\n")
    assert put(tmp_path, "three\n").aside is None


def test_a_plan_edited_by_hand_is_kept_aside_every_time(tmp_path):
    for number in (1, 2):
        done = put(tmp_path, "ours\n")
        done.plan.write_text(f"edit {number}\n")
    assert put(tmp_path, "ours again\n").aside == tmp_path / "redis-plan.edited-2.md"
    assert (tmp_path / "redis-plan.edited-1.md").read_text() == "edit 1\n"
    assert (tmp_path / "redis-plan.edited-2.md").read_text() == "edit 2\n"


def test_a_plan_of_unknown_origin_is_kept_aside(tmp_path):
    (tmp_path / "redis-plan.md").write_text("written before redis-plan was used\n")
    assert put(tmp_path, "ours\n").aside is not None


def test_a_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "ai").write_text("not a folder")
    with pytest.raises(OutputError, match=r"can't write the plan to .*ai: .*; the previous plan is as it was"):
        put(tmp_path / "ai", "x\n")


def test_an_appendix_edited_by_hand_is_kept_aside_and_one_no_longer_written_goes(tmp_path):
    keys, old = tmp_path / "redis-plan/keys.md", tmp_path / "redis-plan/old.md"
    put(tmp_path, "ours\n", {"redis-plan/keys.md": "keys\n", "redis-plan/old.md": "old\n"})
    keys.write_text("our own remark\n")
    done = put(tmp_path, "ours\n", {"redis-plan/keys.md": "keys again\n"})
    assert done.beside_aside == (tmp_path / "redis-plan/keys.edited-1.md",)
    assert done.beside_aside[0].read_text() == "our own remark\n"
    assert keys.read_text() == "keys again\n"
    assert not old.exists()


def test_what_we_wrote_is_no_edit_because_the_record_is_gone(tmp_path):
    done = put(tmp_path, "ours\n", {"redis-plan/keys.md": "keys\n"})
    done.record.unlink()
    again = put(tmp_path, "ours\n", {"redis-plan/keys.md": "keys\n"})
    assert (again.aside, again.beside_aside) == (None, ())
    assert publish.told_of_edits(again, str) == []


def test_edits_are_told_by_name_where_they_are_few(tmp_path):
    beside = {f"redis-plan/{name}.md": f"{name}\n" for name in ("keys", "protocol")}
    done = put(tmp_path, "ours\n", beside)
    for path in (done.plan, *map(tmp_path.joinpath, beside)):
        path.write_text("edited\n")
    assert publish.told_of_edits(put(tmp_path, "ours\n", beside), lambda path: path.name) == [
        "the previous plan was edited by hand; it is kept as redis-plan.edited-1.md",
        "2 files beside the plan were edited by hand; they are kept as keys.edited-1.md, protocol.edited-1.md",
    ]
