"""Bounds of the delivered gateway as its own code has them, so that the plan tells what runs."""

from __future__ import annotations

from typing import NamedTuple

from redis_plan.delivery.redis_plan_gateway import Limits
from redis_plan.delivery.redis_plan_sync import MOST_HELD
from redis_plan.delivery.redis_plan_sync_driver import ADMITTED, AT_ONCE, BATCH


class GatewayBounds(NamedTuple):
    """What one gateway lets wait, or be under way; each is a choice that whoever starts it may change."""

    #: Bytes that wait for one client before it is closed.
    queued: int
    #: Words of one client in a second, and its changes under way; with more it is closed.
    words: int
    acts: int
    #: Events of a session for who comes back; who missed more gets a snapshot.
    remembered: int
    #: Joins at Redis under way at once, and as many catch-ups; the others wait.
    admitted: int
    #: Channels of one SUBSCRIBE.
    batch: int
    #: Events that a copy holds while it catches up.
    held: int
    #: Commands of one link under way at once.
    at_once: int


def bounds() -> GatewayBounds:
    """Return the bounds that a gateway has which nobody gave others."""
    usual = Limits(0, 0, 0)  # its periods are the project's, and no matter here
    return GatewayBounds(
        usual.slow_bytes, usual.most_words, usual.most_acts, usual.remembered, ADMITTED, BATCH, MOST_HELD, AT_ONCE
    )
