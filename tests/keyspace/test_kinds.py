"""Kinds of misreading that once gave wrong keys, each with a document of our own."""

from pathlib import Path

import pytest

from redis_plan import brief
from redis_plan.brief.model import Brief
from redis_plan.keyspace import design
from redis_plan.keyspace.model import Keyspace

POTTERY = """# Pottery evenings

## Features
- A guest picks a place at a wheel and sees live which places are free.
- The place is held for 7 minutes while the guest pays; nobody else can take it meanwhile.
- After the payment the Reservation is stored in the database for five years.
- If the payment fails or the time is over, the place is free again on every screen at once.
- The last place is never sold twice.
- Up to 40 places per evening, 3,000 guests look at the same time.

## Data model
- **Reservation**: id, guestId, placeId, paidAt
"""
WALL = """# Wall of notes

## Features
- Members create a board and invite others to the board.
- Everyone on the board sees notes appear and move in real time, within 300 ms.
- Members add, move and delete notes.
- Up to 30 members per board.
"""
HOW_IT_IS_BUILT = """# Planning notes

<redis_planning_summary>
- A heartbeat every 20 s renews the connection; after 60 s without one the member is away.
- Ordering of changes: a version number for each board, gaps are filled from a log.
- Positions of cursors are sent at most ten times a second and never stored.
- Retry with backoff; a draft of the runbook describes incidents.
</redis_planning_summary>
"""
CHOIR = """# Choir rooms

## Features
- A conductor opens a rehearsal room; singers join the room by link.
- Audio goes through a TURN server; the room only signals.
- A ticker at the top shows the next events of the choir.
- The incident runbook names who restarts the media server.
- Singers see in real time who is in the room and which bar is sung.
- The grouping of seats by voice can be changed by the conductor.
- A draft of the programme can be saved.

## User Stories
- As a singer I want to raise my hand, so that the conductor stops.
"""
RACING = """# Sim racing lounge

## Features
- A driver creates a race and shares its code; drivers join the race with it.
- {places}
- All drivers and watchers of a race see positions in real time, within 200 ms.
- The race starts when the host says so.
"""


def read(folder: Path, prd: str, notes: str = "") -> tuple[Brief, Keyspace]:
    (folder / "ai").mkdir()
    (folder / "ai" / "prd.md").write_text(prd, encoding="utf-8")
    if notes:
        (folder / "ai" / "redis_planning_summary.md").write_text(notes, encoding="utf-8")
    found = brief.read(folder)
    return found, design(found)


def test_what_is_held_while_somebody_pays_is_an_exclusive_claim_of_that_time(tmp_path: Path) -> None:
    _, keyspace = read(tmp_path, POTTERY)
    held = keyspace.use("hold")
    assert held is not None
    assert held.ttl.seconds == 7 * 60
    assert " NX " in held.candidate.write[0]  # type: ignore[union-attr]
    assert not any(p.use in ("records", "things") and "Reservation" in p.entities for p in keyspace.patterns)


def test_words_of_how_it_is_built_name_no_key(tmp_path: Path) -> None:
    found, keyspace = read(tmp_path, WALL, HOW_IT_IS_BUILT)
    assert {e.name for e in found.entities} <= {"Board", "Note", "Member"}
    words = ("heartbeat", "ordering", "order", "position", "cursor", "retry", "draft", "runbook", "incident")
    assert not [p.name for p in keyspace.patterns if any(word in p.name for word in words)]
    assert found.value("heartbeat") == 20


def test_technology_and_paperwork_are_no_things_that_the_product_keeps(tmp_path: Path) -> None:
    found, _ = read(tmp_path, CHOIR)
    names = {name.lower() for e in found.entities for name in (e.name, *e.aliases)}
    assert not [n for n in names for word in ("server", "story", "runbook", "ticker", "grouping", "draft") if word in n]


@pytest.mark.parametrize(
    "places",
    [
        "A race has 12 places; watchers don't take a place.",
        "When all 12 places are taken a driver is told so. Watchers take no place and may always come in.",
    ],
)
def test_who_takes_no_place_is_read_from_a_clause(tmp_path: Path, places: str) -> None:
    found, _ = read(tmp_path, RACING.format(places=places))
    assert [(one.kind, one.line) for one in found.restrictions] == [("no-place", 5)]
