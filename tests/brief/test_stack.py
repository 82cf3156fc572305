"""The stack is what was chosen: not what was compared, and not what only looks like a name."""

from __future__ import annotations

import pytest

from redis_plan import brief

from .conftest import MakeProject

PRD = "# Yard\n\n## Features\n\n- Skippers create a race and sailors join the race.\n"


def stack_of(project: MakeProject, stack: str) -> dict[str, str]:
    """Return each technology with its standing."""
    return {c.name: c.status for c in brief.read(project(prd=PRD, stack=stack)).stack}


@pytest.mark.parametrize(
    "line",
    [
        "- `src/lobby/state.ts`: the lobby's reducer",
        "- Contact: ana@harbour.example",
        "- Migrations: create_boats.sql",
        "- Admin Console: for operators",
        "- Role: ADMIN",
        "- Register: notes/decisions/register.md",
    ],
)
def test_paths_addresses_parts_and_roles_are_no_technology(project: MakeProject, line: str) -> None:
    assert set(stack_of(project, f"# Tech stack\n\n## Backend\n\n- Node.js 20\n- Redis 7\n{line}\n")) == {
        "Node.js",
        "Redis",
    }


def test_what_the_sources_are_called_is_no_technology(project: MakeProject) -> None:
    found = stack_of(
        project, "# Tech stack\n\n- Fastify 4\n\n## Sources\n\n- Yardcrdt GitHub\n- Framework Comparison 2026\n"
    )
    assert set(found) == {"Fastify"}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Xendit", "- Payments: Xendit"),
        ("Qdrant", "- Search by meaning: Qdrant 1.9"),
        ("OBS Studio", "- Streaming: OBS Studio 30"),
        ("JWT", "- Auth: JWT"),
        ("LINE", "- Notifications: LINE Messaging API"),
    ],
)
def test_a_technology_of_the_field_is_known(project: MakeProject, name: str, line: str) -> None:
    assert stack_of(project, f"# Tech stack\n\n{line}\n")[name] == "chosen"


def test_of_products_compared_in_one_chapter_the_one_decided_elsewhere_is_chosen(project: MakeProject) -> None:
    found = stack_of(
        project,
        "# Tech stack\n\n## Options considered\n\n- RabbitMQ: many features\n- NATS: light\n- Kafka: heavy\n- Redis: simple\n\n## Decision\n\n- Redis 7 for queue and cache\n",
    )
    assert found["Redis"] == "chosen"
    assert "chosen" not in {found.get(name, "") for name in ("RabbitMQ", "NATS", "Kafka")}


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Sharp turns of a boat are reported to the referee", "Sharp"),
        ("**Next Race**: the second of May", "Next.js"),
        ("Express berths are assigned first", "Express"),
        ("Swift boats overtake slow ones", "Swift"),
    ],
)
def test_an_adjective_that_opens_a_line_is_no_technology(project: MakeProject, line: str, name: str) -> None:
    assert name not in {c.name for c in brief.read(project(prd=f"{PRD}- {line}\n")).stack}


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Sharp resizes the pictures of boats", "Sharp"),
        ("Next 14 renders the pages", "Next.js"),
        ("Express server for the race", "Express"),
        ("Swift app for skippers", "Swift"),
    ],
)
def test_what_opens_a_line_and_does_something_is_a_technology_still(project: MakeProject, line: str, name: str) -> None:
    assert name in {c.name for c in brief.read(project(prd=f"{PRD}- {line}\n")).stack}
