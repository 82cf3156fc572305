"""What the plan says of a gateway's bounds is what its code has, in either language."""

import re

import pytest

from redis_plan import units
from redis_plan.actions import matrix
from redis_plan.chapters.recovery import section as recovery
from redis_plan.chapters.recovery.findings import Recovery
from redis_plan.chapters.sessions import appendix as of_sessions
from redis_plan.chapters.sessions import section as sessions
from redis_plan.chapters.sessions.findings import Sessions
from redis_plan.chapters.synchronization import section as synchronization
from redis_plan.chapters.synchronization import sync_load_text
from redis_plan.chapters.synchronization.findings import Synchronization
from redis_plan.delivery import syncing
from redis_plan.words import gateway_bounds, words
from tests import projects

#: None is a bound of the code, and none stands in the plan for another reason.
OTHERS = gateway_bounds.GatewayBounds(
    queued=777 * 1024, words=713, acts=717, remembered=719, admitted=731, batch=733, held=737, at_once=739
)
FOUND: tuple[Synchronization, Recovery, Sessions] = (Synchronization.of({}), Recovery.of({}), Sessions.of({}))


def texts() -> dict[str, str]:
    """What sections and appendices say of the sample where nothing was measured."""
    brief, keyspace = projects.read(projects.SAMPLE), projects.acting(projects.SAMPLE)
    synced, recovered, met = FOUND
    return {
        "section 4": synchronization.synchronization(brief, keyspace, synced, matrix.stories(brief, keyspace)),
        "section 7": sessions.sessions(brief, keyspace, met),
        "section 9": recovery.errors(brief, keyspace, recovered),
        "pressure": sync_load_text.pressure(brief, keyspace, synced),
        "subscriptions": sync_load_text.subscriptions(brief, keyspace, synced),
        "limits": of_sessions.limits(brief, keyspace),
        "degraded": words.render("chapters/recovery/degraded", brief, keyspace, due=True, ways=()),
        "retries": words.render(
            "chapters/recovery/retries", brief, keyspace, gateway_waits="", client_waits="", idem=0.0
        ),
        "way back": words.render("chapters/recovery/way_back", brief, keyspace, found=recovered),
    }


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("section 4", ("queued", "admitted", "remembered")),
        ("section 7", ("words", "acts")),
        ("section 9", ("batch",)),
        ("pressure", ("queued", "words", "acts")),
        ("subscriptions", ("admitted", "remembered", "batch")),
        ("limits", ("words", "acts")),
        ("degraded", ("acts",)),
        ("retries", ("at_once",)),
        ("way back", ("batch",)),
    ],
)
def test_a_bound_that_the_code_changes_changes_wherever_the_plan_tells_it(
    monkeypatch: pytest.MonkeyPatch, place: str, names: tuple[str, ...]
) -> None:
    def told(bounds: gateway_bounds.GatewayBounds, name: str) -> str:
        value = getattr(bounds, name)
        return units.write(value, "B") if name == "queued" else f"{value}"

    before = gateway_bounds.bounds()
    assert not [name for name in names if not re.search(rf"\b{told(before, name)}\b", texts()[place])]
    monkeypatch.setattr(gateway_bounds, "bounds", lambda: OTHERS)
    assert not [name for name in names if not re.search(rf"\b{told(OTHERS, name)}\b", texts()[place])]


def test_a_gateway_in_typescript_has_the_bounds_of_the_one_in_python() -> None:
    brief, keyspace = projects.read(projects.SAMPLE), projects.acting(projects.SAMPLE)
    written = "\n".join(a.text for a in syncing.artefacts(brief, keyspace) if a.path.endswith(".ts"))
    found = {
        name: int(value) for name, value in re.findall(r"^(?:export )?const (\w+) = (\d+);", written, re.MULTILINE)
    }
    bounds = gateway_bounds.bounds()
    assert (found["MOST_HELD"], found["ADMITTED"], found["BATCH"]) == (bounds.held, bounds.admitted, bounds.batch)
