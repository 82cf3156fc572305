"""A project in whose documents nobody is in a room together: what could be its session, and the TOML that makes it one."""

from pathlib import Path

from redis_plan import brief as reader
from redis_plan.actions import confirming, designing, matrix
from redis_plan.actions.matrix import Stories
from redis_plan.brief.model import Brief

PRD = """# Pedal: dispatch of bicycle couriers

Shops order a pick-up, and the system offers it to couriers nearby in real time; dispatchers watch the map.

## Stories

1. As a courier I send my position every 4 s, and dispatchers see it live on the map.
2. The system offers a parcel to the nearest free courier; who declines it in real time is skipped, and the next one gets the parcel.
3. Exactly one courier gets a parcel. Accepting it after the time is over is refused, live.
4. As a courier I report the parcel picked up and delivered; the shop sees each step of the parcel within 2 s.
5. As a dispatcher I take a parcel from a courier and give the parcel to another, which both see at once.
6. As a dispatcher I write with a courier about a parcel; messages are seen at once.

## Data

- Parcel: id, shop, courier, state
- Courier: id, position
"""


def told(folder: Path, toml: str = "") -> tuple[Brief, Stories]:
    (folder / "ai").mkdir(exist_ok=True)
    (folder / "ai" / "prd.md").write_text(PRD, "utf-8")
    (folder / "ai" / "tech-stack.md").write_text("# Stack\n\n- Go\n- Redis 7.2\n", "utf-8")
    (folder / "ai" / "redis-plan.toml").write_text(toml, "utf-8")
    asked = reader.read(folder)
    return asked, matrix.stories(asked, designing.design(asked))


def test_what_the_demands_speak_of_and_nobody_is_could_be_the_session(tmp_path: Path) -> None:
    _, found = told(tmp_path)
    assert found.shared == "parcel"
    assert any('[session] noun = "parcel"' in row.why for row in found.rows)


def test_the_toml_that_is_printed_is_taken_and_serves_more(tmp_path: Path) -> None:
    _, before = told(tmp_path)
    pasted = confirming.entries(before) or matrix.as_session(before.shared).replace("] ", "]\n")
    asked, after = told(tmp_path, pasted)
    assert asked.settled.session == "parcel"
    assert after.counts["concrete"] > before.counts["concrete"]


def test_a_project_with_a_session_is_asked_for_none(tmp_path: Path) -> None:
    assert told(tmp_path, '[session]\nnoun = "parcel"\n')[1].shared is None
