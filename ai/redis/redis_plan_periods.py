"""Buzzroom: every period, in seconds, with its reason.

Written by redis-plan from the project's documents: the next build writes it again and keeps an edited one aside.
"""

from __future__ import annotations

from typing import Final

from redis_plan_sync_driver import Timing

#: A connection renews its lease: the documents' heartbeat (modelled: heartbeat).
HEARTBEAT_S: Final = 10.0
#: A silent connection is shown as gone, and whoever waits for it is told: as the documents say, else
#: three heartbeats; two at least: a lost one makes nobody a ghost (modelled: max(presence_lease, 2 *
#: heartbeat)).
PRESENCE_S: Final = 30.0
#: The seat of a silent connection is free again: the reconnect grace, and never before the connection
#: is shown as gone (modelled: max(reconnect_grace, presence)).
LEASE_S: Final = 90.0
#: A client stops to retry an operation: a client retries while it may come back, and at least three
#: sync latencies (modelled: max(reconnect_grace, 3 * sync_latency)).
RETRY_WINDOW_S: Final = 90.0
#: A command without an answer counts as lost: its outcome is unknown, and it is sent again by its
#: operation id: half the sync latency, so that one retry fits (chosen: sync_latency / 2).
COMMAND_S: Final = 1.0
#: The worker looks for lapsed leases of a session: half a heartbeat, between 1 and 5 s: a ghost
#: outlives its lease by so much (chosen: min(5, max(1, heartbeat / 2))).
SWEEP_S: Final = 5.0
#: A worker ends a session in which nothing happened: as the documents say (modelled: idle_ttl).
IDLE_S: Final = 1800.0
#: An ended session goes after its result was kept: long enough to look at the result and to play
#: again, and gone within five minutes (chosen: 240).
STAYS_S: Final = 240.0
#: A worker asks a bucket of deadlines what is due: half a poll is the mean lateness, and 16 buckets
#: cost 160 calls a second (chosen: 0.1).
POLL_S: Final = 0.1
#: A deadline that a worker claimed and did not finish is due again: far above the work of one
#: deadline, and a timer of a dead worker is late by so much (chosen: 5).
CLAIM_S: Final = 5.0
#: A gateway compares the versions that it has with the server's: a lost last message is repaired after
#: 1 s, unless the positions of all sessions would be more than 2,000 reads a second (under 2 % of a
#: core); never rarer than a heartbeat (chosen: min(heartbeat, max(1, sessions_peak * gateway_nodes /
#: 2000))).
BEACON_S: Final = 1.0
#: A subscription on which no own message came back is dropped and made anew: the sync latency, and
#: never below 1 s: a slow answer is no dead connection; two probes are sent in that time (chosen:
#: max(1, sync_latency)).
PROBE_S: Final = 2.0
#: First wait of a gateway before it connects to Redis again, doubled each time, full jitter: a restart
#: of a process takes longer, a failover by command about so long (chosen: 0.05).
GATEWAY_BACKOFF_S: Final = 0.05
#: Longest such wait: after an outage the last gateway is back within two and a half sync latencies, at
#: most 5 s (chosen: max(gateway_backoff, min(5, 2.5 * sync_latency))).
GATEWAY_BACKOFF_CAP_S: Final = 5.0
#: First wait of a client before it connects to a gateway again, doubled each time, full jitter:
#: spreads the clients of one gateway over more than a round trip (chosen: 0.25).
CLIENT_BACKOFF_S: Final = 0.25
#: Longest such wait: a storm of all clients is spread over 10 s (chosen: 10).
CLIENT_BACKOFF_CAP_S: Final = 10.0
#: A gateway keeps the subscription of a session after its last member left: the reload of a page does
#: not flap (chosen: 5).
LINGER_S: Final = 5.0
#: A gateway that is being replaced closes its sockets within this time, at random moments: its clients
#: come back spread (chosen: 10).
DRAIN_S: Final = 10.0
#: What SyncDriver and Link keep to.
TIMING: Final = Timing(COMMAND_S, BEACON_S, PROBE_S, GATEWAY_BACKOFF_S, GATEWAY_BACKOFF_CAP_S)
