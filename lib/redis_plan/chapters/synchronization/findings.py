"""What notebook 05 found, as sections 4, 6 and 8 may use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from redis_plan.evidence.findings import Findings, Found, Number, each, maybe, number, record


@dataclass(frozen=True, slots=True)
class Delivery(Found):
    """From the change to its last client; the higher percentiles stand only where the samples are enough for them."""

    p50: Number | None = maybe("s")
    p95: Number | None = maybe("s")
    p99: Number | None = maybe("s")
    latest: Number | None = maybe("s", name="max")
    incomplete: Number = number("messages")

    @property
    def tail(self) -> Number | None:
        """The highest percentile that there are samples for, else the latest of all."""
        return self.p99 or self.p95 or self.latest


@dataclass(frozen=True, slots=True)
class Publish(Found):
    """The server time of one ``PUBLISH`` by subscribers."""

    alone: Number = number("s", name="at_0")
    per_subscriber: Number = number("s")


@dataclass(frozen=True, slots=True)
class Stalled(Found):
    """A subscriber that stops reading until the server cuts it."""

    limit: Number = number("B")
    counted: Number = number("messages")
    received: Number = number("messages")
    lost: Number = number("messages")
    recovery: Number = number("s")
    wrong: Number = number("clients")


@dataclass(frozen=True, slots=True)
class Beacon(Found):
    """Lost last messages of a burst, with the beacon and without."""

    period: Number = number("s")
    p50: Number | None = maybe("s")
    latest: Number = number("s", name="max")
    repaired_with: Number = number("sessions")
    repaired_without: Number = number("sessions")
    watched: Number = number("s")


@dataclass(frozen=True, slots=True)
class Ways(Found):
    """Every way from the server to a gateway, by way."""

    p50: Mapping[str, Number] = each("{}_p50", "s")
    p95: Mapping[str, Number] = each("{}_p95", "s")
    server: Mapping[str, Number] = each("{}_server", "s")
    gateway: Mapping[str, Number] = each("{}_gateway", "s")


@dataclass(frozen=True, slots=True)
class FanOut(Found):
    """What a gateway pays for a delivery, and what the peak asks of the gateways by that."""

    wake: Number = number("s")
    message: Number = number("s")
    piece: Number = number("s")
    error_median: Number = number("%")
    error_most: Number = number("%")
    knee: Number = number("deliveries/s")
    deliveries: Number = number("deliveries/s", "modelled")
    pieces: Number = number("pieces/s", "modelled")
    bytes: Number = number("B/s", "modelled")
    gateways: Number = number("gateways", "modelled")
    gateway_share: Number = number("%", "modelled")
    server_share: Number = number("%", "modelled")
    clients_a_gateway: Number = number("clients", "modelled")


@dataclass(frozen=True, slots=True)
class Acted(Found):
    """From a call of an action to its last client while every member acts at once, by action."""

    calls: Mapping[str, Number] = each("{} calls", "calls")
    accepted: Mapping[str, Number] = each("{} accepted", "calls")
    p50: Mapping[str, Number] = each("{} p50", "s")
    last: Mapping[str, Number] = each("{} last", "s")
    server: Mapping[str, Number] = each("{} server", "s")
    slowest: Number = number("s", name="last")
    incomplete: Number = number("actions")


@dataclass(frozen=True, slots=True)
class Synchronization(Findings):
    """What is known of synchronization."""

    pubsub: Delivery | None = record("E-05a", Delivery)
    streams: Delivery | None = record("E-05b", Delivery)
    publish: Publish | None = record("E-05c", Publish)
    stalled: Stalled | None = record("E-05d", Stalled)
    beacon: Beacon | None = record("E-05e", Beacon)
    ways: Ways | None = record("E-05f", Ways)
    sizing: FanOut | None = record("E-05g", FanOut)
    acted: Acted | None = record("E-05h", Acted)
