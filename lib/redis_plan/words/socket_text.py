"""Closing and coming back in words, as the WebSocket library that the stack names does it."""

from __future__ import annotations

from redis_plan.brief.model import Brief
from redis_plan.delivery import sockets

_BACK = {"no": "stays away", "yes": "comes back after the wait", "later": "comes back after 10 times the wait"}


def closing(brief: Brief) -> str:
    """Return how the gateway closes a connection for each reason, and what the client does then."""
    library = sockets.library(brief)
    rows = [
        f"| {reason.when} | {library.sign(reason)} | {_BACK[reason.back]} |" for reason in sockets.reasons().values()
    ]
    example = library.closing(sockets.reasons()["deploy"])
    return "\n".join(
        [
            f"### Closing and coming back with {library.name}",
            "",
            "| The gateway closes when | It says | The client |",
            "|:--|:--|:--|",
            *rows,
            "",
            f"- **Closing**: {example}.",
            f"- **After a loss**: {library.back}.",
            f"- **Closed by the gateway**: {library.closed}.",
            f"- **A command's answer**: {library.answer}.",
            *(f"- {trap}" for trap in library.traps),
            "",
            f"*Documented: {library.source}. On each connection, the first too: subscribe, then `catch_up` (section 4).*",
        ]
    )
