"""Section 4 in words, how far it carries: ways to a gateway and bursts of actions, the fan-out model and what the peak asks by it."""

from __future__ import annotations

from redis_plan import units
from redis_plan.brief.model import Brief
from redis_plan.chapters.synchronization import fan_model, fanout, sizing
from redis_plan.chapters.synchronization.findings import Acted, FanOut, Ways
from redis_plan.keyspace.model import Keyspace
from redis_plan.words.tables import table

MODEL_ALT = (
    "Scatter of predicted against measured CPU time of one gateway on log scales, configurations near the diagonal."
)
KNEE_ALT = (
    "Scatter of p99 to the last client against clients of one gateway on log scales, with lines at the knee and at the sync "
    "latency, rising to the right."
)
_WORTH = {
    "pubsub": "one message a gateway, and nothing to read after it",
    "sharded": "the same on the node that has the slot: for a cluster",
    "streams": "nothing is lost while the log has it; one blocked connection a gateway, and a new room waits for its turn",
    "woken": "a read for each wake-up",
    "notified": "at most once as Pub/Sub is, without the event, by node, and every command on a log pays for it",
    "tracked": "one invalidation until the next read: a read for each change, and a table of readers on the server",
}


def ways(f: Ways | None) -> str:
    """Return every way from the server to a gateway beside the delivered one."""
    if f is None:
        return ""
    rows = [
        [title, *(str(numbers[way]) for numbers in (f.p50, f.p95, f.server, f.gateway)), _WORTH[way]]
        for way, (_, title) in fanout.WAYS.items()
        if way in f.p50
    ]
    header = ["Way", "p50", "p95", "Server a change", "Gateway a change", "What it is"]
    return "\n".join(
        [
            "### Ways to a gateway, side by side",
            "",
            f"The same rooms, sizes and rate, by turns; delay from the intended time to the last client (measured, [{f.id}]).",
            "",
            table(header, rows, right=(1, 2, 3, 4)),
        ]
    )


def acted(brief: Brief, f: Acted | None) -> str:
    """Return how late each action was on its last client while every member carried it out at once."""
    if f is None:
        return ""
    rows = [
        [f"`{name}`", *(str(numbers[name]) for numbers in (f.calls, f.accepted, f.p50, f.last, f.server))]
        for name in f.calls
    ]
    header = ["Action", "Called", "Accepted", "Half of them within", "The last", "Server a call"]
    wanted = units.write(brief.value("sync_latency"), "s")
    missing = f" {f.incomplete} never reached all." if f.incomplete.value else ""
    return "\n".join(
        [
            "### When every member acts at once",
            "",
            f"Each member calls the same action within {f.record.conditions['all act within']}; delay from the intended time of a call to "
            f"the last client of the session. The slowest took {f.slowest} of the {wanted} allowed (measured, [{f.id}]).{missing}",
            "",
            table(header, rows, right=(1, 2, 3, 4, 5)),
        ]
    )


def sized(brief: Brief, keyspace: Keyspace, g: FanOut | None) -> str:
    """Return the fan-out model with its error, and what the project's peak asks by it."""
    if g is None:
        return ""
    peak = f"{brief.value('sessions_peak'):,.0f} × {brief.value('members_per_session'):,.0f} clients at {brief.value('events_per_session'):g} changes/s each {keyspace.session_noun}"
    rows = [
        ["deliveries", str(g.deliveries), "rate × members"],
        ["pieces written", str(g.pieces), f"frames of {units.write(fan_model.COALESCE_S, 's')} together"],
        ["bytes to clients", str(g.bytes), "deliveries × (payload + envelope)"],
        [
            "gateways",
            f"{g.gateways.value:,.0f}",
            f"{100 * fan_model.PLANNED_SHARE:g} % of a core each at most; it is {g.gateway_share}",
        ],
        ["clients a gateway", f"{g.clients_a_gateway.value:,.0f}", ""],
        ["the server's main thread", str(g.server_share), "of a core, for changes alone"],
    ]
    return "\n".join(
        [
            "### Sizing: what the peak asks of the gateways",
            "",
            "[figure 04-fan-model]",
            "",
            f"A gateway pays {g.wake} for a wake-up, {g.message} for a message and {g.piece} for a "
            f"piece written to a client (measured, [{g.id}]). On {g.error_median.n} configurations that it was not fitted to, the model was wrong by "
            f"{g.error_median} in the middle and {g.error_most} at most.",
            "",
            f"For the peak, {peak}, that is:",
            "",
            table(["Of the peak", "Modelled", "By"], rows, right=(1,)),
            "",
            "[figure 04-knee]",
            "",
            f"p99 stayed under {units.write(sizing.KNEE_S, 's')} up to {g.knee} of one gateway on this machine, which "
            f"it shares with the server and the clients: a floor. {g.record.condition('extrapolation').capitalize()}.",
        ]
    )


def workload(g: FanOut | None) -> str:
    """Return the sentence of section 6: how far one gateway carried, and how far the model is to be trusted."""
    if g is None:
        return ""
    return (
        f"**Gateways.** One process of the delivered gateway kept p99 under {units.write(sizing.KNEE_S, 's')} up to {g.knee}, "
        f"server and clients on the same cores; the fan-out model is wrong by {g.error_median} in the middle where "
        f"it was not fitted (measured, [{g.id}])."
    )


def processes(brief: Brief, g: FanOut | None) -> str:
    """Return the sentence of section 8: how many gateway processes the peak asks for."""
    if g is None:
        return ""
    needed, stated = g.gateways.value, brief.value("gateway_nodes")
    enough = (
        "which is enough"
        if stated >= needed
        else "**which is too few**: start a process a core, or coalesce for longer"
    )
    return (
        f"**Gateway processes.** The peak asks for {needed:,.0f}, each planned at {100 * fan_model.PLANNED_SHARE:g} % of a core at most "
        f"(modelled, [{g.id}]); the design counts on {stated:,.0f} ({brief.fact('gateway_nodes').where}), {enough}."
    )
