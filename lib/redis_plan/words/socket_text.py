"""Closing and coming back in words, as the WebSocket library that the stack names does it."""

from __future__ import annotations

from redis_plan.brief.model import Brief
from redis_plan.delivery import sockets
from redis_plan.keyspace.model import Keyspace
from redis_plan.words import words

_BACK = {"no": "stays away", "yes": "comes back after the wait", "later": "comes back after 10 times the wait"}


def closing(brief: Brief, keyspace: Keyspace) -> str:
    """Return how the gateway closes a connection for each reason, and what the client does then."""
    return words.render(
        "words/closing", brief, keyspace, library=sockets.library(brief), reasons=sockets.reasons(), back=_BACK
    )
